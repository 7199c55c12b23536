// The datasets that a namespace's jobs read and write, as a table.

import { h } from "./dom.js";
import { shorten } from "./format.js";
import { byName, lastCompleted, list, neighbours, nodeKey, stateOf } from "./model.js";
import { when } from "./parts.js";
import { toNode } from "./router.js";
import { numberCell, sheet, tableRow } from "./table.js";

const COLUMNS = ["Dataset", "Written", "Written by", ["Columns", "number"], ["Read by", "number"], "Checks", "Tags"];

/** The table's content. `more.datasets` are the datasets as the backend knows them. */
export function datasetsView({ namespace, graph, more }, route) {
  const known = new Map(list(more?.datasets).map((dataset) => [nodeKey({ ...dataset, kind: "dataset" }), dataset]));
  const nodes = [...graph.nodes.values()].filter(({ kind }) => kind === "dataset");
  nodes.sort((a, b) => byName(a.namespace, b.namespace) || byName(a.name, b.name));
  return [sheet(`Datasets of ${namespace}`, COLUMNS, nodes.map((node) => row(node, known.get(node.key), graph, { ...route, namespace })))];
}

function row(node, dataset, graph, route) {
  const producers = neighbours(graph, node.key, "up");
  const tags = list(dataset?.tags);
  const written = lastCompleted(producers.map(({ job }) => job)) ?? dataset?.lastModifiedAt;
  return tableRow(node.key, node, route,
    [h("a", { href: toNode(route, node), title: node.name }, shorten(node.name, 48)), h("span", { class: "sub" }, node.namespace)],
    [
      h("td", {}, written ? when(written) : "–"),
      h("td", {}, producers.length > 0 ? producers.map((producer) => writer(producer, route)) : "–"),
      numberCell(String(list(dataset?.fields).length || "–")),
      numberCell(String(neighbours(graph, node.key, "down").length)),
      h("td", {}, checks(dataset) ?? "–"),
      h("td", {}, tags.length > 0 ? tags.join(", ") : "–"),
    ]);
}

const writer = (node, route) =>
  h("a", { class: `writer ${stateOf(node.job?.latestRun).tone}`, href: toNode(route, node), title: node.name }, shorten(node.name, 36));

/** How the checks on the newest version went. */
function checks(dataset) {
  const assertions = list(dataset?.facets?.dataQualityAssertions?.assertions);
  if (assertions.length === 0) return null;
  const failed = assertions.filter(({ success }) => success === false).length;
  return h("span", { class: `state ${failed > 0 ? "failed" : "completed"}` }, failed > 0 ? `${failed} of ${assertions.length} failed` : `${assertions.length} passed`);
}
