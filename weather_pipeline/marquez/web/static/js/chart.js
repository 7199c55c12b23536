// Numbers over time, drawn by uPlot. A chart is an element that draws itself once it is in the page (see dom.js).

import { drawn } from "./dom.js";
import { dateTime } from "./format.js";

const HEIGHT = 132;

// Times at the axis by the step between two of them, in seconds: a day and a year are told where they begin, on a line
// of their own. uPlot's form: step, text, then what is added with a new year, month, day, hour, minute, second.
const TIMES = [
  [31536000, "{YYYY}", null, null, null, null, null, null, 1],
  [2419200, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [86400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
  [1, ":{ss}", "\n{D} {MMM} {YYYY} {HH}:{mm}", null, "\n{D} {MMM} {HH}:{mm}", null, "\n{HH}:{mm}", null, 1],
];
const library = () => import("../vendor/uplot/uPlot.esm.js");

/**
 * A chart of `points` (`{ time (ms), value, href? }`, oldest first). A click opens the address of the nearest point.
 * `label` says for assistive technology what it shows, `format` writes a value, `from` and `to` bound the values' axis.
 */
export function chart({ key, points: given, label, format, from = 0, to = null }) {
  // uPlot wants times that grow; a backend may list what started later first.
  const points = given.filter(({ time }) => Number.isFinite(time)).sort((a, b) => a.time - b.time);
  const text = points.length > 0 ? `${label}: ${format(points.at(-1).value)} at last, ${span(points, format)}` : label;
  return drawn("div", { class: "chart", key, role: "img", "aria-label": text }, (element) => draw(element, { points, format, from, to }));
}

function span(points, format) {
  const values = points.map(({ value }) => value);
  return `${format(Math.min(...values))} to ${format(Math.max(...values))} in ${points.length} points`;
}

async function draw(element, wanted) {
  element.wanted = wanted;
  const { default: UPlot } = await library();
  if (!element.isConnected || element.wanted !== wanted) return;
  const data = [wanted.points.map(({ time }) => time / 1000), wanted.points.map(({ value }) => value)];
  const theme = themeOf(element);
  if (element.chart && element.theme === theme.id) {
    element.chart.setData(data);
    return;
  }
  element.chart?.destroy();
  element.theme = theme.id;
  element.chart = new UPlot(options(element, theme), data, element);
  observe(element);
}

function options(element, theme) {
  const value = (number) => element.wanted.format(number);
  const axis = { stroke: theme.quiet, grid: { stroke: theme.line, width: 1 }, ticks: { show: false }, font: theme.font };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 9 } },
    scales: { y: { range: (_, least, most) => [element.wanted.from ?? least, element.wanted.to ?? Math.max(most * 1.08, 1)] } },
    axes: [{ ...axis, values: TIMES }, { ...axis, size: 58, values: (_, ticks) => ticks.map(value) }],
    series: [{}, { stroke: theme.accent, width: 1.5, points: { show: true, size: 6, fill: theme.accent } }],
    hooks: { setCursor: [(plot) => tell(element, plot)], ready: [(plot) => listen(element, plot)] },
  };
}

/** What the pointer is at, as the element's tooltip. */
function tell(element, { cursor: { idx } }) {
  const point = element.wanted.points[idx];
  element.title = point ? `${dateTime(new Date(point.time).toISOString())}: ${element.wanted.format(point.value)}` : "";
}

function listen(element, plot) {
  plot.over.addEventListener("click", () => {
    const href = element.wanted.points[plot.cursor.idx]?.href;
    if (href) location.hash = href;
  });
}

function observe(element) {
  element.resized ??= new ResizeObserver(() => {
    // Told of it also when it leaves the page: a chart that is not ended stays in memory, and hears of every scroll.
    if (!element.isConnected) return end(element);
    if (element.clientWidth > 0) element.chart?.setSize({ width: element.clientWidth, height: HEIGHT });
    return undefined;
  });
  element.resized.observe(element);
}

function end(element) {
  element.resized.disconnect();
  element.chart?.destroy();
  element.chart = null;
}

/** The page's colours as a canvas needs them: the chart's element carries them as its own (graph.css); `id` changes with them. */
function themeOf(element) {
  const { color: accent, borderTopColor: line, outlineColor: quiet, fontFamily } = getComputedStyle(element);
  return { accent, line, quiet, font: `12px ${fontFamily}`, id: [accent, line, quiet].join() };
}
