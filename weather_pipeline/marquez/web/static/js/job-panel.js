// The panel of a job: what it is, its last error, its runs over time, what depends on it, and its runs.

import { chart } from "./chart.js";
import { h } from "./dom.js";
import { dateTime, duration, shortDateTime } from "./format.js";
import { impact } from "./impact.js";
import { STATES, errorOf, isWebAddress, list, nodeKey, stateOf } from "./model.js";
import { facts, nodeList, panelHead, section, stateBadge, stateIcon, timeliness, when } from "./parts.js";
import { format } from "./router.js";
import { partitionOf, runDetail } from "./run-detail.js";
import { durations, strip } from "./strip.js";
import { schedule } from "./timeliness.js";

/** The panel's content for a loaded job. */
export function jobPanel(detail, route) {
  const { job, runs } = detail;
  const datasets = (names) => list(names).map(({ namespace, name }) => ({ kind: "dataset", namespace, name }));
  return [
    panelHead(detail.node, "Job", route,
      h("p", { class: "summary" }, stateBadge(job.latestRun), job.latestRun && when(job.latestRun.startedAt ?? job.latestRun.createdAt)),
      h("p", { class: "summary" }, timeliness(schedule(runs))),
      job.description && h("p", {}, job.description)),
    lastError(runs, detail.node, route),
    overTime(detail, route),
    section("Reads", nodeList(datasets(job.inputs), route, "Nothing.")),
    section("Writes", nodeList(datasets(job.outputs), route, "Nothing.")),
    impact(detail.graph, detail.node, nodeKey(detail.node), route),
    runList(detail, route),
    about(job),
  ];
}

/** How the newest run failed: the answer to the commonest question stands on top, unless it is open below. */
function lastError(runs, node, route) {
  const [newest] = runs;
  const error = errorOf(newest);
  const failed = stateOf(newest) === STATES.FAILED;
  if ((!error && !failed) || route.run === newest.id) return null;
  return h("a", { class: "callout failed", key: "last-error", href: format({ ...route, node, run: newest.id }) },
    h("strong", {}, failed ? "The last run failed" : "The last run told of an error"),
    h("span", { class: "breakable" }, error ? error.message : "It gave no reason."),
    h("span", { class: "more" }, "Show the run"));
}

/** States as bars, and durations as a chart; both lead to their runs. */
function overTime({ node, runs }, route) {
  if (runs.length < 2) return null;
  const hrefOf = (run) => format({ ...route, node, run: run.id });
  const ended = [...runs].reverse().filter(({ durationMs }) => Number.isFinite(durationMs));
  const points = ended.map((run) => ({ time: Date.parse(run.startedAt ?? run.createdAt), value: run.durationMs, href: hrefOf(run) }));
  const long = durations(runs);
  return section("Runs over time",
    h("div", { class: "strip-box", key: "strip" }, strip(runs, { hrefOf, open: route.run })),
    long && h("p", { class: "quiet" }, `Half of them took up to ${duration(long.median)}, the longest ${duration(long.longest)}.`),
    points.length > 2 && chart({ key: "durations", label: "Duration of the runs", points, format: duration }));
}

function runList({ node, run: asked, runs, totalCount }, route) {
  const lost = asked && asked === route.run && !runs.some(({ id }) => id === route.run);
  const title = runs.length < totalCount ? `Runs: the last ${runs.length} of ${totalCount}` : `Runs: ${runs.length}`;
  if (runs.length === 0) return section("Runs", h("p", { class: "quiet" }, "It has not run yet."));
  return section(title,
    lost && h("p", { class: "quiet breakable" }, `The lineage backend does not know the run ${route.run}: it may keep runs only so long.`),
    h("div", { class: "run-list" },
      h("div", { class: "run-row run-head", "aria-hidden": "true" },
        h("span"), h("span", {}, "Started"), h("span", {}, "Duration"), h("span", {}, "Partition")),
      runs.map((run) => runEntry(run, node, route))));
}

function runEntry(run, node, route) {
  const open = run.id === route.run;
  const started = run.startedAt ?? run.createdAt;
  return h("div", { class: open ? "run open" : "run", key: run.id },
    h("a", { class: "run-row", href: format({ ...route, node, run: open ? null : run.id }), "aria-expanded": String(open) },
      stateIcon(run),
      h("span", { title: started }, shortDateTime(started)),
      h("span", { class: "number" }, duration(run.durationMs)),
      h("span", { class: "breakable" }, partitionOf(run) ?? "–")),
    open && runDetail(run, { ...route, node }));
}

function about(job) {
  const { ownership, sourceCodeLocation, tags, jobType } = job.facets ?? {};
  const location = sourceCodeLocation?.url ?? job.location;
  const entries = [
    ["Type", [jobType?.integration, jobType?.jobType].filter(Boolean).join(" ").toLowerCase()],
    ["Owners", list(ownership?.owners).map(({ name }) => name).join(", ")],
    ["Tags", list(tags?.tags).map(({ key, value }) => (value && value !== "true" ? `${key}: ${value}` : key)).join(", ")],
    ["Source code", location && source(location, sourceCodeLocation?.path)],
    ["First seen", dateTime(job.createdAt)],
    ["Parent job", job.parentJobName],
  ];
  return section("About", facts(entries));
}

const source = (url, path) =>
  isWebAddress(url) ? h("a", { href: url, rel: "noreferrer", class: "breakable" }, path ?? url) : h("span", { class: "breakable" }, url);

/** The panel of a node of which the backend could not tell. */
export const untoldPanel = ({ node, problem }, route) => [
  panelHead(node, node.kind === "job" ? "Job" : "Dataset", route),
  h("p", {}, "The lineage backend answers with an error to what this panel asks:"),
  h("p", { class: "breakable" }, problem),
  h("p", { class: "quiet" }, "The page looks again every few seconds."),
];

/** The panel of a node that the backend does not know. */
export const missingPanel = (node, route) => [
  panelHead(node, node.kind === "job" ? "Job" : "Dataset", route),
  h("p", {}, `The lineage backend knows no ${node.kind} of this name in this namespace.`),
  h("p", { class: "quiet" }, "The address may be old, or the first run has not arrived yet: this page looks again every few seconds."),
];
