"""Jars: what the lock says, and that nothing else gets onto a class path. The repositories are real HTTP servers."""

from __future__ import annotations

import hashlib
import multiprocessing
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http_server import QuietHandler, serving
from weather_pipeline.errors import StackError
from weather_pipeline.stack.jars import (
    ALONE,
    Jar,
    Source,
    class_path,
    default_source,
    fetch_jars,
    locked_jars,
    read_lock,
)

CONTENT = {f"lib{number}": bytes([number]) * 200_000 for number in range(6)}


def jar(name: str, content: bytes | None = None) -> Jar:
    return Jar("org.example.tools", name, "1.2", hashlib.sha256(content or CONTENT[name]).hexdigest())


JARS = [jar(name) for name in CONTENT]


class Repository:
    """A Maven repository: what it was asked, and what it does wrong."""

    def __init__(self) -> None:
        self.address = ""
        self.asked: list[tuple[str, str | None]] = []
        self.files = {each.path: CONTENT[each.artifact] for each in JARS}
        self.breaks_off: set[str] = set()
        """Files of which the next answer stops in the middle."""
        self.statuses: dict[str, list[int]] = {}
        """Answers that come before the file does."""
        self._guard = threading.Lock()

    def next_status(self, path: str) -> int:
        with self._guard:
            return self.statuses.get(path, []).pop(0) if self.statuses.get(path) else 200

    def handler(self) -> type[QuietHandler]:
        repository = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                path, ranged = self.path.removeprefix("/maven/"), self.headers.get("Range")
                repository.asked.append((path, ranged))
                status, content = repository.next_status(path), repository.files.get(path)
                if content is None or status != 200:
                    self.reply(404 if content is None else status, b"")
                    return
                start = int(ranged.removeprefix("bytes=").removesuffix("-")) if ranged else 0
                if start >= len(content):
                    self.reply(416, b"")
                    return
                self.send_response(206 if ranged else 200)
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                end = len(content)
                if path in repository.breaks_off:
                    repository.breaks_off.remove(path)
                    end //= 2
                    self.close_connection = True
                self.wfile.write(content[start:end])

        return Handler


@pytest.fixture
def repository() -> Iterator[Repository]:
    found = Repository()
    with serving(found.handler()) as address:
        found.address = f"{address}/maven"
        yield found


def test_the_product_s_lock_can_be_read() -> None:
    jars = locked_jars("kafka")
    names = [each.name for each in jars]
    assert "kafka_2.13-4.3.1.jar" in names
    assert "log4j-slf4j-impl-2.25.4.jar" in names  # without it the broker says nothing in its log
    assert len(set(names)) == len(names)
    assert all(len(bytes.fromhex(each.sha256)) == 32 for each in jars)


@pytest.mark.parametrize("name", ["spark", "spark-s3"])
def test_spark_s_sets_hold_what_was_asked_for_and_no_more(name: str) -> None:
    found = read_lock((Path(__file__).parents[3] / "jars.lock").read_text())[name]
    assert all(root.startswith(ALONE) for root in found.roots)
    assert {f"{ALONE}{each}" for each in found.jars} == set(found.roots)
    assert found.jars == locked_jars(name)


def test_a_lock_has_sets_with_their_roots() -> None:
    found = read_lock(f"# about\n\n[one] a:b:1 c:d:2\na:b:1 {'0' * 64}\nc:d:2 {'1' * 64} # why\n[two] e:f:3\n")
    assert found["one"].roots == ("a:b:1", "c:d:2")
    assert [str(each) for each in found["one"].jars] == ["a:b:1", "c:d:2"]
    assert found["two"].jars == ()


def test_a_classifier_stands_behind_the_version() -> None:
    (jar,) = read_lock(f"[one] a:b:1:tests\na.x:b:1:tests {'0' * 64}\n")["one"].jars
    assert str(jar) == "a.x:b:1:tests"
    assert jar.path == "a/x/b/1/b-1-tests.jar"


@pytest.mark.parametrize("line", ["a:b:1", "a:b 00", "a:b:1 00 11", "a:b:1:c:d 00"])
def test_a_line_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not a line of a lock") as caught:
        read_lock(f"[one] a:b:1\n{line}\n")
    assert line in str(caught.value)


def test_a_jar_before_any_set_is_refused() -> None:
    with pytest.raises(ValueError, match="not a line of a lock"):
        read_lock("a:b:1 00\n")


def test_jars_are_fetched_once_and_then_need_no_network(repository: Repository, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    source = Source((repository.address,))
    files = fetch_jars(JARS, tmp_path, source=source, progress=lambda *step: steps.append(step))
    assert [file.read_bytes() for file in files] == list(CONTENT.values())
    assert steps == [(done, len(JARS)) for done in range(1, len(JARS) + 1)]
    assert class_path(files) == ":".join(str(tmp_path / f"{name}-1.2.jar") for name in CONTENT)
    asked = len(repository.asked)
    assert fetch_jars(JARS, tmp_path, source=Source(())) == files
    assert len(repository.asked) == asked == len(JARS)


def test_a_download_that_breaks_off_goes_on_where_it_ended(repository: Repository, tmp_path: Path) -> None:
    path = JARS[0].path
    repository.breaks_off = {path}
    (file,) = fetch_jars(JARS[:1], tmp_path, source=Source((repository.address,)))
    assert file.read_bytes() == CONTENT["lib0"]
    assert repository.asked == [(path, None), (path, "bytes=65536-")]  # a broken piece is lost


def test_a_later_session_goes_on_too(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "lib1-1.2.jar.part").write_bytes(CONTENT["lib1"][:50_000])
    (tmp_path / "lib2-1.2.jar.part").write_bytes(CONTENT["lib2"])
    files = fetch_jars(JARS[1:3], tmp_path, source=Source((repository.address,)))
    assert [file.read_bytes() for file in files] == [CONTENT["lib1"], CONTENT["lib2"]]
    assert set(repository.asked) == {(JARS[1].path, "bytes=50000-"), (JARS[2].path, "bytes=200000-")}


def test_what_an_earlier_session_left_wrong_is_fetched_anew(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "lib0-1.2.jar").write_bytes(b"an older file")
    (tmp_path / "lib1-1.2.jar.part").write_bytes(b"of another file")
    files = fetch_jars(JARS[:2], tmp_path, source=Source((repository.address,)))
    assert [file.read_bytes() for file in files] == [CONTENT["lib0"], CONTENT["lib1"]]


def test_another_file_than_the_locked_one_is_never_used(repository: Repository, tmp_path: Path) -> None:
    wrong = jar("lib0", b"what was locked")
    with pytest.raises(StackError) as caught:
        fetch_jars([wrong, *JARS[1:]], tmp_path, source=Source((repository.address,)))
    message = str(caught.value)
    assert "org.example.tools:lib0:1.2" in message
    assert f"SHA-256 {JARS[0].sha256} instead of {wrong.sha256}" in message
    assert not (tmp_path / wrong.name).exists()


def test_the_next_repository_is_asked(repository: Repository, tmp_path: Path) -> None:
    source = Source((f"{repository.address}/nothing", repository.address))
    (file,) = fetch_jars(JARS[:1], tmp_path, source=source)
    assert file.read_bytes() == CONTENT["lib0"]


def test_a_busy_repository_is_asked_again(repository: Repository, tmp_path: Path) -> None:
    repository.statuses = {JARS[0].path: [503, 429]}
    (file,) = fetch_jars(JARS[:1], tmp_path, source=Source((repository.address,)))
    assert file.read_bytes() == CONTENT["lib0"]


def test_a_jar_that_nobody_has_is_named_without_any_password(repository: Repository, tmp_path: Path) -> None:
    host = repository.address.removeprefix("http://")
    source = Source((f"http://user:secret@{host}", "http://user:secret@127.0.0.1:9/maven"))
    with pytest.raises(StackError) as caught:
        fetch_jars([jar("missing", b"?")], tmp_path, source=source)
    message = str(caught.value)
    assert "org.example.tools:missing:1.2 could not be fetched" in message
    assert f"http://{host} answered 404" in message
    assert "http://127.0.0.1:9/maven did not deliver (ConnectionError)" in message
    assert f"put the file into {tmp_path} as missing-1.2.jar" in message
    assert "secret" not in message
    assert caught.value.__cause__ is None


def test_what_maven_has_already_is_copied(tmp_path: Path) -> None:
    cache = tmp_path / "m2"
    (cache / JARS[0].path).parent.mkdir(parents=True)
    (cache / JARS[0].path).write_bytes(CONTENT["lib0"])
    (file,) = fetch_jars(JARS[:1], tmp_path / "jars", source=Source((), cache))
    assert file.read_bytes() == CONTENT["lib0"]


def fetch_in_process(address: str, directory: Path) -> None:
    fetch_jars(JARS, directory, source=Source((address,)))


def test_two_processes_fetch_into_one_directory(repository: Repository, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=fetch_in_process, args=(repository.address, tmp_path)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(repository.asked) == len(JARS)  # the second waited for the first


def test_jgo_s_configuration_names_the_repositories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured = tmp_path / "jgo.conf"
    configured.write_text("[repositories]\nours = https://maven.example.com/all/\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(configured))
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    source = default_source()
    assert source.repositories[0] == "https://maven.example.com/all"
    assert len(source.repositories) == 2
    assert source.cache == tmp_path / "m2"
