"""Jars, fetched where they are missing, with progress."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weather_pipeline.cli.progress import Progress
    from weather_pipeline.settings import Settings
    from weather_pipeline.stack.jars import Jar
    from weather_pipeline.stack.java import Java


def bring_kafka(home: Path, progress: Progress) -> tuple[Java, Sequence[Path]]:
    """The Java that runs Kafka, and its jars.

    Args:
        home: The state directory.
        progress: Shows how far it is.

    Raises:
        StackError: No Java is there, or a jar can't be had.
    """
    from weather_pipeline.stack.jars import locked_jars
    from weather_pipeline.stack.java import find_java

    java = find_java()
    files, _ = _bring("Kafka", locked_jars("kafka"), home / "jars" / "kafka", progress)
    return java, files


def bring_spark(settings: Settings, wanted: Sequence[Jar], progress: Progress) -> tuple[Sequence[Path], int]:
    """The jars of Spark jobs, and how many of them were missing.

    Args:
        settings: They say where the jars go.
        wanted: The jars.
        progress: Shows how far it is.

    Raises:
        StackError: A jar can't be had.
    """
    return _bring("Spark", wanted, settings.effective_spark_jars, progress)


def _bring(whose: str, wanted: Sequence[Jar], directory: Path, progress: Progress) -> tuple[Sequence[Path], int]:
    from weather_pipeline.stack.jars import fetch_jars

    fetched = 0

    def show(done: int, missing: int) -> None:
        nonlocal fetched
        fetched = done
        progress.count(f"Fetching {whose}'s jars", done, missing)

    with progress.phase("jars", f"Bringing {whose}'s jars"):
        return fetch_jars(wanted, directory, progress=show), fetched
