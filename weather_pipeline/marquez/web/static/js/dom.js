// Builds elements and patches them into the page. Every value becomes text or an attribute, never markup.

const SVG = "http://www.w3.org/2000/svg";
const SAFE_LINK = /^(https?:|#|\/)/i;

/** An HTML element. `key` names it among its siblings, so that it survives a patch (focus, scroll, open state). */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** An element whose inside `draw(element)` makes, once it is in the page and again whenever it is patched. */
export function drawn(tag, attributes, draw) {
  const element = h(tag, { ...attributes, "data-drawn": true });
  element.draw = draw;
  return element;
}

/** Let the elements below `root` that draw themselves do so. */
export function drawAll(root) {
  for (const element of root.querySelectorAll("[data-drawn]")) element.draw(element);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "href" && !SAFE_LINK.test(value)) continue;
    element.setAttribute(name === "key" ? "data-key" : name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** Make the children of `parent` equal to `next`, keeping elements that are still there; what is not there is left out. */
export function patch(parent, children) {
  const next = children.filter(Boolean);
  const wanted = new Set(next.map(keyOf).filter(Boolean));
  const kept = new Map();
  for (const child of [...parent.childNodes]) {
    const key = keyOf(child);
    if (key && !wanted.has(key)) child.remove();
    else if (key) kept.set(key, [...(kept.get(key) ?? []), child]);
  }
  let cursor = parent.firstChild;
  for (const node of next) {
    const key = keyOf(node);
    // What a producer named twice is there twice.
    const match = key ? kept.get(key)?.shift() : keyOf(cursor) ? null : cursor;
    if (match && sameKind(match, node)) {
      if (match === cursor) cursor = cursor.nextSibling;
      else parent.insertBefore(match, cursor);
      update(match, node);
    } else {
      parent.insertBefore(node, cursor);
    }
  }
  while (cursor) {
    const rest = cursor.nextSibling;
    cursor.remove();
    cursor = rest;
  }
}

function update(old, node) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== node.data) old.data = node.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    // What the reader opened stays open.
    if (name !== "open" && !node.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of node.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (node.draw) old.draw = node.draw;
  else patch(old, [...node.childNodes]);
}

const keyOf = (node) => node?.dataset?.key;

const sameKind = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName;
