// Places a graph's nodes in layers from left to right and routes its edges. Pure; dagre does the layering.

import dagre from "../vendor/dagre/dagre.esm.js";
import { SIZE, makeGroups } from "./groups.js";
import { route } from "./route.js";

const GAP = { layer: 64, group: 30, grid: 24, alone: 84 };

/** From this many groups on layers are found the quick way: a fifth to two fifths less time, and hardly more room. */
const MANY = 150;

/**
 * Where everything goes: `boxes` (node key to x, y, width, height), `paths` (one SVG path for each edge, in the order
 * of `graph.edges`), `alone` (the top of the grid of nodes without edges, or null), `start` (where reading
 * begins: in the first layer, at its middle) and the size of it all.
 */
export function layout(graph) {
  const connected = new Set(graph.edges.flatMap(({ from, to }) => [from, to]));
  const groups = makeGroups(graph);
  const layered = layer(groups.filter(({ members }) => connected.has(members[0].key)), graph.edges);
  const grid = placeAlone(groups.filter(({ key }) => !connected.has(key)), layered);
  return {
    boxes: new Map([...layered.boxes, ...grid.boxes]),
    paths: layered.paths,
    start: layered.start,
    alone: grid.boxes.size > 0 && layered.boxes.size > 0 ? grid.top : null,
    width: Math.max(layered.width, grid.width),
    height: Math.max(layered.height, grid.bottom),
  };
}

/** A string that is equal for graphs with the same nodes and edges: their layout is the same. */
export const topology = (graph) =>
  JSON.stringify([[...graph.nodes.keys()], graph.edges.map(({ from, to }) => [from, to])]);

function layer(groups, edges) {
  if (groups.length === 0) return { boxes: new Map(), paths: [], width: 0, height: 0, start: { x: 0, y: 0 } };
  const groupOf = new Map(groups.flatMap(({ key, members }) => members.map((member) => [member.key, key])));
  const placed = new dagre.graphlib.Graph();
  const ranker = groups.length < MANY ? "network-simplex" : "longest-path";
  placed.setGraph({ rankdir: "LR", ranksep: GAP.layer, nodesep: GAP.group, ranker });
  for (const { key, width, height } of groups) placed.setNode(key, { width, height });
  for (const { from, to } of edges) {
    if (groupOf.get(from) !== groupOf.get(to)) placed.setEdge(groupOf.get(from), groupOf.get(to), {});
  }
  dagre.layout(placed);
  const boxes = new Map();
  for (const group of groups) place(group, placed.node(group.key), boxes);
  const paths = edges.map(({ from, to }) => {
    const between = placed.edge(groupOf.get(from), groupOf.get(to));
    return route(boxes.get(from), boxes.get(to), { sameGroup: !between, points: between?.points ?? [], width: SIZE.width });
  });
  const first = [...boxes.values()].filter(({ x }) => x < SIZE.width / 2).map(({ y }) => y).sort((a, b) => a - b);
  const start = { x: 0, y: first[Math.floor(first.length / 2)] };
  return { boxes, paths, width: placed.graph().width, height: placed.graph().height, start };
}

/** Boxes of a group's members, from the group's centre. */
function place({ members, width, height }, { x, y }, boxes) {
  for (const { key, ...box } of members) boxes.set(key, { ...box, x: box.x + x - width / 2, y: box.y + y - height / 2 });
}

/** Nodes without edges: a grid below the layers, as wide as they are. */
function placeAlone(groups, { width, height }) {
  const step = { x: SIZE.width + GAP.grid, y: SIZE.job + GAP.grid };
  const square = Math.ceil(Math.sqrt(groups.length)) * step.x;
  const columns = Math.max(1, Math.min(groups.length, Math.floor((Math.max(width, square) + GAP.grid) / step.x)));
  const top = height > 0 ? height + GAP.alone : 0;
  const boxes = new Map();
  groups.forEach(({ members: [{ key, ...box }] }, index) => {
    boxes.set(key, { ...box, x: (index % columns) * step.x, y: top + Math.floor(index / columns) * step.y });
  });
  const rows = Math.ceil(groups.length / columns);
  return {
    boxes,
    top,
    width: groups.length > 0 ? columns * step.x - GAP.grid : 0,
    bottom: groups.length > 0 ? top + rows * step.y - GAP.grid : 0,
  };
}
