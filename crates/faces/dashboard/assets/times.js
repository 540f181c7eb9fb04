// Rewrites <time data-local> from UTC into the viewer's zone; the server's text stays as the title.
const styles = {
  date: { weekday: "long", day: "numeric", month: "long", year: "numeric" },
  clock: { hour: "2-digit", minute: "2-digit" },
  exact: { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" },
  moment: { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" },
};

// The viewer's day of a row, "" if it has no time.
function dayOf(row) {
  const at = new Date(row?.querySelector("time[datetime]")?.dateTime ?? "");
  return Number.isNaN(at.getTime()) ? "" : at.toDateString();
}

// The line that stands above the first row of a day.
function dayLine(row) {
  const time = document.createElement("time");
  time.dateTime = row.querySelector("time[datetime]").dateTime;
  time.textContent = new Intl.DateTimeFormat(undefined, styles.date).format(new Date(time.dateTime));
  const line = document.createElement("li");
  line.className = "day";
  line.append(time);
  return line;
}

// Appends rows, with a line above the first of each of the viewer's days.
export function appendDated(list, rows) {
  let before = list.lastElementChild;
  while (before && !dayOf(before)) before = before.previousElementSibling;
  let day = before ? dayOf(before) : "";
  for (const row of rows) {
    const its = dayOf(row);
    if (its && its !== day) list.append(dayLine(row));
    day = its || day;
    list.append(row);
  }
}

// The server breaks a list at its own days, in UTC: this breaks it at the viewer's.
export function redate(list) {
  const rows = [...list.children].filter((row) => !row.classList.contains("day"));
  list.replaceChildren();
  appendDated(list, rows);
}

// Removes the oldest rows; the date of what is left stays told.
export function keepNewest(list, most) {
  if (list.childElementCount <= most) return;
  while (list.childElementCount >= most) list.firstElementChild.remove();
  const first = list.firstElementChild;
  if (!first.classList.contains("day") && dayOf(first)) list.prepend(dayLine(first));
}

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
