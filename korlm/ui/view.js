// Arrow keys between pieces, and a note at the piece that is pointed at or focused. `element` is the view.
const piece = (node) => (node instanceof Element ? node.closest(".kl-p[role=listitem]") : null);

function note(target) {
  const drawing = target.closest(".kl-drawing");
  const tip = drawing.querySelector(".kl-tip");
  tip.textContent = target.getAttribute("aria-label"); // text, never markup: it holds what somebody typed
  tip.hidden = false;
  const frame = drawing.getBoundingClientRect();
  const box = target.getBoundingClientRect();
  const left = Math.min(Math.max(box.left - frame.left, 4), frame.width - tip.offsetWidth - 4);
  tip.style.left = Math.max(left, 4) + "px";
  tip.style.top = box.bottom - frame.top + 4 + "px";
}

function hide() {
  element.querySelectorAll(".kl-tip").forEach((tip) => (tip.hidden = true));
}

function neighbour(target, key) {
  const lane = target.closest(".kl-lane");
  const rows = [...lane.parentElement.children];
  if (key === "ArrowUp" || key === "ArrowDown") {
    const row = rows[rows.indexOf(lane) + (key === "ArrowDown" ? 1 : -1)];
    if (!row || !row.matches(".kl-lane")) return null;
    const middle = target.getBoundingClientRect().left + 4;
    const pieces = [...row.querySelectorAll(".kl-p")];
    return pieces.find((other) => other.getBoundingClientRect().right > middle) || pieces.pop();
  }
  const number = rows.indexOf(lane);
  const blocks = element.querySelectorAll(".kl-block");
  const all = [...blocks].flatMap((block) => [...block.children[number].querySelectorAll(".kl-p")]);
  return all[all.indexOf(target) + (key === "ArrowRight" ? 1 : -1)];
}

element.addEventListener("mouseover", (event) => (piece(event.target) ? note(piece(event.target)) : hide()));
element.addEventListener("mouseleave", hide);
element.addEventListener("focusin", (event) => piece(event.target) && note(piece(event.target)));
element.addEventListener("focusout", hide);
element.addEventListener("click", (event) => piece(event.target) && piece(event.target).focus({ preventScroll: true }));
element.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hide();
  const target = piece(event.target);
  if (!target || !event.key.startsWith("Arrow")) return;
  event.preventDefault();
  const next = neighbour(target, event.key);
  if (next) next.focus();
});
