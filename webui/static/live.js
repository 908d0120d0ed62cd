// What changes while a page is open. The server says that there is news, and the page asks for its part; where it
// cannot say so the page asks now and then. Nothing moves: new mail is counted above the list, and what is over stays.
const SOON = 2000, BY_TURNS = 15000, ANYHOW = 60000, AGAIN = 120000; // milliseconds
const list = document.querySelector("[data-live]");
const opened = () => document.querySelector("[data-shown]");
const rows = () => (list ? [...list.querySelectorAll("[data-mail]")] : []);
const lent = list !== null && "lent" in list.dataset;

let tab = sessionStorage.getItem("greygate-tab") ?? renamed();
let source = null, asked = 0, waits = 0, turns = 0, anyhow = 0, again = 0;

function renamed() {
  const name = Math.random().toString(36).slice(2);
  sessionStorage.setItem("greygate-tab", name);
  return name;
}

// ---- asking ----

function soon() {
  if (waits) return;
  waits = setTimeout(ask, Math.max(0, asked + SOON - Date.now()));
}

async function ask() {
  waits = 0;
  asked = Date.now();
  const query = new URLSearchParams({ top: list?.dataset.top ?? "", q: list?.dataset.q ?? "" });
  if (lent) query.set("lent", "yes");
  query.set("rows", rows().slice(0, 100).map((row) => row.dataset.mail).join(","));
  query.set("mail", opened()?.dataset.shown ?? "");
  try {
    const answer = await fetch(`/news?${query}`, { redirect: "manual", cache: "no-store" });
    if (answer.ok) show(await answer.json());
    else if (answer.type === "opaqueredirect") rest(); // nobody is signed in any more
  } catch {
    // no network just now: the next turn comes
  }
}

// ---- showing ----

function show(news) {
  const came = list?.querySelector(".came");
  if (came) tellOf(came, news.new, news.came);
  for (const row of rows()) mark(row, news.rows[row.dataset.mail], news.looks[row.dataset.mail]);
  const one = opened();
  if (one) decide(one, news.rows[one.dataset.shown], news.looks[one.dataset.shown]);
}

function tellOf(came, count, words) {
  if ((came.dataset.count ?? "0") === String(count)) return; // said already
  came.dataset.count = count;
  came.dataset.none ??= came.textContent;
  if (!count) {
    came.textContent = came.dataset.none;
    return;
  }
  const link = document.createElement("a");
  link.href = list.dataset.there ?? there();
  link.textContent = words;
  came.replaceChildren(link);
}

function there() {
  const here = new URL(location.href);
  here.searchParams.delete("after");
  return here.pathname + here.search;
}

function mark(row, now, looks) {
  if (!now) return;
  const is = lent ? now.open : now.held;
  const words = row.querySelector(".tells");
  row.classList.toggle("over", !is);
  for (const button of row.querySelectorAll("button")) button.disabled = !is;
  if (!words) return;
  words.dataset.words ??= words.textContent;
  const says = !is ? now.words : looks ? `${looks} · ${words.dataset.words}` : words.dataset.words;
  if (words.textContent !== says) words.textContent = says;
}

function decide(one, now, looks) {
  const status = one.querySelector(".looks");
  if (!now || !status) return;
  const says = now.open ? (looks ?? "") : now.over;
  if (status.textContent !== says) status.textContent = says;
  for (const button of one.querySelectorAll(".verbs button:not([data-later]), .verbs a")) turn(button, now.open);
}

// Only what was turned off here is turned on again.
function turn(button, on) {
  if (on === !button.dataset.off) return;
  if (!on && (button.disabled || button.classList.contains("disabled"))) return;
  if (on) delete button.dataset.off;
  else button.dataset.off = "yes";
  button.classList.toggle("disabled", !on);
  if (button.matches("button")) {
    button.disabled = !on;
  } else if (on) {
    button.href = button.dataset.there;
    button.removeAttribute("aria-disabled");
  } else {
    button.dataset.there = button.getAttribute("href");
    button.removeAttribute("href");
    button.setAttribute("aria-disabled", "true");
  }
}

// ---- hearing ----

function listen() {
  clearTimeout(again);
  source = new EventSource(`/events?tab=${encodeURIComponent(tab)}`);
  for (const word of ["mail", "looks", ...(lent ? ["lent"] : [])]) source.addEventListener(word, soon);
  source.addEventListener("open", () => clearInterval(turns));
  source.addEventListener("moved", () => { // the tab was copied, name and all
    deafen();
    tab = renamed();
    listen();
  });
  source.addEventListener("error", () => {
    if (source?.readyState !== EventSource.CLOSED) return; // the browser comes again by itself
    deafen();
    soon();
    turns = setInterval(ask, BY_TURNS);
    again = setTimeout(listen, AGAIN);
  });
}

function deafen() {
  source?.close();
  source = null;
  clearInterval(turns);
  clearTimeout(again);
}

function rest() {
  deafen();
  clearInterval(anyhow);
  clearTimeout(waits);
  waits = 0;
}

function wake() {
  rest();
  if (document.hidden) return;
  listen(); // the first word that it brings makes us ask
  anyhow = setInterval(ask, ANYHOW);
}

if (list || document.querySelector("#panes, [data-shown]")) {
  document.addEventListener("visibilitychange", wake);
  addEventListener("pagehide", rest);
  addEventListener("pageshow", (event) => { if (event.persisted) wake(); });
  wake();
}
