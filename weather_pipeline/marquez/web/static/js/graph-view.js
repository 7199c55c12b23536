// The namespace's graph as SVG. Nodes are links, so Tab, Enter, copying an address and a second tab all work.

import { h, patch, svg } from "./dom.js";
import { ago, count, duration } from "./format.js";
import { dataMark, stateMark } from "./icons.js";
import { layout, topology } from "./layout.js";
import { countStates, nodeKey, stateOf } from "./model.js";
import { format } from "./router.js";
import { fitText } from "./text-fit.js";
import { Viewport } from "./viewport.js";

const MARK = 22;
const TEXT = { left: 40, right: 11 };
const FONT = getComputedStyle(document.body).fontFamily;
const NAME_FONTS = { job: `600 13px ${FONT}`, dataset: `500 13px ${FONT}` };
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
    this.drawn = { namespace: null, topology: null, layout: null, selected: null };
  }

  /** Show a graph; nodes that were there stay the same elements. */
  render({ namespace, jobs, graph }, route) {
    const selected = route.node ? nodeKey(route.node) : null;
    const now = topology(graph);
    if (now !== this.drawn.topology) this.drawn.layout = layout(graph);
    const placed = this.drawn.layout;
    patch(this.layer, [
      svg("g", { class: "edges", key: "edges" }, drawEdges(graph, placed, selected)),
      svg("g", { class: "nodes", key: "nodes" }, drawNodes(graph, placed, { ...route, namespace }, selected)),
    ]);
    patch(this.legend, legend(jobs, graph));
    this.settle(namespace, now, selected);
  }

  /** Fit what is new, keep what the reader chose, and show what the reader selected. */
  settle(namespace, now, selected) {
    if (namespace !== this.drawn.namespace) this.viewport.moved = false;
    if (now !== this.drawn.topology || namespace !== this.drawn.namespace) {
      const { boxes, width, height, start } = this.drawn.layout;
      this.viewport.resize({ width, height, anchor: boxes.get(selected) ?? start });
    }
    if (selected && selected !== this.drawn.selected) this.reveal(selected);
    this.drawn = { ...this.drawn, namespace, topology: now, selected };
  }

  reveal(key) {
    const box = this.drawn.layout.boxes.get(key);
    if (box) this.viewport.reveal(box);
  }

  revealFocus(event) {
    const key = event.target.dataset?.key;
    if (key && event.target.matches(":focus-visible")) this.reveal(key);
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

function drawEdges(graph, placed, selected) {
  const edges = graph.edges.map(({ from, to }, index) => {
    const near = from === selected || to === selected;
    return svg("path", {
      class: near ? "edge near" : "edge",
      key: `${from}>${to}`,
      d: placed.paths[index],
      "marker-end": near ? "url(#arrow-near)" : "url(#arrow)",
    });
  });
  if (placed.alone === null) return edges;
  const caption = svg("text", { class: "caption", key: "alone", x: 0, y: placed.alone - 14 }, "Without inputs and outputs");
  return [...edges, caption];
}

function drawNodes(graph, placed, route, selected) {
  return [...graph.nodes.values()].map((node) => drawNode(node, placed.boxes.get(node.key), route, node.key === selected));
}

function drawNode(node, { x, y, width, height }, route, selected) {
  const { sub, label, tone, mark } = node.kind === "job" ? describeJob(node) : describeDataset(node);
  const room = width - TEXT.left - TEXT.right;
  return svg("a", {
    class: `node ${node.kind} ${tone}${selected ? " selected" : ""}`,
    key: node.key,
    href: format({ ...route, view: "graph", node, run: null }),
    transform: `translate(${x},${y})`,
    "aria-label": label,
    "aria-current": selected ? "true" : null,
  },
  svg("title", {}, `${node.name}\n${node.namespace}`),
  svg("rect", { width, height, rx: node.kind === "job" ? 10 : height / 2 }),
  svg("g", { transform: `translate(${MARK},${height / 2})` }, mark),
  svg("text", { class: "name", x: TEXT.left, y: height / 2 - 4 }, fitText(node.name, room, NAME_FONTS[node.kind])),
  svg("text", { class: "sub", x: TEXT.left, y: height / 2 + 13 }, fitText(sub, room, SUB_FONT)));
}

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

function legend(jobs, graph) {
  const datasets = graph.nodes.size - jobs.length;
  return [
    h("span", {}, `${count(jobs.length, "job")}, ${count(datasets, "dataset")}`),
    ...countStates(jobs).map(([{ label, tone }, number]) => h("span", { class: `state ${tone}`, key: tone }, `${number} ${label.toLowerCase()}`)),
  ];
}

function arrow() {
  const head = (id) =>
    svg("marker", { id, viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto" },
      svg("path", { d: "M0,0.6L8,4L0,7.4Z" }));
  return svg("defs", {}, head("arrow"), head("arrow-near"));
}
