// Pan and zoom of one SVG: pointer, wheel, keyboard and "fit". Keeps what the reader chose when the graph changes.

const SCALE = { min: 0.005, max: 2.5, fit: 1.15, readable: 0.65 };
const MARGIN = 36;
const STEP = 60;

/** How far a pointer may travel, in pixels, and still mean a click. */
const SLACK = 4;

/** Moves `layer` (a group) inside `canvas` (the SVG). `insets` tells how much of the canvas something else covers. */
export class Viewport {
  constructor(canvas, layer, insets) {
    this.canvas = canvas;
    this.layer = layer;
    this.insets = insets;
    this.content = { width: 0, height: 0, anchor: { x: 0, y: 0 } };
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    /** Whether the reader moved it: then it stays, else it fits whatever comes. */
    this.moved = false;
    /** What was revealed last, until the graph is another one. */
    this.revealed = null;
    /** Where the pointers are that are down. */
    this.pointers = new Map();
    this.travelled = 0;
    this.listen();
  }

  /** Fit everything into the part of the canvas that is free, however small it gets. */
  fit() {
    this.show(SCALE.min);
  }

  /** Tell what there is to see; shows it all, or what can be read around its anchor, unless the reader has moved it. */
  resize(content) {
    this.content = content;
    if (!this.moved) this.show(SCALE.readable);
  }

  /** Show everything at a scale of at least `least`; what does not fit then is left out, far from the anchor first. */
  show(least) {
    const free = this.free();
    const { width, height, anchor } = this.content;
    const room = { width: free.width - 2 * MARGIN, height: free.height - 2 * MARGIN };
    if (width === 0 || room.width <= 0 || room.height <= 0) return;
    this.moved = false;
    this.scale = clamp(Math.min(room.width / width, room.height / height), least, SCALE.fit);
    this.x = free.left + MARGIN + offset(width * this.scale, room.width, anchor.x * this.scale);
    this.y = free.top + MARGIN + offset(height * this.scale, room.height, anchor.y * this.scale);
    this.apply();
  }

  zoom(factor, center = this.center()) {
    const scale = clamp(this.scale * factor, SCALE.min, SCALE.max);
    this.x = center.x - ((center.x - this.x) * scale) / this.scale;
    this.y = center.y - ((center.y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.moved = true;
    this.apply();
  }

  pan(x, y) {
    this.x += x;
    this.y += y;
    this.moved = true;
    this.apply();
  }

  /** Move just so far that a rectangle of the graph can be seen; so it stays when the canvas changes its size. */
  reveal(box) {
    this.revealed = box;
    const { x, y, width, height } = box;
    const free = this.free();
    const left = this.x + x * this.scale;
    const top = this.y + y * this.scale;
    const dx = shift(left, left + width * this.scale, free.left + MARGIN, free.left + free.width - MARGIN);
    const dy = shift(top, top + height * this.scale, free.top + MARGIN, free.top + free.height - MARGIN);
    this.x += dx;
    this.y += dy;
    this.apply();
  }

  /** Move with a box of the graph that a new layout has put elsewhere. */
  follow(before, after) {
    this.x += (before.x - after.x) * this.scale;
    this.y += (before.y - after.y) * this.scale;
    this.apply();
  }

  /** Make a box of the graph large enough to be read, and put it into the middle, where it is too small. */
  magnify({ x, y, width, height }) {
    if (this.scale >= SCALE.readable) return;
    const { x: middleX, y: middleY } = this.center();
    this.scale = SCALE.readable;
    this.x = middleX - (x + width / 2) * this.scale;
    this.y = middleY - (y + height / 2) * this.scale;
    this.moved = true;
    this.apply();
  }

  /** What of the graph is in the middle of the free part. */
  middle() {
    const { x, y } = this.center();
    return { x: (x - this.x) / this.scale, y: (y - this.y) / this.scale };
  }

  free() {
    const { width, height } = this.canvas.getBoundingClientRect();
    const { top = 0, right = 0, bottom = 0, left = 0 } = this.insets();
    return { left, top, width: width - left - right, height: height - top - bottom };
  }

  center() {
    const free = this.free();
    return { x: free.left + free.width / 2, y: free.top + free.height / 2 };
  }

  apply() {
    this.layer.setAttribute("transform", `translate(${this.x.toFixed(2)},${this.y.toFixed(2)}) scale(${this.scale.toFixed(4)})`);
  }

  listen() {
    this.canvas.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.canvas.addEventListener("pointerdown", (event) => this.onDown(event));
    this.canvas.addEventListener("keydown", (event) => this.onKey(event));
    // Nodes are links; a drag that begins on one pans and does not carry the link away.
    this.canvas.addEventListener("dragstart", (event) => event.preventDefault());
    new ResizeObserver(() => {
      this.resize(this.content);
      if (this.revealed) this.reveal(this.revealed);
    }).observe(this.canvas);
  }

  onWheel(event) {
    event.preventDefault();
    const box = this.canvas.getBoundingClientRect();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1);
    this.zoom(Math.exp(-clamp(pixels, -120, 120) / 400), { x: event.clientX - box.left, y: event.clientY - box.top });
  }

  onDown(event) {
    if (event.button !== 0) return;
    if (this.pointers.size === 0) this.listenWhileDown();
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  }

  /** A pointer may be moved and lifted outside the canvas. */
  listenWhileDown() {
    const down = new AbortController();
    const listen = (name, heard) => window.addEventListener(name, heard, { signal: down.signal });
    const lifted = ({ pointerId }) => {
      this.pointers.delete(pointerId);
      if (this.pointers.size > 0) return;
      down.abort();
      if (this.travelled > SLACK) this.swallowClick();
    };
    this.travelled = 0;
    listen("pointermove", (event) => (event.buttons === 0 ? lifted(event) : this.onMove(event)));
    listen("pointerup", lifted);
    listen("pointercancel", lifted);
  }

  /** One pointer pans, two zoom around their middle. */
  onMove({ pointerId, clientX: x, clientY: y }) {
    const last = this.pointers.get(pointerId);
    if (!last) return;
    this.pointers.set(pointerId, { x, y });
    this.travelled += Math.abs(x - last.x) + Math.abs(y - last.y);
    if (this.travelled <= SLACK) return;
    // Captured only once it is a drag: a plain click must reach the node's link.
    if (!this.canvas.hasPointerCapture(pointerId)) this.canvas.setPointerCapture(pointerId);
    const other = [...this.pointers].find(([id]) => id !== pointerId)?.[1];
    if (other) this.pinch(last, { x, y }, other);
    else this.pan(x - last.x, y - last.y);
  }

  /** A pointer went from one place to another while a second one rests. */
  pinch(from, to, rest) {
    const box = this.canvas.getBoundingClientRect();
    const apart = ({ x, y }) => Math.max(1, Math.hypot(x - rest.x, y - rest.y));
    this.pan((to.x - from.x) / 2, (to.y - from.y) / 2);
    this.zoom(apart(to) / apart(from), { x: (to.x + rest.x) / 2 - box.left, y: (to.y + rest.y) / 2 - box.top });
  }

  /** The click that ends a drag must not follow a link. */
  swallowClick() {
    const stop = (event) => event.preventDefault();
    this.canvas.addEventListener("click", stop, { capture: true, once: true });
    setTimeout(() => this.canvas.removeEventListener("click", stop, { capture: true }), 50);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = {
      ArrowLeft: () => this.pan(STEP, 0),
      ArrowRight: () => this.pan(-STEP, 0),
      ArrowUp: () => this.pan(0, STEP),
      ArrowDown: () => this.pan(0, -STEP),
      "+": () => this.zoom(1.25),
      "=": () => this.zoom(1.25),
      "-": () => this.zoom(0.8),
      0: () => this.fit(),
    };
    if (!(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  }
}

const clamp = (value, least, most) => Math.min(most, Math.max(least, value));

/** Where content starts in its room: in the middle if it fits, else so that the anchor is as central as can be. */
const offset = (size, room, anchor) => (size <= room ? (room - size) / 2 : clamp(room / 2 - anchor, room - size, 0));

function shift(start, end, least, most) {
  if (start < least) return least - start;
  if (end > most) return Math.max(most - end, least - start);
  return 0;
}
