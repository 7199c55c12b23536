// A dataset's quality over time, from its versions: rows, checks, and empty values of a column. Pure.

import { list } from "./model.js";

/** The versions, oldest first, as `{ time (ms), rows, checks: { passed, failed, names }, run }`; rows null where unknown. */
export function history(versions, { namespace, name }) {
  return [...versions].reverse().map((version) => {
    const written = list(version.createdByRun?.outputDatasetVersions).find(
      ({ datasetVersionId: id }) => id?.namespace === namespace && id?.name === name);
    const checks = list(version.facets?.dataQualityAssertions?.assertions);
    const failing = checks.filter(({ success }) => success === false);
    return {
      time: Date.parse(version.createdAt),
      run: version.createdByRun ?? null,
      rows: number(written?.facets?.outputStatistics?.rowCount) ?? number(version.facets?.dataQualityMetrics?.rowCount),
      metrics: version.facets?.dataQualityMetrics?.columnMetrics ?? {},
      checks: { total: checks.length, failed: failing.length, names: failing.map(({ assertion }) => String(assertion)) },
    };
  });
}

/** The points of one number over time, without the versions that lack it: `{ time, value, run }`. */
export const series = (points, valueOf) =>
  points.map((point) => ({ time: point.time, run: point.run, value: number(valueOf(point)) })).filter(({ time, value }) => value !== null && !Number.isNaN(time));

/** Rows of each version. */
export const rows = (points) => series(points, (point) => point.rows);

/** How many percent of the checks passed. */
export const passed = (points) =>
  series(points, ({ checks }) => (checks.total > 0 ? (100 * (checks.total - checks.failed)) / checks.total : null));

/** How many values of a column were empty. */
export const empty = (points, column) => series(points, ({ metrics }) => metrics?.[column]?.nullCount);

const number = (value) => (Number.isFinite(value) ? value : null);
