// The chat's page side: what the Enter key does while Hangul is composed, and what the buttons of bubbles are called.

// An Enter that ends a composition belongs to it (Safari tells so by the key code alone), and so do the repeats of a key
// that is held down. While an answer is under way Enter waits with the rest: what was typed stays.
const composed = (event) => event.isComposing || event.keyCode === 229;
const answering = () => document.querySelector("#chat-stop:not([disabled])");

function guard(event) {
  if (event.key !== "Enter" || event.shiftKey || !(event.target instanceof Element)) return;
  if (event.target.closest("#chat-text")) {
    if (!composed(event) && !event.repeat && !answering()) return;
    event.stopImmediatePropagation();
    if (!composed(event)) event.preventDefault(); // no line break; a composition keeps its own Enter
  } else if (event.type === "keydown" && event.target.matches(".kl-talk .edit-textarea") && !composed(event)) {
    event.preventDefault();
    press(event.target, 0);
  }
}

function press(area, place) {
  const row = area.closest(".message-row") || area.closest(".role") || area.parentElement;
  const buttons = [row, row.nextElementSibling].filter(Boolean).flatMap((node) => [...node.querySelectorAll(".message-buttons button")]);
  if (buttons[place]) buttons[place].click();
}

document.addEventListener("keydown", guard, true);
document.addEventListener("keypress", guard, true);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target instanceof Element && event.target.matches(".kl-talk .edit-textarea")) press(event.target, 1);
});

// Who goes on writing has read why a message was refused. (Gradio's own event is not told of composed Hangul.)
document.addEventListener("input", (event) => {
  const note = event.target instanceof Element && event.target.closest("#chat-text") && document.querySelector("#chat-note .kl-notice");
  if (note) note.hidden = true;
});

// A bubble takes its text for HTML: the server puts a sign without width after < and &. What is edited gets it before
// it is shown, and what is copied loses it.
const JOINER = "\u2060";
const shield = (text) => text.replace(/([<&])(?!\u2060)/g, "$1" + JOINER);
const bare = (text) => text.replace(/([<&])\u2060/g, "$1");

document.addEventListener("click", (event) => {
  const talk = event.target instanceof Element && event.target.closest(".kl-talk");
  for (const area of talk ? talk.querySelectorAll(".edit-textarea") : []) {
    area.value = shield(area.value);
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
}, true);
document.addEventListener("copy", (event) => {
  const chosen = String(getSelection());
  if (!chosen.includes(JOINER)) return;
  event.clipboardData.setData("text/plain", bare(chosen));
  event.preventDefault();
});
if (navigator.clipboard) {
  const write = navigator.clipboard.writeText.bind(navigator.clipboard);
  navigator.clipboard.writeText = (text) => write(bare(text));
}

// Gradio names its buttons in the browser's language, not in the page's: what it calls them, and what we do.
const names = JSON.parse(element.querySelector("[data-names]").dataset.names);
const GIVEN = {
  "copy message": "tool_copy", "copied message": "tool_copied", retry: "tool_retry", undo: "tool_undo", edit: "tool_edit",
  submit: "tool_submit", cancel: "tool_cancel", like: "tool_like", liked: "tool_liked", dislike: "tool_dislike",
  disliked: "tool_disliked", clear: "tool_clear", "scroll down": "tool_down", "chatbot conversation": "tool_log",
  "다시 시도": "tool_retry", "실행 취소": "tool_undo", 편집: "tool_edit", 제출: "tool_submit", 취소: "tool_cancel",
  좋아요: "tool_like", 싫어요: "tool_dislike", "대화 지우기": "tool_clear",
};
for (const [key, both] of Object.entries(names)) for (const word of Object.values(both)) GIVEN[word.toLowerCase()] = key;

// "user's message: …" is what a screen reader says before each bubble
const BUBBLES = { user: "tool_mine", bot: "tool_its" };

function name(node) {
  const bubble = BUBBLES[node.dataset.testid];
  const key = bubble || GIVEN[(node.getAttribute("aria-label") || "").toLowerCase()];
  if (!key) return;
  const called = names[key][document.documentElement.lang] || names[key].ko;
  const word = bubble ? `${called}: ${node.innerText}` : called;
  for (const attribute of ["aria-label", "title"]) {
    const there = node.getAttribute(attribute);
    if (there !== word && (there !== null || attribute === "aria-label")) node.setAttribute(attribute, word);
  }
}

const rename = (root) => root.querySelectorAll(".kl-talk [aria-label]").forEach(name);
let due = 0;
new MutationObserver(() => {
  due = due || requestAnimationFrame(() => {
    due = 0;
    rename(document);
  });
}).observe(document.body, { subtree: true, childList: true, attributeFilter: ["aria-label"] });
new MutationObserver(() => rename(document)).observe(document.documentElement, { attributeFilter: ["lang"] });
rename(document);
