// The panel of a dataset: its columns, who writes and reads it, and its versions.

import { h } from "./dom.js";
import { dateTime } from "./format.js";
import { list, neighbours } from "./model.js";
import { facts, nodeList, panelHead, section, when } from "./parts.js";
import { format } from "./router.js";

/** The panel's content for a loaded dataset. */
export function datasetPanel({ node, dataset, versions, totalCount, lineage }, graph, route) {
  const { producers, consumers } = neighbours(node, graph, lineage);
  return [
    panelHead(node, "Dataset", route,
      h("p", { class: "summary" }, h("span", {}, "Last written "), when(versions[0]?.createdAt ?? dataset.lastModifiedAt)),
      description(dataset) && h("p", {}, description(dataset))),
    section("Written by", nodeList(producers, route, "No job: it comes from outside.")),
    section("Read by", nodeList(consumers, route, "No job.")),
    section(`Columns: ${dataset.fields.length}`, fieldTable(dataset.fields)),
    section(versions.length < totalCount ? `Versions: the last ${versions.length} of ${totalCount}` : `Versions: ${versions.length}`, versionTable(versions, route)),
    about(dataset),
  ];
}

const description = (dataset) => dataset.description ?? dataset.facets?.documentation?.description;

function fieldTable(fields) {
  if (fields.length === 0) return h("p", { class: "quiet" }, "No run has told its columns yet.");
  return h("table", { class: "columns" },
    h("thead", {}, h("tr", {}, ["Name", "Type", "Description"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, fields.map(({ name, type, description: text }) =>
      h("tr", {},
        h("td", {}, h("code", {}, name)),
        h("td", {}, h("span", { class: "type quiet" }, type ?? "–")),
        h("td", { class: "breakable" }, text ?? "")))));
}

function versionTable(versions, route) {
  if (versions.length === 0) return h("p", { class: "quiet" }, "No run has written it yet.");
  return h("table", {},
    h("thead", {}, h("tr", {}, ["Written", "By", "Columns"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, versions.map((version, index) =>
      h("tr", { key: version.version },
        h("td", { title: `version ${version.version}` }, dateTime(version.createdAt)),
        h("td", { class: "breakable" }, writer(version.createdByRun, route)),
        h("td", {}, String(version.fields.length), schemaChanged(version, versions[index + 1]) && h("span", { class: "tag" }, "changed"))))));
}

const schemaChanged = (version, before) => before && version.currentSchemaVersion !== before.currentSchemaVersion;

function writer(run, route) {
  if (!run?.jobVersion) return "–";
  const { namespace, name } = run.jobVersion;
  return h("a", { href: format({ ...route, node: { kind: "job", namespace, name }, run: run.id }), title: `Run ${run.id}` }, name);
}

function about(dataset) {
  const { ownership, dataSource, storage } = dataset.facets ?? {};
  return section("About", facts([
    ["Owners", list(ownership?.owners).map(({ name }) => name).join(", ")],
    ["Source", dataSource?.uri && h("span", { class: "breakable" }, dataSource.uri)],
    ["Format", storage?.fileFormat],
    ["First seen", dateTime(dataset.createdAt)],
  ]));
}
