-- Tables of the weather platform. Columns and types are those of weather/tables.py; a test compares both.
CREATE TABLE weather.locations (
    location_id text PRIMARY KEY,
    name text NOT NULL,
    latitude double precision NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude double precision NOT NULL CHECK (longitude BETWEEN -180 AND 180)
);
COMMENT ON TABLE weather.locations IS 'Places observed; parent of weather.observations';

CREATE TABLE weather.towers (
    tower_id text PRIMARY KEY,
    name text NOT NULL,
    latitude double precision NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude double precision NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    elevation_m double precision NOT NULL,
    height_m double precision CHECK (height_m > 0),
    source text NOT NULL
);
COMMENT ON TABLE weather.towers IS 'Real Dutch measuring sites';

CREATE TABLE weather.observations (
    location_id text NOT NULL REFERENCES weather.locations (location_id),
    observed_at timestamptz NOT NULL CHECK (date_trunc('hour', observed_at, 'UTC') = observed_at),
    temperature_c double precision,
    relative_humidity_pct double precision,
    dew_point_c double precision,
    wind_speed_ms double precision,
    wind_direction_deg double precision,
    wind_gust_ms double precision,
    precipitation_mm double precision,
    pressure_hpa double precision,
    visibility_m double precision,
    source text NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (location_id, observed_at)
);
COMMENT ON TABLE weather.observations IS 'Clean hourly observations, one for each place and hour';
CREATE INDEX observations_observed_at ON weather.observations (observed_at);

CREATE TABLE weather.quality_metrics (
    run_id text NOT NULL,
    hour timestamptz NOT NULL,
    rule text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('error', 'warn')),
    rows_checked bigint NOT NULL,
    rows_failed bigint NOT NULL,
    passed boolean NOT NULL,
    score double precision NOT NULL CHECK (score BETWEEN 0 AND 1),
    evaluated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, hour, rule)
);
COMMENT ON TABLE weather.quality_metrics IS 'Each rule''s count for each hour and run; rule overall is the hour as a whole';
CREATE INDEX quality_metrics_hour ON weather.quality_metrics (hour, rule);

CREATE TABLE weather.quarantine (
    hour timestamptz NOT NULL,
    bronze_key text NOT NULL,
    row_number bigint NOT NULL,
    rule text NOT NULL,
    location_id text,
    observed_at timestamptz,
    variable text,
    received double precision,
    unit text,
    reason text NOT NULL,
    payload jsonb NOT NULL,
    source text NOT NULL,
    PRIMARY KEY (bronze_key, row_number, rule)
);
COMMENT ON TABLE weather.quarantine IS 'Rows of bronze that must not go on, with the reason';
CREATE INDEX quarantine_hour ON weather.quarantine (hour);

CREATE TABLE weather.weather_near_towers (
    tower_id text NOT NULL REFERENCES weather.towers (tower_id),
    observed_at timestamptz NOT NULL,
    location_id text NOT NULL REFERENCES weather.locations (location_id),
    distance_km double precision NOT NULL CHECK (distance_km >= 0),
    temperature_c double precision,
    wind_speed_ms double precision,
    wind_direction_deg double precision,
    wind_gust_ms double precision,
    pressure_hpa double precision,
    visibility_m double precision,
    PRIMARY KEY (tower_id, observed_at)
);
COMMENT ON TABLE weather.weather_near_towers IS 'For each measuring site and hour the nearest place with an observation';
CREATE INDEX weather_near_towers_observed_at ON weather.weather_near_towers (observed_at);
