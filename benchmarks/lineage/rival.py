"""The rival's environment: `dagster-openlineage` from a hash-locked list, made when first needed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

VERSION = "0.2.1"
REQUIREMENTS = Path(__file__).with_name("rival-requirements.txt")


def rival_python(say: Callable[[str], None]) -> Path:
    """The interpreter of the rival's environment, inside our own so that it goes with it."""
    directory = Path(sys.prefix) / "rival"
    python, mark = directory / "bin" / "python", directory / ".installed"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if mark.exists() and mark.read_text() == wanted:
        return python
    say(f"installing dagster-openlineage {VERSION} into {directory} (once, about a minute)")
    # The interpreter below our environment: one made from an environment's own would see through to it.
    base = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    _run(str(base), "-m", "venv", "--clear", str(directory))
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(*pip, "--require-hashes", "-r", str(REQUIREMENTS))
    mark.write_text(wanted)
    return python


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
