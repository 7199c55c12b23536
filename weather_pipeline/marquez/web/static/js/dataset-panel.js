// The panel of a dataset: how fresh it is, a chosen column, what depends on it, its quality, columns and versions.

import { chart } from "./chart.js";
import { columnSection } from "./column-section.js";
import { h } from "./dom.js";
import { count, dateTime } from "./format.js";
import { impact } from "./impact.js";
import { list, neighbours, nodeKey } from "./model.js";
import { facts, nodeList, panelHead, section, timeliness, when } from "./parts.js";
import { history, passed, rows } from "./quality.js";
import { format } from "./router.js";
import { withChanges } from "./schema-history.js";
import { dataUpTo, isWritten, schedule } from "./timeliness.js";

/** The panel's content for a loaded dataset. */
export function datasetPanel(detail, route) {
  const { node, dataset, versions, totalCount, graph } = detail;
  const key = nodeKey(node);
  const points = history(versions, node);
  const producers = neighbours(graph, key, "up");
  return [
    panelHead(node, "Dataset", route,
      freshness(dataset, versions, producers),
      description(dataset) && h("p", {}, description(dataset))),
    route.column && (detail.column?.name === route.column ? columnSection(detail, points, route) : h("p", { class: "quiet" }, "Reading…")),
    section("Written by", nodeList(producers, route, "No job: it comes from outside.")),
    section("Read by", nodeList(neighbours(graph, key, "down"), route, "No job.")),
    impact(graph, node, key, route),
    quality(points, node, route),
    section(`Columns: ${list(dataset.fields).length}`, fieldTable(list(dataset.fields), node, route)),
    section(versions.length < totalCount ? `Versions: the last ${versions.length} of ${totalCount}` : `Versions: ${versions.length}`, versionTable(versions, route)),
    about(dataset),
  ];
}

const description = (dataset) => dataset.description ?? dataset.facets?.documentation?.description;

/** When it was written, up to when its data goes, and whether the job that writes it is late. */
function freshness(dataset, versions, producers) {
  const upTo = dataUpTo(versions);
  const schedules = producers.map(({ job }) => schedule(list(job?.latestRuns))).filter(Boolean);
  const latest = schedules.sort((a, b) => b.overdue - a.overdue)[0] ?? null;
  return [
    h("p", { class: "summary" }, h("span", {}, "Last written "), when(versions.find(isWritten)?.createdAt ?? dataset.lastModifiedAt)),
    upTo && h("p", { class: "summary" }, h("span", {}, "Holds data up to "), h("time", { datetime: upTo }, dateTime(upTo))),
    latest && h("p", { class: "summary" }, timeliness(latest)),
  ];
}

/** Rows and checks of the versions, as charts. Marquez keeps the checks of a version with the version. */
function quality(points, node, route) {
  const withLinks = (series) => series.map((point) => ({ ...point, href: runHref(point.run, route) }));
  const written = withLinks(rows(points));
  const checked = withLinks(passed(points));
  if (written.length === 0 && checked.length === 0) return null;
  const last = points.findLast(({ checks }) => checks.total > 0)?.checks;
  return section("Quality over time",
    written.length > 0 && h("div", { class: "block", key: "rows" }, h("h4", {}, `Rows: ${count(written.at(-1).value, "row")} at last`),
      written.length > 1 && chart({ key: "rows-chart", label: `Rows of ${node.name}`, points: written, format: rounded })),
    checked.length > 0 && h("div", { class: "block", key: "checks" },
      h("h4", {}, last.failed === 0 ? `Checks: all ${last.total} passed at last` : `Checks: ${last.failed} of ${last.total} failed at last (${last.names.join(", ")})`),
      checked.length > 1 && chart({ key: "checks-chart", label: `Checks of ${node.name} that passed`, points: checked, format: percent, to: 104 })));
}

const rounded = (value) => new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 }).format(value);

const percent = (value) => (value > 100 ? "" : `${Math.round(value)}%`);

function runHref(run, route) {
  if (!run?.jobVersion) return null;
  const { namespace, name } = run.jobVersion;
  return format({ ...route, node: { kind: "job", namespace, name }, run: run.id, column: null });
}

function fieldTable(fields, node, route) {
  if (fields.length === 0) return h("p", { class: "quiet" }, "No run has told its columns yet.");
  return h("table", { class: "columns" },
    h("thead", {}, h("tr", {}, ["Name", "Type", "Description"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, fields.map(({ name, type, description: text }) =>
      h("tr", { key: name, class: name === route.column ? "selected" : null },
        h("td", {}, h("a", { href: format({ ...route, node, run: null, column: name }), title: `Where ${name} comes from and goes to` }, h("code", {}, name))),
        h("td", {}, h("span", { class: "type quiet" }, type ?? "–")),
        h("td", { class: "breakable" }, text ?? "")))));
}

function versionTable(versions, route) {
  if (versions.length === 0) return h("p", { class: "quiet" }, "No run has written it yet.");
  return h("table", { class: "versions" },
    h("thead", {}, h("tr", {}, ["Written", "By", "Columns"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, withChanges(versions).map(({ version, changes }) =>
      h("tr", { key: version.version },
        h("td", { title: `version ${version.version}` }, dateTime(version.createdAt), !isWritten(version) && h("span", { class: "sub" }, notWritten(version))),
        h("td", { class: "breakable" }, writer(version.createdByRun, route)),
        h("td", {}, String(list(version.fields).length), changes.length > 0 && changeList(changes))))));
}

/** Why a version is told of that was not written. */
const notWritten = ({ createdByRun }) => (createdByRun.state === "RUNNING" ? "its run has not ended" : "its run did not complete");

const CHANGES = {
  added: ({ name, type }) => ["+", [name, type].filter(Boolean).join(" "), "added"],
  removed: ({ name, type }) => ["−", [name, type].filter(Boolean).join(" "), "removed"],
  changed: ({ name, type, was }) => ["±", `${name}: ${was ?? "no type"} → ${type ?? "no type"}`, "changed"],
  moved: ({ name }) => ["↕", name, "changed"],
};

const changeList = (changes) =>
  h("ul", { class: "changes", "aria-label": "What changed" }, changes.map((change) => {
    const [sign, text, word] = CHANGES[change.kind](change);
    return h("li", { class: change.kind }, h("span", { "aria-hidden": "true" }, sign), h("span", { class: "hidden" }, `${word}: `), h("code", {}, text));
  }));

function writer(run, route) {
  if (!run?.jobVersion) return "–";
  return h("a", { href: runHref(run, route), title: `Run ${run.id}` }, run.jobVersion.name);
}

function about(dataset) {
  const { ownership, dataSource, storage } = dataset.facets ?? {};
  return section("About", facts([
    ["Owners", list(ownership?.owners).map(({ name }) => name).join(", ")],
    ["Tags", list(dataset.tags).join(", ")],
    ["Source", dataSource?.uri && h("span", { class: "breakable" }, dataSource.uri)],
    ["Format", storage?.fileFormat],
    ["First seen", dateTime(dataset.createdAt)],
  ]));
}
