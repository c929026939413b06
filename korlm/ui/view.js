// The view's own doings: names for every row of blocks, the grid's fit to the font, arrow keys, the note at a piece,
// copying, and the page's address. `element` is the view, `watch` calls back after it was drawn anew.
const piece = (node) => (node instanceof Element ? node.closest(".kl-p[role=listitem]") : null);
const view = () => element.querySelector(".kl-view");
let row = -1; // the middle of the piece that the last sideways key left: up and down keep to it

function fit() {
  const drawing = element.querySelector(".kl-drawing");
  if (!drawing) return;
  const probe = document.createElement("span");
  probe.style.cssText = "position:absolute;visibility:hidden;white-space:pre;font-size:100px";
  probe.textContent = "가나다라마바사아자차";
  drawing.append(probe);
  const width = probe.getBoundingClientRect().width;
  probe.remove();
  if (width) drawing.style.setProperty("--kl-advance", width / 1000);
  repeatNames();
}

function repeatNames() {
  const names = element.querySelector(".kl-names");
  const blocks = element.querySelector(".kl-blocks");
  if (!names || !blocks) return;
  const height = names.firstElementChild.getBoundingClientRect().height;
  const rows = height ? Math.max(1, Math.round(blocks.getBoundingClientRect().height / height)) : 1;
  while (names.childElementCount > rows) names.lastElementChild.remove();
  while (names.childElementCount < rows) names.append(names.firstElementChild.cloneNode(true));
}

function note(target) {
  const drawing = target.closest(".kl-drawing");
  const tip = drawing.querySelector(".kl-tip");
  tip.textContent = target.getAttribute("aria-label"); // text, never markup: it holds what somebody typed
  tip.hidden = false;
  const frame = drawing.getBoundingClientRect();
  const box = target.getBoundingClientRect();
  const left = Math.min(Math.max(box.left - frame.left, 4), frame.width - tip.offsetWidth - 4);
  tip.style.left = Math.max(left, 4) + "px";
  const below = box.bottom - frame.top + 4;
  const fits = box.bottom + tip.offsetHeight + 8 < window.innerHeight || box.top < tip.offsetHeight + 8;
  tip.style.top = (fits ? below : box.top - frame.top - tip.offsetHeight - 4) + "px";
}

function hide() {
  element.querySelectorAll(".kl-tip").forEach((tip) => (tip.hidden = true));
}

function laneOf(target) {
  const number = [...target.closest(".kl-block").children].indexOf(target.closest(".kl-lane"));
  return [...element.querySelectorAll(".kl-block")].flatMap((block) => [...block.children[number].querySelectorAll(".kl-p")]);
}

function neighbour(target, key) {
  if (key === "Home" || key === "End") {
    const all = laneOf(target);
    return key === "Home" ? all[0] : all[all.length - 1];
  }
  if (key === "ArrowUp" || key === "ArrowDown") {
    const lane = target.closest(".kl-lane");
    const next = key === "ArrowDown" ? lane.nextElementSibling : lane.previousElementSibling;
    if (!next || !next.matches(".kl-lane")) return null;
    if (row < 0) row = target.getBoundingClientRect().left + 4;
    const pieces = [...next.querySelectorAll(".kl-p")];
    return pieces.find((other) => other.getBoundingClientRect().right > row) || pieces.pop();
  }
  const all = laneOf(target);
  return all[all.indexOf(target) + (key === "ArrowRight" ? 1 : -1)];
}

function move(target) {
  element.querySelectorAll('.kl-p[tabindex="0"]').forEach((other) => other.setAttribute("tabindex", "-1"));
  target.setAttribute("tabindex", "0");
}

function say(words) {
  const live = element.querySelector(".kl-live");
  if (!live) return;
  live.textContent = words;
  clearTimeout(live.timer);
  live.timer = setTimeout(() => (live.textContent = ""), 4000);
}

async function copy(text, done) {
  let copied = false;
  try {
    await navigator.clipboard.writeText(text);
    copied = true;
  } catch {
    // a page without https, or in another page's frame, may not: a selected text box still can
    const box = document.createElement("textarea");
    const before = document.activeElement;
    box.value = text;
    box.style.cssText = "position:fixed;opacity:0";
    document.body.append(box);
    box.select();
    copied = document.execCommand("copy");
    box.remove();
    if (before) before.focus();
  }
  say(copied ? done : view().dataset.failed);
}

function address() {
  if (!view()) return;
  const ours = ["text", "stress", "t", "ref", "color", "form", "lang", "user", "kiwi"];
  const kept = [...new URLSearchParams(location.search)].filter(([name]) => !ours.includes(name));
  const others = new URLSearchParams(kept).toString();
  const query = view().dataset.query + (others ? "&" + others : "");
  try {
    history.replaceState(history.state, "", "?" + query + location.hash);
  } catch {} // too often, or not allowed where the page is framed: the view works without it
}

function drawn() {
  fit();
  address();
}

element.addEventListener("mouseover", (event) => (piece(event.target) ? note(piece(event.target)) : hide()));
element.addEventListener("mouseleave", hide);
element.addEventListener("focusin", (event) => {
  const target = piece(event.target);
  if (!target) return;
  move(target);
  note(target);
});
element.addEventListener("focusout", hide);
element.addEventListener("click", (event) => {
  const button = event.target.closest(".kl-tool");
  if (button) copy(button.dataset.copy, button.dataset.done);
  else if (piece(event.target)) {
    row = -1;
    piece(event.target).focus({ preventScroll: true });
    note(piece(event.target));
  }
});
element.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hide();
  const target = piece(event.target);
  if (!target || !/^(Arrow|Home$|End$)/.test(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const next = neighbour(target, event.key);
  if (!/Up|Down/.test(event.key)) row = -1;
  if (!next) return;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
  note(next);
});
document.addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.closest("#compare-link") && view()) {
    address();
    copy(location.href, view().dataset.linked);
  }
});
new ResizeObserver(repeatNames).observe(element);
watch("value", drawn);
drawn();
