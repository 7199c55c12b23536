// The address of every view: #/NAMESPACE/VIEW[/KIND/NAMESPACE/NAME[/run/ID]], each part percent-encoded. Pure.

export const VIEWS = ["graph", "jobs"];
const KINDS = ["job", "dataset"];

/** Read a hash. Parts that make no sense are left out, so an old address still shows something. */
export function parse(hash) {
  const parts = hash.replace(/^#\/?/, "").split("/").map(decode);
  const [namespace, view, kind, nodeNamespace, name, run, runId] = parts;
  const route = { namespace: namespace || null, view: VIEWS.includes(view) ? view : "graph", node: null, run: null };
  if (KINDS.includes(kind) && nodeNamespace && name) {
    route.node = { kind, namespace: nodeNamespace, name };
    if (kind === "job" && run === "run" && runId) route.run = runId;
  }
  return route;
}

/** The hash of a route. */
export function format({ namespace, view = "graph", node = null, run = null }) {
  const parts = [namespace ?? "", view];
  if (node) parts.push(node.kind, node.namespace, node.name);
  if (node && run) parts.push("run", run);
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
