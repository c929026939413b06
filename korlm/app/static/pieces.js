// Views of tokens: the names at each line of blocks, the grid's fit to the font, arrow keys, tooltips, copying. Gradio
// provides `element`, the view, and `watch`, which calls back after an update. The view's other scripts come after it.
const TOKEN = ".kl-p[role=listitem], .kl-w[role=listitem]";
const tokenAt = (node) => (node instanceof Element ? node.closest(TOKEN) : null);
const frameOf = (target) => target.closest(".kl-drawing, .kl-writing"); // contains the tooltip
const rowOf = (target) => target.closest(".kl-lane, .kl-text");
let column = -1; // x position of the last horizontal move, to which vertical moves keep
let shownError = "";
let active = null; // the token whose tooltip is shown

function fitGrid() {
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

// A line with a tab is a candidate and its probability, drawn with a bar. The lines contain typed text: never parse them
// as HTML.
function fillTooltip(tip, label) {
  tip.replaceChildren(
    ...label.split("\n").map((text) => {
      const [name, probability] = text.split("\t");
      const row = document.createElement("div");
      if (probability === undefined) {
        row.textContent = text;
        return row;
      }
      row.className = "kl-other";
      for (const part of [name, probability]) row.appendChild(document.createElement("span")).textContent = part;
      row.style.setProperty("--share", parseFloat(probability.replace("<", "")) + "%");
      return row;
    }),
  );
}

function showTooltip(target) {
  const frame = frameOf(target).getBoundingClientRect();
  const tip = frameOf(target).querySelector(".kl-tip");
  active = target;
  fillTooltip(tip, target.getAttribute("aria-label"));
  tip.hidden = false;
  const box = target.getClientRects()[0]; // of a token on two lines, the part on the first
  const left = Math.min(Math.max(box.left - frame.left, 4), frame.width - tip.offsetWidth - 4);
  tip.style.left = Math.max(left, 4) + "px";
  const below = box.bottom - frame.top + 4;
  const fits = box.bottom + tip.offsetHeight + 8 < window.innerHeight || box.top < tip.offsetHeight + 8;
  tip.style.top = (fits ? below : box.top - frame.top - tip.offsetHeight - 4) + "px";
}

function hideTooltips() {
  active = null;
  element.querySelectorAll(".kl-tip").forEach((tip) => (tip.hidden = true));
}

// All tokens of a row, which horizontal keys move through: a lane over all blocks, or one text.
function rowTokens(target) {
  const block = target.closest(".kl-block");
  if (!block) return [...rowOf(target).querySelectorAll(TOKEN)];
  const index = [...block.children].indexOf(rowOf(target));
  return [...element.querySelectorAll(".kl-block")].flatMap((other) => [...other.children[index].querySelectorAll(TOKEN)]);
}

function adjacentRow(target, down) {
  const all = target.closest(".kl-block") ? [...rowOf(target).parentElement.querySelectorAll(".kl-lane")] : [...element.querySelectorAll(".kl-text")];
  return all[all.indexOf(rowOf(target)) + (down ? 1 : -1)];
}

function neighbor(target, key) {
  const all = rowTokens(target);
  if (key === "Home") return all[0];
  if (key === "End") return all[all.length - 1];
  if (key === "ArrowLeft" || key === "ArrowRight") return all[all.indexOf(target) + (key === "ArrowRight" ? 1 : -1)];
  const next = adjacentRow(target, key === "ArrowDown");
  if (!next) return null;
  if (column < 0) column = target.getBoundingClientRect().left + 4;
  const tokens = [...next.querySelectorAll(TOKEN)];
  return tokens.find((other) => other.getBoundingClientRect().right > column) || tokens.pop();
}

// A drawing is one Tab stop, and so is each text.
function setTabStop(target) {
  const group = target.closest(".kl-text") || element;
  group.querySelectorAll('[role=listitem][tabindex="0"]').forEach((other) => other.setAttribute("tabindex", "-1"));
  target.setAttribute("tabindex", "0");
}

function initTabStops() {
  for (const text of element.querySelectorAll(".kl-text")) {
    const tokens = [...text.querySelectorAll(TOKEN)];
    if (tokens.length) setTabStop(tokens.find((token) => token === document.activeElement) || tokens[0]);
  }
}

function announce(message) {
  const live = element.querySelector(".kl-live");
  if (!live) return;
  live.textContent = message;
  clearTimeout(live.timer);
  live.timer = setTimeout(() => (live.textContent = ""), 4000);
}

async function copy(text, done) {
  let copied = false;
  try {
    await navigator.clipboard.writeText(text);
    copied = true;
  } catch {
    // not allowed without https or in a frame; a selected text box still works
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
  announce(copied ? done : element.querySelector("[data-failed]").dataset.failed);
}

// On a phone an error may appear far below the button.
function scrollToError() {
  const message = element.querySelector(".kl-notice.kl-error");
  const before = shownError;
  shownError = message ? message.textContent : "";
  if (shownError && shownError !== before) message.scrollIntoView({ block: "nearest" });
}

function refresh() {
  scrollToError();
  fitGrid();
  initTabStops();
  if (active && active.isConnected && active.getClientRects().length) showTooltip(active); // an update hides it
  else active = null;
}

element.addEventListener("mouseover", (event) => (tokenAt(event.target) ? showTooltip(tokenAt(event.target)) : hideTooltips()));
element.addEventListener("mouseleave", hideTooltips);
element.addEventListener("focusin", (event) => {
  const target = tokenAt(event.target);
  if (!target) return;
  setTabStop(target);
  showTooltip(target);
});
element.addEventListener("focusout", hideTooltips);
element.addEventListener("click", (event) => {
  const button = event.target.closest(".kl-tool");
  if (button) copy(button.dataset.copy, button.dataset.done);
  else if (tokenAt(event.target)) {
    column = -1;
    tokenAt(event.target).focus({ preventScroll: true });
    showTooltip(tokenAt(event.target));
  }
});
element.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hideTooltips();
  const target = tokenAt(event.target);
  if (!target || !/^(Arrow|Home$|End$)/.test(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const next = neighbor(target, event.key);
  if (!/Up|Down/.test(event.key)) column = -1;
  if (!next) return;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
  showTooltip(next);
});
new ResizeObserver(repeatNames).observe(element);
watch("value", refresh);
refresh();
