// Column lineage: the graph that Marquez answers, and what a dataset's facet says about one column. Pure.

import { list } from "./model.js";
import { makeGraph, part, pathsThrough } from "./reach.js";

/** One string for a column of a dataset. */
export const columnKey = ({ namespace, dataset, field }) => ["column", namespace, dataset, field].map(encodeURIComponent).join("/");

/**
 * All that `asked` (namespace, dataset, field) is made from and goes into, by answers of /column-lineage (null where
 * there was none). Nodes have `kind` "column", `namespace`, `dataset`, `name` (the column's) and `type`. Edges are taken
 * from the input fields: the answers' own edges point to where a field comes from.
 */
export function columnGraph(answers, asked) {
  const nodes = new Map();
  const edges = new Map();
  const add = (field, type) => {
    const key = columnKey(field);
    const known = nodes.get(key);
    nodes.set(key, { key, kind: "column", namespace: field.namespace, dataset: field.dataset, name: field.field, type: type || known?.type || null });
    return key;
  };
  const start = add(asked, null);
  for (const { data } of answers.flatMap((answer) => list(answer?.graph))) {
    if (!data) continue;
    const to = add(data, data.fieldType);
    for (const input of list(data.inputFields)) {
      const from = add(input, null);
      edges.set(`${from}>${to}`, { from, to });
    }
  }
  const whole = makeGraph([...nodes.values()], [...edges.values()]);
  return part(whole, pathsThrough(whole, start));
}

/** How a column was made from others, as the dataset's own facet tells: `{ namespace, dataset, field, how }`. */
export function madeFrom(dataset, column) {
  const inputs = list(dataset.facets?.columnLineage?.fields?.[column]?.inputFields);
  return inputs.map(({ namespace, name, field, transformations }) => ({ namespace, dataset: name, field, how: how(transformations) }));
}

const how = (transformations) =>
  list(transformations)
    .map(({ type, subtype, description }) => [description, subtype?.toLowerCase() ?? type?.toLowerCase()].filter(Boolean)[0])
    .filter(Boolean)
    .join(", ");
