// One column of a dataset: what it is made from, what is made from it, and its empty values over time.

import { chart } from "./chart.js";
import { columnKey, madeFrom } from "./columns.js";
import { h } from "./dom.js";
import { count, shorten } from "./format.js";
import { list } from "./model.js";
import { empty } from "./quality.js";
import { reach } from "./reach.js";
import { format } from "./router.js";

/** The section of the dataset's panel. The graph of the view shows the same as a picture. */
export function columnSection({ node, dataset, column: graph }, points, route) {
  const field = list(dataset.fields).find(({ name }) => name === route.column);
  const key = columnKey({ namespace: node.namespace, dataset: node.name, field: route.column });
  const nulls = empty(points, route.column);
  return h("section", { class: "chosen-column", key: `column ${route.column}` },
    h("div", { class: "kind" },
      h("h3", {}, "Column ", h("code", {}, route.column)),
      h("a", { class: "close", href: format({ ...route, column: null }), "aria-label": "Close the column", title: "Close the column" }, "×")),
    h("p", { class: "quiet" }, field ? [field.type, field.description].filter(Boolean).join(": ") || "Its type is not known." : "The dataset has no column of this name now."),
    made(dataset, route.column),
    columns("Comes from", graph, reach(graph, key, "up"), "No other column is known.", route),
    columns("Goes into", graph, reach(graph, key, "down"), "No other column is known to be made from it.", route),
    nulls.length > 1 && h("div", { class: "block" },
      h("h4", {}, `Empty values: ${nulls.at(-1).value} at last`),
      chart({ key: "nulls", label: `Empty values of ${route.column}`, points: nulls, format: (value) => String(Math.round(value)) })));
}

function columns(title, graph, found, none, route) {
  const entries = [...found].sort(([, a], [, b]) => a - b).map(([reached]) => graph.nodes.get(reached));
  return h("div", { class: "block" },
    h("h4", {}, entries.length > 0 ? `${title}: ${count(entries.length, "column")}` : title),
    entries.length === 0
      ? h("p", { class: "quiet" }, none)
      : h("ul", { class: "links" }, entries.map((entry) => h("li", { key: entry.key }, columnLink(entry, route)))));
}

function columnLink({ namespace, dataset, name }, route) {
  const node = { kind: "dataset", namespace, name: dataset };
  return h("a", { class: "node-link", href: format({ ...route, node, run: null, column: name }), title: `${name}\n${dataset}\n${namespace}` },
    h("code", { class: "name" }, name),
    h("span", { class: "sub" }, shorten(dataset, 34)));
}

function made(dataset, column) {
  const told = madeFrom(dataset, column).filter(({ how }) => how);
  if (told.length === 0) return null;
  return h("ul", { class: "made" }, told.map(({ field, how }) => h("li", {}, h("code", {}, field), ` ${how}`)));
}
