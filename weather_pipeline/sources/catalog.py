"""What each source is in lineage: one entry for each dataset that a source reads.

Lineage must be exact before a run starts, so which dataset is read follows from the settings alone, whichever server
answers in the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from weather_pipeline.settings import Settings, SourceName
from weather_pipeline.sources import knmi_api as knmi
from weather_pipeline.sources import open_meteo_api as open_meteo


@dataclass(frozen=True, slots=True)
class SourceDataset:
    """The dataset of a source, as an external asset and in lineage.

    Attributes:
        asset: Key of the asset that stands for it in Dagster.
        namespace: OpenLineage namespace.
        name: OpenLineage name.
        description: What it is, with the attribution that its licence asks for.
        licence: SPDX identifier of the data's licence.
        columns: What bronze derives its columns from (`derived_from` without `source.`) → the source's own name for it.
            What is not there is not asked for.
        delay: How long after its end an hour is there for certain.
    """

    asset: str
    namespace: str
    name: str
    description: str
    licence: str
    columns: Mapping[str, str]
    delay: timedelta = timedelta()

    @property
    def identity(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.namespace, self.name


def _of_open_meteo(api: open_meteo.Api, asset: str, words: str, *, delay: timedelta = timedelta()) -> SourceDataset:
    columns = {name: name for name in (*open_meteo.PLACE_COLUMNS, *api.variables)}
    return SourceDataset(asset, *api.dataset, f"{words} {open_meteo.ATTRIBUTION}.", "CC-BY-4.0", columns, delay)


_FORECAST = _of_open_meteo(
    open_meteo.FORECAST, "open_meteo_forecast", "Open-Meteo's hourly weather of the last 92 days over HTTP."
)
_ARCHIVE = _of_open_meteo(
    open_meteo.ARCHIVE,
    "open_meteo_archive",
    "Open-Meteo's hourly reanalysis from 1940 on over HTTP.",
    delay=timedelta(days=6),  # it is documented to be five days late, and comes by whole days
)

_KNMI = SourceDataset(
    "knmi_observations",
    *knmi.DATASET,
    description=f"What KNMI's stations measured, every ten minutes, over HTTP. {knmi.ATTRIBUTION}.",
    licence="CC-BY-4.0",
    columns=knmi.COLUMNS,
)

DATASETS: Mapping[SourceName, SourceDataset] = {
    SourceName.AUTO: _FORECAST,
    SourceName.OPEN_METEO: _FORECAST,
    SourceName.OPEN_METEO_ARCHIVE: _ARCHIVE,
    SourceName.KNMI: _KNMI,
    # The recordings stand in for the forecast: lineage is the same whichever server answers.
    SourceName.REPLAY: _FORECAST,
}
"""Every source of the settings → its dataset.

A new source is an entry here, and a branch in `choose.open_source` and in `probe.target`.
"""


def source_dataset(settings: Settings) -> SourceDataset:
    """The dataset that the settings' source reads."""
    return DATASETS[settings.source]
