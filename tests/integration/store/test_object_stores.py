"""What every object store promises: the same cases on a directory and on a real S3 server."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.store.s3_server import ACCESS, S3ServerProcess
from tests.small_disk import SmallDisk, small_disk
from weather_pipeline.errors import ConfigurationError, StoreUnavailable
from weather_pipeline.store.base import ObjectStore, open_store
from weather_pipeline.store.errors import ObjectNotFound

pytestmark = pytest.mark.integration

KEY = "bronze/weather/2026/11/21/10/weather_20261121T1000Z.parquet"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3ServerProcess]:
    with S3ServerProcess(tmp_path / "s3") as server:
        yield server


@pytest.fixture(params=["file", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "file":
        return open_store((tmp_path / "the lake").as_uri())
    server: S3ServerProcess = request.getfixturevalue("server")
    return open_store(server.url, ACCESS)


def test_what_is_put_is_there(store: ObjectStore) -> None:
    assert not store.exists(KEY)
    store.put(KEY, b"one")
    assert store.exists(KEY)
    assert store.get(KEY) == b"one"
    with store.local(KEY) as path:
        assert path.read_bytes() == b"one"
        assert path.suffix == ".parquet"
    assert store.uri(KEY).endswith(KEY)


def test_a_second_put_replaces(store: ObjectStore) -> None:
    store.put(KEY, b"one, and longer")
    store.put(KEY, b"two")
    assert store.get(KEY) == b"two"
    assert store.list() == [KEY]


def test_a_file_can_be_put(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * 12_000_000)
    store.put(KEY, source)
    assert store.get(KEY) == source.read_bytes()


def test_listing_is_by_prefix_and_sorted(store: ObjectStore) -> None:
    assert store.list() == []
    keys = ["bronze/a/1", "bronze/b/1/x", "bronze/b/2", "bronze/bb/1", "silver/a/1"]
    for key in keys[::-1]:
        store.put(key, b"")
    assert store.list() == keys
    assert store.list("bronze/b/") == ["bronze/b/1/x", "bronze/b/2"]
    assert store.list("bronze/b") == ["bronze/b/1/x", "bronze/b/2", "bronze/bb/1"]
    assert store.list("si") == ["silver/a/1"]
    assert store.list("bronze/none/such") == []


def test_more_than_one_page_is_listed(store: ObjectStore) -> None:
    keys = [f"silver/many/{number:04d}" for number in range(1100)]
    for key in keys:
        store.put(key, b"")
    assert store.list("silver/") == keys


def test_deleting_removes_and_may_be_repeated(store: ObjectStore) -> None:
    store.delete(KEY)
    store.put(KEY, b"one")
    store.delete(KEY)
    store.delete(KEY)
    assert store.list() == []


def test_what_is_not_there_is_named(store: ObjectStore) -> None:
    with pytest.raises(ObjectNotFound, match=KEY):
        store.get(KEY)
    store.put("bronze/other", b"")
    with pytest.raises(ObjectNotFound, match=KEY), store.local(KEY):
        pass


@pytest.mark.parametrize("key", ["", "/etc/passwd", "bronze/../../b"])
def test_a_key_that_leaves_the_lake_is_refused(store: ObjectStore, key: str) -> None:
    with pytest.raises(ConfigurationError, match="no key of an object"):
        store.put(key, b"")


def test_of_concurrent_writers_one_wins_whole(store: ObjectStore) -> None:
    contents = [bytes([number]) * 300_000 for number in range(6)]
    seen: set[bytes] = set()
    store.put(KEY, contents[0])
    writers = [threading.Thread(target=store.put, args=(KEY, content)) for content in contents]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        seen.add(store.get(KEY))
    assert seen | {store.get(KEY)} <= set(contents)
    assert store.list() == [KEY]


class SmallStore:
    """A store of either kind whose data lies on a small disk."""

    def __init__(self, kind: str, disk: SmallDisk) -> None:
        self.disk = disk
        self.server = S3ServerProcess(disk.path / "s3") if kind == "s3" else None
        self.url = self.server.url if self.server else (disk.path / "lake").as_uri()
        self.store = open_store(self.url, ACCESS)

    def start(self) -> None:
        if self.server:
            self.server.start()

    def stop(self) -> None:
        if self.server:
            self.server.kill()

    def read_only(self) -> None:
        if self.server:
            self.server.kill()
            self.server.start(read_only=True)
        else:
            self.disk.read_only()

    def writable(self) -> None:
        self.stop()
        self.start()
        if not self.server:
            self.disk.writable()


@pytest.fixture(params=["file", "s3"])
def small_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallStore]:
    with small_disk(tmp_path / "small", megabytes=4) as disk:
        small = SmallStore(request.param, disk)
        small.start()
        try:
            yield small
        finally:
            small.stop()


def test_a_full_store_keeps_what_was_there_and_takes_more_when_there_is_room(small_store: SmallStore) -> None:
    store = small_store.store
    store.put(KEY, b"one")
    small_store.disk.fill()
    with pytest.raises(StoreUnavailable, match=r"No space left on device|S3 server"):
        store.put(KEY, b"two" * 100_000)
    assert store.get(KEY) == b"one"
    assert store.list() == [KEY]
    small_store.disk.free()
    store.put(KEY, b"two")
    assert store.get(KEY) == b"two"


def test_a_read_only_store_says_so_at_once_and_can_be_read(small_store: SmallStore) -> None:
    store = small_store.store
    store.put(KEY, b"one")
    small_store.read_only()
    with pytest.raises(ConfigurationError, match=r"Check WEATHER_(LAKE_URL|S3_ACCESS_KEY)"):
        store.put(KEY, b"two")
    with pytest.raises(ConfigurationError, match=r"Check WEATHER_(LAKE_URL|S3_ACCESS_KEY)"):
        store.delete(KEY)
    assert store.get(KEY) == b"one"
    small_store.writable()
    store.put(KEY, b"two")
    assert store.get(KEY) == b"two"


_WRITER = f"""
import pathlib, sys
from weather_pipeline.store.base import open_store
from tests.integration.store.s3_server import ACCESS
open_store(sys.argv[1], ACCESS).put({KEY!r}, pathlib.Path(sys.argv[2]))
"""


@pytest.mark.parametrize("kind", ["file", "s3"])
def test_a_writer_that_is_killed_in_the_middle_leaves_what_was_there(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "s3":
        server: S3ServerProcess = request.getfixturevalue("server")
        url, directory = server.url, server.directory
    else:
        directory = tmp_path / "lake"
        url = directory.as_uri()
    store = open_store(url, ACCESS)
    store.put(KEY, b"whole")
    large = tmp_path / "large"
    large.write_bytes(b"x" * 400_000_000)
    writer = subprocess.Popen([sys.executable, "-c", _WRITER, url, str(large)], cwd=Path(__file__).parents[3])
    while not (_is_writing(directory) or any(directory.rglob(".partial-*"))):
        assert writer.poll() is None, "the write was over before it could be disturbed"
    writer.kill()
    assert writer.wait() == -signal.SIGKILL
    assert store.get(KEY) == b"whole"
    assert store.list() == [KEY]
    store.put(KEY, b"again")
    assert store.get(KEY) == b"again"


def test_wrong_credentials_are_said_so(server: S3ServerProcess) -> None:
    for access in (replace(ACCESS, secret_key="wrong"), replace(ACCESS, access_key="nobody")):
        with pytest.raises(ConfigurationError, match="Check WEATHER_S3_ACCESS_KEY, WEATHER_S3_SECRET_KEY"):
            open_store(server.url, access).put(KEY, b"")


def test_a_missing_bucket_is_made_where_that_is_allowed(server: S3ServerProcess) -> None:
    with pytest.raises(ConfigurationError, match="Create bucket 'bronze'"):
        open_store(server.url, replace(ACCESS, create_buckets=False)).put(KEY, b"")
    open_store(server.url, ACCESS).put(KEY, b"one")
    assert open_store(server.url, replace(ACCESS, create_buckets=False)).get(KEY) == b"one"


def test_a_server_that_dies_in_the_middle_of_a_write_leaves_what_was_there(
    server: S3ServerProcess, tmp_path: Path
) -> None:
    store = open_store(server.url, ACCESS)
    store.put(KEY, b"whole")
    large = tmp_path / "large"
    large.write_bytes(b"x" * 200_000_000)
    failed: list[BaseException] = []

    def write() -> None:
        try:
            store.put(KEY, large)
        except StoreUnavailable as error:
            failed.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    while not _is_writing(server.directory):
        assert writer.is_alive(), "the write was over before it could be disturbed"
    server.kill()
    writer.join()
    assert "does not answer" in str(failed[0])
    server.start()
    assert store.get(KEY) == b"whole"
    assert store.list() == [KEY]
    store.put(KEY, b"again")
    assert store.get(KEY) == b"again"


def _is_writing(directory: Path) -> bool:
    """Whether the server has received something of a multipart upload."""
    return any(file.is_file() for file in directory.rglob(".sgwtmp/**/*"))


@pytest.mark.parametrize("url", ["s3://", "s3://host/bucket", "s3://key:secret@host:9000"])
def test_an_s3_url_names_the_server_alone(url: str) -> None:
    with pytest.raises(ConfigurationError, match="s3://host:port") as error:
        open_store(url, ACCESS)
    assert "secret@" not in str(error.value)


def test_an_s3_lake_needs_a_key() -> None:
    with pytest.raises(ConfigurationError, match="WEATHER_S3_ACCESS_KEY"):
        open_store("s3://127.0.0.1:9000")
