// What breaks if a node changes: everything that depends on it, nearest first.

import { h } from "./dom.js";
import { count } from "./format.js";
import { nodeLink, section } from "./parts.js";
import { downstream } from "./reach.js";
import { format } from "./router.js";

const SHOWN = 12;

/** The section of a job's or a dataset's panel. `graph` holds at least what depends on the node. */
export function impact(graph, node, key, route) {
  const found = downstream(graph, key);
  if (found.length === 0) return section("If this changes", h("p", { class: "quiet" }, "Nothing that is known here depends on it."));
  const link = format({ ...route, view: "graph", node, run: null, column: null, show: "down", depth: null });
  return section("If this changes",
    h("p", {}, `${affected(found)} `, h("a", { class: "more", href: link }, "Show them in the graph")),
    list(found.slice(0, SHOWN), route),
    found.length > SHOWN && h("details", {},
      h("summary", {}, `${found.length - SHOWN} more`),
      list(found.slice(SHOWN), route)));
}

const list = (found, route) => h("ul", { class: "links" }, found.map(({ node }) => h("li", { key: node.key }, nodeLink(node, route))));

function affected(found) {
  const of = (kind) => found.filter(({ node }) => node.kind === kind).length;
  const parts = [of("job") > 0 && count(of("job"), "job"), of("dataset") > 0 && count(of("dataset"), "dataset")].filter(Boolean);
  return `${parts.join(" and ")} ${found.length === 1 ? "depends" : "depend"} on it.`;
}
