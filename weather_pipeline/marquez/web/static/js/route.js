// Draws one edge between two boxes as an SVG path. Pure.

const CORNER = 9;
const TRUNK = 12;
const OUT = 38;
const BELOW = 18;

/**
 * The path of an edge.
 * `points`: dagre's points between the two groups; `width`: that of a column, which the edge crosses straight.
 */
export function route(source, target, { sameGroup, points, width }) {
  if (sameGroup) return target.y > source.y ? branch(source, target) : backUp(source, target);
  const start = { x: source.x + source.width, y: source.y + source.height / 2 };
  const end = { x: target.x, y: target.y + target.height / 2 };
  return end.x > start.x ? forward(start, end, points, width) : around(start, end, source, target);
}

/** From a job down to what it alone writes. */
function branch(job, dataset) {
  const x = job.x + TRUNK;
  const y = dataset.y + dataset.height / 2;
  return `M${x},${job.y + job.height}V${y - CORNER}Q${x},${y} ${x + CORNER},${y}H${dataset.x}`;
}

/** From a dataset up to the job that writes it and reads it too. */
function backUp(dataset, job) {
  const right = dataset.x + dataset.width;
  const from = dataset.y + dataset.height / 2;
  const to = job.y + job.height / 2;
  return `M${right},${from}C${right + OUT},${from} ${right + OUT},${to} ${right},${to}`;
}

/** Through the layers between: dagre gives a point for each layer and one for each gap; only layers are needed. */
function forward(start, end, points, width) {
  let drawn = `M${start.x},${start.y}`;
  let from = start;
  for (const { x, y } of points.slice(1, -1).filter((_, index) => index % 2 === 1)) {
    drawn += `${curve(from, { x: x - width / 2, y })}H${x + width / 2}`;
    from = { x: x + width / 2, y };
  }
  return drawn + curve(from, end);
}

function curve(from, to) {
  const middle = (from.x + to.x) / 2;
  return `C${middle},${from.y} ${middle},${to.y} ${to.x},${to.y}`;
}

/** Back to an earlier layer, below both boxes. */
function around(start, end, source, target) {
  const bottom = Math.max(source.y + source.height, target.y + target.height) + BELOW;
  return (
    `M${start.x},${start.y}C${start.x + OUT},${start.y} ${start.x + OUT},${bottom} ${start.x},${bottom}` +
    `H${end.x}C${end.x - OUT},${bottom} ${end.x - OUT},${end.y} ${end.x},${end.y}`
  );
}
