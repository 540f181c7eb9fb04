// Passkeys: has the browser answer a question of the server, and sends the answer as the form it stands in.
const LIFE = 4 * 60 * 1000;

function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function text(buffer) {
  const plain = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// The question in the form that the browser wants.
function asked(options) {
  const wanted = { ...options.publicKey, challenge: bytes(options.publicKey.challenge) };
  const named = (list) => list.map((one) => ({ ...one, id: bytes(one.id) }));
  if (wanted.user) wanted.user = { ...wanted.user, id: bytes(wanted.user.id) };
  if (wanted.excludeCredentials) wanted.excludeCredentials = named(wanted.excludeCredentials);
  if (wanted.allowCredentials) wanted.allowCredentials = named(wanted.allowCredentials);
  return wanted;
}

// The answer in the form that the server wants. Not `toJSON`, which some password managers lack.
function answered(credential) {
  const { id, rawId, type, response } = credential;
  const answer = { clientDataJSON: text(response.clientDataJSON) };
  if (response.attestationObject) {
    answer.attestationObject = text(response.attestationObject);
    answer.transports = response.getTransports?.() ?? [];
  } else {
    answer.authenticatorData = text(response.authenticatorData);
    answer.signature = text(response.signature);
    answer.userHandle = response.userHandle ? text(response.userHandle) : null;
  }
  return JSON.stringify({ id, rawId: text(rawId), type, response: answer });
}

function words(error, isNew, home) {
  switch (error?.name) {
    case "NotAllowedError":
      return isNew
        ? "Nothing happened: it was cancelled, took too long, or the device did not recognise you. Try again."
        : "Nothing happened: it was cancelled, took too long, or no device had a passkey. Try again, or use another way.";
    case "InvalidStateError":
      return "This device has a passkey for your account already.";
    case "SecurityError":
      return `Passkeys work at ${home || "the address of this WaddleBot"} only. Open it there.`;
    case "ConstraintError":
    case "NotSupportedError":
      return "This device cannot keep passkeys, or has no screen lock or PIN yet. Set one up, or use another device.";
    case "Refused":
      return error.message;
    case "TypeError":
      return "WaddleBot could not be reached. Try again.";
    default:
      return "The browser could not do it. Try again, or use another way.";
  }
}

function say(form, message) {
  const place = form.querySelector("[data-passkey-said]");
  place.textContent = message;
  place.hidden = message === "";
}

async function question(form) {
  const response = await fetch(form.dataset.begin, { method: "POST", headers: { accept: "application/json" } });
  if (response.redirected) {
    // Signed out meanwhile: the server sends everybody to the sign-in page.
    location.reload();
    throw new DOMException("", "AbortError");
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  throw Object.assign(new Error(body.message ?? "That did not work. Try again."), { name: "Refused" });
}

function send(form, ceremony, credential) {
  form.elements.ceremony.value = ceremony;
  form.elements.credential.value = answered(credential);
  form.submit();
}

// A browser answers one question at a time: the one beside the name gives way to the button.
let beside = null;

async function run(form) {
  const button = form.querySelector("button");
  say(form, "");
  button.disabled = true;
  beside?.abort();
  const isNew = form.dataset.passkey === "create";
  let home = "";
  try {
    const { ceremony, options } = await question(form);
    home = options.publicKey.rp?.id ?? options.publicKey.rpId ?? "";
    const publicKey = asked(options);
    const credential = isNew
      ? await navigator.credentials.create({ publicKey })
      : await navigator.credentials.get({ publicKey });
    send(form, ceremony, credential);
  } catch (error) {
    if (error?.name !== "AbortError") say(form, words(error, isNew, home));
    button.disabled = false;
    button.focus();
  }
}

// Offers passkeys where the browser offers names (`autocomplete="… webauthn"`). Silent if nobody takes it.
async function offer(form) {
  if (!(await window.PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  for (let round = 0; round < 15; round += 1) {
    const mine = new AbortController();
    beside = mine;
    const timer = setTimeout(() => mine.abort("stale"), LIFE);
    try {
      const { ceremony, options } = await question(form);
      if (mine.signal.aborted) return;
      const publicKey = asked(options);
      const credential = await navigator.credentials.get({ publicKey, mediation: "conditional", signal: mine.signal });
      if (credential) send(form, ceremony, credential);
      return;
    } catch {
      // The question is too old to be answered: another one. Anything else, and the button: no more.
      if (mine.signal.reason !== "stale") return;
    } finally {
      clearTimeout(timer);
    }
  }
}

export function startPasskeys() {
  const isAble = typeof window.PublicKeyCredential === "function" && navigator.credentials !== undefined;
  for (const note of document.querySelectorAll("[data-passkey-not]")) {
    note.textContent = "This browser cannot use passkeys.";
    note.hidden = isAble;
  }
  if (!isAble) return;
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      run(form);
    });
    if (form.hasAttribute("data-passkey-offer")) offer(form);
  }
}
