"""What `clean_weather_data` does, as one would write it in pandas: hour by hour, the fastest that was found."""

from __future__ import annotations

from io import BytesIO

import pandas as pd
import pyarrow as pa

from weather_pipeline.store.base import ObjectStore
from weather_pipeline.weather.bronze import BronzeFile
from weather_pipeline.weather.schema import OBSERVATION_SCHEMA, VARIABLES
from weather_pipeline.weather.units import conversion

PREFIX = "silver/pandas"
"""Where the results go, beside the product's."""

_READ = ["location_id", "time", *(str(column.variable) for column in VARIABLES)]


def clean_hours(store: ObjectStore, files: list[BronzeFile], quarantined: pa.Table) -> None:
    """Read each hour, leave out the quarantine, convert, drop duplicates, sort, write zstd parquet to the store."""
    bad = quarantined.to_pandas().groupby("bronze_key")["row_number"].unique()
    for file in files:
        frame = pd.read_parquet(file.path, columns=_READ)
        if file.key in bad.index:
            frame = frame.drop(index=bad[file.key])
        clean = pd.DataFrame(
            {
                "location_id": frame["location_id"],
                "observed_at": pd.to_datetime(frame["time"], format="%Y-%m-%dT%H:%M", utc=True),
            }
        )
        for column in VARIABLES:
            variable = str(column.variable)
            known = conversion(str(column.unit), file.units[variable], variable=variable)
            clean[column.name] = frame[variable] * known.scale + known.offset
        clean["source"] = file.source
        clean = clean.drop_duplicates(["location_id", "observed_at"], keep="last")
        clean = clean.sort_values(["location_id", "observed_at"])
        content = BytesIO()
        clean.to_parquet(content, compression="zstd", index=False, schema=OBSERVATION_SCHEMA)
        store.put(f"{PREFIX}/{file.hour:%Y%m%d%H}.parquet", content.getvalue())
