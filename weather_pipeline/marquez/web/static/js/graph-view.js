// A graph as SVG. Nodes are links, so Tab, Enter, copying an address and a second tab all work.

import { first, leads, next } from "./arrows.js";
import { h, patch, svg } from "./dom.js";
import { ago, duration } from "./format.js";
import { columnMark, dataMark, stateMark } from "./icons.js";
import { topology } from "./layout.js";
import { Layouts } from "./layouts.js";
import { stateOf } from "./model.js";
import { pathsThrough } from "./reach.js";
import { format, toNode } from "./router.js";
import { fitText } from "./text-fit.js";
import { Viewport } from "./viewport.js";

const MARK = 22;
const TEXT = { left: 40, right: 11 };
const FONT = getComputedStyle(document.body).fontFamily;
const NAME_FONTS = { job: `600 13px ${FONT}`, dataset: `500 13px ${FONT}`, column: `500 13px ${FONT}` };
const SUB_FONT = `400 12px ${FONT}`;

const KEYS = "Arrow keys move the graph, plus and minus zoom, 0 fits it. On a node the arrow keys follow the lineage, Page Down and Page Up go through all nodes, Enter opens one.";

/**
 * Draws graphs into `container`. One lives as long as the page, so that pan, zoom and focus do. `onReady` is called when
 * a graph can be drawn whose layout was still being made.
 */
export class GraphView {
  constructor(container, insets, onReady) {
    this.layer = svg("g", { class: "layer" });
    this.canvas = svg("svg", { class: "canvas", role: "group", "aria-label": "Lineage graph", "aria-describedby": "graph-keys", tabindex: 0 }, arrow(), this.layer);
    this.legend = h("div", { class: "legend" });
    this.element = h("div", { class: "graph" }, this.canvas, this.legend, this.controls(), h("p", { id: "graph-keys", hidden: true }, KEYS));
    container.append(this.element);
    this.viewport = new Viewport(this.canvas, this.layer, () => ({ top: this.legendBottom(), ...insets() }));
    this.canvas.addEventListener("focusin", (event) => this.onFocus(event));
    // Before the canvas itself, which pans with the same keys.
    this.canvas.addEventListener("keydown", (event) => this.onKey(event), { capture: true });
    this.drawn = { scope: null, topology: null, layout: null, selected: null };
    this.layouts = new Layouts(onReady);
    /** The node that Tab goes to: five hundred stops on the way to the panel would be too many. */
    this.current = null;
  }

  /**
   * Show a graph; nodes that were there stay the same elements. `scope` is what the graph is of: with another one the
   * view fits again. `selected` is the key of the chosen node; `legend` what stands on top.
   */
  render({ scope, graph, selected, legend }, route) {
    const now = topology(graph);
    const before = this.drawn.layout;
    const placed = now === this.drawn.topology ? before : this.layouts.of(graph, now);
    this.element.classList.toggle("waits", placed === null);
    patch(this.legend, placed ? legend : [...legend, h("span", { class: "quiet", key: "layout" }, "Laying out…")]);
    // What was drawn last stays until then.
    if (placed === null) return;
    this.drawn.layout = placed;
    const path = graph.nodes.has(selected) ? pathsThrough(graph, selected) : null;
    if (graph.nodes.has(selected) && selected !== this.drawn.selected) this.current = selected;
    if (!graph.nodes.has(this.current)) this.current = first(placed.boxes);
    const look = { selected: path && selected, current: this.current, off: (key) => path !== null && !path.has(key) };
    this.graph = graph;
    // Most readings bring nothing new, and to draw five hundred nodes takes a moment.
    const picture = [now, ...told(graph, route, look)].join("\n");
    if (picture !== this.drawn.picture) {
      patch(this.layer, [
        svg("g", { class: "edges", key: "edges" }, drawEdges(graph, placed, look)),
        svg("g", { class: "nodes", key: "nodes" }, drawNodes(graph, placed, route, look)),
      ]);
      this.drawn.picture = picture;
    }
    this.settle(scope, now, selected, before);
  }

  /** Fit what is new, keep what the reader chose, and show what the reader selected. */
  settle(scope, now, selected, before) {
    if (scope !== this.drawn.scope) this.viewport.moved = false;
    else if (now !== this.drawn.topology && this.viewport.moved) this.stay(before, selected);
    if (now !== this.drawn.topology || !selected) this.viewport.revealed = null;
    if (now !== this.drawn.topology || scope !== this.drawn.scope) {
      const { boxes, width, height, start } = this.drawn.layout;
      this.viewport.resize({ width, height, anchor: boxes.get(selected) ?? start });
    }
    if (selected && selected !== this.drawn.selected) this.show(selected);
    this.drawn = { ...this.drawn, scope, topology: now, selected };
  }

  /** What was chosen elsewhere, as in the search, is to be read; what was chosen here was seen. */
  show(key) {
    const box = this.drawn.layout.boxes.get(key);
    if (box && !this.canvas.contains(document.activeElement)) this.viewport.magnify(box);
    this.reveal(key);
  }

  reveal(key) {
    const box = this.drawn.layout.boxes.get(key);
    if (box) this.viewport.reveal(box);
  }

  /** News moved the nodes: the selected one, or what is in the middle, stays where the reader sees it. */
  stay(before, selected) {
    const { boxes } = this.drawn.layout;
    const middle = this.viewport.middle();
    const away = (key) => Math.hypot(before.boxes.get(key).x - middle.x, before.boxes.get(key).y - middle.y);
    const both = [...before.boxes.keys()].filter((key) => boxes.has(key));
    const anchor = both.includes(selected) ? selected : both.sort((a, b) => away(a) - away(b))[0];
    if (anchor) this.viewport.follow(before.boxes.get(anchor), boxes.get(anchor));
  }

  /** Where what stands on top of the graph ends. */
  legendBottom() {
    return Math.max(0, this.legend.offsetTop + this.legend.offsetHeight - 16);
  }

  onFocus(event) {
    const key = event.target.dataset?.key;
    if (!this.graph?.nodes.has(key)) return;
    this.nodeElement(this.current)?.setAttribute("tabindex", -1);
    event.target.setAttribute("tabindex", 0);
    this.current = key;
    if (event.target.matches(":focus-visible")) this.reveal(key);
  }

  /** From a node the keys go on to others; what leads nowhere from there does not move the graph either. */
  onKey(event) {
    const key = event.target.dataset?.key;
    if (!leads(event.key) || !this.graph?.nodes.has(key) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.nodeElement(next(event.key, key, this.graph, this.drawn.layout.boxes))?.focus({ focusVisible: true });
  }

  nodeElement(key) {
    return key == null ? null : this.layer.querySelector(`.node[data-key="${CSS.escape(key)}"]`);
  }

  controls() {
    const button = (label, text, action) => {
      const element = h("button", { type: "button", title: label, "aria-label": label }, text);
      element.addEventListener("click", action);
      return element;
    };
    return h("div", { class: "controls", role: "group", "aria-label": "Zoom" },
      button("Zoom in", "+", () => this.viewport.zoom(1.25)),
      button("Zoom out", "−", () => this.viewport.zoom(0.8)),
      button("Fit the whole graph", "Fit", () => this.viewport.fit()));
  }
}

function drawEdges(graph, placed, { selected, off }) {
  const edges = graph.edges.map(({ from, to }, index) => {
    const near = from === selected || to === selected;
    const style = near ? "near" : off(from) || off(to) ? "off" : selected ? "path" : "";
    return svg("path", {
      class: `edge ${style}`.trim(),
      key: `${from}>${to}`,
      d: placed.paths[index],
      "marker-end": style === "near" || style === "path" ? "url(#arrow-near)" : "url(#arrow)",
    });
  });
  if (placed.alone === null) return edges;
  const caption = svg("text", { class: "caption", key: "alone", x: 0, y: placed.alone - 14 }, "Without inputs and outputs");
  return [...edges, caption];
}

function drawNodes(graph, placed, route, look) {
  return [...graph.nodes.values()].map((node) => drawNode(node, placed.boxes.get(node.key), route, look));
}

function drawNode(node, { x, y, width, height }, route, look) {
  const selected = node.key === look.selected;
  const { sub, label, tone, mark, title } = DESCRIPTIONS[node.kind](node);
  const room = width - TEXT.left - TEXT.right;
  return svg("a", {
    class: ["node", node.kind, tone, selected && "selected", look.off(node.key) && "off"].filter(Boolean).join(" "),
    key: node.key,
    href: addressOf(node, route),
    transform: `translate(${x},${y})`,
    "aria-label": label,
    tabindex: node.key === look.current ? 0 : -1,
    "aria-current": selected ? "true" : null,
  },
  svg("title", {}, title ?? `${node.name}\n${node.namespace}`),
  svg("rect", { width, height, rx: node.kind === "job" ? 10 : height / 2 }),
  svg("g", { transform: `translate(${MARK},${height / 2})` }, mark),
  svg("text", { class: "name", x: TEXT.left, y: height / 2 - 4 }, fitText(node.name, room, NAME_FONTS[node.kind])),
  svg("text", { class: "sub", x: TEXT.left, y: height / 2 + 13 }, fitText(sub, room, SUB_FONT)));
}

/** All that a drawing of a graph depends on, but for the graph's form. */
const told = (graph, route, { selected, current }) => [
  selected, current, format({ ...route, view: "graph", node: null }),
  ...[...graph.nodes.values()].map(({ job, type }) => (job ? jobText(job) : type ?? "")),
];

function addressOf(node, route) {
  if (node.kind !== "column") return toNode({ ...route, view: "graph" }, node);
  return format({ ...route, view: "graph", node: { kind: "dataset", namespace: node.namespace, name: node.dataset }, run: null, column: node.name });
}

const DESCRIPTIONS = { job: describeJob, dataset: describeDataset, column: describeColumn };

function jobText({ latestRun: run }) {
  const { label } = stateOf(run);
  const parts = [label, run?.durationMs != null && duration(run.durationMs), run && ago(run.startedAt ?? run.createdAt)];
  return parts.filter(Boolean).join(" · ");
}

function describeJob({ name, namespace, job }) {
  const { tone } = stateOf(job.latestRun);
  const sub = jobText(job);
  return { sub, tone, mark: stateMark(tone), label: `Job ${name} in ${namespace}: ${sub}` };
}

function describeDataset({ name, namespace }) {
  return { sub: namespace, tone: "", mark: dataMark(), label: `Dataset ${name} in ${namespace}` };
}

function describeColumn({ name, dataset, namespace, type }) {
  const label = `Column ${name} of ${dataset} in ${namespace}${type ? `: ${type}` : ""}`;
  return { sub: dataset, tone: "", mark: columnMark(), label, title: [name, dataset, namespace, type].filter(Boolean).join("\n") };
}

function arrow() {
  const head = (id) =>
    svg("marker", { id, viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto" },
      svg("path", { d: "M0,0.6L8,4L0,7.4Z" }));
  return svg("defs", {}, head("arrow"), head("arrow-near"));
}
