// The last runs of a job as a row of bars, oldest first: colour and mark of the state, height by duration.

import { svg } from "./dom.js";
import { count, duration, shortDateTime } from "./format.js";
import { stateOf } from "./model.js";

/** Room on top for the mark of a failure. */
const NOTCH = 4;
const BAR = { width: 7, gap: 2, least: 5, height: 30 };

/** The bars. With `hrefOf` (run to address) each is a link, and `open` is the id of the one that is open. */
export function strip(runs, { hrefOf = null, open = null } = {}) {
  const oldestFirst = [...runs].reverse();
  const longest = Math.max(...runs.map(({ durationMs }) => durationMs ?? 0), 1);
  const width = Math.max(runs.length * (BAR.width + BAR.gap) - BAR.gap, 1);
  const bars = oldestFirst.map((run, index) => bar(run, index, longest, { hrefOf, open }));
  return svg("svg", {
    class: "strip", width, height: BAR.height, viewBox: `0 0 ${width} ${BAR.height}`,
    role: hrefOf ? "group" : "img", "aria-label": summary(runs),
  }, bars);
}

function bar(run, index, longest, { hrefOf, open }) {
  const { label, tone } = stateOf(run);
  const started = run.startedAt ?? run.createdAt;
  const text = `${shortDateTime(started)}: ${label.toLowerCase()}, ${duration(run.durationMs)}`;
  const height = Math.max(BAR.least, Math.round(((BAR.height - NOTCH) * (run.durationMs ?? 0)) / longest));
  const box = svg("rect", { x: index * (BAR.width + BAR.gap), y: BAR.height - height, width: BAR.width, height, rx: 1.5 });
  const attributes = { class: `bar ${tone}${run.id === open ? " open" : ""}`, key: run.id };
  // Failures differ by more than their colour: a notch on top.
  const notch = tone === "failed" && svg("path", { class: "notch", d: `M${index * (BAR.width + BAR.gap)},${BAR.height - height - 2}h${BAR.width}` });
  if (!hrefOf) return svg("g", attributes, svg("title", {}, text), box, notch);
  return svg("a", { ...attributes, href: hrefOf(run), "aria-label": text, "aria-current": run.id === open ? "true" : null },
    svg("title", {}, text),
    // The whole height can be clicked, however short the run was.
    svg("rect", { class: "reach", x: index * (BAR.width + BAR.gap) - BAR.gap / 2, y: 0, width: BAR.width + BAR.gap, height: BAR.height }),
    box, notch);
}

function summary(runs) {
  const failed = runs.filter(({ state }) => state === "FAILED").length;
  return `The last ${count(runs.length, "run")}: ${failed === 0 ? "none failed" : `${failed} failed`}`;
}

/** What a list of runs says of their duration: median and longest of those that ended, in ms; null without any. */
export function durations(runs) {
  const ended = runs.map(({ durationMs }) => durationMs).filter(Number.isFinite).sort((a, b) => a - b);
  return ended.length > 0 ? { median: ended[Math.floor(ended.length / 2)], longest: ended.at(-1) } : null;
}
