import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from weather_pipeline.errors import ConfigurationError, StoreUnavailable
from weather_pipeline.store.base import ObjectStore, open_store
from weather_pipeline.store.local import LocalStore

KEY = "bronze/weather/2026/11/21/10/weather_20261121T1000Z.parquet"


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store((tmp_path / "the lake").as_uri())


@pytest.mark.parametrize("key", ["/etc/passwd", "a/.partial-x"])
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


def test_a_place_that_can_never_be_written_is_a_matter_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "bronze").write_text("a file where a directory is needed")
    with pytest.raises(ConfigurationError, match=r"bronze/weather.*can't be written.*Check WEATHER_LAKE_URL"):
        LocalStore(tmp_path).put(KEY, b"")


def test_what_a_killed_process_left_long_ago_goes_and_what_is_being_written_stays(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put(KEY, b"one")
    abandoned, current = (tmp_path / KEY).with_name(".partial-a"), (tmp_path / KEY).with_name(".partial-b")
    for partial in (abandoned, current):
        partial.write_bytes(b"half")
    long_ago = time.time() - 100_000
    os.utime(abandoned, (long_ago, long_ago))
    store.put(KEY, b"two")
    assert set(files(tmp_path)) == {current, tmp_path / KEY}
    assert store.list() == [KEY]


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    """A footer of one content with the rows of another would drop and keep the wrong rows."""
    store = LocalStore(tmp_path)
    store.put(KEY, b"one")
    reading = store.local(KEY)
    assert reading.__enter__().read_bytes() == b"one"
    store.put(KEY, b"two")
    with pytest.raises(StoreUnavailable, match="was written again while it was read"):
        reading.__exit__(None, None, None)
    with store.local(KEY) as path:
        assert path.read_bytes() == b"two"


@pytest.mark.parametrize("url", ["lake", "file://host/lake", "file:lake", "https://x/y"])
def test_another_url_is_refused_with_what_is_supported(url: str) -> None:
    with pytest.raises(ConfigurationError, match="file:///absolute/path"):
        open_store(url)
