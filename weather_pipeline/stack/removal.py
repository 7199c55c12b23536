"""Removes what a stack has written, and nothing that is not surely its own."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from weather_pipeline.errors import StackError
from weather_pipeline.stack.holdings import claim, data_of_stack
from weather_pipeline.stack.state import lock_file, marker_file, stack_lock


def remove_data(home: Path) -> list[Path]:
    """Remove all that stacks of this directory have written; what is not theirs stays, and with it the directory.

    Args:
        home: The state directory of a stack that does not run.

    Returns:
        What was removed.

    Raises:
        StackError: Another stack uses the directory, no stack was ever started there, or something can't be removed.
    """
    if not data_of_stack(home):
        return []
    with stack_lock(home):
        claim(home)  # a removal that is cut short can be taken up again
        going = data_of_stack(home)
        for entry in going:
            _remove(entry)
        for file in (marker_file(home), lock_file(home)):
            file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # something of the user's is in it
        home.rmdir()
    return going


def _remove(entry: Path) -> None:
    try:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    except OSError as error:
        raise StackError(f"{entry} can't be removed: {error.strerror}. Remove it by hand.") from error
