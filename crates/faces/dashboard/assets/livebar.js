// What pages that follow something share: the bar that says «● live», its button to pause, and the words for whoever
// listens instead of looking.

const ANNOUNCE_EVERY_MS = 10_000;

// The bar of a box for its stream; `onResume` is called when it goes on after a pause.
export function liveBar(box, source, onResume) {
  const state = box.querySelector("[data-live-state]");
  const pause = box.querySelector("[data-pause]");
  let isPaused = false;

  function show(text, name) {
    state.textContent = text;
    state.dataset.liveState = name;
  }

  const showNow = () => show(isPaused ? "❚❚ paused" : "● live", isPaused ? "paused" : "live");
  source.addEventListener("open", showNow);
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) show("○ ended – reload to continue", "ended");
    else show("○ reconnecting…", "waiting");
  });
  pause.hidden = false;
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.setAttribute("aria-pressed", String(isPaused));
    pause.textContent = isPaused ? "Resume" : "Pause";
    showNow();
    if (!isPaused) onResume();
  });

  return {
    isPaused: () => isPaused,
    resume: () => pause.click(),
    // Nothing more comes.
    end(text) {
      pause.hidden = true;
      show(text, "ended");
    },
  };
}

// Says at most one thing in ten seconds. `words` is called when it is said, so that what comes in between can be added up.
export function announcer(element) {
  let words = null;
  let saidAt = -Infinity;
  let timer = 0;
  return (newWords) => {
    words = newWords;
    if (timer) return;
    const wait = Math.max(0, saidAt + ANNOUNCE_EVERY_MS - performance.now());
    timer = setTimeout(() => {
      timer = 0;
      saidAt = performance.now();
      element.textContent = words();
    }, wait);
  };
}
