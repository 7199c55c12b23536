// What changed in a dataset's columns from one version to the next. Pure.

import { list } from "./model.js";

/** Changes from `before` to `after` (lists of fields with name and type): `{ kind, name, type, was }`. */
export function schemaChanges(before, after) {
  const old = new Map(before.map((field) => [field.name, field]));
  const now = new Map(after.map((field) => [field.name, field]));
  const added = after.filter(({ name }) => !old.has(name)).map(({ name, type }) => ({ kind: "added", name, type }));
  const removed = before.filter(({ name }) => !now.has(name)).map(({ name, type }) => ({ kind: "removed", name, type }));
  const changed = after
    .filter(({ name, type }) => old.has(name) && (old.get(name).type ?? "") !== (type ?? ""))
    .map(({ name, type }) => ({ kind: "changed", name, type, was: old.get(name).type }));
  const kept = (fields, other) => fields.map(({ name }) => name).filter((name) => other.has(name)).join("\n");
  const moved = kept(before, now) !== kept(after, old) ? [{ kind: "moved", name: "the order of the columns" }] : [];
  return [...added, ...removed, ...changed, ...moved];
}

/**
 * The versions (newest first) with the changes that each brought: `{ version, changes }`; none for the oldest one that
 * is known. A version without columns, as of a run that failed before it wrote, changes nothing.
 */
export function withChanges(versions) {
  const told = versions.map((version) => ({ version, fields: list(version.fields) }));
  return told.map(({ version, fields }, index) => {
    const before = told.slice(index + 1).find((older) => older.fields.length > 0)?.fields;
    return { version, changes: before && fields.length > 0 ? schemaChanges(before, fields) : [] };
  });
}
