// The live chat: follows the server-sent events of the page's stream. Rows never move under a reader:
// when paused, scrolled up or in a hidden tab, new messages wait behind a bar. The browser reconnects by
// itself and sends the last id it saw, so nothing is lost in between.
import { announcer, liveBar } from "./livebar.js";
import { appendDated, keepNewest, localTimes } from "./times.js";

const MOST_ROWS = 500;

export function startLive() {
  const list = document.querySelector("[data-stream]");
  if (!list || !("EventSource" in window)) return;
  const box = list.closest("[data-live]");
  const more = box.querySelector("[data-more]");
  const say = announcer(box.querySelector("[data-announce]"));
  const source = new EventSource(list.dataset.stream);
  const bar = liveBar(box, source, release);
  const waiting = [];
  let nLeftOut = 0;
  let nUnsaid = 0;

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

  // What comes before it is said is added up.
  function announce(n) {
    nUnsaid += n;
    say(() => {
      const text = nUnsaid === 1 ? "1 new message" : `${nUnsaid} new messages`;
      nUnsaid = 0;
      return text;
    });
  }

  function receive(rows) {
    if (bar.isPaused() || document.hidden || !isAtEnd() || waiting.length > 0) {
      waiting.push(...rows);
      if (waiting.length > MOST_ROWS) nLeftOut += waiting.splice(0, waiting.length - MOST_ROWS).length;
      showMore();
    } else {
      append(rows);
      toEnd();
    }
    announce(rows.length);
  }

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

  more.addEventListener("click", () => {
    if (bar.isPaused()) bar.resume();
    else release();
  });
  list.addEventListener("scroll", () => {
    if (!bar.isPaused() && waiting.length > 0 && isAtEnd()) release();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !bar.isPaused() && waiting.length > 0 && isAtEnd()) release();
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
