// Passkeys: the browser is asked for what the server wants signed, and the answer goes back in an ordinary form.

const AGAIN = 4 * 60 * 1000; // what is asked is good for five minutes
const supported = window.isSecureContext && window.PublicKeyCredential !== undefined;
let waiting = null; // the silent offer in the field of the name, which gives way to a button

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function begin(form) {
  const said = new FormData(form);
  said.delete("credential");
  const answer = await fetch(form.dataset.begin, { method: "POST", body: new URLSearchParams(said), credentials: "same-origin" });
  if (answer.redirected || !(answer.headers.get("Content-Type") || "").startsWith("application/json")) {
    const words = (answer.headers.get("Content-Type") || "").startsWith("text/html") ? "" : await answer.text();
    throw new Error(words.length < 200 && !words.includes("<") ? words : "");
  }
  const options = await answer.json();
  options.challenge = bytes(options.challenge);
  if (options.user) options.user.id = bytes(options.user.id);
  for (const list of ["excludeCredentials", "allowCredentials"]) {
    for (const one of options[list] || []) one.id = bytes(one.id);
  }
  return options;
}

function written(made) {
  const response = { clientDataJSON: text(made.response.clientDataJSON) };
  if (made.response.attestationObject) response.attestationObject = text(made.response.attestationObject);
  if (made.response.signature) {
    response.authenticatorData = text(made.response.authenticatorData);
    response.signature = text(made.response.signature);
    response.userHandle = made.response.userHandle ? text(made.response.userHandle) : null;
  }
  return JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response, clientExtensionResults: {} });
}

function send(form, made) {
  form.elements.credential.value = written(made);
  form.submit();
}

const SAID = { NotAllowedError: "cancelled", InvalidStateError: "twice", SecurityError: "elsewhere" };

function tell(form, error) {
  const words = JSON.parse(form.dataset.words);
  const place = form.querySelector("[role=alert]");
  place.textContent = words[SAID[error.name]] || error.message || words.other;
  place.hidden = false;
}

async function pressed(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const button = form.querySelector("button");
  if (waiting) waiting.abort();
  waiting = null;
  button.disabled = true;
  try {
    const publicKey = await begin(form);
    const made = form.dataset.passkey === "make"
      ? await navigator.credentials.create({ publicKey })
      : await navigator.credentials.get({ publicKey });
    send(form, made);
  } catch (error) {
    tell(form, error);
  } finally {
    button.disabled = false;
  }
}

// Where the browser can, passkeys are offered in the field of the name.
async function offer(form) {
  const can = PublicKeyCredential.isConditionalMediationAvailable;
  if (!can || !(await can.call(PublicKeyCredential)) || !document.querySelector("[autocomplete~=webauthn]")) return;
  const mine = new AbortController();
  waiting = mine;
  const later = setTimeout(() => {
    mine.abort();
    if (waiting === mine) offer(form);
  }, AGAIN);
  try {
    const publicKey = await begin(form);
    send(form, await navigator.credentials.get({ publicKey, mediation: "conditional", signal: mine.signal }));
  } catch {
    // nobody asked for it, so nobody is told
  } finally {
    clearTimeout(later);
  }
}

if (supported) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", pressed);
    if (form.dataset.passkey === "use" && !form.elements.step) offer(form);
  }
  for (const one of document.querySelectorAll("[data-without-passkeys]")) one.hidden = true;
}
