// The bar on top: namespace, view, whether the page is live, and the way to Dagster.

import { h, patch } from "./dom.js";
import { clock } from "./format.js";
import { isDataNamespace } from "./model.js";
import { VIEWS, format, parse } from "./router.js";

const TITLES = { graph: "Graph", jobs: "Jobs", datasets: "Datasets", events: "Events", namespaces: "Namespaces" };

/** What belongs to one view alone. */
const ELSEWHERE = { q: null, event: null, offset: null };

/** Draw the bar; choosing a namespace changes the address. */
export function renderHeader(element, { page, route, config, live }) {
  // The one that was chosen, though it may still be read.
  const namespace = route.namespace ?? page.namespace;
  patch(element, [
    h("a", { class: "brand", key: "brand", href: "#/" }, h("img", { src: "static/favicon.svg", alt: "", width: 22, height: 22 }), "Lineage"),
    h("label", { class: "namespace", key: "namespace", hidden: page.namespaces.length === 0 }, h("span", {}, "Namespace"), namespaceSelect(page)),
    h("nav", { key: "views", "aria-label": "Views" },
      VIEWS.filter((view) => view in TITLES).map((view) =>
        h("a", { href: format({ ...route, ...ELSEWHERE, namespace, view }), "aria-current": view === route.view ? "page" : null }, TITLES[view]))),
    h("span", { class: `live ${live.ok ? "ok" : "away"}`, key: "live", title: "This page asks for news every few seconds." },
      live.ok ? (live.at ? "Live" : "Reading") : "Waiting", live.at && h("span", { class: "at" }, clock(live.at))),
    config.dagsterUrl && h("a", { class: "outside", key: "dagster", href: config.dagsterUrl, rel: "noreferrer" }, "Open Dagster"),
  ]);
  const select = element.querySelector("select");
  const listed = page.namespaces.some(({ name }) => name === namespace);
  const chosen = listed ? namespace : page.known ? page.namespace : "";
  if (select.value !== chosen) select.value = chosen;
  select.onchange = () => {
    location.hash = format({ namespace: select.value, view: parse(location.hash).view });
  };
}

function namespaceSelect({ namespaces, namespace, known }) {
  const names = namespaces.map(({ name }) => name);
  if (known && !names.includes(namespace)) names.unshift(namespace);
  const group = (label, list) =>
    list.length > 0 && h("optgroup", { label }, list.map((name) => h("option", { value: name, key: name }, name)));
  return h("select", { "aria-label": "Namespace" },
    !known && h("option", { value: "", key: "none", hidden: true }, "Choose one"),
    group("Jobs", names.filter((name) => !isDataNamespace(name))),
    group("Data", names.filter(isDataNamespace)));
}
