// Rewrites <time data-local> from UTC into the viewer's zone; the server's text stays as the title.
const styles = {
  date: { weekday: "long", day: "numeric", month: "long", year: "numeric" },
  clock: { hour: "2-digit", minute: "2-digit" },
  moment: { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" },
};

export function localTimes(root) {
  for (const element of root.querySelectorAll("time[data-local]")) {
    const at = new Date(element.dateTime);
    const style = styles[element.dataset.local];
    if (Number.isNaN(at.getTime()) || !style) continue;
    if (!element.title) element.title = `${element.dateTime.replace("T", " ").slice(0, 19)} UTC`;
    element.textContent = new Intl.DateTimeFormat(undefined, style).format(at);
    element.removeAttribute("data-local");
  }
}
