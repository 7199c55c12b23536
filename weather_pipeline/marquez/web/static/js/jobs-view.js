// The jobs of a namespace as a table.

import { h } from "./dom.js";
import { duration, shorten } from "./format.js";
import { nodeKey, sorted } from "./model.js";
import { stateBadge, when } from "./parts.js";
import { format } from "./router.js";
import { partitionOf } from "./run-detail.js";

const COLUMNS = ["Job", "Last state", "Last run", "Duration", "Partition", "Reads", "Writes"];

/** The table's content. */
export function jobsView({ namespace, jobs }, route) {
  return [
    h("div", { class: "sheet" },
      h("table", { class: "jobs" },
        h("caption", { class: "hidden" }, `Jobs of ${namespace}`),
        h("thead", {}, h("tr", {}, COLUMNS.map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, sorted(jobs).map((job) => row(job, { ...route, namespace }))))),
  ];
}

function row(job, route) {
  const node = { kind: "job", namespace: job.namespace, name: job.name };
  const selected = route.node && nodeKey(route.node) === nodeKey(node);
  const run = job.latestRun;
  return h("tr", { key: nodeKey(node), class: selected ? "selected" : null },
    h("th", { scope: "row" },
      h("a", { href: format({ ...route, node, run: null }), title: job.name, "aria-current": selected ? "true" : null }, shorten(job.name, 48)),
      job.description && h("span", { class: "sub", title: job.description }, job.description)),
    h("td", {}, stateBadge(run)),
    h("td", {}, run ? when(run.startedAt ?? run.createdAt) : "–"),
    h("td", { class: "number" }, duration(run?.durationMs)),
    h("td", {}, (run && partitionOf(run)) ?? "–"),
    h("td", { class: "number" }, String(job.inputs.length)),
    h("td", { class: "number" }, String(job.outputs.length)));
}
