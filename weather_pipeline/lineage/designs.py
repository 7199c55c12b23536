"""What definitions alone say about assets, as job and dataset events, before anything has run.

A backend takes a job's edges from the newest event about it. An event about a definition must therefore not say less
than the asset's last run did: it carries what the last materialization named beyond the definition.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from weather_pipeline.lineage.catalog import Catalog
from weather_pipeline.lineage.describe import Describer
from weather_pipeline.lineage.messages import DatasetDescription, Message, dataset_message, job_message
from weather_pipeline.lineage.model import AssetInfo, AssetPath, AssetRun, Materialization, Metadata, RunInfo, RunState
from weather_pipeline.lineage.names import Said
from weather_pipeline.lineage.options import Options

_EPOCH = datetime.fromtimestamp(0, UTC)
_OF_A_RUN = frozenset({"lifecycleStateChange", "version"})
"""Facets of a dataset that speak of a single run's doing."""


class Designs:
    """What definitions alone say about assets, as events.

    Args:
        catalog: What the definitions say, and what was materialized last.
        options: What the user chose.
    """

    def __init__(self, catalog: Catalog, options: Options) -> None:
        self._catalog = catalog
        self._policy = options.policy
        self._describe = Describer(catalog, options)
        self._bare = Describer(_Definitions(catalog), options)

    def messages(self, path: AssetPath, at: datetime) -> list[Message]:
        """The events about an asset: its dataset and, where Dagster materializes it, its job.

        Args:
            path: The asset key's path.
            at: Since when the definition says so.

        Raises:
            InvalidName: A name is one that no backend should get.
        """
        return list(self._messages(self._describe, path, at, self._catalog.last(path)))

    def fingerprint(self, path: AssetPath) -> str:
        """A short hash of what an asset's definition says, whatever ran, and whatever version of this package says it.

        Raises:
            InvalidName: A name is one that no backend should get.
        """
        said = [_timeless(message.body()) for message in self._messages(self._bare, path, _EPOCH, {})]
        text = json.dumps(said, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _messages(self, describe: Describer, path: AssetPath, at: datetime, last: Metadata) -> Iterator[Message]:
        if describe.why_not(path):
            return
        info = self._catalog.get(path) or AssetInfo(path)
        if info.is_external:
            yield dataset_message("definition", at, describe.input(path), policy=self._policy)
            return
        design = _as_run(path, last)
        names = describe.names(said={path: lambda: Said(last, None)})
        outputs = [_timeless_dataset(each) for each in describe.outputs(design, names)]
        own = [each for each in outputs if each.ref == names.of(path)[0]]
        yield from (dataset_message("definition", at, each, policy=self._policy) for each in own)
        yield job_message(
            "definition",
            at,
            job=describe.asset_job(path, design, names),
            inputs=[_timeless_dataset(each) for each in describe.inputs(design, names)],
            outputs=outputs,
            policy=self._policy,
        )


class _Definitions:
    """A catalog of definitions alone, as if nothing had ever been materialized."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def get(self, path: AssetPath) -> AssetInfo | None:
        """What the definitions say about an asset."""
        return self._catalog.get(path)

    def last(self, path: AssetPath, before: datetime | None = None) -> Metadata:  # noqa: ARG002  (the protocol's signature)
        """Nothing."""
        return {}

    def materialized_at(self, path: AssetPath, before: datetime | None = None) -> None:
        """Never."""

    def read_ahead(self, paths: Sequence[AssetPath]) -> None:
        """Nothing."""

    def paths(self) -> list[AssetPath]:
        """The keys of all assets that the definitions know."""
        return self._catalog.paths()

    def window(self, path: AssetPath, partitions: Sequence[str]) -> tuple[datetime, datetime] | None:
        """The time that partitions cover."""
        return self._catalog.window(path, partitions)


def _as_run(path: AssetPath, last: Metadata) -> AssetRun:
    """A run that writes what the last one wrote, and says nothing of when or what it read.

    Also before the first run: by the name that the asset then has, its readers' inputs are known already.
    """
    done = Materialization(path, _EPOCH, None, metadata=last)
    return AssetRun(RunInfo("", "", _EPOCH), path, _EPOCH, RunState.RUNNING, materializations=(done,))


def _timeless_dataset(dataset: DatasetDescription) -> DatasetDescription:
    """A dataset without what the last run did to it."""
    lasting = {key: facet for key, facet in dataset.facets.items() if key not in _OF_A_RUN}
    return replace(dataset, facets=lasting, io_facets={})


def _timeless(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _timeless(v) for key, v in value.items() if key not in ("eventTime", "producer", "_producer")}
    return [_timeless(each) for each in value] if isinstance(value, list) else value
