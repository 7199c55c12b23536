// Pieces that several views share.

import { h } from "./dom.js";
import { ago, dateTime, duration, shortDateTime, shorten } from "./format.js";
import { dataMark, inline, stateMark } from "./icons.js";
import { stateOf } from "./model.js";
import { format, toNode } from "./router.js";

/** A run state as mark and word. */
export function stateBadge(run) {
  const { label, tone } = stateOf(run);
  return h("span", { class: `state ${tone}` }, inline(stateMark(tone)), label);
}

/** The same for narrow places: the word is for assistive technology and for the pointer. */
export function stateIcon(run) {
  const { label, tone } = stateOf(run);
  return h("span", { class: `state ${tone}`, title: label }, inline(stateMark(tone)), h("span", { class: "hidden" }, label));
}

/** A link to a node, in the view that is open. */
export function nodeLink(node, route, length = 44) {
  const mark = node.kind === "job" ? stateMark(stateOf(node.job?.latestRun).tone) : dataMark();
  const title = `${node.name}\n${node.namespace}`;
  return h("a", { class: "node-link", href: toNode(route, node), title },
    inline(mark),
    h("span", { class: "name" }, shorten(node.name, length)),
    h("span", { class: "sub" }, shorten(node.namespace, 30)));
}

/** A list of links to nodes, or a word where there are none. */
export const nodeList = (nodes, route, none) =>
  nodes.length === 0
    ? h("p", { class: "quiet" }, none)
    : h("ul", { class: "links" }, nodes.map((node) => h("li", {}, nodeLink(node, route))));

/** A time as people say it, with the exact one as its title. */
export const when = (iso) => (iso ? h("time", { datetime: iso, title: `${dateTime(iso)} (${iso})` }, ago(iso)) : "–");

/** What a schedule (see timeliness.js) says: late, on time, or nothing where there is none. */
export function timeliness(schedule) {
  if (!schedule) return null;
  const { overdue, late, due, started } = schedule;
  if (overdue) return h("span", { class: "late", title: `The next run was due ${dateTime(due.toISOString())}` }, `Overdue: due ${ago(due.toISOString())}`);
  const next = `The next is due ${dateTime(due.toISOString())}`;
  return late
    ? h("span", { class: "late", title: next }, `The run of ${shortDateTime(started.toISOString())} started ${duration(late)} late`)
    : h("span", { class: "on-time", title: next }, "On time");
}

/** A heading with what stands below it: the same one whatever number the heading ends with. */
export const section = (title, ...content) => h("section", { key: title.split(":")[0] }, h("h3", {}, title), ...content);

/** Names and values in two columns; entries without a value are left out. */
export const facts = (entries) =>
  h("dl", { class: "facts" },
    entries.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));

/** The head of a panel: what it is, its name, where it lives. */
export const panelHead = (node, kind, route, ...more) =>
  h("header", { class: "panel-head" },
    h("div", { class: "kind" }, h("span", {}, kind), h("a", { class: "close", href: format({ ...route, node: null, run: null, column: null, show: null, depth: null }), "aria-label": "Close", title: "Close (Esc)" }, "×")),
    h("h2", { title: node.name }, node.name),
    h("p", { class: "quiet breakable" }, node.namespace),
    ...more);

/** A message in the middle of a view. */
export const emptyState = (title, ...lines) => h("div", { class: "empty" }, h("h2", {}, title), lines.map((line) => h("p", {}, line)));
