"""Progress with times on stderr: a live line on a terminal, a plain log elsewhere; colour only on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from rich.console import Console
from rich.progress import Progress as LiveProgress
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from weather_pipeline.cli.symbols import printable, spinner


class _Steady:
    """A stream that never fails: after its first error (the terminal was closed, a pipe broke) it says nothing more.

    What a command does must not depend on whether anybody still listens, least of all how it stops.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._gone = False

    def write(self, text: str) -> int:
        self._attempt(self._stream.write, text)
        return len(text)

    def flush(self) -> None:
        self._attempt(self._stream.flush)

    def _attempt(self, call: Any, *arguments: object) -> None:
        if self._gone:
            return
        try:
            call(*arguments)
        except (OSError, ValueError):
            self._gone = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Progress:
    """Shows phases as they go, and keeps how long each took. Showing never fails.

    Also the `Report` that the stack's supervisor talks to.

    Attributes:
        seconds: Phase → seconds, in the order of their ends.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(file=_Steady(sys.stderr))  # type: ignore[arg-type]
        self._began = time.monotonic()
        self._live: LiveProgress | None = None
        self._text = ""
        self.seconds: dict[str, float] = {}

    @property
    def elapsed(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self._began

    @contextmanager
    def phase(self, name: str, text: str) -> Iterator[None]:
        """Show `text` while the body runs, then how long it took; nothing of the sort when it fails."""
        began = time.monotonic()
        with self._spinner(text):
            yield
        took = time.monotonic() - began
        self.seconds[name] = round(self.seconds.get(name, 0.0) + took, 2)
        self._line(f"{text}: done in {took:.1f} s", mark="✓")

    def update(self, text: str) -> None:
        """Change what is shown of the phase; on a log, a line where it differs."""
        if text == self._text:
            return
        self._text = text
        if self._live is not None:
            self._live.update(self._live.task_ids[-1], description=text)
        else:
            self._line(text)

    def count(self, text: str, done: int, total: int) -> None:
        """Change what is shown of the phase to how far it is; on a log, a line each quarter."""
        if self._console.is_terminal or 4 * done // total > 4 * (done - 1) // total:
            self.update(f"{text}: {done} of {total}")

    def note(self, text: str) -> None:
        """Say something that should stay on screen."""
        self._line(text, mark="!")

    def starting(self, part: str) -> None:
        """The supervisor started a part."""
        self.update(f"Starting {part}")

    def ready(self, part: str, seconds: float) -> None:
        """A part is ready."""
        self._line(f"{part} is ready after {seconds:.1f} s", mark="✓")

    def stopping(self, part: str) -> None:
        """The supervisor stops a part."""
        self.update(f"Stopping {part}")

    @contextmanager
    def _spinner(self, text: str) -> Iterator[None]:
        self._text = text
        if not self._console.is_terminal:
            self._line(f"{text} …")
            yield
            return
        if self._live is not None:  # inside another phase, whose live line goes on
            self.update(text)
            yield
            return
        columns = (
            SpinnerColumn(spinner(self._console.encoding)),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        )
        with LiveProgress(*columns, console=self._console, transient=True) as live:
            live.add_task(text, total=None)
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def _line(self, text: str, *, mark: str = " ") -> None:
        encoding = self._console.encoding
        if self._console.is_terminal:
            style = {"✓": "green", "!": "yellow"}.get(mark, "")
            self._console.print(printable(f"{mark} {text}", encoding), style=style, markup=False, highlight=False)
        else:
            print(printable(f"[{self.elapsed:6.1f} s] {text}", encoding), file=self._console.file, flush=True)
