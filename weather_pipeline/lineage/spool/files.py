"""The files of a session in the spool's directory, and who still holds them.

A session `NAME` leaves `NAME.ndjson` (its events, one a line, appended), `NAME.session.json` (its record, locked by the
driver and its Java as long as they live), `NAME.failed.jsonl` (which actions failed) and `NAME.ended.json` (how the
driver ended). Who launches drivers leaves a file `….launch`, locked as long as it lives, with how that ended. Beside
them lie `NAME.progress.json` (how far delivery is), its lock (held by whoever delivers) and `NAME.refused.ndjson`
(events that the backend refuses for good, with its answer).

A lock is freed by the system when its process ends, however that happens. All of them are `flock`s: of one machine.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from weather_pipeline.lineage.spool.record import Ended, Failed, Party, Record, UnreadableRecord, outcome
from weather_pipeline.lineage.spool.story import Story

EVENTS, RECORD, ENDED, FAILED, PROGRESS, LOCK, REFUSED, LAUNCH = (
    ".ndjson",
    ".session.json",
    ".ended.json",
    ".failed.jsonl",
    ".progress.json",
    ".progress.json.lock",
    ".refused.ndjson",
    ".launch",
)
DONE = "delivered"
"""The directory for sessions of which everything was accepted or refused."""

_QUIET = 3.0
"""Seconds without a further event after which a session whose driver has ended is complete: its Java ends later."""


@dataclass
class Progress:
    """How far a session has been delivered.

    Attributes:
        offset: Bytes of its events that are done with.
        story: What has been told up to there.
        failures: How often events have failed while others were taken.
    """

    offset: int
    story: Story
    failures: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class SessionFiles:
    """The files of one session.

    Attributes:
        directory: The spool.
        name: The session.
    """

    directory: Path
    name: str

    def path(self, kind: str) -> Path:
        """One of its files."""
        return self.directory / f"{self.name}{kind}"

    def is_there(self) -> bool:
        """Whether it is still to be delivered."""
        return self.path(RECORD).exists() or self.path(EVENTS).exists()

    def record(self) -> Record:
        """What it says of itself.

        Raises:
            UnreadableRecord: The record is missing, damaged or of a newer version.
        """
        kept = _json(self.path(RECORD))
        if kept is None:
            raise UnreadableRecord("it has no record: nobody can tell how it ended")
        return Record.from_json(kept)

    def outcome(self, record: Record) -> Ended | None:
        """What became of it; None while that is not known.

        Args:
            record: What it says of itself.

        Raises:
            UnreadableRecord: What a process wrote as its end is damaged.
        """
        if not self.is_quiet():
            return None
        quiet_since = self._last_written()
        driver = Party(is_held(self.path(RECORD)), _ended(self.path(ENDED)))
        launcher = None
        if record.launch is not None:
            launch = self.directory / record.launch
            launcher = Party(is_held(launch), _ended(launch))
        return outcome(driver, launcher, at=datetime.fromtimestamp(quiet_since, UTC).isoformat())

    def is_quiet(self) -> bool:
        """Whether nothing has been written for a while."""
        return time.time() - self._last_written() >= _QUIET

    def _last_written(self) -> float:
        files = (self.path(kind) for kind in (EVENTS, RECORD, FAILED))
        found = [file.stat().st_mtime for file in files if file.exists()]
        return max(found, default=0.0)

    @contextmanager
    def taken(self) -> Iterator[bool]:
        """Whether this process may deliver the session: one at a time does."""
        with self.path(LOCK).open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
            else:
                yield True

    def load(self) -> Progress:
        """How far it is; from the beginning where nothing, or nothing readable, says so: it is all sent again."""
        with suppress(KeyError, TypeError, ValueError):
            if (kept := _json(self.path(PROGRESS))) is not None:
                return Progress(**{**kept, "story": Story.from_json(kept["story"])})
        return Progress(0, Story())

    def save(self, progress: Progress) -> None:
        """Keep how far it is, for good."""
        kept = {**vars(progress), "story": progress.story.as_json()}
        beside = self.path(f"{PROGRESS}.new")
        with beside.open("w") as file:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path(PROGRESS))

    def refuse(self, event: str, reason: str) -> None:
        """Keep an event that nobody takes, with the reason.

        Args:
            event: The event, or the line, as text.
            reason: Why.
        """
        with self.path(REFUSED).open("a") as file:
            file.write(json.dumps({"reason": reason, "event": event}) + "\n")

    def lines(self, offset: int, limit: int) -> list[tuple[int, bytes]]:
        """The next lines from an offset on, each with the offset of its end; a line that is being written is none.

        Args:
            offset: Where to begin, in bytes.
            limit: How many at most.
        """
        found: list[tuple[int, bytes]] = []
        with suppress(FileNotFoundError), self.path(EVENTS).open("rb") as file:
            file.seek(offset)
            while len(found) < limit and (line := file.readline()).endswith(b"\n"):
                offset += len(line)
                found.append((offset, line))
        return found

    def failed(self) -> Failed:
        """The actions that have failed by the driver's word.

        It knows of all that ended before what `lines` has read.
        """
        found = Failed()
        with suppress(FileNotFoundError), self.path(FAILED).open() as file:
            for line in file:
                with suppress(ValueError, KeyError, TypeError, AttributeError):  # its driver was killed as it wrote
                    said = json.loads(line)
                    found.add(said["started"], said.get("ended"), said["message"])
        return found

    def rest(self, offset: int) -> bytes:
        """What stands behind the last whole line: of a driver that was killed while it wrote."""
        with suppress(FileNotFoundError), self.path(EVENTS).open("rb") as file:
            file.seek(offset)
            return file.read()
        return b""

    def put_away(self) -> None:
        """Move its files to where what is delivered lies; what was refused stays in sight."""
        there = self.directory / DONE
        there.mkdir(exist_ok=True)
        for kind in (EVENTS, ENDED, FAILED, PROGRESS, RECORD):
            with suppress(FileNotFoundError):
                self.path(kind).replace(there / f"{self.name}{kind}")


def sessions(directory: Path) -> list[SessionFiles]:
    """The sessions that are not delivered yet, oldest first."""
    if not directory.is_dir():
        return []
    names: dict[str, float] = {}
    for kind in (RECORD, EVENTS):
        for file in directory.glob(f"*{kind}"):
            with suppress(FileNotFoundError):  # another one may have delivered it
                if not file.name.endswith(REFUSED):
                    names[file.name.removesuffix(kind)] = file.stat().st_mtime
    return [SessionFiles(directory, name) for name in sorted(names, key=lambda each: (names[each], each))]


def is_held(file: Path) -> bool:
    """Whether a living process holds a lock on a file."""
    try:
        with file.open("r") as opened:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _ended(file: Path) -> Ended | None:
    kept = _json(file)
    return Ended.from_json(kept) if kept is not None else None


def _json(file: Path) -> Any:
    """What a JSON file holds; None where there is none or it is empty.

    Raises:
        UnreadableRecord: It is damaged.
    """
    try:
        text = file.read_text()
        return json.loads(text) if text.strip() else None
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UnreadableRecord(f"{file} is no JSON ({error})") from error
