// Small drawings: one glyph for each state, and one for data. The word stands beside them.

import { svg } from "./dom.js";

const GLYPHS = {
  completed: "M-4,0.5L-1.2,3.2L4,-2.8",
  failed: "M-3,-3L3,3M3,-3L-3,3",
  aborted: "M-3.5,0H3.5",
  running: "M-2,-3.5L3.5,0L-2,3.5Z",
  waiting: "M0,-3.5V0.5L2.5,2",
  none: "",
};

/** The state's glyph in a disc, centred on the origin. */
export const stateMark = (tone) =>
  svg("g", { class: `mark ${tone}`, "aria-hidden": "true" },
    svg("circle", { r: 9 }),
    svg("path", { d: GLYPHS[tone] }));

/** A store of data, centred on the origin. */
export const dataMark = () =>
  svg("g", { class: "mark data", "aria-hidden": "true" },
    svg("path", { d: "M-6.5,-5.5V5.5C-6.5,8.4 6.5,8.4 6.5,5.5V-5.5" }),
    svg("path", { d: "M-6.5,0C-6.5,2.9 6.5,2.9 6.5,0" }),
    svg("ellipse", { cx: 0, cy: -5.5, rx: 6.5, ry: 2.3 }));

/** A column of a table, centred on the origin. */
export const columnMark = () =>
  svg("g", { class: "mark data", "aria-hidden": "true" },
    svg("path", { d: "M-7,-6H7V6H-7ZM-2.3,-6V6M2.3,-6V6" }));

/** A mark as an element of its own, for use beside text. */
export const inline = (mark) => svg("svg", { class: "inline-mark", viewBox: "-10 -10 20 20", "aria-hidden": "true" }, mark);
