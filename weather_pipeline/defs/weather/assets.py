"""The weather assets: a source over HTTP → bronze → quality check → silver → PostgreSQL → towers.

Every function is thin: it takes the hours of its partitions, calls the package that does the work, and reports what
was done. What the datasets are called and which columns they have is added by `definitions`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import dagster as dg

from weather_pipeline.defs.weather.partitions import FRESH, HOURLY, IN_DAYS
from weather_pipeline.defs.weather.resources import WeatherPlatform, retried_only_if_it_helps
from weather_pipeline.sources.catalog import SourceDataset
from weather_pipeline.store.lake import (
    StoredFile,
    bronze_files,
    bronze_to_judge,
    check_not_replaced,
    silver_batches,
    write_bronze,
    write_clean,
)
from weather_pipeline.store.quality_tables import read_quarantine, replace_quality, replace_quarantine
from weather_pipeline.store.warehouse import refresh_near_towers, upsert_observations
from weather_pipeline.weather.locations import LOCATIONS
from weather_pipeline.weather.quality import QualityReport, RuleResult, evaluate
from weather_pipeline.weather.rules import RULES, Severity

_RETRY = dg.RetryPolicy(max_retries=3, delay=2, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
_COMMON: dict[str, Any] = {
    "partitions_def": HOURLY,
    "backfill_policy": IN_DAYS,
    "retry_policy": _RETRY,
    "freshness_policy": FRESH,
    "group_name": "weather",
    "owners": ["team:weather"],
}

SOURCE_POOL = "weather_source"
"""Concurrency pool of what asks the source, whichever it is: parallel runs share its limits."""

REFERENCE = [
    dg.AssetSpec(
        "locations",
        description="The places that weather is asked for; parent of every observation.",
        group_name="sources",
        kinds={"postgres", "table"},
        owners=["team:weather"],
        tags={"layer": "reference"},
    ),
    dg.AssetSpec(
        "towers",
        description="Dutch measuring sites and masts.",
        group_name="sources",
        kinds={"postgres", "table"},
        owners=["team:weather"],
        tags={"layer": "reference"},
    ),
]
"""The tables that exist outside Dagster."""


def http_source(source: SourceDataset) -> dg.AssetSpec:
    """What weather is read from over HTTP; `raw_weather_data` depends on it."""
    return dg.AssetSpec(
        source.asset,
        description=source.description,
        group_name="sources",
        kinds={"http", "json"},
        owners=["team:weather"],
        tags={"licence": source.licence},
    )


@dg.asset(kinds={"parquet"}, tags={"layer": "bronze"}, pool=SOURCE_POOL, **_COMMON)
def raw_weather_data(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[WeatherPlatform]
) -> dg.MaterializeResult:
    """Hourly weather as received: one request for all places, one parquet file for each hour, replaced by a rerun."""
    start, end = _hours(context)
    with retried_only_if_it_helps(), platform.source() as source:
        fetched = source.fetch(LOCATIONS, start, end)
        files = write_bronze(platform.lake(), fetched, start=start, end=end)
    context.log.info("%s rows from %s in %s files", fetched.table.num_rows, fetched.source, len(files))
    for lack in fetched.lacks:
        context.log.warning("Not received: %s", lack)
    _report_files(context, files)
    return dg.MaterializeResult(
        metadata={
            **({"not_received": dg.MetadataValue.md(_bullets(map(str, fetched.lacks)))} if fetched.lacks else {}),
            "source": fetched.source,
            "request": dg.MetadataValue.url(fetched.request_url),
            "received_at": dg.MetadataValue.timestamp(fetched.received_at),
            "dagster/uri": platform.lake().uri("bronze/weather"),
        }
    )


def _check_specs() -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            rule.name,
            asset="weather_quality_check",
            description=f"{rule.description} ({rule.bound_source})" if rule.bound_source else rule.description,
            blocking=rule.blocks,
        )
        for rule in RULES
    ]


@dg.asset(
    deps=[raw_weather_data],
    kinds={"duckdb", "postgres"},
    tags={"layer": "quality"},
    check_specs=_check_specs(),
    **_COMMON,
)
def weather_quality_check(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[WeatherPlatform]
) -> dg.MaterializeResult:
    """Every rule over bronze in one pass: figures to quality_metrics, bad readings with their reason to quarantine.

    A reading that can't be true is quarantined and the others go on. A blocking error, as a file without its columns,
    stops what follows; a warning is only reported.
    """
    start, end = _hours(context)
    with retried_only_if_it_helps():
        with bronze_to_judge(platform.lake(), start, end) as (files, damaged):
            report = evaluate(files, start=start, end=end, damaged=damaged)
        url = platform.warehouse_url()
        replace_quarantine(url, report)
        replace_quality(url, report, run_id=context.run.run_id)
        check_not_replaced(platform.lake(), {file.key: file.checksum for file in files})
    _report_quality(context, report)
    return dg.MaterializeResult(
        metadata={
            "rows_checked": report.rows,
            "rows_quarantined": report.quarantined_rows,
            "score": report.score,
            "reasons": dg.MetadataValue.md(_reasons(report)),
        },
        check_results=[_check_result(result) for result in report.rules],
    )


@dg.asset(deps=[raw_weather_data, weather_quality_check], kinds={"parquet"}, tags={"layer": "silver"}, **_COMMON)
def clean_weather_data(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[WeatherPlatform]
) -> dg.MaterializeResult:
    """Bronze without the quarantined readings: SI units, UTC, typed, one reading for each place and hour."""
    start, end = _hours(context)
    lake = platform.lake()
    with retried_only_if_it_helps(), bronze_files(lake, start, end) as files:
        quarantined = read_quarantine(platform.warehouse_url(), files)
        written = write_clean(lake, files, quarantined, start=start, end=end)
        check_not_replaced(lake, {file.key: file.checksum for file in files})
    _report_files(context, written)
    return dg.MaterializeResult(metadata={"dagster/uri": lake.uri("silver/weather")})


@dg.asset(deps=[clean_weather_data, "locations"], kinds={"postgres", "table"}, tags={"layer": "gold"}, **_COMMON)
def weather_to_postgres(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[WeatherPlatform]
) -> dg.MaterializeResult:
    """Silver into weather.observations: COPY and upsert in one transaction; a rerun changes nothing."""
    start, end = _hours(context)
    with retried_only_if_it_helps():
        batches = silver_batches(platform.lake(), start, end)
        loaded = upsert_observations(platform.warehouse_url(), batches, replace_hours=(start, end))
    context.log.info("%s", loaded)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": loaded.received,
            "inserted": loaded.inserted,
            "updated": loaded.updated,
            "deleted": loaded.deleted,
        }
    )


@dg.asset(deps=[weather_to_postgres, "towers"], kinds={"postgres", "table"}, tags={"layer": "gold"}, **_COMMON)
def weather_near_towers(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[WeatherPlatform]
) -> dg.MaterializeResult:
    """The nearest observation for each measuring site and hour."""
    start, end = _hours(context)
    with retried_only_if_it_helps():
        rows = refresh_near_towers(platform.warehouse_url(), start, end)
    return dg.MaterializeResult(metadata={"dagster/row_count": rows})


ASSETS = [raw_weather_data, weather_quality_check, clean_weather_data, weather_to_postgres, weather_near_towers]


def _hours(context: dg.AssetExecutionContext) -> tuple[datetime, datetime]:
    window = context.partition_time_window
    return window.start, window.end


def _report_files(context: dg.AssetExecutionContext, files: Iterable[StoredFile]) -> None:
    """Rows and bytes of each hour, with that hour's own materialization."""
    for partition, file in _by_partition(files):
        context.add_asset_metadata(
            {
                "dagster/partition_row_count": file.rows,
                "openlineage/size_bytes": file.size_bytes,
                "openlineage/file_count": 1,
                "path": dg.MetadataValue.path(file.uri),
            },
            partition_key=partition,
        )


def _by_partition(files: Iterable[StoredFile]) -> Iterator[tuple[str, StoredFile]]:
    for file in files:
        yield HOURLY.get_partition_key_for_timestamp(file.hour.timestamp()), file


def _report_quality(context: dg.AssetExecutionContext, report: QualityReport) -> None:
    for hour in report.hours:
        context.add_asset_metadata(
            {"dagster/partition_row_count": hour.quarantined, "hour_score": hour.score},
            partition_key=HOURLY.get_partition_key_for_timestamp(hour.hour.timestamp()),
        )


def _check_result(result: RuleResult) -> dg.AssetCheckResult:
    rule = result.rule
    metadata: Mapping[str, Any] = {
        "rows_checked": result.rows_checked,
        "rows_failed": result.rows_failed,
        # The rules speak about what was received, so lineage shows them on that input.
        "openlineage/asserts": "raw_weather_data",
        **({"openlineage/column": rule.received_as} if rule.received_as else {}),
    }
    return dg.AssetCheckResult(
        check_name=rule.name,
        passed=result.passed,
        severity=dg.AssetCheckSeverity.ERROR if _stops(result) else dg.AssetCheckSeverity.WARN,
        description=result.example,
        metadata=metadata,
    )


def _stops(result: RuleResult) -> bool:
    """Whether a failure is an error in Dagster: quarantined readings are taken care of, and so a warning."""
    return result.rule.blocks and result.rule.severity is Severity.ERROR


def _reasons(report: QualityReport) -> str:
    counted = Counter(report.quarantine["reason"].to_pylist())
    return _bullets(f"{reason} ({count} times)" for reason, count in counted.most_common(20)) or "nothing quarantined"


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
