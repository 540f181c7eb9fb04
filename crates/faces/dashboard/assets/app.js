// Starts the page's small helpers. Every page works without them.
import { startFollow } from "./follow.js";
import { startKeys } from "./keys.js";
import { startLive } from "./live.js";
import { startLook } from "./look.js";
import { startPasskeys } from "./passkey.js";
import { startSwitch } from "./switch.js";
import { localTimes, redate } from "./times.js";

for (const list of document.querySelectorAll("ol.chat")) redate(list);
startSwitch();
startKeys();
startLive();
startFollow();
startLook();
startPasskeys();
localTimes(document);

// A form that came back with mistakes: its summary takes the focus.
document.querySelector("[data-error-summary]")?.focus();

// After htmx swapped a part of the page.
document.addEventListener("htmx:after:swap", () => {
  localTimes(document);
  document.querySelector("[data-error-summary]")?.focus();
});

// Closes open menus with Escape or a click elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
});
