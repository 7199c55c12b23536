// The address of every view: #/NAMESPACE/VIEW[/KIND/NAMESPACE/NAME[/run/ID or /column/NAME]][?OPTIONS]. Each part is
// percent-encoded, so a question mark begins the options. Pure.

export const VIEWS = ["graph", "jobs", "datasets", "events", "namespaces", "search"];
const KINDS = ["job", "dataset"];

/** What of the graph is shown around the chosen node: both directions, what it depends on, what depends on it. */
export const SHOWN = ["around", "up", "down"];

const OPTIONS = {
  show: (text) => (SHOWN.includes(text) ? text : null),
  depth: (text) => positive(text),
  offset: (text) => positive(text),
  q: (text) => text,
  event: (text) => text,
};

const NOTHING = { node: null, run: null, column: null, ...Object.fromEntries(Object.keys(OPTIONS).map((name) => [name, null])) };

/** Read a hash. Parts that make no sense are left out, so an old address still shows something. */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [namespace, view, kind, nodeNamespace, name, part, value] = path.split("/").map(decode);
  const route = { ...NOTHING, namespace: namespace || null, view: VIEWS.includes(view) ? view : "graph" };
  if (KINDS.includes(kind) && nodeNamespace && name) {
    route.node = { kind, namespace: nodeNamespace, name };
    if (kind === "job" && part === "run" && value) route.run = value;
    if (kind === "dataset" && part === "column" && value) route.column = value;
  }
  for (const [option, text] of new URLSearchParams(query)) {
    if (Object.hasOwn(OPTIONS, option)) route[option] = OPTIONS[option](text);
  }
  return route;
}

/** The hash of a route; what it leaves out is not chosen. */
export function format({ namespace, view = "graph", node, run, column, ...options }) {
  const parts = [namespace ?? "", view];
  if (node) parts.push(node.kind, node.namespace, node.name);
  if (node && run) parts.push("run", run);
  else if (node && column) parts.push("column", column);
  const query = new URLSearchParams(Object.keys(OPTIONS).flatMap((name) => (options[name] ? [[name, options[name]]] : [])));
  return `#/${parts.map(encodeURIComponent).join("/")}${query.size > 0 ? `?${query}` : ""}`;
}

/** The hash that opens a node in the view that is open, with nothing of it chosen yet. */
export const toNode = (route, node) => format({ ...route, node, run: null, column: null });

const positive = (text) => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : null);

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
