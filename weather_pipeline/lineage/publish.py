"""Lineage at design time: a code location's asset graph as job and dataset events, before anything has run.

Only changes are sent. What an asset's definition says has a fingerprint, which is kept in the instance with the time
at which it was first seen so, and with whether the backend has accepted its events: their time is that time, so that
sending them again changes nothing. Nothing is ever deleted: what was removed from the code stays in the backend with
its history.

Where the exporter has told a run of an asset already, the first publication leaves the asset alone: that run says all
that the definition does (designs.py).
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from weather_pipeline.lineage.answers import Sink, Verdict
from weather_pipeline.lineage.catalog import RepositoryCatalog
from weather_pipeline.lineage.deadletters import DeadLetters
from weather_pipeline.lineage.delivery import Outcome, deliver
from weather_pipeline.lineage.designs import Designs
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.model import AssetPath, StorageUnavailable
from weather_pipeline.lineage.options import Options
from weather_pipeline.lineage.proof import PATIENCE, Proof
from weather_pipeline.lineage.register import Published, Register
from weather_pipeline.lineage.scope import Scope

_SECONDS_A_TICK = 2.0
_RETRY_AFTER = 60.0
"""Seconds until what the backend did not take is tried again."""
_TOGETHER = 256
"""Assets whose events are delivered before what was accepted is kept."""
_PLANNED_TOGETHER = 25
"""Assets that are looked at before the time is."""
_PATIENCE = 0.5
"""Seconds for which requests that are under way are waited for after the deadline."""


@dataclass(frozen=True)
class Draft:
    """The events about one asset's definition that the backend does not know yet."""

    asset: str
    """The asset's key, as `shop/orders`."""
    messages: tuple[Message, ...]


@dataclass
class Plan:
    """What is to be published of a code location, and what its register says then."""

    drafts: list[Draft]
    unchanged: int
    problems: list[str]
    """Assets that can't be published, in words."""
    register: dict[str, Published]
    changed: list[str]
    """Assets of which the register says something new."""


@dataclass
class Publication:
    """What became of a plan, in assets."""

    accepted: int = 0
    refused: int = 0
    waiting: int = 0
    """Assets that the backend has not taken yet."""
    failure: str | None = None
    """The backend's last answer to what it did not take."""


def plan(
    catalog: RepositoryCatalog,
    options: Options,
    known: Mapping[str, Published],
    *,
    now: datetime,
    told_since: datetime | None = None,
    everything: bool = False,
) -> Plan:
    """What is to be published of a code location.

    Args:
        catalog: The code location's definitions.
        options: What the user chose.
        known: What was published before, by asset.
        now: The present, timezone-aware.
        told_since: Since when the exporter tells runs: an asset materialized since then is known by its runs.
        everything: Publish again what is known already.

    Raises:
        StorageUnavailable: Dagster's storage can't be read now.
    """
    planning = Planning(catalog, options, known, now=now, told_since=told_since, everything=everything)
    planning.go_on()
    return planning.plan


class Planning:
    """Makes a plan, some assets at a time; see `plan`."""

    def __init__(
        self,
        catalog: RepositoryCatalog,
        options: Options,
        known: Mapping[str, Published],
        *,
        now: datetime,
        told_since: datetime | None = None,
        everything: bool = False,
    ) -> None:
        self.plan = Plan([], 0, [], {}, [])
        self._catalog = catalog
        self._designs = Designs(catalog, options)
        self._known = known
        self._now = now
        self._told_since = told_since
        self._everything = everything
        self._left = catalog.paths()

    def go_on(self, deadline: float = float("inf")) -> bool:
        """Look at more assets until a time on the monotonic clock; returns whether it has looked at all.

        Raises:
            StorageUnavailable: Dagster's storage can't be read now.
        """
        while self._left and time.monotonic() < deadline:
            batch = self._left[:_PLANNED_TOGETHER]
            self._catalog.read_ahead(batch)
            for path in batch:
                self._look_at(path)
            del self._left[: len(batch)]
        return not self._left

    def _look_at(self, path: AssetPath) -> None:
        asset, found = "/".join(path), self.plan
        try:
            said = self._designs.fingerprint(path)
            before = self._known.get(asset)
            is_same = before is not None and before.fingerprint == said
            at = before.at if before and is_same else self._now.timestamp()
            if before and is_same:
                is_known = before.accepted
            else:
                is_known = before is None and _is_told(self._catalog, path, self._told_since)
            is_sent = not is_known or self._everything
            messages = self._designs.messages(path, datetime.fromtimestamp(at, UTC)) if is_sent else []
        except StorageUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  (one asset that can't be told must not silence the others)
            found.problems.append(f"{asset}: {error}")
            return
        found.register[asset] = Published(said, at, is_known)
        if found.register[asset] != before:
            found.changed.append(asset)
        if is_sent:
            found.drafts.append(Draft(asset, tuple(messages)))
        else:
            found.unchanged += 1


def _is_told(catalog: RepositoryCatalog, path: AssetPath, told_since: datetime | None) -> bool:
    """Whether a run of the asset has been told, or will be: it says all that the definition does."""
    at = catalog.materialized_at(path) if told_since is not None else None
    return at is not None and told_since is not None and at >= told_since


def publish(
    found: Plan,
    register: Register,
    sink: Sink,
    *,
    proof: Proof | None = None,
    deadline: float | None = None,
    tell: Callable[[int], None] = lambda _: None,
) -> Publication:
    """Send what is due, and keep what was accepted; what is not accepted stays in the plan.

    Args:
        found: The plan; its drafts shrink.
        register: Where fingerprints are kept, and what is refused for good.
        sink: Where events go.
        proof: Shows whether the backend is well, where others send too.
        deadline: On the monotonic clock; nothing is begun after it.
        tell: Hears how many assets are left.
    """
    done, proof = Publication(), proof or Proof(sink)
    # Before anything is sent: the time that stands in the events must outlive a crash.
    register.save(found.register, found.changed)
    left, found.drafts = found.drafts, []
    known: list[str] = []
    try:
        while left and not found.drafts and (deadline is None or time.monotonic() < deadline):
            batch, left = left[:_TOGETHER], left[_TOGETHER:]
            pending = {draft.asset: draft.messages for draft in batch}
            outcome = deliver(sink, pending, deadline=deadline or float("inf"), patience=_PATIENCE)
            refused = _bury_refused(register.letters, outcome, proof, deadline)
            done.failure = outcome.failed[-1][2].reason if outcome.failed else done.failure
            for draft in batch:
                taken = refused | {message.key for message in outcome.accepted.get(draft.asset, ())}
                if not all(message.key in taken for message in draft.messages):
                    found.drafts.append(draft)
                    continue
                known.append(draft.asset)
                done.refused += any(message.key in refused for message in draft.messages)
            tell(len(left))
    finally:
        found.drafts += left
        found.register |= {asset: found.register[asset]._replace(accepted=True) for asset in known}
        register.save(found.register, known)
    done.accepted, done.waiting = len(known) - done.refused, len(found.drafts)
    return done


def _bury_refused(letters: DeadLetters, outcome: Outcome, proof: Proof, deadline: float | None) -> set[str]:
    """Keep the events that were refused for good as dead letters; returns their keys.

    Where the backend does not take, right after, what it took before, it or its address may be to blame: they wait.
    """
    for message in (each for messages in outcome.accepted.values() for each in messages):
        if message.key not in outcome.withheld:
            proof.accepted(message)
    refused = [(message, answer) for _, message, answer in outcome.failed if answer.verdict is Verdict.REFUSED]
    if not refused or not proof.is_well(_patience(deadline)):
        return set()
    buried: set[str] = set()
    for message, answer in refused:
        again = proof.ask(message, _patience(deadline))
        if again and again.verdict is Verdict.REFUSED:
            letters.bury(message.key, answer.reason, message.body())
            buried.add(message.key)
    return buried


def _patience(deadline: float | None) -> float:
    return PATIENCE if deadline is None else min(PATIENCE, deadline - time.monotonic())


class Publisher:
    """Publishes a sensor's code location each time that it is loaded, and keeps what waits between ticks.

    Args:
        options: What the user chose.
        sensor: The sensor's name.
    """

    def __init__(self, options: Options, sensor: str) -> None:
        self._options = options
        self._sensor = sensor
        self._repository: dg.RepositoryDefinition | None = None
        self._planning: Planning | None = None
        self._plan: Plan | None = None
        self._retry_at = 0.0

    def tick(
        self,
        instance: dg.DagsterInstance,
        repository: dg.RepositoryDefinition | None,
        scope: Scope,
        sink: Sink,
        log: logging.Logger,
        *,
        proof: Proof,
        told_since: datetime,
    ) -> None:
        """Publish what has changed since the last time, as far as a short time allows; trouble is for later.

        Args:
            instance: The Dagster instance.
            repository: The code location's definitions as they are loaded now.
            scope: The repository that the sensor stands in.
            sink: Where events go.
            log: Hears what a user should know.
            proof: Shows whether the backend is well.
            told_since: Since when the exporter tells runs.
        """
        if repository is not self._repository:
            self._repository, self._planning, self._plan, self._retry_at = repository, None, None, 0.0
        if repository is None or time.monotonic() < self._retry_at or (self._plan and not self._plan.drafts):
            return
        deadline = time.monotonic() + _SECONDS_A_TICK
        try:
            register = Register(instance, scope, self._sensor)
            if self._plan is None:
                if self._planning is None:
                    catalog, now = RepositoryCatalog(repository, instance), datetime.now(UTC)
                    self._planning = Planning(catalog, self._options, register.load(), now=now, told_since=told_since)
                if not self._planning.go_on(deadline):
                    return
                self._plan, self._planning = self._planning.plan, None
                for problem in self._plan.problems:
                    log.warning("No lineage before the first run for %s", problem)
            done = publish(self._plan, register, sink, proof=proof, deadline=deadline)
        except Exception:  # noqa: BLE001  (runs come first, whatever is wrong with a definition)
            log.warning("The definitions can't be published, and are tried again:\n%s", traceback.format_exc())
            self._retry_at = time.monotonic() + _RETRY_AFTER
            return
        if done.accepted:
            log.info("Published the definitions of %d assets to %s.", done.accepted, sink.name)
        if done.refused or (done.waiting and done.failure):
            log.warning("%s did not take all definitions: %s", sink.name, done.failure)
            self._retry_at = time.monotonic() + _RETRY_AFTER
