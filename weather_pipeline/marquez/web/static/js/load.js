// Reads what a route shows. No state is kept here: the same route and the same answers give the same page.

import * as api from "./api.js";
import { columnGraph } from "./columns.js";
import { buildGraph, isDataNamespace, list, nodeKey, withLineage } from "./model.js";
import { downstream } from "./reach.js";

const RUNS = 50;
const VERSIONS = 50;
const EVENTS = 50;
const FOUND = 200;

/** How far lineage is followed from the chosen node: Marquez's own default, in its steps. */
const DEPTH = 20;

/** How many requests of one kind are under way at once. */
const AT_ONCE = 6;

/** How many datasets are asked for the lineage of one column. */
const ASKED = 12;

/**
 * Everything that a route shows: `namespaces`, the `namespace` that is shown and whether the backend knows it, its
 * `jobs` and `graph`, the `detail` of the chosen node, and `more`: what only the open view needs.
 */
export async function loadPage(route, signal) {
  const namespaces = await namespacesOf(signal);
  const namespace = route.namespace ?? (await firstNamespace(namespaces, signal));
  if (!namespace) return { namespaces, namespace: null, known: false, jobs: [], graph: buildGraph([]), detail: null, more: null };
  const [jobs, found] = await Promise.all([jobsOf(namespace, signal), loadDetail(route, signal)]);
  const graph = buildGraph(jobs);
  // What the chosen node touches may belong to other namespaces.
  const detail = found && { ...found, graph: buildGraph(withLineage(jobs, found.lineage)) };
  if (detail?.kind === "dataset" && route.column) detail.column = await loadColumn(detail, route.column, signal);
  // One that the backend hides or lists only from now on is known by its jobs.
  const known = jobs.length > 0 || namespaces.some(({ name }) => name === namespace);
  return { namespaces, namespace, known, jobs, graph, detail, more: await loadMore(route, graph, signal) };
}

/**
 * All namespaces. A Marquez that was once sent a name it refuses answers 500 to this for ever: then those of its jobs
 * and their data.
 */
async function namespacesOf(signal) {
  const told = await optional(api.namespaces(signal));
  if (told) return told;
  const jobs = await api.allJobs(signal);
  const names = jobs.flatMap((job) => [job, ...list(job.inputs), ...list(job.outputs)]).map(({ namespace }) => namespace);
  return [...new Set(names)].sort().map((name) => ({ name }));
}

/** The namespace to begin with: that of the job that changed last, else one in which jobs to come may show. */
async function firstNamespace(namespaces, signal) {
  const job = await api.newestJob(signal);
  return job?.namespace ?? namespaces.find(({ name }) => !isDataNamespace(name))?.name ?? null;
}

/** A namespace's jobs; where it holds only data, the jobs anywhere that read or write that data. */
async function jobsOf(namespace, signal) {
  const own = await api.jobs(namespace, signal);
  if (own.length > 0) return own;
  const touches = (job) => [...list(job.inputs), ...list(job.outputs)].some((dataset) => dataset.namespace === namespace);
  return (await api.allJobs(signal)).filter(touches);
}

async function loadDetail(route, signal) {
  if (!route.node) return null;
  try {
    return route.node.kind === "job" ? await loadJob(route, signal) : await loadDataset(route, signal);
  } catch (error) {
    if (error.status === 404) return { kind: "missing", node: route.node };
    // What can't be told of one node leaves the rest: a name may be refused, and Marquez fails at some questions.
    if (error.status === 400 || error.status === 500) return { kind: "untold", node: route.node, problem: error.message };
    throw error;
  }
}

async function loadJob({ node, run }, signal) {
  const [job, { runs, totalCount }, lineage] = await Promise.all([
    api.job(node, signal),
    api.runs(node, RUNS, signal),
    optional(api.lineage(node, DEPTH, signal)),
  ]);
  // An address may name a run that is older than those of the list.
  const older = run && !runs.some(({ id }) => id === run) ? await optional(api.run(run, signal)) : null;
  return { kind: "job", node, run, job, runs: older ? [...runs, older] : runs, totalCount, lineage };
}

async function loadDataset({ node }, signal) {
  const [dataset, { versions, totalCount }, lineage] = await Promise.all([
    api.dataset(node, signal),
    api.versions(node, VERSIONS, signal),
    optional(api.lineage(node, DEPTH, signal)),
  ]);
  return { kind: "dataset", node, dataset, versions, totalCount, lineage };
}

/**
 * The graph of a column: where it comes from and goes to. Marquez answers nothing for a dataset that is only read, so
 * those that depend on it are asked too, the nearest first.
 */
async function loadColumn({ node, graph, lineage }, column, signal) {
  // One without columns is not asked: Marquez answers 404.
  const withColumns = new Set(list(lineage?.graph).filter(({ data }) => list(data?.fields).length > 0).map(({ id }) => id));
  const dependent = downstream(graph, nodeKey(node)).map((found) => found.node).filter(({ kind, namespace, name }) => withColumns.has(`${kind}:${namespace}:${name}`));
  const answers = await each([node, ...dependent].slice(0, ASKED), (dataset) => optional(api.columnLineage(dataset, DEPTH, signal)));
  return { name: column, ...columnGraph(answers, { namespace: node.namespace, dataset: node.name, field: column }) };
}

/** What the open view alone shows. */
async function loadMore({ view, offset, q }, graph, signal) {
  if (view === "datasets") return loadDatasets(graph, signal);
  if (view === "events") return { view, ...(await api.events(EVENTS, offset ?? 0, signal)), offset: offset ?? 0, limit: EVENTS };
  if (view === "namespaces") return { view, allJobs: await api.allJobs(signal) };
  if (view === "search") return { view, q, ...(q ? await api.search(q, FOUND, signal) : { results: [], totalCount: 0 }) };
  return null;
}

/** The datasets of a graph as the backend knows them, by namespace and name. */
async function loadDatasets(graph, signal) {
  const nodes = [...graph.nodes.values()].filter(({ kind }) => kind === "dataset");
  const names = [...new Set(nodes.map(({ namespace }) => namespace))];
  const found = await each(names, (name) => optional(api.datasets(name, signal)));
  return { view: "datasets", datasets: found.flatMap((datasets) => datasets ?? []) };
}

/** What `ask` answers for each of a list, a few at a time. */
async function each(list, ask) {
  const answers = [];
  const waiting = list.entries();
  const work = async () => {
    for (const [index, one] of waiting) answers[index] = await ask(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return answers;
}

/** An answer, or null where the backend has none: Marquez answers 404 and 500 to some questions of this kind. */
async function optional(promise) {
  try {
    return await promise;
  } catch (error) {
    if (error.status === 404 || error.status === 500) return null;
    throw error;
  }
}
