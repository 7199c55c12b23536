"""The files that make the containers, read: what several tests ask of them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
OURS = ("migrate", "code-server", "webserver", "daemon")
"""The services that run our image."""


def read_yaml(path: str) -> Any:
    """A YAML file of the repository."""
    return yaml.safe_load((ROOT / path).read_text())


def services() -> dict[str, Any]:
    """The services of docker-compose.yml, with variables not yet filled in."""
    return read_yaml("docker-compose.yml")["services"]


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, arguments), continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines if line)]


def final_stage() -> list[tuple[str, str]]:
    """The instructions of the stage that becomes the image."""
    found = instructions()
    last = max(number for number, (name, _) in enumerate(found) if name == "FROM")
    return found[last + 1 :]


def image_environment() -> dict[str, str]:
    """The variables that the image sets."""
    words = (shlex.split(rest) for name, rest in final_stage() if name == "ENV")
    return dict(word.split("=", 1) for line in words for word in line)


def secret_names() -> list[str]:
    """The variables of .env.example that need a value of their own in every deployment."""
    return re.findall(r"^([A-Z0-9_]+)=$", (ROOT / ".env.example").read_text(), flags=re.MULTILINE)
