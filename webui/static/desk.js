// Small comforts. Everything here has a button or a link that does the same without it.
const rows = () => [...document.querySelectorAll("#rows a.row")];
const shown = () => new URLSearchParams(location.search).get("mail");

function mark() {
  const here = shown() ?? rows()[0]?.dataset.mail;
  for (const row of rows()) {
    const is = row.dataset.mail === here;
    row.classList.toggle("here", is);
    if (is) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

function step(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => row.classList.contains("here"));
  const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
  next.focus();
  next.click();
}

document.addEventListener("step", (event) => step(event.detail));
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-later]")) step(1);
});
// One click decides once, however often it is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
document.addEventListener("htmx:pushedIntoHistory", mark);
document.addEventListener("htmx:afterSwap", mark);
mark();
