// The page: reads what the address asks for, shows it, and asks again every few seconds.

import * as api from "./api.js";
import { datasetPanel } from "./dataset-panel.js";
import { datasetsView } from "./datasets-view.js";
import { drawAll, h, patch } from "./dom.js";
import { eventsView } from "./events-view.js";
import { clock } from "./format.js";
import { graphScope } from "./graph-scope.js";
import { GraphView } from "./graph-view.js";
import { renderHeader } from "./header.js";
import { jobPanel, missingPanel } from "./job-panel.js";
import { jobsView } from "./jobs-view.js";
import { loadPage } from "./load.js";
import { buildGraph, nodeKey } from "./model.js";
import { namespacesView } from "./namespaces-view.js";
import { emptyState } from "./parts.js";
import { format, parse } from "./router.js";
import { SearchBox } from "./search-box.js";
import { searchView } from "./search-view.js";
import { themeButton } from "./theme.js";

const POLL_MS = 4000;

/** The page rests this many times as long as a reading took: a large graph is no load on a slow backend. */
const REST = 5;

const find = (id) => document.getElementById(id);
const elements = { bar: find("bar"), banner: find("banner"), view: find("view"), panel: find("panel") };

/** The views that are lists. Those that need no job show before the first one has run. */
const LISTS = { jobs: jobsView, datasets: datasetsView, events: eventsView, namespaces: namespacesView, search: searchView };
const WITHOUT_JOBS = ["events", "namespaces", "search"];

const list = h("div", { class: "list" });
const notice = h("div", { class: "notice" });
const graphView = new GraphView(elements.view, coveredByPanel);
elements.view.append(list, notice);

const state = {
  config: { marquezUrl: null, dagsterUrl: null },
  route: parse(location.hash),
  page: { namespaces: [], namespace: null, known: false, jobs: [], graph: buildGraph([]), detail: null, more: null },
  live: { ok: true, at: null, problem: null },
};
/** What goes with a panel that is closed. */
const CLOSED = { node: null, run: null, column: null, show: null, depth: null };

let reading = new AbortController();
let timer = 0;

/** Read the page's data, show it, and plan the next time. A newer call ends the one before. */
async function refresh() {
  clearTimeout(timer);
  reading.abort();
  reading = new AbortController();
  const { signal } = reading;
  const began = performance.now();
  try {
    if (!state.config.marquezUrl) state.config = await api.config(signal);
    state.page = await loadPage(state.route, signal);
    if (signal.aborted) return;
    state.live = { ok: true, at: new Date(), problem: null };
    pinNamespace();
  } catch (error) {
    if (signal.aborted) return;
    report(error);
    state.live = { ...state.live, ok: false, problem: error };
  } finally {
    if (!signal.aborted) timer = setTimeout(refresh, Math.max(POLL_MS, REST * (performance.now() - began)));
  }
  render();
}

/** Tell a developer about an error of the page's own; one of the backend is told to the reader alone. */
function report(error) {
  if (!(error instanceof api.ApiError)) console.error(error);
}

/** Put the namespace that was chosen for the reader into the address: it can be shared and stays the same. */
function pinNamespace() {
  const { route, page } = state;
  if (route.namespace || page.jobs.length === 0) return;
  state.route = { ...route, namespace: page.namespace };
  history.replaceState(null, "", format(state.route));
}

/** Draw everything. A part that can't be drawn leaves the others alone, and the banner says why. */
function render() {
  let { problem } = state.live;
  const parts = [() => renderHeader(elements.bar, state), () => drawPanel(state), () => drawView(state)];
  for (const draw of parts) {
    try {
      draw();
    } catch (error) {
      report(error);
      problem ??= error;
    }
  }
  patch(elements.banner, problem ? [banner({ ...state.live, problem })] : []);
}

function drawView({ page, route: asked, config, live }) {
  const route = { ...asked, namespace: page.namespace };
  const empty = page.jobs.length === 0 && (live.at !== null || !live.ok) && !(live.ok && WITHOUT_JOBS.includes(route.view));
  const isGraph = route.view === "graph";
  graphView.element.hidden = !isGraph || page.jobs.length === 0;
  list.hidden = isGraph || empty;
  notice.hidden = !empty;
  if (empty) patch(notice, live.ok ? [nothingYet(page, config)] : []);
  else if (isGraph) graphView.render(graphScope(page, route), route);
  // A view that has just been chosen waits for what it alone shows.
  else patch(list, [h("div", { key: route.view }, waits(page, route) ? h("p", { class: "quiet" }, "Reading…") : LISTS[route.view](page, route))]);
  document.title = [route.column, route.node?.name, page.namespace, "Lineage"].filter(Boolean).join(" · ");
}

/** Whether what the open view alone shows has not been read yet. */
function waits({ more }, { view, q, offset }) {
  if (view === "jobs") return false;
  return more?.view !== view || (view === "search" && more.q !== q) || (view === "events" && more.offset !== (offset ?? 0));
}

function drawPanel({ page: { detail, namespace }, route: asked }) {
  const { panel } = elements;
  const route = { ...asked, namespace };
  panel.hidden = !route.node;
  document.body.classList.toggle("with-panel", Boolean(route.node));
  if (!route.node) return patch(panel, []);
  const loaded = detail && nodeKey(detail.node) === nodeKey(route.node);
  const key = nodeKey(route.node);
  patch(panel, [h("div", { class: "panel-body", key }, loaded ? content(detail, route) : h("p", { class: "quiet" }, "Reading…"))]);
  drawAll(panel);
  const shown = `${key} ${route.column ?? ""}`;
  if (panel.dataset.shown !== shown) panel.scrollTop = 0;
  panel.dataset.shown = shown;
}

function content(detail, route) {
  if (detail.kind === "job") return jobPanel(detail, route).filter(Boolean);
  if (detail.kind === "dataset") return datasetPanel(detail, route).filter(Boolean);
  return missingPanel(detail.node, route);
}

function banner({ at, problem }) {
  const seen = at ? `What you see was read at ${clock(at)}.` : "Nothing could be read yet.";
  return h("p", { class: "banner" }, h("strong", {}, describe(problem)), ` ${seen} Trying again every few seconds.`);
}

function describe(problem) {
  if (!(problem instanceof api.ApiError)) return `A part of this page can't show what the lineage backend answered: ${problem.message}.`;
  const away = problem.status === 0 || problem.status === 502;
  return away ? problem.message : `The lineage backend answers with an error: ${problem.message}`;
}

function nothingYet({ namespaces, namespace, known }, { marquezUrl, dagsterUrl }) {
  if (namespace && !known) return unknownNamespace(namespace, namespaces, marquezUrl);
  return emptyState(
    namespace ? `No lineage yet in ${namespace}` : "No lineage yet",
    `This page reads ${marquezUrl}, which holds no job ${namespace ? "in this namespace" : "so far"}.`,
    dagsterUrl
      ? ["Materialize an asset in ", h("a", { href: dagsterUrl, rel: "noreferrer" }, "Dagster"), ": its run appears here by itself within seconds."]
      : "Start a run of a pipeline that sends OpenLineage events there: it appears here by itself within seconds.",
  );
}

function unknownNamespace(namespace, others, marquezUrl) {
  return emptyState(
    `Namespace ${namespace} is not known`,
    `This page reads ${marquezUrl}, which knows no namespace of this name.${others.length > 0 ? " Choose another one above." : ""}`,
    "The address may be wrong or old, or the first run has not arrived yet: this page looks again every few seconds.",
  );
}

/** How much of the view the panel covers: it lies on the right, or below on a narrow screen. */
function coveredByPanel() {
  if (elements.panel.hidden) return {};
  const panel = elements.panel.getBoundingClientRect();
  const view = elements.view.getBoundingClientRect();
  const below = panel.width >= view.width - 1;
  return below ? { bottom: Math.max(0, view.bottom - panel.top) } : { right: Math.max(0, view.right - panel.left) };
}

window.addEventListener("hashchange", () => {
  const before = state.route;
  state.route = parse(location.hash);
  // The panel opens at once, on what is known; a different namespace waits for its data.
  if (state.route.namespace === before.namespace || state.route.namespace === state.page.namespace) render();
  refresh();
});
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && state.route.node) location.hash = format({ ...state.route, namespace: state.page.namespace, ...CLOSED });
});
new SearchBox(find("search"), () => ({ namespace: state.page.namespace, graph: state.page.graph }));
// Charts are drawn in the colours of the moment.
themeButton(find("theme"), render);
refresh();
