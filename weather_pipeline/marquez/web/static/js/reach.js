// Where one gets in a graph from one node, along its edges or against them. Pure.

/** The nodes that a walk from `start` reaches ("down": along the edges, "up": against them), each with its steps. */
export function reach(graph, start, direction, depth = Infinity) {
  const steps = new Map([[start, 0]]);
  for (const key of steps.keys()) {
    if (steps.get(key) >= depth) continue;
    for (const next of graph[direction].get(key) ?? []) {
      if (!steps.has(next)) steps.set(next, steps.get(key) + 1);
    }
  }
  steps.delete(start);
  return steps;
}

/** All that a node depends on and all that depends on it, with itself: the paths through it. */
export const pathsThrough = (graph, key) =>
  new Set([key, ...reach(graph, key, "up").keys(), ...reach(graph, key, "down").keys()]);

/** The part of a graph around a node: `show` is "around", "up" or "down"; `depth` in steps, null without an end. */
export function around(graph, key, show, depth) {
  const directions = show === "around" ? ["up", "down"] : [show];
  const kept = new Set([key, ...directions.flatMap((direction) => [...reach(graph, key, direction, depth ?? Infinity).keys()])]);
  return part(graph, kept);
}

/** The part of a graph with these keys, and the edges between them. */
export const part = (graph, keys) =>
  makeGraph(
    [...graph.nodes.values()].filter(({ key }) => keys.has(key)),
    graph.edges.filter(({ from, to }) => keys.has(from) && keys.has(to)),
  );

/** What depends on a node, nearest first, then by name: `{ node, steps }`. */
export function downstream(graph, key) {
  const found = [...reach(graph, key, "down")].map(([reached, steps]) => ({ node: graph.nodes.get(reached), steps }));
  return found.sort((a, b) => a.steps - b.steps || a.node.name.localeCompare(b.node.name));
}

/** A graph of nodes with keys and edges between them; `down` and `up` lead from a key to its neighbours' keys. */
export function makeGraph(nodes, edges) {
  const graph = { nodes: new Map(nodes.map((node) => [node.key, node])), edges, down: new Map(), up: new Map() };
  for (const { from, to } of edges) {
    push(graph.down, from, to);
    push(graph.up, to, from);
  }
  return graph;
}

function push(lists, key, value) {
  if (lists.has(key)) lists.get(key).push(value);
  else lists.set(key, [value]);
}
