// The page: reads what the address asks for, shows it, and asks again every few seconds.

import * as api from "./api.js";
import { datasetPanel } from "./dataset-panel.js";
import { datasetsView } from "./datasets-view.js";
import { drawAll, h, patch } from "./dom.js";
import { eventsView } from "./events-view.js";
import { Focus } from "./focus.js";
import { clock } from "./format.js";
import { graphScope } from "./graph-scope.js";
import { GraphView } from "./graph-view.js";
import { renderHeader } from "./header.js";
import { jobPanel, missingPanel, untoldPanel } from "./job-panel.js";
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
const elements = Object.fromEntries(["bar", "banner", "main", "heading", "view", "panel"].map((id) => [id, find(id)]));

/** The views that are lists. Those that need no job show before the first one has run. */
const LISTS = { jobs: jobsView, datasets: datasetsView, events: eventsView, namespaces: namespacesView, search: searchView };
const WITHOUT_JOBS = ["events", "namespaces", "search"];

const HEADINGS = { graph: "Lineage graph", jobs: "Jobs", datasets: "Datasets", events: "Events", namespaces: "Namespaces", search: "Search" };

const list = h("div", { class: "list" });
const notice = h("div", { class: "notice" });
const graphView = new GraphView(elements.view, coveredByPanel, () => render());
const focus = new Focus(elements.panel);
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
    const page = await loadPage(state.route, signal);
    if (signal.aborted) return;
    state.page = page;
    state.live = { ok: true, at: new Date(), problem: null };
    pinNamespace();
  } catch (error) {
    if (signal.aborted) return;
    report(error);
    state.live = { ...state.live, ok: false, problem: error };
  } finally {
    // A tab that nobody sees asks nothing: what was under way when it was hidden is the last.
    if (!signal.aborted && !document.hidden) timer = setTimeout(refresh, Math.max(POLL_MS, REST * (performance.now() - began)));
  }
  elements.main.removeAttribute("aria-busy");
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

/** Draw everything; the focus stays where it is. */
const render = () => focus.keep(draw);

/** Draw each part. One that can't be drawn leaves the others alone, and the banner says why. */
function draw() {
  let { problem } = state.live;
  const parts = [() => renderHeader(elements.bar, state), () => drawPanel(state), () => drawView(state)];
  for (const drawPart of parts) {
    try {
      drawPart();
    } catch (error) {
      report(error);
      problem ??= error;
    }
  }
  patch(elements.banner, problem ? [banner({ ...state.live, problem })] : []);
}

function drawView({ page, route: asked, config, live }) {
  const route = { ...asked, namespace: page.namespace };
  const unread = live.at === null;
  const empty = page.jobs.length === 0 && (unread || !live.ok || !WITHOUT_JOBS.includes(route.view));
  const isGraph = route.view === "graph";
  graphView.element.hidden = !isGraph || page.jobs.length === 0;
  list.hidden = isGraph || empty;
  notice.hidden = !empty;
  patch(notice, empty && live.ok ? [unread ? stillReading() : nothingYet(page, config)] : []);
  if (empty) patch(list, []);
  else if (isGraph) graphView.render(graphScope(page, route), route);
  // A view that has just been chosen waits for what it alone shows.
  else patch(list, [h("div", { key: route.view }, waits(page, route) ? (live.ok ? stillReading() : notRead()) : LISTS[route.view](page, route))]);
  document.title = [route.column, route.node?.name, page.namespace, "Lineage"].filter(Boolean).join(" · ");
  // The others are of all namespaces.
  const of = WITHOUT_JOBS.includes(route.view) ? null : page.namespace;
  const heading = [HEADINGS[route.view], of].filter(Boolean).join(" of ");
  if (elements.heading.textContent !== heading) elements.heading.textContent = heading;
}

const stillReading = () => h("p", { class: "quiet" }, "Reading…");
const notRead = () => h("p", { class: "quiet" }, "Not read yet: the lineage backend does not answer.");

/** Whether what the open view alone shows has not been read yet. */
function waits({ more }, { view, q, offset }) {
  if (view === "jobs") return false;
  return more?.view !== view || (view === "search" && more.q !== q) || (view === "events" && more.offset !== (offset ?? 0));
}

function drawPanel({ page: { detail, namespace }, route: asked, live }) {
  const { panel } = elements;
  const route = { ...asked, namespace };
  panel.hidden = !route.node;
  document.body.classList.toggle("with-panel", Boolean(route.node));
  if (!route.node) return patch(panel, []);
  const loaded = detail && nodeKey(detail.node) === nodeKey(route.node);
  const key = nodeKey(route.node);
  patch(panel, [h("div", { class: "panel-body", key }, loaded ? content(detail, route) : live.ok ? stillReading() : notRead())]);
  drawAll(panel);
  const shown = `${key} ${route.column ?? ""}`;
  if (panel.dataset.shown !== shown) panel.scrollTop = 0;
  panel.dataset.shown = shown;
  revealRun(panel, `${key} ${route.run ?? ""}`);
}

/** Scroll to a run that has just been opened, as from a chart: its details are far below. */
function revealRun(panel, shown) {
  const opened = panel.querySelector(".run.open");
  if (opened && panel.dataset.run !== shown) {
    const { top, bottom } = opened.getBoundingClientRect();
    const above = top - panel.getBoundingClientRect().top - 12;
    const below = bottom - panel.getBoundingClientRect().bottom + 12;
    panel.scrollTop += above < 0 ? above : Math.max(0, Math.min(above, below));
  }
  panel.dataset.run = opened ? shown : "";
}

function content(detail, route) {
  if (detail.kind === "job") return jobPanel(detail, route).filter(Boolean);
  if (detail.kind === "dataset") return datasetPanel(detail, route).filter(Boolean);
  return detail.kind === "untold" ? untoldPanel(detail, route) : missingPanel(detail.node, route);
}

function banner({ at, problem }) {
  const seen = at ? `What you see was read at ${clock(at)}.` : "Nothing could be read yet.";
  return h("p", { class: "banner" }, h("strong", {}, describe(problem)), ` ${seen} Trying again every few seconds.`);
}

function describe(problem) {
  if (!(problem instanceof api.ApiError)) return `A part of this page can't show what the lineage backend answered: ${problem.message}.`;
  if (problem.status === 401 || problem.status === 403) {
    return `The lineage backend refuses this page: ${problem.message} The page's server shows it the token of WEATHER_LINEAGE_TOKEN, or the password in MARQUEZ_URL.`;
  }
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
  const { node } = state.route;
  if (node && (!before.node || nodeKey(node) !== nodeKey(before.node))) focus.chosen();
  elements.main.setAttribute("aria-busy", "true");
  // The panel opens at once, on what is known; a different namespace waits for its data.
  if (state.route.namespace === before.namespace || state.route.namespace === state.page.namespace) render();
  else renderHeader(elements.bar, state);
  refresh();
});
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && state.route.node) location.hash = format({ ...state.route, namespace: state.page.namespace ?? state.route.namespace, ...CLOSED });
});
new SearchBox(find("search"), () => ({ namespace: state.page.namespace, graph: state.page.graph }));
// Charts are drawn in the colours of the moment.
themeButton(find("theme"), render);
render();
refresh();
