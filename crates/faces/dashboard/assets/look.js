// Says that somebody looks at a case as soon as it is before them, so that others see it and get another one. Without
// JavaScript the button of the same form does it.
export function startLook() {
  const form = document.querySelector("form[data-look]");
  if (!form) return;
  const look = async () => {
    try {
      const told = await fetch(form.action, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        redirect: "manual",
      });
      // The answer leads back to the page that is shown.
      if (told.type === "opaqueredirect") form.querySelector("button").hidden = true;
    } catch {
      // Not told: the button stays.
    }
  };
  // A page that was opened behind others is not looked at before it is shown.
  const whenShown = () => {
    if (document.visibilityState !== "visible") return;
    document.removeEventListener("visibilitychange", whenShown);
    look();
  };
  document.addEventListener("visibilitychange", whenShown);
  whenShown();
}
