// A table as wide as the view: a head, rows with keys, the one of the chosen node marked.

import { h } from "./dom.js";
import { nodeKey } from "./model.js";

/** `columns`: titles, or `[title, class]`; `rows`: elements of `tableRow`. */
export const sheet = (caption, columns, rows) =>
  h("div", { class: "sheet" },
    h("table", { class: "list-table" },
      h("caption", { class: "hidden" }, caption),
      h("thead", {}, h("tr", {}, columns.map((column) => {
        const [title, style] = [column].flat();
        return h("th", { scope: "col", class: style ?? null }, title);
      }))),
      h("tbody", {}, rows)));

/** A row: its first cell is its head. `node` is what it stands for, if the route may have chosen it. */
export function tableRow(key, node, route, head, cells) {
  const selected = node && route.node && nodeKey(route.node) === nodeKey(node);
  return h("tr", { key, class: selected ? "selected" : null }, h("th", { scope: "row" }, head), cells);
}

/** A cell with a number or another short value on the right. */
export const numberCell = (value) => h("td", { class: "number" }, value);
