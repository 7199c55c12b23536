// Joins each job with the datasets that it alone writes: one column holds both, and a chain takes half the width. Pure.

export const SIZE = {
  width: 252,
  job: 58,
  dataset: 46,
  column: 46,
  /** How far a dataset stands in from the job that writes it, where the line to it runs. */
  indent: 26,
  gap: 14,
};

/**
 * The groups of a graph: `{ key, members, width, height }` in the graph's order, where members are
 * `{ key, x, y, width, height }` relative to the group. A dataset with no writer or with several is a group of its own.
 */
export function makeGroups(graph) {
  const owner = owners(graph);
  const owned = Map.groupBy([...graph.nodes.keys()].filter((key) => owner.has(key)), (key) => owner.get(key));
  return [...graph.nodes.values()]
    .filter(({ key }) => !owner.has(key))
    .map((node) => group(node, owned.get(node.key) ?? []));
}

/** For each dataset with exactly one writer: that job. */
function owners(graph) {
  const writers = Map.groupBy(graph.edges.filter(({ from }) => graph.nodes.get(from).kind === "job"), ({ to }) => to);
  return new Map([...writers].filter(([, edges]) => edges.length === 1).map(([key, [edge]]) => [key, edge.from]));
}

function group({ key, kind }, outputs) {
  const members = [{ key, x: 0, y: 0, width: SIZE.width, height: SIZE[kind] }];
  let bottom = SIZE[kind];
  for (const output of outputs) {
    const y = bottom + SIZE.gap;
    members.push({ key: output, x: SIZE.indent, y, width: SIZE.width - SIZE.indent, height: SIZE.dataset });
    bottom = y + SIZE.dataset;
  }
  return { key, members, width: SIZE.width, height: bottom };
}
