// The live chat: follows the server-sent events of the page's stream. Rows never move under a reader:
// when paused, scrolled up or in a hidden tab, new messages wait behind a bar. The browser reconnects by
// itself and sends the last id it saw, so nothing is lost in between.
import { appendDated, keepNewest, localTimes } from "./times.js";

const MOST_ROWS = 500;
const ANNOUNCE_EVERY_MS = 10_000;

export function startLive() {
  const list = document.querySelector("[data-stream]");
  if (!list || !("EventSource" in window)) return;
  const box = list.closest("[data-live]");
  const state = box.querySelector("[data-live-state]");
  const pause = box.querySelector("[data-pause]");
  const more = box.querySelector("[data-more]");
  const said = box.querySelector("[data-announce]");
  const waiting = [];
  let isPaused = false;
  let nLeftOut = 0;
  let nUnsaid = 0;
  let saidAt = -Infinity;
  let timer = 0;

  const isAtEnd = () => list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  const toEnd = () => {
    list.scrollTop = list.scrollHeight;
  };

  function append(rows) {
    list.querySelector("[data-empty]")?.remove();
    appendDated(list, rows);
    keepNewest(list, MOST_ROWS);
  }

  function showMore() {
    const n = waiting.length + nLeftOut;
    more.hidden = n === 0;
    more.textContent = `${n} new – show`;
  }

  function release() {
    append(waiting.splice(0));
    nLeftOut = 0;
    showMore();
    toEnd();
  }

  // At most one polite message in ten seconds; what comes in between is added up.
  function announce(n) {
    nUnsaid += n;
    if (timer) return;
    const wait = Math.max(0, saidAt + ANNOUNCE_EVERY_MS - performance.now());
    timer = setTimeout(() => {
      timer = 0;
      saidAt = performance.now();
      said.textContent = nUnsaid === 1 ? "1 new message" : `${nUnsaid} new messages`;
      nUnsaid = 0;
    }, wait);
  }

  function receive(rows) {
    if (isPaused || document.hidden || !isAtEnd() || waiting.length > 0) {
      waiting.push(...rows);
      if (waiting.length > MOST_ROWS) nLeftOut += waiting.splice(0, waiting.length - MOST_ROWS).length;
      showMore();
    } else {
      append(rows);
      toEnd();
    }
    announce(rows.length);
  }

  function show(text, name) {
    state.textContent = text;
    state.dataset.liveState = name;
  }

  const source = new EventSource(list.dataset.stream);
  source.addEventListener("open", () => show(isPaused ? "❚❚ paused" : "● live", isPaused ? "paused" : "live"));
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) show("○ ended – reload to continue", "ended");
    else show("○ reconnecting…", "waiting");
  });
  source.addEventListener("messages", (event) => {
    const shell = document.createElement("template");
    shell.innerHTML = event.data; // Rendered and escaped by the server.
    localTimes(shell.content);
    receive([...shell.content.children]);
  });
  source.addEventListener("skipped", () => {
    const row = document.createElement("li");
    row.className = "gap";
    row.textContent = "Some messages came too fast to show here. Reload to see the latest.";
    receive([row]);
  });

  pause.hidden = false;
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.setAttribute("aria-pressed", String(isPaused));
    pause.textContent = isPaused ? "Resume" : "Pause";
    show(isPaused ? "❚❚ paused" : "● live", isPaused ? "paused" : "live");
    if (!isPaused) release();
  });
  more.addEventListener("click", () => {
    if (isPaused) pause.click();
    else release();
  });
  list.addEventListener("scroll", () => {
    if (!isPaused && waiting.length > 0 && isAtEnd()) release();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !isPaused && waiting.length > 0 && isAtEnd()) release();
  });
  toEnd();

  speakWithoutReload();
}

// The form to speak as a simulated member works as any form; with JavaScript the page stays, and what was
// said comes back by the stream.
function speakWithoutReload() {
  const form = document.querySelector("[data-say]");
  if (!form) return;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = form.elements.text;
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) }).catch(() => null);
    if (!answer?.ok) {
      form.submit();
      return;
    }
    text.value = "";
    text.focus();
  });
}
