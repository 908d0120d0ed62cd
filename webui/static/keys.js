// Keys: each does what a button or a link does. Everybody may choose others, or none, in this browser.
const place = `greygate-keys-${document.body.dataset.me}`;
// A closed dialog keeps the focus until the next frame is drawn: only an open one counts.
const typing = (element) => element.closest("input, textarea, select, [contenteditable], dialog[open]") !== null;
const words = document.querySelector("script[data-twice]").dataset; // the sentences are the page's
const SECOND = 1500; // milliseconds for the second key after "g"

let chosen = held();

function held() {
  try {
    const found = JSON.parse(localStorage.getItem(place) ?? "{}");
    return { off: found.off === true, keys: found.keys ?? {} };
  } catch {
    return { off: false, keys: {} }; // nothing may be kept here
  }
}

// What is on a key: the one that has it usually, unless somebody chose otherwise.
function meaning(key) {
  const moved = Object.keys(chosen.keys).find((usual) => chosen.keys[usual] === key);
  return moved ?? (key in chosen.keys ? "" : key);
}

// ---- pressing ----

let going = 0;

function press(event) {
  if (chosen.off || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (Date.now() - going < SECOND) {
    going = 0;
    const page = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    if (page) return act(event, page);
  }
  const key = meaning(event.key);
  if (key === "g") going = Date.now();
  else if (key === "j" || key === "k") document.dispatchEvent(new CustomEvent("step", { detail: key === "j" ? 1 : -1 }));
  else if (key === "?") document.getElementById("keys")?.showModal();
  else if (key) act(event, document.querySelector(`[data-key="${CSS.escape(key)}"]:not([disabled]):not(.disabled)`));
}

function act(event, button) {
  if (!button) return;
  event.preventDefault();
  if (button.matches("input")) button.focus();
  else button.click();
}

// ---- showing and choosing ----

function show() {
  document.body.classList.toggle("keyless", chosen.off);
  for (const hint of document.querySelectorAll("[data-key] kbd")) {
    const usual = hint.closest("[data-key]").dataset.key;
    hint.textContent = chosen.keys[usual] ?? usual;
  }
  for (const hint of document.querySelectorAll("kbd[data-usual]")) {
    hint.textContent = chosen.keys[hint.dataset.usual] ?? hint.dataset.usual;
  }
}

const form = document.getElementById("choose-keys");
const fields = () => [...form.querySelectorAll("input[data-usual]")];

function fill() {
  form.elements.off.checked = chosen.off;
  for (const field of fields()) field.value = chosen.keys[field.dataset.usual] ?? field.dataset.usual;
}

function choose(event) {
  event.preventDefault();
  event.stopPropagation(); // it may be sent again
  const values = fields().map((field) => field.value);
  const twice = values.find((value, at) => values.indexOf(value) !== at);
  if (twice !== undefined) return say(words.twice.replace("%(key)s", () => twice));
  const moved = fields().filter((field) => field.value !== field.dataset.usual);
  keep({ off: form.elements.off.checked, keys: Object.fromEntries(moved.map((field) => [field.dataset.usual, field.value])) });
}

function keep(next) {
  try {
    localStorage.setItem(place, JSON.stringify(next));
  } catch {
    return say(words.unkept);
  }
  chosen = next;
  fill();
  show();
  say(chosen.off ? words.off : words.kept);
}

function say(sentence) {
  form.querySelector("[role=status]").textContent = sentence;
}

document.addEventListener("keydown", press);
document.addEventListener("htmx:afterSwap", show);
show();
if (form) {
  form.closest("[hidden]").hidden = false;
  form.addEventListener("submit", choose);
  form.addEventListener("reset", (event) => { event.preventDefault(); keep({ off: false, keys: {} }); });
  fill();
}
