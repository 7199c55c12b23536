// Whether a job runs when it should, and how fresh a dataset is. Marquez knows no schedules: nominal times tell. Pure.

import { nominalTime } from "./model.js";

/** A start this long after its time, in ms, is on time: a scheduler needs a moment. */
const PATIENCE = 120_000;

/**
 * The schedule that the last runs of a job show, or null where they show none.
 * Runs of a schedule start soon after their nominal interval ends (after its start where it has no end), or some time
 * later, as those before did: a schedule may let an hour settle. The time between them is that which most often lies
 * between two nominal times: one run may be missing, and a day be an hour shorter where clocks change. Backfills and
 * runs that somebody started say nothing.
 * Returns `period` (ms), `due` (when the next is), `overdue` (ms, 0 while it is not), `started` (when the first run of
 * the newest interval did) and `late` (by how many ms that was late, 0 where it was not).
 */
export function schedule(runs, now = Date.now()) {
  const timed = runs.map(timesOf).filter(Boolean);
  const shortest = shortestOf(timed);
  if (!shortest) return null;
  const regular = timed.filter(({ started, due }) => started >= due - shortest && started - due <= 2 * shortest);
  if (regular.length === 0) return null;
  const period = commonest(gaps(regular)) ?? shortest;
  const newest = Math.max(...regular.map(({ due }) => due));
  const usual = usualDelay(regular, newest);
  const first = firstStart(regular, newest);
  const due = newest + period + usual;
  return { period, due: new Date(due), overdue: beyond(now - due), started: new Date(first), late: beyond(first - newest - usual) };
}

/** When the first run of an interval started, in ms. */
const firstStart = (timed, interval) => Math.min(...timed.filter(({ due }) => due === interval).map(({ started }) => started));

/** How long after their intervals runs start, in ms: half of the earlier ones up to so much. One alone is on time. */
function usualDelay(timed, newest) {
  const intervals = [...new Set(timed.map(({ due }) => due))];
  const earlier = intervals.length > 1 ? intervals.filter((due) => due !== newest) : intervals;
  const delays = earlier.map((due) => firstStart(timed, due) - due).sort((a, b) => a - b);
  return beyond(delays[Math.floor((delays.length - 1) / 2)]);
}

/** Whether a version was written: its run may have failed before it wrote, and one that runs has not ended writing. */
export const isWritten = ({ createdByRun }) => !createdByRun?.state || createdByRun.state === "COMPLETED";

/** Up to when a dataset's newest version holds data: the end of the nominal interval of its run, or null. */
export function dataUpTo(versions) {
  const ends = versions.filter(isWritten).flatMap(({ createdByRun }) => (createdByRun ? [nominalTime(createdByRun).end] : [])).filter(Boolean);
  return ends.sort((a, b) => Date.parse(b) - Date.parse(a))[0] ?? null;
}

/** Who launches runs that are on no schedule, as Dagster calls them. */
const UNPLANNED = ["manual", "backfill"];

function timesOf(run) {
  if (UNPLANNED.includes(run.facets?.dagster_run?.launchedBy)) return null;
  const { start, end } = nominalTime(run);
  const started = Date.parse(run.startedAt ?? run.createdAt);
  if (!start || Number.isNaN(started)) return null;
  const from = Date.parse(start);
  const due = end ? Date.parse(end) : from;
  return { started, due, length: due - from };
}

function shortestOf(timed) {
  // With a single nominal time its own length has to do.
  const found = Math.min(...gaps(timed));
  const period = Number.isFinite(found) ? found : timed[0]?.length;
  return period > 0 ? period : null;
}

/** The times between nominal times, in ms. */
function gaps(timed) {
  const times = [...new Set(timed.map(({ due }) => due))].sort((a, b) => a - b);
  return times.slice(1).map((time, index) => time - times[index]);
}

/** The number that is there most often, of several such the smallest; null without any. */
function commonest(numbers) {
  const counts = new Map();
  for (const number of numbers) counts.set(number, (counts.get(number) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || a - b)[0]?.[0] ?? null;
}

const beyond = (ms) => (ms > PATIENCE ? ms : 0);
