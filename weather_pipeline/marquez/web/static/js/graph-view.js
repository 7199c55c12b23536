// A graph as SVG. Nodes are links, so Tab, Enter, copying an address and a second tab all work.

import { h, patch, svg } from "./dom.js";
import { ago, duration } from "./format.js";
import { columnMark, dataMark, stateMark } from "./icons.js";
import { layout, topology } from "./layout.js";
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

/** Draws graphs into `container`. One lives as long as the page, so that pan, zoom and focus do. */
export class GraphView {
  constructor(container, insets) {
    this.layer = svg("g", { class: "layer" });
    this.canvas = svg("svg", { class: "canvas", role: "group", "aria-label": "Lineage graph", tabindex: 0 }, arrow(), this.layer);
    this.legend = h("div", { class: "legend" });
    this.element = h("div", { class: "graph" }, this.canvas, this.legend, this.controls());
    container.append(this.element);
    this.viewport = new Viewport(this.canvas, this.layer, insets);
    this.canvas.addEventListener("focusin", (event) => this.revealFocus(event));
    // Before the canvas itself, which pans with the same keys.
    this.canvas.addEventListener("keydown", (event) => this.onKey(event), { capture: true });
    this.drawn = { scope: null, topology: null, layout: null, selected: null };
  }

  /**
   * Show a graph; nodes that were there stay the same elements. `scope` is what the graph is of: with another one the
   * view fits again. `selected` is the key of the chosen node; `legend` what stands on top.
   */
  render({ scope, graph, selected, legend }, route) {
    const now = topology(graph);
    if (now !== this.drawn.topology) this.drawn.layout = layout(graph);
    const placed = this.drawn.layout;
    const path = graph.nodes.has(selected) ? pathsThrough(graph, selected) : null;
    const look = { selected, off: (key) => path !== null && !path.has(key) };
    this.graph = graph;
    patch(this.layer, [
      svg("g", { class: "edges", key: "edges" }, drawEdges(graph, placed, look)),
      svg("g", { class: "nodes", key: "nodes" }, drawNodes(graph, placed, route, look)),
    ]);
    patch(this.legend, legend);
    this.settle(scope, now, selected);
  }

  /** Fit what is new, keep what the reader chose, and show what the reader selected. */
  settle(scope, now, selected) {
    if (scope !== this.drawn.scope) this.viewport.moved = false;
    if (now !== this.drawn.topology || !selected) this.viewport.revealed = null;
    if (now !== this.drawn.topology || scope !== this.drawn.scope) {
      const { boxes, width, height, start } = this.drawn.layout;
      this.viewport.resize({ width, height, anchor: boxes.get(selected) ?? start });
    }
    if (selected && selected !== this.drawn.selected) this.reveal(selected);
    this.drawn = { ...this.drawn, scope, topology: now, selected };
  }

  reveal(key) {
    const box = this.drawn.layout.boxes.get(key);
    if (box) this.viewport.reveal(box);
  }

  revealFocus(event) {
    const key = event.target.dataset?.key;
    if (key && event.target.matches(":focus-visible")) this.reveal(key);
  }

  /** From a node, the arrow keys go to its neighbours: along the edges, and up and down in its layer. */
  onKey(event) {
    const key = event.target.dataset?.key;
    const next = ARROWS[event.key] && this.drawn.layout?.boxes.has(key) && !event.altKey && !event.ctrlKey && !event.metaKey
      ? ARROWS[event.key](key, this.graph, this.drawn.layout.boxes)
      : null;
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    this.layer.querySelector(`.node[data-key="${CSS.escape(next)}"]`)?.focus({ focusVisible: true });
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

const ARROWS = {
  ArrowRight: (key, graph) => graph.down.get(key)?.[0],
  ArrowLeft: (key, graph) => graph.up.get(key)?.[0],
  ArrowDown: (key, _, boxes) => nextInLayer(key, boxes, 1),
  ArrowUp: (key, _, boxes) => nextInLayer(key, boxes, -1),
};

/** The nearest node below (`way` 1) or above (-1) among those that stand in the same layer. */
function nextInLayer(key, boxes, way) {
  const { x, y, width } = boxes.get(key);
  const beside = [...boxes].filter(([, box]) => box.x < x + width && box.x + box.width > x && (box.y - y) * way > 0);
  return beside.sort(([, a], [, b]) => (a.y - b.y) * way)[0]?.[0];
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

function drawNodes(graph, placed, route, { selected, off }) {
  return [...graph.nodes.values()].map((node) => drawNode(node, placed.boxes.get(node.key), route, node.key === selected, off(node.key)));
}

function drawNode(node, { x, y, width, height }, route, selected, off) {
  const { sub, label, tone, mark, title } = DESCRIPTIONS[node.kind](node);
  const room = width - TEXT.left - TEXT.right;
  return svg("a", {
    class: ["node", node.kind, tone, selected && "selected", off && "off"].filter(Boolean).join(" "),
    key: node.key,
    href: addressOf(node, route),
    transform: `translate(${x},${y})`,
    "aria-label": label,
    "aria-current": selected ? "true" : null,
  },
  svg("title", {}, title ?? `${node.name}\n${node.namespace}`),
  svg("rect", { width, height, rx: node.kind === "job" ? 10 : height / 2 }),
  svg("g", { transform: `translate(${MARK},${height / 2})` }, mark),
  svg("text", { class: "name", x: TEXT.left, y: height / 2 - 4 }, fitText(node.name, room, NAME_FONTS[node.kind])),
  svg("text", { class: "sub", x: TEXT.left, y: height / 2 + 13 }, fitText(sub, room, SUB_FONT)));
}

function addressOf(node, route) {
  if (node.kind !== "column") return toNode({ ...route, view: "graph" }, node);
  return format({ ...route, view: "graph", node: { kind: "dataset", namespace: node.namespace, name: node.dataset }, run: null, column: node.name });
}

const DESCRIPTIONS = { job: describeJob, dataset: describeDataset, column: describeColumn };

function describeJob({ name, namespace, job }) {
  const run = job.latestRun;
  const { label, tone } = stateOf(run);
  const parts = [label, run?.durationMs != null && duration(run.durationMs), run && ago(run.startedAt ?? run.createdAt)];
  const sub = parts.filter(Boolean).join(" · ");
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
