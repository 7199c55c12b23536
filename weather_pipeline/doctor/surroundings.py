"""What every check is given: the settings, the environment, what runs here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import SecretStr

from weather_pipeline.doctor.clock_reading import ClockReading
from weather_pipeline.doctor.finding import Finding
from weather_pipeline.errors import ConfigurationError, StackError
from weather_pipeline.settings import Settings
from weather_pipeline.stack.lineage_target import lineage_target
from weather_pipeline.stack.plan import POSTGRES, LineageTarget
from weather_pipeline.stack.status import NOT_RUNNING, StackStatus, stack_status

_PASSWORD = re.compile(r"://[^/@:]*:(.*)@")
_USER_INFO = re.compile(r"://[^\s/@]*@")


@dataclass(frozen=True)
class Surroundings:
    """Where the doctor looks.

    Attributes:
        settings: The settings, with an absolute state directory; the defaults where they can't be read.
        unreadable: Why the settings can't be read; None where they can.
        environment: The variables that the stack would be started with.
        directory: The current directory.
        user: The user's home directory.
        stack: What runs for the state directory.
        command: Turns the arguments of `weather` into a command that can be copied.
    """

    settings: Settings
    environment: Mapping[str, str] = field(repr=False)
    directory: Path
    user: Path
    stack: StackStatus
    command: Callable[[str], str]
    unreadable: ConfigurationError | None = None

    @property
    def running(self) -> bool:
        """Whether anything of the stack runs."""
        return self.stack.state != NOT_RUNNING

    @property
    def port_offset(self) -> int:
        """The running stack's, whatever the settings say; else the settings'."""
        running = self.stack.port_offset
        return self.settings.port_offset if running is None else running

    @property
    def lineage(self) -> LineageTarget:
        """Where lineage goes; to the service that runs alone, wherever it listens, unless the settings say otherwise.

        Raises:
            ConfigurationError: `OPENLINEAGE_URL` is needed and is no HTTP address.
        """
        settings = self.settings.model_copy(update={"port_offset": self.port_offset})
        target = lineage_target(settings, self.environment, directory=self.directory, user=self.user)
        if self.stack.lineage_alone and target.embedded:
            return replace(target, address=self.stack.lineage, reason="`weather lineage serve`")
        return target

    def part_is_up(self, name: str) -> bool:
        """Whether a part of the running stack answers."""
        return any(part.name == name and part.state == "up" for part in self.stack.parts)

    def without_secrets(self, text: str) -> str:
        """Text without the passwords that the settings hold, whatever an error of a library has put into it."""
        for secret in self._secrets():
            text = text.replace(secret, "…")
        return _USER_INFO.sub("://…@", text)

    def _secrets(self) -> list[str]:
        settings = self.settings
        fields = (getattr(settings, name) for name in Settings.model_fields)
        values = [value.get_secret_value() for value in fields if isinstance(value, SecretStr)]
        values += [settings.marquez_url] if settings.marquez_url and "@" in settings.marquez_url else []
        passwords = [match for value in values for match in _PASSWORD.findall(value)]
        return sorted({value for value in (*values, *passwords) if value}, key=len, reverse=True)

    @property
    def postgres_is_up(self) -> bool:
        """Whether the embedded PostgreSQL answers."""
        return self.part_is_up(POSTGRES)


@dataclass(frozen=True)
class Outcome:
    """What a check brings: its findings, and what other clocks said on the way."""

    findings: list[Finding]
    readings: list[ClockReading] = field(default_factory=list)


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: As the user sees and gives it.
        run: Looks; what it raises becomes a finding.
        needs_settings: Whether it can't look without readable settings.
    """

    name: str
    run: Callable[[Surroundings], Outcome]
    needs_settings: bool = True


def running_stack(settings: Settings) -> StackStatus:
    """What runs for the state directory; nothing where its state can't be understood, which the stack check reports."""
    try:
        return stack_status(settings.home)
    except (StackError, OSError):
        return StackStatus(NOT_RUNNING, str(settings.home))
