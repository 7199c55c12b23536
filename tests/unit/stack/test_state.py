"""The state directory: one holder, a file that survives, processes that are not mistaken."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from weather_pipeline.errors import StackError
from weather_pipeline.stack import process
from weather_pipeline.stack.leftovers import lock_and_stop_leftovers, stop_leftovers
from weather_pipeline.stack.process import Identity
from weather_pipeline.stack.state import (
    PartState,
    StackState,
    command_for,
    keep_port,
    kept_port,
    read_state,
    remove_state,
    stack_lock,
    state_file,
    write_state,
)
from weather_pipeline.stack.status import stack_status, stop_stack


def state(stack_id: str = "abc", part: Identity | None = None, phase: str = "up") -> StackState:
    identity = part or Identity.current()
    parts = (PartState("daemon", identity, None, "/log", started=1.0, ready=2.0),)
    return StackState(stack_id, Identity.current(), phase, 1.0, 100, "replay", "http://127.0.0.1:5100", parts)


def test_the_state_is_read_as_written(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    write_state(tmp_path, state())
    assert read_state(tmp_path) == state()
    assert stat.S_IMODE(state_file(tmp_path).stat().st_mode) == 0o600
    remove_state(tmp_path)
    assert read_state(tmp_path) is None


def test_a_part_replaces_itself() -> None:
    known = state()
    again = known.with_part(PartState("daemon", Identity(1, 1.0), 7, "/log", started=3.0))
    assert [part.port for part in again.parts] == [7]


def test_a_state_that_makes_no_sense_is_an_error_with_its_file(tmp_path: Path) -> None:
    state_file(tmp_path).write_text('{"parts": 3}')
    with pytest.raises(StackError, match=r"stack\.json can't be understood"):
        read_state(tmp_path)


def test_the_lock_names_who_holds_it(tmp_path: Path) -> None:
    with stack_lock(tmp_path), pytest.raises(StackError, match=f"process {os.getpid()}"), stack_lock(tmp_path):
        pass
    with stack_lock(tmp_path), pytest.raises(StackError) as held, stack_lock(tmp_path):
        pass
    assert f"`weather status --home {tmp_path}` shows where" in str(held.value)
    assert f"`weather down --home {tmp_path}`" in str(held.value)
    with stack_lock(tmp_path):
        assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_a_command_can_be_copied() -> None:
    assert command_for(Path("/srv/my weather"), "down") == "weather down --home '/srv/my weather'"


@pytest.mark.parametrize("below", ["", "deep/er"])
def test_a_file_in_the_way_of_the_directory_is_named(tmp_path: Path, below: str) -> None:
    file = tmp_path / "file"
    file.touch()
    home = file / below
    with pytest.raises(StackError) as refused, stack_lock(home):
        pass
    assert str(refused.value) == (
        f"The state directory {home} can't be made: {file} is a file. To go on, name another directory with --home DIR "
        "(or WEATHER_HOME)."
    )
    assert read_state(home) is None
    assert not lock_and_stop_leftovers(home)


def test_a_lock_that_can_t_be_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(StackError, match=r"can't be written: Is a directory\. To go on"), stack_lock(tmp_path):
        pass


def test_a_port_is_kept(tmp_path: Path) -> None:
    assert kept_port(tmp_path, "postgres") is None
    keep_port(tmp_path, "postgres", 5433)
    assert kept_port(tmp_path, "postgres") == 5433


def test_a_reused_process_number_is_another_process() -> None:
    mine = Identity.current()
    assert mine.process() is not None
    assert Identity(mine.pid, mine.created - 60).process() is None
    assert Identity.of(2**22 + 1) is None


def test_leftovers_are_found_by_their_mark_alone(tmp_path: Path) -> None:
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    log = tmp_path / "log"
    child = process.launch("tiny", [sys.executable, "-c", script], environment={}, log_file=log, stack_id="left")
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        while len(process.members("left", "tiny")) < 2:
            assert child.poll() is None
        # The file names the bystander's number too, as it would once the system gave a dead part's away.
        write_state(tmp_path, state("left", Identity(bystander.pid, 1.0)))
        assert stop_leftovers(tmp_path)
        assert process.members("left") == []
        assert bystander.poll() is None
        assert not stop_leftovers(tmp_path)
    finally:
        bystander.kill()
        bystander.wait()
        child.wait()


def test_where_no_stack_ever_was_nothing_is_made(tmp_path: Path) -> None:
    assert not lock_and_stop_leftovers(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_stack_that_runs_are_left_alone(tmp_path: Path) -> None:
    with stack_lock(tmp_path), pytest.raises(StackError, match="runs already"):
        lock_and_stop_leftovers(tmp_path)


def test_a_process_that_ignores_being_asked_is_killed(tmp_path: Path) -> None:
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    log = tmp_path / "log"
    child = process.launch("deaf", [sys.executable, "-c", script], environment={}, log_file=log, stack_id="deaf")
    while "up" not in log.read_text():
        assert child.poll() is None
    process.end(process.members("deaf"), grace=0.1)
    assert child.wait() == -9


def test_status_of_nothing_of_dead_parts_and_of_a_start(tmp_path: Path) -> None:
    assert stack_status(tmp_path).state == "not running"
    assert not stop_stack(tmp_path / "never made")
    write_state(tmp_path, state(part=Identity(1, 1.0)))
    found = stack_status(tmp_path)
    assert (found.state, found.parts[0].state) == ("degraded", "dead")
    write_state(tmp_path, state(phase="starting"))
    assert stack_status(tmp_path).state == "starting"
    write_state(tmp_path, state())
    assert stack_status(tmp_path).state == "up"


AS_ANOTHER_USER = """
import os, sys, tempfile
from pathlib import Path
from weather_pipeline.errors import StackError
from weather_pipeline.stack.process import Identity
from weather_pipeline.stack.state import StackState, write_state
from weather_pipeline.stack.status import stack_status, stop_stack
if os.geteuid() == 0:
    os.setuid(65534)
home = Path(tempfile.mkdtemp())
write_state(home, StackState("id", Identity.of(int(sys.argv[1])), "up", 1.0, 0, "replay", "none"))
print(stack_status(home).state)
try:
    stop_stack(home)
except StackError as error:
    print(error)
"""


def test_another_users_supervisor_is_shown_and_not_stopped() -> None:
    with subprocess.Popen(["sleep", "600"]) as sleeper:
        try:
            # Root has no equal to be refused by: it becomes somebody else. For all others process 1 is another user's.
            foreign = sleeper.pid if os.geteuid() == 0 else 1
            command = [sys.executable, "-c", AS_ANOTHER_USER, str(foreign)]
            result = subprocess.run(command, capture_output=True, text=True, check=True)
            assert sleeper.poll() is None
        finally:
            sleeper.kill()
    assert result.stdout.splitlines() == [
        "up",
        f"The stack's supervisor (process {foreign}) belongs to another user, who alone can stop it.",
    ]
