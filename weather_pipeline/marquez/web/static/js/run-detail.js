// One run, opened in the list of runs: its error, what it read and wrote, and the checks on its data.

import { h } from "./dom.js";
import { count, dateTime, interval, shorten } from "./format.js";
import { dataMark, inline } from "./icons.js";
import { errorOf, isWebAddress, list, nominalTime } from "./model.js";
import { facts } from "./parts.js";
import { format } from "./router.js";

/** The partitions of a run, or the start of its nominal interval as Dagster writes partitions; null without both. A time
 * without an end is that of a schedule, and no partition. */
export function partitionOf(run) {
  const partitions = list(run.facets?.dagster_run?.partitions);
  if (partitions.length === 1) return partitions[0];
  if (partitions.length > 1) return `${partitions[0]} … ${partitions.at(-1)} (${partitions.length})`;
  const { start, end } = nominalTime(run);
  const utc = start && end && new Date(start).toISOString();
  return utc && `${utc.slice(0, 10)}-${utc.slice(11, 16)}`;
}

/** The details of a run. */
export function runDetail(run, route) {
  return h("div", { class: "run-detail" },
    errorBlock(errorOf(run)),
    datasetTable("Read", named(run.inputDatasetVersions), route),
    datasetTable(run.state === "COMPLETED" || !run.state ? "Wrote" : "Was to write", named(run.outputDatasetVersions), route),
    assertionTable(run),
    facts(factsOf(run)));
}

function factsOf(run) {
  const { start, end } = nominalTime(run);
  const { processing_engine: engine, dagster_run: dagster } = run.facets ?? {};
  return [
    ["Started", dateTime(run.startedAt ?? run.createdAt)],
    ["Ended", run.endedAt && dateTime(run.endedAt)],
    ["Nominal time", interval(start, end)],
    ["Launched by", dagster && [dagster.launchedBy, dagster.launchedByName].filter(Boolean).join(" ")],
    ["Attempts", dagster?.attempts > 1 && String(dagster.attempts)],
    ["Engine", engine && [engine.name, engine.version].filter(Boolean).join(" ")],
    ["Dagster", dagster && dagsterLink(dagster)],
    ["Run id", h("code", { class: "breakable" }, run.id)],
  ];
}

/** The way to the run by the address that it carries itself: it may belong to another Dagster than the page's own. */
function dagsterLink({ runId, url }) {
  if (isWebAddress(url)) return h("a", { href: url, rel: "noreferrer" }, "Open the run in Dagster");
  return runId && h("code", { class: "breakable" }, runId);
}

function errorBlock(error) {
  if (!error) return null;
  return h("div", { class: "error", role: "group", "aria-label": "Error" },
    h("pre", { class: "message" }, error.message),
    error.stack && h("details", {}, h("summary", {}, "Stack trace"),
      // A box that scrolls must be reachable for a keyboard.
      h("pre", { tabindex: 0, role: "region", "aria-label": "Stack trace" }, error.stack)));
}

/** The datasets of a run that say which they are. */
const named = (versions) => list(versions).filter(({ datasetVersionId: id }) => id?.name && id.namespace);

function datasetTable(title, versions, route) {
  if (versions.length === 0) return null;
  return h("div", { class: "block" },
    h("h4", {}, title),
    h("ul", { class: "links" },
      versions.map(({ datasetVersionId: id, facets }) =>
        h("li", {},
          h("a", { class: "node-link", href: format({ ...route, node: { kind: "dataset", ...id }, run: null }), title: `${id.name}\n${id.namespace}\nversion ${id.version}` },
            inline(dataMark()),
            h("span", { class: "name" }, shorten(id.name, 40)),
            h("span", { class: "sub" }, [amount(facets ?? {}), id.version && `version ${id.version.slice(0, 8)}`].filter(Boolean).join(", ")))))));
}

/** Rows and files of a dataset in a run, where the producer sent them. */
function amount({ outputStatistics, inputStatistics, dataQualityMetrics }) {
  const statistics = outputStatistics ?? inputStatistics ?? dataQualityMetrics;
  if (!statistics) return null;
  const { rowCount, fileCount } = statistics;
  const parts = [Number.isFinite(rowCount) && count(rowCount, "row"), Number.isFinite(fileCount) && count(fileCount, "file")];
  return parts.filter(Boolean).join(", ") || null;
}

function assertionTable(run) {
  const datasets = [...named(run.inputDatasetVersions), ...named(run.outputDatasetVersions)];
  const rows = datasets.flatMap(({ datasetVersionId: { name }, facets }) =>
    list(facets?.dataQualityAssertions?.assertions).map((assertion) => ({ ...assertion, dataset: name })));
  if (rows.length === 0) return null;
  const failed = rows.filter(({ success }) => !success).length;
  return h("div", { class: "block" },
    h("h4", {}, `Checks: ${failed ? `${failed} of ${rows.length} failed` : `${rows.length} passed`}`),
    h("table", {},
      h("thead", {}, h("tr", {}, ["Result", "Check", "Column", "Dataset"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, rows.sort((a, b) => a.success - b.success).map(assertionRow))));
}

const assertionRow = ({ success, assertion, column, dataset, severity }) =>
  h("tr", {},
    h("td", {}, h("span", { class: `state ${success ? "completed" : severity === "warn" ? "aborted" : "failed"}` }, success ? "Passed" : "Failed")),
    h("td", { class: "breakable" }, assertion),
    h("td", { class: "breakable" }, column ?? "–"),
    h("td", { title: dataset }, shorten(dataset, 24)));
