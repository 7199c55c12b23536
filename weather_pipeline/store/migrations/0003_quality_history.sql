-- Which dataset the rules judged, and the two views that answer questions about quality over time.
ALTER TABLE weather.quality_metrics ADD COLUMN dataset text NOT NULL DEFAULT 'bronze/weather';
ALTER TABLE weather.quality_metrics ALTER COLUMN dataset DROP DEFAULT;
ALTER TABLE weather.quality_metrics DROP CONSTRAINT quality_metrics_pkey;
ALTER TABLE weather.quality_metrics ADD PRIMARY KEY (run_id, dataset, hour, rule);

CREATE VIEW weather.quality_runs AS
SELECT
    run_id,
    dataset,
    min(hour) AS first_hour,
    max(hour) AS last_hour,
    count(*) AS hours,
    sum(rows_checked)::bigint AS rows_received,
    sum(rows_failed)::bigint AS rows_quarantined,
    avg(score) AS score,
    max(evaluated_at) AS evaluated_at
FROM weather.quality_metrics
WHERE rule = 'overall'
GROUP BY run_id, dataset;
COMMENT ON VIEW weather.quality_runs IS 'The score of each run and dataset: the mean of its hours';

CREATE VIEW weather.quality_hours AS
SELECT DISTINCT ON (dataset, hour)
    dataset,
    hour,
    rows_checked AS rows_received,
    rows_failed AS rows_quarantined,
    score,
    run_id,
    evaluated_at
FROM weather.quality_metrics
WHERE rule = 'overall'
ORDER BY dataset, hour, evaluated_at DESC, run_id DESC;
COMMENT ON VIEW weather.quality_hours IS 'Each hour as it was last judged';
