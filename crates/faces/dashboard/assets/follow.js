// A part of a page that follows what it shows: the server sends it anew, rendered, whenever something of it changed.
// Without JavaScript there is a link to load the page again.
import { announcer, liveBar } from "./livebar.js";
import { localTimes } from "./times.js";

export function startFollow() {
  const part = document.querySelector("[data-follow]");
  if (!part || !("EventSource" in window)) return;
  const box = part.closest("[data-live]");
  const say = announcer(box.querySelector("[data-announce]"));
  const source = new EventSource(part.dataset.follow);
  const bar = liveBar(box, source, show);
  let next = null;

  function show() {
    if (!next || bar.isPaused()) return;
    const before = part.querySelector("[data-say]")?.dataset.say;
    part.replaceChildren(next);
    next = null;
    const now = part.querySelector("[data-say]")?.dataset.say;
    if (now && now !== before) say(() => now);
    if (part.querySelector("[data-over]")) bar.end("○ over");
  }

  source.addEventListener("part", (event) => {
    const shell = document.createElement("template");
    shell.innerHTML = event.data; // Rendered and escaped by the server.
    localTimes(shell.content);
    next = shell.content;
    // Else the browser would ask again and again for what does not change any more.
    if (next.querySelector("[data-over]")) source.close();
    show();
  });
}
