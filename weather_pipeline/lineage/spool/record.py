"""What a Spark session says of itself beside its events, and how it ended. Pure.

A session that `create_spark_session_with_lineage` makes writes the record as it begins (`spark/spool.py`), so that
whoever delivers its events later needs nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from weather_pipeline.lineage.model import DatasetRef
from weather_pipeline.lineage.naming import Place

FORMAT = 1
"""The form of records that this reads."""

State = Literal["COMPLETE", "FAIL", "ABORT"]


class UnreadableRecord(ValueError):
    """A record that is damaged, or of a newer version; says what is wrong."""


@dataclass(frozen=True)
class RunRef:
    """A run of a job."""

    namespace: str
    job: str
    run_id: str


@dataclass(frozen=True)
class Record:
    """What a session says of itself.

    Attributes:
        application: Its name.
        description: What its program says of itself.
        places: Where datasets lie on this machine, and what all producers call them.
        launched_by: The run that started it.
        launch: The file in the spool in which what launched it says how it ended.
        keeps_parent: Whether that run is told as its parent. Marquez then renames its job.
    """

    application: str
    description: str | None = None
    places: tuple[Place, ...] = ()
    launched_by: RunRef | None = None
    launch: str | None = None
    keeps_parent: bool = False

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Record:
        """The record that `spark/spool.py` wrote.

        Raises:
            UnreadableRecord: It is damaged, or of a version that is not known here.
        """
        try:
            if kept["format"] != FORMAT:
                raise UnreadableRecord(f"it has the format {kept['format']!r}, and {FORMAT} is known here")
            launched_by = kept["launched_by"]
            return cls(
                application=kept["application"],
                description=kept.get("description"),
                places=tuple(
                    Place(DatasetRef(*each["physical"]), DatasetRef(*each["dataset"])) for each in kept["places"]
                ),
                launched_by=RunRef(**launched_by) if launched_by else None,
                launch=kept["launch"],
                keeps_parent=bool(kept["keeps_parent"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise UnreadableRecord(f"it lacks a part ({type(error).__name__}: {error})") from error


@dataclass(frozen=True)
class Ended:
    """How something ended.

    Attributes:
        state: The end, as OpenLineage calls it.
        at: When, in ISO 8601 with a timezone.
        message: Why, where it did not complete.
        stack: The error's stack.
    """

    state: State
    at: str
    message: str | None = None
    stack: str | None = None

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Ended:
        """The end as its process wrote it.

        Raises:
            UnreadableRecord: It is damaged.
        """
        try:
            if kept["state"] not in get_args(State):
                raise UnreadableRecord(f"its state is {kept['state']!r}, and {', '.join(get_args(State))} are known")
            return cls(kept["state"], str(kept["at"]), kept.get("message"), kept.get("stack"))
        except (KeyError, TypeError, AttributeError) as error:
            raise UnreadableRecord(f"it lacks a part ({type(error).__name__}: {error})") from error


@dataclass
class Failed:
    """Actions that have failed by the driver's word, and why.

    Attributes:
        begun: By the milliseconds at which each began.
        ended: By those at which it ended.
        ended_alone: Of those, the ones of which another began at the same time, so that `begun` lacks them.
    """

    begun: dict[int, str | None] = field(default_factory=dict)
    ended: dict[int, str | None] = field(default_factory=dict)
    ended_alone: dict[int, str | None] = field(default_factory=dict)

    def add(self, begun: int | None, ended: int | None, why: str | None) -> None:
        """Add an action. A time is None where another action has it too, or it is not known."""
        if begun is not None:
            self.begun[int(begun)] = why
        elif ended is not None:
            self.ended_alone[int(ended)] = why
        if ended is not None:
            self.ended[int(ended)] = why


@dataclass(frozen=True)
class Party:
    """A process that takes part in a session: its driver, or what launched it.

    Attributes:
        is_alive: Whether it still runs.
        said: How it ended, in its own words.
    """

    is_alive: bool
    said: Ended | None


def outcome(driver: Party, launcher: Party | None, *, at: str) -> Ended | None:
    """What became of a session; None while that is not known.

    Only who launched an application knows what became of it: what its listener tells is always a success. The driver's
    own failure counts before the launcher's success, and names the error better. Who is dead without a word was killed.

    Args:
        driver: The driver.
        launcher: The Dagster step, or `weather spark run`; None where the job was started by hand.
        at: The time of an end that nobody said, in ISO 8601.
    """
    if driver.is_alive or (launcher and launcher.is_alive and launcher.said is None):
        return None
    words = [party.said for party in (driver, launcher) if party and party.said]
    bad = next((said for said in words if said.state != "COMPLETE"), None)
    if bad is not None:
        return bad
    if driver.said is None:
        return Ended("FAIL", at, "The driver ended without a word: it was killed, or its machine went down.")
    if launcher and launcher.said is None:
        return Ended("FAIL", at, "What had launched the driver ended without a word: it was killed.")
    return driver.said
