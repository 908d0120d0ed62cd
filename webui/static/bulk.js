// Picking many in a list. The boxes, and the two buttons, are a form that works without this.
const form = document.getElementById("selected");
const boxes = () => [...document.querySelectorAll('#rows input[name="mail"]')];
let last = null;

// The sentences are the page's.
const counted = (words, many) => words.replace("%(count)s", many);

function count() {
  const all = boxes();
  const many = new Set(all.filter((box) => box.checked).map((box) => box.value)).size;
  for (const button of form.querySelectorAll("[data-counts]")) {
    button.hidden = many === 0;
    if (many) button.textContent = counted(button.dataset.counts, many);
  }
  const status = form.querySelector("[data-said]");
  status.textContent = many ? counted(status.dataset.said, many) : "";
  const whole = form.querySelector("[data-all]");
  whole.checked = many > 0 && all.every((box) => box.checked);
  whole.indeterminate = many > 0 && !whole.checked;
}

function click(event) {
  const box = event.target;
  if (box.matches("[data-all]")) {
    for (const one of boxes()) one.checked = box.checked;
  } else if (box.matches('#rows input[name="mail"]')) {
    const all = boxes();
    const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((one, other) => one - other);
    if (event.shiftKey && from >= 0) for (const one of all.slice(from, to + 1)) one.checked = box.checked;
    last = box;
  } else if (event.target.closest("[data-pick]")) {
    document.querySelector("#rows .row.here")?.closest("li").querySelector('input[name="mail"]')?.click();
    return;
  } else return;
  count();
}

if (form) {
  for (const hidden of form.querySelectorAll("[hidden]")) hidden.hidden = false;
  document.addEventListener("click", click);
  document.addEventListener("htmx:afterSwap", count);
  addEventListener("pageshow", () => { delete form.dataset.sent; count(); });
  count();
}
