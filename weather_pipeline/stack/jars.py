"""Java libraries from Maven repositories: a locked list, each file known by its SHA-256, fetched once.

`jars.lock` names the files and no address. Where from is jgo's configuration (`[repositories]` in its `jgo.conf`), then
Maven Central; what Maven or jgo have on this machine already is copied. A download that broke off goes on where it
ended, and no file is used whose SHA-256 is another than the lock's.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from weather_pipeline.errors import StackError
from weather_pipeline.urls import without_login

ALONE = "="
"""Stands before a root of which the lock holds the jar alone, not what it depends on."""

_PACKAGE = Path(__file__).parents[1]
_AT_ONCE = 4
_ATTEMPTS = 3
_TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and between two pieces of a file."""
_CHUNK = 64 * 1024
"""Bytes that a download loses at most where it breaks off."""


@dataclass(frozen=True)
class Jar:
    """One locked file: its Maven coordinates and the SHA-256 of what they must bring."""

    group: str
    artifact: str
    version: str
    sha256: str
    classifier: str = ""

    @property
    def name(self) -> str:
        """The file's name, with the version."""
        return f"{'-'.join(filter(None, (self.artifact, self.version, self.classifier)))}.jar"

    @property
    def path(self) -> str:
        """Where the file lies in a Maven repository."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.name}"

    def __str__(self) -> str:
        return ":".join(filter(None, (self.group, self.artifact, self.version, self.classifier)))


@dataclass(frozen=True)
class JarSet:
    """What one program needs on its class path."""

    roots: tuple[str, ...]
    """The coordinates that were asked for, with `=` before those of which nothing else is wanted; all others came with
    them."""
    jars: tuple[Jar, ...]


@dataclass(frozen=True)
class Source:
    """Where files come from: Maven repositories, asked in order, and the cache that Maven and jgo share."""

    repositories: tuple[str, ...]
    cache: Path | None = None


def read_lock(text: str) -> dict[str, JarSet]:
    """The sets of a lock: `[name] group:artifact:version …` begins one, `group:artifact:version sha256` adds a jar.

    A classifier may stand behind a version, as `:tests`. A root with `=` before it stands for its own jar alone.

    Raises:
        ValueError: A line is neither.
    """
    roots: dict[str, tuple[str, ...]] = {}
    jars: dict[str, list[Jar]] = {}
    name = ""
    for line in filter(None, (line.partition("#")[0].strip() for line in text.splitlines())):
        first, *rest = line.split()
        if first.startswith("["):
            name = first.strip("[]")
            roots[name], jars[name] = tuple(rest), []
        else:
            try:
                (sha256,), (group, artifact, version, *classifier) = rest, first.split(":")
                jars[name].append(Jar(group, artifact, version, sha256, *classifier))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"not a line of a lock of jars: {line!r}") from error
    return {name: JarSet(roots[name], tuple(jars[name])) for name in roots}


def locked_jars(name: str) -> tuple[Jar, ...]:
    """The jars of a set of the product's own lock."""
    # In the wheel the file lies in the package, in a checkout beside it.
    file = next(file for file in (_PACKAGE / "jars.lock", _PACKAGE.parent / "jars.lock") if file.is_file())
    return read_lock(file.read_text())[name].jars


def default_source() -> Source:
    """What jgo's configuration names, then Maven Central.

    Raises:
        StackError: jgo is not installed.
    """
    try:
        from jgo.config import GlobalSettings
        from jgo.constants import MAVEN_CENTRAL_URL
    except ModuleNotFoundError as error:
        raise StackError("jgo is missing: install with `pip install 'weather-pipeline[java]'`.") from error
    settings = GlobalSettings.load()
    named = [address.rstrip("/") for address in settings.repositories.values()]
    return Source(tuple(dict.fromkeys([*named, MAVEN_CENTRAL_URL])), settings.repo_cache)


def fetch_jars(
    jars: Sequence[Jar],
    directory: Path,
    *,
    source: Source | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Path, ...]:
    """Bring every jar into a directory; asks no network for what is there.

    Args:
        jars: What is needed.
        directory: Where to; made where it is missing, and shared by several processes.
        source: Where from; None asks the machine's configuration, and only where something is missing.
        progress: Hears how many of the missing files are there, and how many were missing.

    Returns:
        The files, in the order of `jars`.

    Raises:
        StackError: A file can't be had, or is not the one that was locked.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with _alone_in(directory):
        missing = [jar for jar in jars if not _is_right(directory / jar.name, jar)]
        if missing:
            source = source or default_source()
            with ThreadPoolExecutor(_AT_ONCE) as pool, _session() as session:
                work = [pool.submit(_bring, jar, directory, source, session) for jar in missing]
                try:
                    for done, each in enumerate(work, 1):
                        each.result()
                        if progress:
                            progress(done, len(missing))
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
    return tuple(directory / jar.name for jar in jars)


def class_path(files: Iterable[Path]) -> str:
    """A Java class path of exactly these files."""
    return os.pathsep.join(map(str, files))


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    with (directory / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def _session() -> Iterator[requests.Session]:
    busy = (429, 500, 502, 503, 504)
    retry = Retry(total=_ATTEMPTS, connect=1, backoff_factor=0.5, status_forcelist=busy, raise_on_status=False)
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=_AT_ONCE, max_retries=retry))
        yield session


def _bring(jar: Jar, directory: Path, source: Source, session: requests.Session) -> None:
    partial = directory / f"{jar.name}.part"
    known = source.cache / jar.path if source.cache else None
    if known and _is_right(known, jar):
        shutil.copyfile(known, partial)
    else:
        _download(jar, partial, source.repositories, session)
    partial.replace(directory / jar.name)


def _download(jar: Jar, partial: Path, repositories: Sequence[str], session: requests.Session) -> None:
    """Ask one repository after the other until one has the file."""
    reasons = []
    for repository in repositories:
        where = without_login(repository)
        for _ in range(_ATTEMPTS):
            try:
                _continue(f"{repository}/{jar.path}", partial, session)
            except requests.HTTPError as error:
                reasons.append(f"{where} answered {error.response.status_code}")
                break
            except requests.RequestException as error:
                # Not its text: that may hold the address with its password.
                reasons.append(f"{where} did not deliver ({type(error).__name__})")
                continue
            if _is_right(partial, jar):
                return
            reasons.append(f"{where} has a file with the SHA-256 {_sha256(partial)} instead of {jar.sha256}")
            partial.unlink()
    raise StackError(
        f"{jar} could not be fetched: {'; '.join(dict.fromkeys(reasons))}. Check the network; a repository of your own "
        f"stands under [repositories] in jgo.conf. Or put the file into {partial.parent} as {jar.name}."
    )


def _continue(url: str, partial: Path, session: requests.Session) -> None:
    """Fetch a file from where an earlier download ended."""
    have = partial.stat().st_size if partial.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with session.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            return  # it is whole: its SHA-256 decides
        answer.raise_for_status()
        with partial.open("ab" if answer.status_code == requests.codes.partial_content else "wb") as file:
            for chunk in answer.iter_content(_CHUNK):
                file.write(chunk)


def _is_right(file: Path, jar: Jar) -> bool:
    return file.is_file() and _sha256(file) == jar.sha256


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
