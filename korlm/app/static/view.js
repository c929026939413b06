// The comparison writes its state into the address of the page. Loaded after `pieces.js`.
const view = () => element.querySelector(".kl-view");

function updateAddress() {
  if (!view()) return;
  const stateKeys = ["text", "stress", "t", "ref", "color", "form", "lang", "user", "kiwi"];
  const otherValues = [...new URLSearchParams(location.search)].filter(([name]) => !stateKeys.includes(name));
  const others = new URLSearchParams(otherValues).toString();
  const query = view().dataset.query + (others ? "&" + others : "");
  try {
    history.replaceState(history.state, "", "?" + query + location.hash);
  } catch {} // too often, or not allowed in a frame: the view works without it
}

document.addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.closest("#compare-link") && view()) {
    updateAddress();
    copy(location.href, view().dataset.linked);
  }
});
watch("value", updateAddress);
updateAddress();
