// Which node a key goes to from another: the lineage as one walks it without a pointer. Pure.

const KEYS = {
  ArrowRight: (from, graph, boxes) => along(from, graph.down, graph, boxes, 1),
  ArrowLeft: (from, graph, boxes) => along(from, graph.up, graph, boxes, -1),
  ArrowDown: (from, _, boxes) => inLayer(from, boxes, 1),
  ArrowUp: (from, _, boxes) => inLayer(from, boxes, -1),
  PageDown: (from, _, boxes) => inOrder(from, boxes, 1),
  PageUp: (from, _, boxes) => inOrder(from, boxes, -1),
};

/** Whether a key goes from node to node. */
export const leads = (key) => Object.hasOwn(KEYS, key);

/** The key of the node that a pressed key goes to, or undefined where there is none in that direction. */
export const next = (pressed, from, graph, boxes) => KEYS[pressed](from, graph, boxes);

/** The first node in reading order: layer by layer, from the top. */
export const first = (boxes) => order(boxes)[0];

const order = (boxes) => [...boxes].sort(([, a], [, b]) => a.x - b.x || a.y - b.y).map(([key]) => key);

/** Through all nodes: what the arrows do not reach, as another part of the graph, is reached so. */
function inOrder(from, boxes, way) {
  const keys = order(boxes);
  return keys[keys.indexOf(from) + way];
}

/** The nearest of the neighbours along the edges; a node without edges has those of its row. */
function along(from, neighbours, graph, boxes, way) {
  const found = neighbours.get(from) ?? [];
  if (found.length === 0 && !graph.down.has(from) && !graph.up.has(from)) return inRow(from, boxes, way);
  const own = boxes.get(from);
  const away = ({ x, y }) => Math.abs(x - own.x) + Math.abs(y - own.y);
  return [...found].sort((a, b) => away(boxes.get(a)) - away(boxes.get(b)))[0];
}

function inRow(from, boxes, way) {
  const { x, y } = boxes.get(from);
  const beside = [...boxes].filter(([, box]) => box.y === y && (box.x - x) * way > 0);
  return beside.sort(([, a], [, b]) => (a.x - b.x) * way)[0]?.[0];
}

/** The nearest node below (`way` 1) or above (-1) among those that stand in the same layer. */
function inLayer(from, boxes, way) {
  const { x, y, width } = boxes.get(from);
  const beside = [...boxes].filter(([, box]) => box.x < x + width && box.x + box.width > x && (box.y - y) * way > 0);
  return beside.sort(([, a], [, b]) => (a.y - b.y) * way)[0]?.[0];
}
