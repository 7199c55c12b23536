// All namespaces: what they hold, and how the jobs there fare.

import { h } from "./dom.js";
import { countStates, isDataNamespace, list } from "./model.js";
import { when } from "./parts.js";
import { format } from "./router.js";
import { numberCell, sheet, tableRow } from "./table.js";

const COLUMNS = ["Namespace", "Holds", ["Jobs", "number"], ["Datasets", "number"], "Last states", "Last run", "Owner"];

/** The table's content. `more.allJobs` are the jobs of all namespaces. */
export function namespacesView({ namespaces, namespace, more }, route) {
  const held = contents(list(more?.allJobs));
  return [sheet("Namespaces", COLUMNS, [...namespaces].sort((a, b) => a.name.localeCompare(b.name)).map((each) =>
    row(each, held.get(each.name) ?? { jobs: [], datasets: new Set() }, each.name === namespace ? route : { ...route, node: null })))];
}

/** Jobs and names of datasets by namespace. */
function contents(jobs) {
  const held = new Map();
  const at = (name) => {
    if (!held.has(name)) held.set(name, { jobs: [], datasets: new Set() });
    return held.get(name);
  };
  for (const job of jobs) {
    at(job.namespace).jobs.push(job);
    for (const { namespace, name } of [...list(job.inputs), ...list(job.outputs)]) at(namespace).datasets.add(name);
  }
  return held;
}

function row({ name, ownerName }, { jobs, datasets }, route) {
  const runs = jobs.map((job) => job.latestRun).filter(Boolean).map((run) => run.startedAt ?? run.createdAt);
  const newest = runs.sort((a, b) => Date.parse(b) - Date.parse(a))[0];
  return tableRow(name, null, route,
    h("a", { href: format({ namespace: name, view: "graph" }) }, name),
    [
      h("td", {}, isDataNamespace(name) ? "Data" : "Jobs"),
      numberCell(jobs.length > 0 ? String(jobs.length) : "–"),
      numberCell(datasets.size > 0 ? String(datasets.size) : "–"),
      h("td", {}, jobs.length > 0 ? countStates(jobs).map(([{ label, tone }, number]) => h("span", { class: `state ${tone}` }, `${number} ${label.toLowerCase()} `)) : "–"),
      h("td", {}, newest ? when(newest) : "–"),
      h("td", {}, ownerName && ownerName !== "anonymous" ? ownerName : "–"),
    ]);
}
