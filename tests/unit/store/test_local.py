import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from weather_pipeline.errors import ConfigurationError, StoreUnavailable
from weather_pipeline.store.base import ObjectStore, open_store
from weather_pipeline.store.errors import ObjectNotFound
from weather_pipeline.store.local import LocalStore

KEY = "bronze/weather/2026/11/21/10/weather_20261121T1000Z.parquet"


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store((tmp_path / "the lake").as_uri())


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_what_is_put_is_there(store: ObjectStore, tmp_path: Path) -> None:
    assert not store.exists(KEY)
    store.put(KEY, b"one")
    assert store.exists(KEY)
    assert store.get(KEY) == b"one"
    with store.local(KEY) as path:
        assert path.read_bytes() == b"one"
    assert store.uri(KEY) == (tmp_path / "the lake" / KEY).as_uri()


def test_a_second_put_replaces(store: ObjectStore) -> None:
    store.put(KEY, b"one, and longer")
    store.put(KEY, b"two")
    assert store.get(KEY) == b"two"
    assert store.list() == [KEY]


def test_a_file_can_be_put(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * 3_000_000)
    store.put(KEY, source)
    assert store.get(KEY) == source.read_bytes()


def test_listing_is_by_prefix_and_sorted(store: ObjectStore) -> None:
    for key in ("b/2", "a/1", "b/1/x", "bb/1"):
        store.put(key, b"")
    assert store.list() == ["a/1", "b/1/x", "b/2", "bb/1"]
    assert store.list("b/") == ["b/1/x", "b/2"]
    assert store.list("b") == ["b/1/x", "b/2", "bb/1"]
    assert store.list("b/1") == ["b/1/x"]
    assert store.list("none/such") == []


def test_deleting_removes_and_may_be_repeated(store: ObjectStore) -> None:
    store.put(KEY, b"one")
    store.delete(KEY)
    store.delete(KEY)
    assert store.list() == []


def test_what_is_not_there_is_named(store: ObjectStore) -> None:
    with pytest.raises(ObjectNotFound, match=KEY):
        store.get(KEY)


@pytest.mark.parametrize("key", ["", "/etc/passwd", "a/../../b", "a/.partial-x"])
def test_a_key_that_leaves_the_lake_or_hides_is_refused(store: ObjectStore, key: str) -> None:
    with pytest.raises(ConfigurationError, match="no key of an object"):
        store.put(key, b"")


def test_a_crash_before_the_rename_is_never_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path)
    store.put(KEY, b"whole")

    def power_cut(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", power_cut)
    with pytest.raises(KeyboardInterrupt):
        store.put(KEY, b"half")
    assert store.get(KEY) == b"whole"
    assert store.list() == [KEY]


def test_a_partial_file_left_by_a_killed_process_is_no_object(tmp_path: Path) -> None:
    """A process that dies between the write and the rename."""
    program = f"""
import os, pathlib
from weather_pipeline.store.local import LocalStore
os.replace = os.rename = lambda *_: os.kill(os.getpid(), 9)
pathlib.Path.replace = os.replace
LocalStore(pathlib.Path({str(tmp_path)!r})).put({KEY!r}, b"half")
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -signal.SIGKILL
    store = LocalStore(tmp_path)
    assert len(files(tmp_path)) == 1
    assert store.list() == []
    assert not store.exists(KEY)
    store.put(KEY, b"whole")
    assert store.get(KEY) == b"whole"


def test_a_place_that_cannot_be_written_is_unavailable_and_named(tmp_path: Path) -> None:
    (tmp_path / "bronze").write_text("a file where a directory is needed")
    with pytest.raises(StoreUnavailable, match=r"bronze/weather.*can't be written"):
        LocalStore(tmp_path).put(KEY, b"")


@pytest.mark.parametrize("url", ["s3://bucket/lake", "lake", "file://host/lake", "file:lake", "https://x/y"])
def test_another_url_is_refused_with_what_is_supported(url: str) -> None:
    with pytest.raises(ConfigurationError, match="file:///absolute/path"):
        open_store(url)
