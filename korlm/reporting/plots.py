"""The look of a report: the colours of its figures and its page, in light and in dark."""

from __future__ import annotations

# of figures; in the page the first three are the text's, the grid's and the faint one's
TEXT_COLOR, GRID_COLOR, MUTED_COLOR = "#222222", "#bbbbbb", "#6b6b6b"
CSS_VARIABLES = {TEXT_COLOR: "var(--ink)", GRID_COLOR: "var(--grid)", MUTED_COLOR: "var(--faint)"}
# Okabe and Ito's colours, apart for the colour-blind too, then five more that are legible on white and on near-black
SERIES_COLORS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#8a8a8a",
    "#8c6bb1", "#a6761d", "#66a61e", "#e7298a", "#1b9e9e",
)  # fmt: skip
SERIES_MARKERS = ("o", "s", "^", "D")
LINE_STYLES = ("-", "--", ":", "-.")

REPORT_CSS = """:root { --ink: #222222; --faint: #6b6b6b; --grid: #bbbbbb; --ground: #ffffff; --wash: #eef4fb; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --faint: #a3a3a3; --grid: #4a4a4a; --ground: #161616; --wash: #22303d; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); line-height: 1.6; word-break: keep-all;
  font-family: Pretendard, "Noto Sans KR", "Apple SD Gothic Neo", "Malgun Gothic", NanumGothic, sans-serif; }
main { max-width: 88rem; margin: 0 auto; padding: 1rem; }
p, pre, figcaption { max-width: 60rem; }
h1 { font-size: 1.6rem; line-height: 1.3; }
h2 { font-size: 1.25rem; margin-top: 2.5rem; border-bottom: 1px solid var(--grid); }
[lang="en"] { color: var(--faint); font-weight: normal; }
p[lang="en"] { margin-top: -0.8rem; font-size: 0.92em; }
.table { overflow-x: auto; background: linear-gradient(to right, var(--ground), var(--ground)) right / 2rem 100% no-repeat
  local, linear-gradient(to left, var(--grid), transparent) right / 0.8rem 100% no-repeat; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.45rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--grid); }
thead th { vertical-align: bottom; }
th:first-child { text-align: left; position: sticky; left: 0; background: var(--ground); }
tbody th { font-weight: normal; }
.marked { font-weight: bold; background: var(--wash); }
figure { margin: 1.5rem 0; }
figure svg { display: block; width: 100%; height: auto; max-width: 36rem; }
figcaption { font-size: 0.9rem; }
pre { overflow-x: auto; padding: 0.8rem; background: var(--wash); font-size: 0.85rem; }"""
