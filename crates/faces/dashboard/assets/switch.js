// The theme button: system, light, dark. The choice is kept in this browser only.
const order = ["system", "light", "dark"];

function current() {
  return document.documentElement.dataset.theme ?? "system";
}

function show(button) {
  const theme = current();
  button.querySelector("[data-theme-name]").textContent = theme;
  button.setAttribute("aria-label", `Theme: ${theme}. Change`);
}

export function startSwitch() {
  const button = document.querySelector("[data-theme-switch]");
  if (!button) return;
  button.hidden = false;
  show(button);
  button.addEventListener("click", () => {
    const theme = order[(order.indexOf(current()) + 1) % order.length];
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try {
      if (theme === "system") localStorage.removeItem("theme");
      else localStorage.setItem("theme", theme);
    } catch {
      // Storage is switched off: the choice lasts until the next page.
    }
    show(button);
  });
}
