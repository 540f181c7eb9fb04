// Keyboard shortcuts: `?` help, `/` search, `g` and a letter to go somewhere. All of them are listed in
// the help dialog and can be switched off there.
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

function openHelp(dialog) {
  const list = dialog.querySelector("[data-key-list]");
  list.replaceChildren();
  for (const link of document.querySelectorAll("a[data-go]")) {
    const row = document.createElement("div");
    const keys = document.createElement("dt");
    const first = document.createElement("kbd");
    const second = document.createElement("kbd");
    const name = document.createElement("dd");
    first.textContent = "g";
    second.textContent = link.dataset.go;
    keys.append(first, " ", second);
    name.textContent = link.textContent.trim();
    row.append(keys, name);
    list.append(row);
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
    }
  });
}
