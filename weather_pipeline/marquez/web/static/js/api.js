// Marquez's API, read through this page's own origin.

const PAGE_SIZE = 500;

/** Longer than the page's server waits for the backend: it can tell which of the two does not answer. */
const TIMEOUT_MS = 40_000;

/** An answer that is not the one asked for. `status` is 0 where there was none. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export const namespaces = async (signal) => {
  const all = await pages("/api/v1/namespaces", "namespaces", signal);
  return all.filter((namespace) => !namespace.isHidden);
};

export const jobs = (namespace, signal) => pages(`/api/v1/namespaces/${encode(namespace)}/jobs`, "jobs", signal);

export const allJobs = (signal) => pages("/api/v1/jobs", "jobs", signal);

export const newestJob = async (signal) => (await get("/api/v1/jobs?limit=1&offset=0", signal)).jobs[0] ?? null;

export const job = ({ namespace, name }, signal) =>
  get(`/api/v1/namespaces/${encode(namespace)}/jobs/${encode(name)}`, signal);

export const runs = ({ namespace, name }, limit, signal) =>
  get(`/api/v1/namespaces/${encode(namespace)}/jobs/${encode(name)}/runs?limit=${limit}&offset=0`, signal);

export const run = (id, signal) => get(`/api/v1/jobs/runs/${encode(id)}`, signal);

export const dataset = ({ namespace, name }, signal) =>
  get(`/api/v1/namespaces/${encode(namespace)}/datasets/${encode(name)}`, signal);

export const versions = ({ namespace, name }, limit, signal) =>
  get(`/api/v1/namespaces/${encode(namespace)}/datasets/${encode(name)}/versions?limit=${limit}&offset=0`, signal);

export const lineage = ({ kind, namespace, name }, depth, signal) =>
  get(`/api/v1/lineage?nodeId=${encode(`${kind}:${namespace}:${name}`)}&depth=${depth}`, signal);

export const datasets = (namespace, signal) => pages(`/api/v1/namespaces/${encode(namespace)}/datasets`, "datasets", signal);

/** Column lineage of all columns of a dataset: `{ graph }`. */
export const columnLineage = ({ namespace, name }, depth, signal) =>
  get(`/api/v1/column-lineage?nodeId=${encode(`dataset:${namespace}:${name}`)}&depth=${depth}&withDownstream=true`, signal);

/** Events as they were received, the newest first: `{ events, totalCount }`. */
export const events = (limit, offset, signal) => get(`/api/v1/events/lineage?limit=${limit}&offset=${offset}&sortDirection=desc`, signal);

/** Jobs and datasets whose names hold a text: `{ results, totalCount }`. */
export const search = (text, limit, signal) => get(`/api/v1/search?q=${encode(text)}&limit=${limit}`, signal);

export const config = (signal) => get("/config.json", signal);

const encode = encodeURIComponent;

async function pages(path, field, signal) {
  const all = [];
  for (;;) {
    const answer = await get(`${path}?limit=${PAGE_SIZE}&offset=${all.length}`, signal);
    all.push(...answer[field]);
    const more = "totalCount" in answer ? all.length < answer.totalCount : answer[field].length === PAGE_SIZE;
    if (!more || answer[field].length === 0) return all;
  }
}

async function get(path, signal) {
  const { status, ok, text } = await request(path, signal);
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ApiError(`${path} answered ${status} without JSON.`, status);
  }
  if (!ok) throw new ApiError(body?.message ?? `${path} answered ${status}.`, status);
  return body;
}

/** A whole answer: a connection may break, and a backend fall silent, in the middle of a body too. */
async function request(path, signal) {
  try {
    const answer = await fetch(path, { signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) });
    return { status: answer.status, ok: answer.ok, text: await answer.text() };
  } catch (error) {
    if (signal.aborted) throw error;
    const reason = error.name === "TimeoutError" ? "does not answer in time" : "can't be reached";
    throw new ApiError(`The server of this page ${reason}.`, 0);
  }
}
