// Keyboard shortcuts: `?` help, `/` search, `g` and a letter to go somewhere, and the letters of the
// page's own buttons (`data-key`). All of them are listed in the help dialog and can be switched off there.
let armed = -Infinity;

function isOff() {
  try {
    return localStorage.getItem("shortcuts") === "off";
  } catch {
    return false;
  }
}

function isTyping(target) {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}

// What a button or a link says, without the letter or the number that is shown on it.
function wordsOf(button) {
  const copy = button.cloneNode(true);
  for (const key of copy.querySelectorAll("kbd, .waits")) key.remove();
  return copy.textContent.trim();
}

function helpRow(letters, words) {
  const row = document.createElement("div");
  const keys = document.createElement("dt");
  const name = document.createElement("dd");
  for (const letter of letters) {
    const key = document.createElement("kbd");
    key.textContent = letter;
    keys.append(key, " ");
  }
  name.textContent = words;
  row.append(keys, name);
  return row;
}

function openHelp(dialog) {
  const list = dialog.querySelector("[data-key-list]");
  list.replaceChildren();
  for (const button of document.querySelectorAll("button[data-key]")) {
    list.append(helpRow([button.dataset.key], wordsOf(button)));
  }
  for (const link of document.querySelectorAll("a[data-go]")) {
    list.append(helpRow(["g", link.dataset.go], wordsOf(link)));
  }
  dialog.querySelector("[data-keys-off]").checked = isOff();
  dialog.showModal();
}

export function startKeys() {
  const dialog = document.querySelector("[data-keys]");
  if (!dialog) return;
  for (const button of document.querySelectorAll("[data-open-keys]")) {
    button.hidden = false;
    button.addEventListener("click", () => openHelp(dialog));
  }
  dialog.querySelector("[data-keys-off]").addEventListener("change", (event) => {
    try {
      if (event.target.checked) localStorage.setItem("shortcuts", "off");
      else localStorage.removeItem("shortcuts");
    } catch {
      // Storage is switched off: shortcuts stay on.
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (isTyping(event.target) || isOff() || document.querySelector("dialog[open]")) return;
    const wasArmed = event.timeStamp - armed < 1500;
    const isLate = !wasArmed && armed !== -Infinity;
    armed = -Infinity;
    if (wasArmed) {
      const link = document.querySelector(`a[data-go="${CSS.escape(event.key)}"]`);
      if (link) {
        event.preventDefault();
        link.click();
      }
      return;
    }
    if (event.key === "g") {
      armed = event.timeStamp;
    } else if (event.key === "?") {
      event.preventDefault();
      openHelp(dialog);
    } else if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    } else if (!isLate && !event.repeat) {
      // A letter that came too late after `g`, or a key held down from the page before, decides nothing.
      const button = document.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
      if (button) {
        event.preventDefault();
        button.click();
      }
    }
  });
}
