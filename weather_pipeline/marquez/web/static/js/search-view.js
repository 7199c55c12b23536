// What the backend found by name.

import { h } from "./dom.js";
import { count } from "./format.js";
import { list } from "./model.js";
import { emptyState, when } from "./parts.js";
import { format } from "./router.js";
import { sheet, tableRow } from "./table.js";

const COLUMNS = ["Name", "Kind", "Namespace", "Updated"];
const KINDS = { JOB: "job", DATASET: "dataset" };

/** The list's content. */
export function searchView({ namespace, more }, asked) {
  const route = { ...asked, namespace };
  const found = foundNodes(more?.results);
  if (!route.q) return [emptyState("Search", "Type a part of a name into the box on top: jobs and datasets of all namespaces are searched.")];
  if (found.length === 0) return [emptyState(`Nothing is called ${route.q}`, "Jobs and datasets of all namespaces were searched by their names.")];
  return [
    h("p", { class: "paging" }, `${count(found.length, "name")} with “${route.q}”`),
    sheet(`Names with ${route.q}`, COLUMNS, found.map((result) => row(result, route))),
  ];
}

/** The results of a search as nodes, each with the time of its last change. */
export const foundNodes = (results) =>
  list(results)
    .filter(({ type }) => type in KINDS)
    .map(({ type, namespace, name, updatedAt }) => ({ kind: KINDS[type], namespace, name, updatedAt }));

function row({ updatedAt, ...node }, route) {
  const { kind, namespace, name } = node;
  return tableRow(`${kind} ${namespace} ${name}`, node, route,
    h("a", { href: nodeAddress(node, route.namespace), title: name }, name),
    [h("td", {}, kind === "job" ? "Job" : "Dataset"), h("td", { class: "breakable" }, namespace), h("td", {}, when(updatedAt))]);
}

/** Where a found node is shown: a job in its own namespace's graph, a dataset in that which is open. */
export const nodeAddress = (node, open) => format({ namespace: node.kind === "job" ? node.namespace : open, view: "graph", node });
