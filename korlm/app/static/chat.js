// The chat tab in the browser: the Enter key while Hangul is composed, and the labels of the bubbles' buttons.

// Ignore an Enter that ends a composition (Safari reports it only by key code), and repeats of a held key. Enter does
// nothing during an answer, so that the typed text stays.
const isComposing = (event) => event.isComposing || event.keyCode === 229;
const isAnswering = () => document.querySelector("#chat-stop:not([disabled])");

function handleEnter(event) {
  if (event.key !== "Enter" || event.shiftKey || !(event.target instanceof Element)) return;
  if (event.target.closest("#chat-text")) {
    if (!isComposing(event) && !event.repeat && !isAnswering()) return;
    event.stopImmediatePropagation();
    if (!isComposing(event)) event.preventDefault(); // no line break; a composition needs its Enter
  } else if (event.type === "keydown" && event.target.matches(".kl-talk .edit-textarea") && !isComposing(event)) {
    event.preventDefault();
    clickButton(event.target, 0);
  }
}

function clickButton(area, index) {
  const row = area.closest(".message-row") || area.closest(".role") || area.parentElement;
  const buttons = [row, row.nextElementSibling].filter(Boolean).flatMap((node) => [...node.querySelectorAll(".message-buttons button")]);
  if (buttons[index]) buttons[index].click();
}

document.addEventListener("keydown", handleEnter, true);
document.addEventListener("keypress", handleEnter, true);
document.addEventListener("keydown", (event) => {
  const isSpace = event.key === " " && event.target instanceof Element && event.target.matches(".kl-talk [data-testid=bot]");
  if (isSpace) {
    event.preventDefault(); // the page does not scroll
    event.target.click();
  }
  if (event.key === "Escape" && event.target instanceof Element && event.target.matches(".kl-talk .edit-textarea")) clickButton(event.target, 1);
});

// The box is emptied here when a message is sent, and the text is put back, before what was typed since, if the server
// did not accept it or the visitor takes it back.
let sentText = "";

function writeBox(text) {
  const box = document.querySelector("#chat-text textarea");
  if (!box || box.value === text) return;
  box.value = text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

window.korlmChat = {
  takeMessage(text) {
    const box = document.querySelector("#chat-text textarea");
    sentText = text.trim() ? text : "";
    if (sentText && box.value.startsWith(text)) writeBox(box.value.slice(text.length));
  },
  settleMessage(accepted) {
    if (!accepted) window.korlmChat.restoreMessage(sentText);
    sentText = "";
  },
  restoreMessage(text) {
    const box = document.querySelector("#chat-text textarea");
    if (!text) return;
    writeBox(box.value ? `${text}\n${box.value}` : text);
    box.focus();
  },
};

// Hide the error of a message when the visitor types on. (Gradio's event does not fire for composed Hangul.)
document.addEventListener("input", (event) => {
  if (!event.isTrusted) return; // the page itself puts a refused text back
  const note = event.target instanceof Element && event.target.closest("#chat-text") && document.querySelector("#chat-note .kl-notice");
  if (note) note.hidden = true;
});

// A bubble interprets its text as HTML, so the server puts a zero-width character after < and &. Edited text gets it
// before it is shown, and copied text loses it. The only HTML in a bubble is the label at its end, which is not copied.
const JOINER = "\u2060";
const insertJoiners = (text) => text.replace(/([<&])(?!\u2060)/g, "$1" + JOINER);
const removeJoiners = (text) => text.replace(/([<&])\u2060/g, "$1");

document.addEventListener("click", (event) => {
  const talk = event.target instanceof Element && event.target.closest(".kl-talk");
  for (const area of talk ? talk.querySelectorAll(".edit-textarea") : []) {
    area.value = insertJoiners(area.value);
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
}, true);
document.addEventListener("copy", (event) => {
  const selection = String(getSelection());
  if (!selection.includes(JOINER)) return;
  event.clipboardData.setData("text/plain", removeJoiners(selection));
  event.preventDefault();
});
if (navigator.clipboard) {
  const write = navigator.clipboard.writeText.bind(navigator.clipboard);
  navigator.clipboard.writeText = (text) => write(removeJoiners(text.split('<span class="kl-label">')[0]));
}

// Gradio labels its buttons in the language of the browser, not of the page: map its labels to ours.
const names = JSON.parse(element.querySelector("[data-names]").dataset.names);
const KEY_OF_LABEL = {
  "copy message": "tool_copy", "copied message": "tool_copied", retry: "tool_retry", undo: "tool_undo", edit: "tool_edit",
  submit: "tool_submit", cancel: "tool_cancel", clear: "tool_clear", "scroll down": "tool_down", "chatbot conversation": "tool_log",
  "다시 시도": "tool_retry", "실행 취소": "tool_undo", 편집: "tool_edit", 제출: "tool_submit", 취소: "tool_cancel",
  "대화 지우기": "tool_clear",
};
for (const [key, both] of Object.entries(names)) for (const word of Object.values(both)) KEY_OF_LABEL[word.toLowerCase()] = key;

// a screen reader says "user's message: …" before each bubble
const BUBBLES = { user: "tool_mine", bot: "tool_its" };

function label(node) {
  const bubble = BUBBLES[node.dataset.testid];
  const key = bubble || KEY_OF_LABEL[(node.getAttribute("aria-label") || "").toLowerCase()];
  if (!key) return;
  const localized = names[key][document.documentElement.lang] || names[key].ko;
  const text = bubble ? `${localized}: ${node.innerText}` : localized;
  for (const attribute of bubble ? ["aria-label"] : ["aria-label", "title"]) {
    const current = node.getAttribute(attribute);
    if (current !== text && (current !== null || attribute === "aria-label")) node.setAttribute(attribute, text);
  }
}

// A bot's bubble is a button that shows its explanation. The one that is explained is marked.
function markAnswers() {
  document.querySelectorAll("#chat-whys .kl-why").forEach((why) => {
    const number = why.closest("[id^=chat-why-]").id.split("-").pop();
    document.querySelectorAll(`#chat-${number} [data-testid=bot]`).forEach((bubble, index) => {
      const localized = names.tool_why[document.documentElement.lang] || names.tool_why.ko;
      const values = { role: "button", tabindex: "0", title: localized, "aria-pressed": String(why.dataset.answer === String(index)) };
      for (const [attribute, value] of Object.entries(values)) if (bubble.getAttribute(attribute) !== value) bubble.setAttribute(attribute, value);
    });
  });
}

function labelButtons(root) {
  root.querySelectorAll(".kl-talk [aria-label]").forEach(label);
  markAnswers();
}
let frame = 0;
new MutationObserver(() => {
  frame = frame || requestAnimationFrame(() => {
    frame = 0;
    labelButtons(document);
  });
}).observe(document.body, { subtree: true, childList: true, attributeFilter: ["aria-label"] });
new MutationObserver(() => labelButtons(document)).observe(document.documentElement, { attributeFilter: ["lang"] });
labelButtons(document);
