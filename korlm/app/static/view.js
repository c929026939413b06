// The comparison's own doing: the page's address tells what is shown. Follows `pieces.js`.
const view = () => element.querySelector(".kl-view");

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

document.addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.closest("#compare-link") && view()) {
    address();
    copy(location.href, view().dataset.linked);
  }
});
watch("value", address);
address();
