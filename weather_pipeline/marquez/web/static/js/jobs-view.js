// The jobs of a namespace as a table: last state and run, the last runs as bars, and whether they run when they should.

import { h } from "./dom.js";
import { duration, shorten } from "./format.js";
import { list, sorted } from "./model.js";
import { stateBadge, timeliness, when } from "./parts.js";
import { toNode } from "./router.js";
import { partitionOf } from "./run-detail.js";
import { strip } from "./strip.js";
import { numberCell, sheet, tableRow } from "./table.js";
import { schedule } from "./timeliness.js";

const COLUMNS = ["Job", "Last state", "Last run", ["Duration", "number"], "Last runs", "Schedule", "Partition", ["Reads", "number"], ["Writes", "number"]];

/** The table's content. */
export const jobsView = ({ namespace, jobs }, route) => [
  sheet(`Jobs of ${namespace}`, COLUMNS, sorted(jobs).map((job) => row(job, { ...route, namespace }))),
];

function row(job, route) {
  const node = { kind: "job", namespace: job.namespace, name: job.name };
  const run = job.latestRun;
  const runs = list(job.latestRuns);
  const link = h("a", { href: toNode(route, node), title: job.name }, shorten(job.name, 48));
  return tableRow(`${job.namespace} ${job.name}`, node, route,
    [link, job.description && h("span", { class: "sub", title: job.description }, job.description)],
    [
      h("td", {}, stateBadge(run)),
      h("td", {}, run ? when(run.startedAt ?? run.createdAt) : "–"),
      numberCell(duration(run?.durationMs)),
      h("td", {}, runs.length > 0 ? strip(runs) : "–"),
      h("td", {}, timeliness(schedule(runs)) ?? "–"),
      h("td", {}, (run && partitionOf(run)) ?? "–"),
      numberCell(String(list(job.inputs).length)),
      numberCell(String(list(job.outputs).length)),
    ]);
}
