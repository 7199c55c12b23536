-- Which content of bronze the quarantine of an hour speaks of; an hour without bad rows has its row here too.
-- Hours judged before this migration have none: they are judged again before they are cleaned again.
CREATE TABLE weather.quarantine_hours (
    hour timestamptz PRIMARY KEY,
    bronze_key text NOT NULL,
    bronze_checksum text NOT NULL
);
COMMENT ON TABLE weather.quarantine_hours IS 'The bronze file that the quarantine of an hour was found in';
