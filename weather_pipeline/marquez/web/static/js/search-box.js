// The search on top: a combobox over the graph that is open and the names that the backend finds.

import * as api from "./api.js";
import { h, patch } from "./dom.js";
import { shorten } from "./format.js";
import { nodeKey } from "./model.js";
import { format } from "./router.js";
import { foundNodes, nodeAddress } from "./search-view.js";

const WAIT_MS = 150;
const SHOWN = 10;

/** Builds the box into `element`. `current` gives what is open: `{ namespace, graph }`. */
export class SearchBox {
  constructor(element, current) {
    this.current = current;
    this.found = [];
    this.active = -1;
    this.asking = new AbortController();
    this.input = h("input", {
      type: "search", id: "search-input", placeholder: "Search", autocomplete: "off", spellcheck: "false",
      role: "combobox", "aria-label": "Search jobs and datasets", "aria-expanded": "false", "aria-controls": "search-results", "aria-autocomplete": "list",
    });
    this.results = h("ul", { id: "search-results", role: "listbox", "aria-label": "Found", hidden: true });
    element.append(this.input, this.results);
    this.input.addEventListener("input", () => this.ask());
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("focus", () => this.input.value && this.ask());
    element.addEventListener("focusout", ({ relatedTarget }) => !element.contains(relatedTarget) && this.close());
    // A press would take the focus, and with it the list, before the click arrives.
    this.results.addEventListener("pointerdown", (event) => event.preventDefault());
    this.results.addEventListener("click", ({ target }) => target.closest("li") && this.choose(target.closest("li")));
    document.addEventListener("keydown", (event) => this.onSlash(event));
  }

  /** Show what the open graph has at once, and what the backend finds a moment later. */
  async ask() {
    const text = this.input.value.trim();
    // What was chosen among other names is not chosen among these.
    this.active = -1;
    this.asking.abort();
    this.asking = new AbortController();
    const { signal } = this.asking;
    if (!text) return this.close();
    const near = inGraph(this.current().graph, text);
    this.show(near);
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    if (signal.aborted) return undefined;
    try {
      const { results } = await api.search(text, SHOWN, signal);
      if (!signal.aborted) this.show(together(near, results));
    } catch (error) {
      // The page's banner tells when the backend is away; names of the open graph are still found.
      if (!(error instanceof api.ApiError) && !signal.aborted) throw error;
    }
    return undefined;
  }

  show(found) {
    const last = this.active === this.found.length;
    this.found = found.slice(0, SHOWN);
    // The last entry stays the last, whatever the backend finds meanwhile.
    this.active = last ? this.found.length : Math.min(this.active, this.found.length - 1);
    this.draw();
  }

  draw() {
    const { namespace } = this.current();
    const text = this.input.value.trim();
    patch(this.results, [
      ...this.found.map((node, index) => option(node, index, index === this.active, nodeAddress(node, namespace))),
      h("li", { class: "all", key: "all", role: "option", id: "search-all", "aria-selected": String(this.active === this.found.length), "data-href": this.everything() },
        `All names with “${shorten(text, 30)}”`),
    ]);
    this.results.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    const active = this.results.children[this.active];
    if (active) this.input.setAttribute("aria-activedescendant", active.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  everything() {
    return format({ namespace: this.current().namespace, view: "search", q: this.input.value.trim() });
  }

  choose(entry) {
    location.hash = entry?.dataset.href ?? this.everything();
    this.close();
  }

  close() {
    this.asking.abort();
    this.active = -1;
    this.results.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  onKey(event) {
    const { key, isComposing } = event;
    // The keys that choose among an input method's words are not meant for the list.
    if (isComposing) return;
    if (key === "Escape" && !this.results.hidden) {
      event.stopPropagation();
      this.close();
    } else if (key === "Enter" && this.input.value.trim()) {
      this.choose(this.results.children[this.active] ?? this.results.lastChild);
    } else if ((key === "ArrowDown" || key === "ArrowUp") && !this.results.hidden) {
      event.preventDefault();
      const entries = this.found.length + 1;
      this.active = (this.active + (key === "ArrowDown" ? 1 : this.active < 0 ? 0 : -1) + entries) % entries;
      this.draw();
    }
  }

  /** `/` goes to the search, as in many tools, unless the reader is typing. */
  onSlash(event) {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    event.preventDefault();
    this.input.focus();
    this.input.select();
  }
}

function option({ kind, namespace, name }, index, active, href) {
  return h("li", { key: `${kind} ${namespace} ${name}`, role: "option", id: `search-${index}`, "aria-selected": String(active), "data-href": href, title: `${name}\n${namespace}` },
    h("span", { class: "name" }, shorten(name, 48)),
    h("span", { class: "sub" }, `${kind} · ${shorten(namespace, 32)}`));
}

/** Nodes of a graph whose names hold a text: those that begin with it first. */
function inGraph(graph, text) {
  const wanted = text.toLowerCase();
  const places = [...graph.nodes.values()].map((node) => ({ node, at: node.name.toLowerCase().indexOf(wanted) }));
  return places.filter(({ at }) => at >= 0).sort((a, b) => a.at - b.at || a.node.name.localeCompare(b.node.name)).map(({ node }) => node);
}

function together(near, results) {
  const known = new Set(near.map(nodeKey));
  return [...near, ...foundNodes(results).filter((node) => !known.has(nodeKey(node)))];
}
