// What the API's answers mean: run states, and the graph that a list of jobs holds. Pure.

import { makeGraph } from "./reach.js";

/** Marquez's run states, with the word and the tone that the page uses. */
export const STATES = {
  FAILED: { label: "Failed", tone: "failed" },
  ABORTED: { label: "Aborted", tone: "aborted" },
  RUNNING: { label: "Running", tone: "running" },
  NEW: { label: "Waiting", tone: "waiting" },
  COMPLETED: { label: "Completed", tone: "completed" },
  NONE: { label: "No runs", tone: "none" },
};

export const stateOf = (run) => STATES[run?.state] ?? STATES.NONE;

/** One string for a node, equal only for the same kind, namespace and name. */
export const nodeKey = ({ kind, namespace, name }) => [kind, namespace, name].map(encodeURIComponent).join("/");

/**
 * The graph of a list of jobs: each job carries its inputs and outputs, so one request gives the whole.
 * Returns `nodes` (by key: kind, namespace, name, and `job` for jobs), `edges` (from, to: keys), and the neighbours of
 * each key along the edges (`down`) and against them (`up`).
 */
export function buildGraph(jobs) {
  const nodes = new Map();
  const edges = new Map();
  const add = (node) => {
    const key = nodeKey(node);
    if (!nodes.has(key)) nodes.set(key, { ...node, key });
    return key;
  };
  const connect = (from, to) => edges.set(`${from}>${to}`, { from, to });
  for (const job of sorted(jobs)) {
    const key = add({ kind: "job", namespace: job.namespace, name: job.name, job });
    for (const dataset of list(job.inputs)) connect(add({ kind: "dataset", ...reference(dataset) }), key);
    for (const dataset of list(job.outputs)) connect(key, add({ kind: "dataset", ...reference(dataset) }));
  }
  return makeGraph([...nodes.values()], [...edges.values()]);
}

/** Jobs of a list, and those of an answer of /lineage that are not in it: they may belong to other namespaces. */
export function withLineage(jobs, lineage) {
  const known = new Set(jobs.map((job) => nodeKey({ kind: "job", ...reference(job) })));
  const others = list(lineage?.graph).filter(({ type }) => type === "JOB").map(({ data }) => data);
  return [...jobs, ...others.filter((job) => job && !known.has(nodeKey({ kind: "job", ...reference(job) })))];
}

/** Jobs in the order of their names: it stays the same whatever ran last. */
export const sorted = (jobs) => [...jobs].sort((a, b) => byName(a.name, b.name) || byName(a.namespace, b.namespace));

/** Names as people order them: 2 before 10. */
export const byName = new Intl.Collator("en", { numeric: true }).compare;

/** How many jobs are in each state, as [state, count] in the order of STATES, without zeros. */
export function countStates(jobs) {
  const counts = new Map(Object.values(STATES).map((state) => [state, 0]));
  for (const job of jobs) counts.set(stateOf(job.latestRun), counts.get(stateOf(job.latestRun)) + 1);
  return [...counts].filter(([, number]) => number > 0);
}

/** The nodes next to one: those that it comes from ("up") or those that come from it ("down"). */
export const neighbours = (graph, key, direction) => (graph[direction].get(key) ?? []).map((next) => graph.nodes.get(next));

/** When jobs last completed, by the runs that come with them: what they write was written then. Null where none did. */
export function lastCompleted(jobs) {
  const ends = jobs.flatMap((job) => list(job?.latestRuns)).filter(({ state, endedAt }) => state === "COMPLETED" && time(endedAt));
  return ends.map(({ endedAt }) => endedAt).sort((a, b) => Date.parse(b) - Date.parse(a))[0] ?? null;
}

/** The nominal interval of a run: Marquez leaves its own fields empty where only the facet has it. */
export function nominalTime(run) {
  const facet = run.facets?.nominalTime ?? {};
  return {
    start: time(run.nominalStartTime ?? facet.nominalStartTime),
    end: time(run.nominalEndTime ?? facet.nominalEndTime),
  };
}

/** The error of a run: message and stack, or null. */
export function errorOf(run) {
  const facet = run?.facets?.errorMessage;
  return facet ? { message: facet.message ?? "No message", stack: facet.stackTrace ?? null } : null;
}

/**
 * The members of a value that should be an array of objects: facets come from any producer, in any shape. None where it
 * is something else.
 */
export const list = (value) => (Array.isArray(value) ? value.filter((member) => member !== null) : []);

/** Whether a value is an address that a browser can open. */
export const isWebAddress = (value) => typeof value === "string" && /^https?:/i.test(value);

/** A value that should be a time: null where it is none. */
const time = (value) => (typeof value === "string" && !Number.isNaN(Date.parse(value)) ? value : null);

/** Whether a namespace is one of data, by OpenLineage's naming: a URI, `file`, or Marquez's own `default`. */
export const isDataNamespace = (name) => name.includes("://") || name === "file" || name === "default";

const reference = ({ namespace, name }) => ({ namespace, name });
