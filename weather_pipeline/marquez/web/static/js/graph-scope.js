// Which part of the lineage the graph shows, and the bar on top of it that says so and lets the reader choose.

import { h } from "./dom.js";
import { count } from "./format.js";
import { columnKey } from "./columns.js";
import { countStates, nodeKey } from "./model.js";
import { around } from "./reach.js";
import { format } from "./router.js";

const DIRECTIONS = [["Whole graph", null], ["Around", "around"], ["Upstream", "up"], ["Downstream", "down"]];
const DEPTHS = [["1", 1], ["2", 2], ["3", 3], ["5", 5], ["All", null]];

/**
 * What the graph view draws for a page and its route: `scope` (changes with what the graph is of), `graph`, `selected`
 * and `legend`. A chosen column shows its own graph, and `show` only what lies around the chosen node.
 */
export function graphScope({ namespace, jobs, graph, detail }, route) {
  const key = route.node && nodeKey(route.node);
  const loaded = detail?.graph && key === nodeKey(detail.node);
  if (loaded && route.column && detail.column?.name === route.column) {
    const selected = columnKey({ namespace: route.node.namespace, dataset: route.node.name, field: route.column });
    return { scope: `column ${selected}`, graph: detail.column, selected, legend: columnLegend(detail.column, route) };
  }
  const whole = loaded && detail.graph.nodes.has(key) ? detail.graph : graph;
  // One that no job of this namespace touches is shown with what lies around it.
  const show = route.show ?? (whole.nodes.has(key) && !graph.nodes.has(key) ? "around" : null);
  const part = show && whole.nodes.has(key) ? around(whole, key, show, route.depth) : graph;
  const scope = part === graph ? `${namespace}` : [namespace, key, show, route.depth].join(" ");
  return { scope, graph: part, selected: key, legend: [...counts(part, jobs), ...(key ? choices({ ...route, show }, graph.nodes.has(key)) : [])] };
}

function counts(graph, jobs) {
  const shown = [...graph.nodes.values()].filter(({ kind }) => kind === "job").map(({ job }) => job);
  const datasets = graph.nodes.size - shown.length;
  const total = jobs.length > shown.length ? ` of ${jobs.length}` : "";
  return [
    h("span", { key: "counts" }, `${count(shown.length, "job")}${total}, ${count(datasets, "dataset")}`),
    ...countStates(shown).map(([{ label, tone }, number]) => h("span", { class: `state ${tone}`, key: tone }, `${number} ${label.toLowerCase()}`)),
  ];
}

function choices(route, within) {
  const link = ([label, value], option, chosen) =>
    h("a", { key: label, href: format({ ...route, [option]: value }), "aria-current": chosen ? "true" : null }, label);
  return [
    h("span", { class: "choice", key: "show", role: "group", "aria-label": "What the graph shows" },
      // The whole graph is no choice for what is not in it.
      DIRECTIONS.filter(([, show]) => show || within).map((direction) => link(direction, "show", route.show === direction[1]))),
    route.show && h("span", { class: "choice", key: "depth", role: "group", "aria-label": "Steps" }, h("span", { class: "quiet" }, "Steps"),
      DEPTHS.map((depth) => link(depth, "depth", route.depth === depth[1]))),
  ];
}

function columnLegend(graph, route) {
  return [
    h("span", { key: "counts" }, `${count(graph.nodes.size, "column")} on the way of `, h("code", {}, route.column)),
    h("a", { key: "back", href: format({ ...route, column: null }) }, "Back to the whole graph"),
  ];
}
