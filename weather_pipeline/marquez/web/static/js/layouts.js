// Keeps layouts, and makes those of large graphs in a worker: meanwhile the page answers its reader.

import { layout } from "./layout.js";

/** From this many nodes on a layout may take longer than a reader should wait for a key. */
const LARGE = 200;

/** How many layouts are kept: back to the whole graph is no work. */
const KEPT = 6;

/** The layouts of graphs. `onReady` is called when one is there that `of` could not give yet. */
export class Layouts {
  constructor(onReady) {
    this.onReady = onReady;
    this.kept = new Map();
    this.worker = null;
    /** The topology that the worker is at. Whoever wants another one asks again when this one is done. */
    this.underWay = null;
    this.withoutWorker = false;
  }

  /** The layout of a graph, or null while it is being made. `topology` is the graph's, as layout.js says it. */
  of(graph, topology) {
    const found = this.kept.get(topology);
    if (found) return this.keep(topology, found);
    if (graph.nodes.size < LARGE || this.withoutWorker) return this.keep(topology, layout(graph));
    if (this.underWay === null) this.ask(graph, topology);
    return null;
  }

  keep(topology, found) {
    this.kept.delete(topology);
    this.kept.set(topology, found);
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
    return found;
  }

  ask({ nodes, edges }, topology) {
    this.worker ??= this.begin();
    this.underWay = topology;
    // Only what a layout depends on goes to the worker.
    const form = new Map([...nodes].map(([key, { kind }]) => [key, { key, kind }]));
    this.worker.postMessage({ nodes: form, edges: edges.map(({ from, to }) => ({ from, to })) });
  }

  begin() {
    const worker = new Worker(new URL("./layout-worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }) => {
      this.keep(this.underWay, data);
      this.done();
    });
    worker.addEventListener("error", (event) => {
      // It can't be started, or this graph can't be laid out: the page tries itself, and shows what is wrong.
      event.preventDefault();
      worker.terminate();
      this.withoutWorker = true;
      this.done();
    });
    return worker;
  }

  done() {
    this.underWay = null;
    this.onReady();
  }
}
