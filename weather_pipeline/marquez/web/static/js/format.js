// Turns values into short text for people. Pure.

const DATE_TIME = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
});
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const UTC_DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const UTC_CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
const NUMBER = new Intl.NumberFormat("en-GB");
const UNITS = [["d", 86400], ["h", 3600], ["min", 60]];

/** A point in time in the reader's zone: "19 Nov 2026, 10:00:24". */
export const dateTime = (iso) => (iso ? DATE_TIME.format(new Date(iso)) : "–");

/** The same for narrow places: without the year where it is this one. */
export function shortDateTime(iso, now = new Date()) {
  const date = new Date(iso);
  const sameYear = date.getFullYear() === now.getFullYear();
  return sameYear ? `${DAY.format(date)}, ${CLOCK.format(date)}` : dateTime(iso);
}

/** Hours, minutes, seconds in the reader's zone. */
export const clock = (date) => CLOCK.format(date);

/** How long ago: "3 h ago". */
export function ago(iso, now = Date.now()) {
  if (!iso) return "never";
  const seconds = (now - new Date(iso).getTime()) / 1000;
  if (seconds < 0) return dateTime(iso);
  if (seconds < 60) return "just now";
  const [unit, size] = UNITS.find(([, length]) => seconds >= length);
  return `${Math.floor(seconds / size)} ${unit} ago`;
}

/** A duration in milliseconds: "250 ms", "6.2 s", "1 min 25 s", "2 h 3 min". */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A nominal interval in UTC, as schedules and partitions are: "19 Nov 2026, 10:00–11:00 UTC". */
export function interval(start, end) {
  if (!start) return null;
  const from = new Date(start);
  const first = `${UTC_DAY.format(from)}, ${UTC_CLOCK.format(from)}`;
  if (!end) return `${first} UTC`;
  const to = new Date(end);
  const sameDay = UTC_DAY.format(from) === UTC_DAY.format(to);
  return `${first}–${sameDay ? "" : `${UTC_DAY.format(to)}, `}${UTC_CLOCK.format(to)} UTC`;
}

/** A count with its noun: "1 job", "1,200 rows". */
export const count = (n, noun, plural = `${noun}s`) => `${NUMBER.format(n)} ${n === 1 ? noun : plural}`;

/** A name cut in its middle; more is kept of its end, which tells names of one family apart. */
export function shorten(name, length) {
  if (name.length <= length) return name;
  const head = Math.floor((length - 1) * 0.4);
  return `${name.slice(0, head)}…${name.slice(name.length - (length - 1 - head))}`;
}
