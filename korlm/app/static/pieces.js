// What every view of pieces does: names for every row of blocks, the grid's fit to the font, arrow keys, the note at a
// piece, copying. `element` is the view, `watch` calls back after it was drawn anew. Other scripts of a view follow it.
const PIECE = ".kl-p[role=listitem], .kl-w[role=listitem]";
const piece = (node) => (node instanceof Element ? node.closest(PIECE) : null);
const stage = (target) => target.closest(".kl-drawing, .kl-writing"); // holds the note
const line = (target) => target.closest(".kl-lane, .kl-text");
let row = -1; // the middle of the piece that the last sideways key left: up and down keep to it
let wrong = ""; // what went wrong, as it stands in the view
let noted = null; // the piece whose note is shown

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

// A line with a tab in it is a candidate and its probability: it gets a bar. All of it is text, never markup: it holds
// what somebody typed.
function fill(tip, told) {
  tip.replaceChildren(
    ...told.split("\n").map((words) => {
      const [name, share] = words.split("\t");
      const row = document.createElement("div");
      if (share === undefined) {
        row.textContent = words;
        return row;
      }
      row.className = "kl-other";
      for (const part of [name, share]) row.appendChild(document.createElement("span")).textContent = part;
      row.style.setProperty("--share", parseFloat(share.replace("<", "")) + "%");
      return row;
    }),
  );
}

function note(target) {
  const frame = stage(target).getBoundingClientRect();
  const tip = stage(target).querySelector(".kl-tip");
  noted = target;
  fill(tip, target.getAttribute("aria-label"));
  tip.hidden = false;
  const box = target.getClientRects()[0]; // of a piece over two lines, the part on the first
  const left = Math.min(Math.max(box.left - frame.left, 4), frame.width - tip.offsetWidth - 4);
  tip.style.left = Math.max(left, 4) + "px";
  const below = box.bottom - frame.top + 4;
  const fits = box.bottom + tip.offsetHeight + 8 < window.innerHeight || box.top < tip.offsetHeight + 8;
  tip.style.top = (fits ? below : box.top - frame.top - tip.offsetHeight - 4) + "px";
}

function hide() {
  noted = null;
  element.querySelectorAll(".kl-tip").forEach((tip) => (tip.hidden = true));
}

// All pieces that sideways keys go through: a lane over all blocks, or one text.
function inLine(target) {
  const block = target.closest(".kl-block");
  if (!block) return [...line(target).querySelectorAll(PIECE)];
  const number = [...block.children].indexOf(line(target));
  return [...element.querySelectorAll(".kl-block")].flatMap((other) => [...other.children[number].querySelectorAll(PIECE)]);
}

function above(target, down) {
  const all = target.closest(".kl-block") ? [...line(target).parentElement.querySelectorAll(".kl-lane")] : [...element.querySelectorAll(".kl-text")];
  return all[all.indexOf(line(target)) + (down ? 1 : -1)];
}

function neighbour(target, key) {
  const all = inLine(target);
  if (key === "Home") return all[0];
  if (key === "End") return all[all.length - 1];
  if (key === "ArrowLeft" || key === "ArrowRight") return all[all.indexOf(target) + (key === "ArrowRight" ? 1 : -1)];
  const next = above(target, key === "ArrowDown");
  if (!next) return null;
  if (row < 0) row = target.getBoundingClientRect().left + 4;
  const pieces = [...next.querySelectorAll(PIECE)];
  return pieces.find((other) => other.getBoundingClientRect().right > row) || pieces.pop();
}

// One stop of the Tab key for a drawing, one for each text.
function move(target) {
  const among = target.closest(".kl-text") || element;
  among.querySelectorAll('[role=listitem][tabindex="0"]').forEach((other) => other.setAttribute("tabindex", "-1"));
  target.setAttribute("tabindex", "0");
}

function stops() {
  for (const text of element.querySelectorAll(".kl-text")) {
    const own = [...text.querySelectorAll(PIECE)];
    if (own.length) move(own.find((one) => one === document.activeElement) || own[0]);
  }
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
  say(copied ? done : element.querySelector("[data-failed]").dataset.failed);
}

// On a telephone a message may stand far below the button that brought it.
function heed() {
  const message = element.querySelector(".kl-notice.kl-error");
  const before = wrong;
  wrong = message ? message.textContent : "";
  if (wrong && wrong !== before) message.scrollIntoView({ block: "nearest" });
}

function drawn() {
  heed();
  fit();
  stops();
  if (noted && noted.isConnected && noted.getClientRects().length) note(noted); // what is drawn anew hides it
  else noted = null;
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
new ResizeObserver(repeatNames).observe(element);
watch("value", drawn);
drawn();
