// OpenLineage events as the backend received them, the newest first; the one that is opened with its whole body.

import { h } from "./dom.js";
import { count, dateTime } from "./format.js";
import { list } from "./model.js";
import { format } from "./router.js";

const TONES = { START: "running", RUNNING: "running", COMPLETE: "completed", FAIL: "failed", ABORT: "aborted" };

/** The list's content. */
export function eventsView({ namespace, more }, asked) {
  const route = { ...asked, namespace };
  const { events = [], totalCount = 0, offset = 0, limit = 0 } = more ?? {};
  if (events.length === 0) return [h("p", { class: "quiet" }, offset > 0 ? "No older events." : "No events have been received.")];
  const first = offset + 1;
  return [
    h("p", { class: "paging" },
      `Events ${first} to ${offset + events.length} of ${totalCount}, of all namespaces, as they were received. `,
      offset > 0 && h("a", { href: format({ ...route, offset: Math.max(0, offset - limit) || null, event: null }) }, "Newer"),
      offset > 0 && " ",
      offset + events.length < totalCount && h("a", { href: format({ ...route, offset: offset + limit, event: null }) }, "Older")),
    h("div", { class: "sheet events" }, events.map((event, index) => entry(event, index, events, route))),
  ];
}

/** What tells an event apart in an address; Marquez gives events no ids. */
const idOf = (event) => [event.eventTime, event.eventType, event.run?.runId, event.job?.name ?? event.dataset?.name].filter(Boolean).join(" ");

function entry(event, index, events, route) {
  const id = idOf(event);
  const open = route.event === id;
  // Two may be equal in all that the address tells: the second gets a key of its own.
  const twins = events.slice(0, index).filter((other) => idOf(other) === id).length;
  return h("div", { class: open ? "event open" : "event", key: `${id} ${twins}` },
    h("a", { class: "event-row", href: format({ ...route, event: open ? null : id }), "aria-expanded": String(open) },
      h("time", { datetime: event.eventTime }, dateTime(event.eventTime)),
      h("span", { class: `state ${toneOf(event.eventType)}` }, event.eventType ?? kindOf(event)),
      h("span", { class: "name" }, event.job?.name ?? event.dataset?.name ?? "–"),
      h("span", { class: "sub" }, [count(list(event.inputs).length, "input"), count(list(event.outputs).length, "output")].join(", "))),
    open && body(event, route));
}

const kindOf = (event) => (event.dataset ? "Dataset" : "Job");

const toneOf = (type) => (Object.hasOwn(TONES, type) ? TONES[type] : "none");

function body(event, route) {
  const { job, run } = event;
  const node = job && { kind: "job", namespace: job.namespace, name: job.name };
  return h("div", { class: "event-body" },
    node && h("p", {}, h("a", { href: format({ ...route, view: "graph", node, run: run?.runId, event: null, offset: null }) }, run ? `Open the run of ${job.name}` : `Open ${job.name}`)),
    // A box that scrolls must be reachable for a keyboard.
    h("pre", { tabindex: 0, role: "region", "aria-label": "The event" }, JSON.stringify(event, null, 2)));
}
