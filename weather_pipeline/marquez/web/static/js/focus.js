// Where the keyboard is while the page changes: a panel that a key opened takes the focus and gives it back when it
// closes, and what is drawn anew does not lose it.

/** Keeps the focus. `panel` is the one that opens and closes. */
export class Focus {
  constructor(panel) {
    this.panel = panel;
    this.byKey = false;
    this.awaited = false;
    /** What the panel was opened from. */
    this.opener = null;
    const heard = { capture: true };
    document.addEventListener("keydown", () => (this.byKey = true), heard);
    document.addEventListener("pointerdown", () => (this.byKey = this.awaited = false), heard);
  }

  /** The reader chose what the panel shows next: it takes the focus once it is there, if a key chose. */
  chosen() {
    this.awaited = this.byKey;
    const from = document.activeElement;
    // The search would open its list again.
    if (!this.panel.contains(from)) this.opener = from?.closest("[role=search]") ? null : from;
  }

  /** Draw, and let the focus be where it was; where that is gone, as near as can be. */
  keep(draw) {
    const held = document.activeElement;
    const inPanel = this.panel.contains(held);
    draw();
    if (this.awaited && !this.panel.hidden) {
      this.awaited = false;
      focus(this.panel);
    } else if (inPanel && this.panel.hidden) {
      focus(this.opener);
    } else if (inPanel && !held.isConnected) {
      focus(this.panel.querySelector(".run.open .run-row") ?? this.panel);
    } else if (held !== document.activeElement) {
      // An element that moved among its siblings has lost it.
      focus(held);
    }
  }
}

function focus(element) {
  if (element?.isConnected) element.focus({ preventScroll: true });
}
