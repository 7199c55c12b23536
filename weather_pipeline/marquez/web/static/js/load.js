// Reads what a route shows. No state is kept here: the same route and the same answers give the same page.

import * as api from "./api.js";
import { buildGraph, isDataNamespace } from "./model.js";

const RUNS = 50;
const VERSIONS = 20;

/** Everything that a route shows: namespaces, the one that is shown and whether the backend knows it, jobs, graph, and the details of its node. */
export async function loadPage(route, signal) {
  const namespaces = await api.namespaces(signal);
  const namespace = route.namespace ?? (await firstNamespace(namespaces, signal));
  if (!namespace) return { namespaces, namespace: null, known: false, jobs: [], graph: buildGraph([]), detail: null };
  const [jobs, detail] = await Promise.all([jobsOf(namespace, signal), loadDetail(route, signal)]);
  // One that the backend hides or lists only from now on is known by its jobs.
  const known = jobs.length > 0 || namespaces.some(({ name }) => name === namespace);
  return { namespaces, namespace, known, jobs, graph: buildGraph(jobs), detail };
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
  const touches = (job) => [...job.inputs, ...job.outputs].some((dataset) => dataset.namespace === namespace);
  return (await api.allJobs(signal)).filter(touches);
}

async function loadDetail(route, signal) {
  if (!route.node) return null;
  try {
    return route.node.kind === "job" ? await loadJob(route, signal) : await loadDataset(route.node, signal);
  } catch (error) {
    if (error.status === 404) return { kind: "missing", node: route.node };
    throw error;
  }
}

async function loadJob({ node, run }, signal) {
  const [job, { runs, totalCount }] = await Promise.all([api.job(node, signal), api.runs(node, RUNS, signal)]);
  // An address may name a run that is older than those of the list.
  const older = run && !runs.some(({ id }) => id === run) ? await optional(api.run(run, signal)) : null;
  return { kind: "job", node, job, runs: older ? [...runs, older] : runs, totalCount };
}

async function loadDataset(node, signal) {
  const [dataset, versions, lineage] = await Promise.all([
    api.dataset(node, signal),
    api.versions(node, VERSIONS, signal),
    optional(api.lineage(node, 1, signal)),
  ]);
  return { kind: "dataset", node, dataset, versions: versions.versions, totalCount: versions.totalCount, lineage };
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
