"""However a stack ends, no process of it stays."""

import os
import pty
import shutil
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from tests.integration.stack.conftest import ROOT, TINY, Site, wait_for
from weather_pipeline.stack import process

pytestmark = pytest.mark.integration


def everything(site: Site) -> list[psutil.Process]:
    """All that the stack has running, PostgreSQL included."""
    state = site.state
    identities = [part.identity.process() for part in state.parts]
    return [*process.members(state.stack_id), *(found for found in identities if found)]


def gone(processes: list[psutil.Process]) -> bool:
    return not any(process.runs(found) for found in processes)


def start_with(site: Site, **streams: Any) -> subprocess.Popen[Any]:
    command = [*TINY, "--home", str(site.home), "--port-offset", str(site.offset)]
    child = subprocess.Popen(command, cwd=ROOT, start_new_session=True, **streams)
    site.started.append(child)
    wait_for(lambda: child.poll() is not None or site.state.phase == "up")
    assert child.poll() is None
    return child


def drop_the_terminal(site: Site) -> Callable[[], None]:
    ours, theirs = pty.openpty()
    child = start_with(site, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)

    def end() -> None:
        os.close(ours)
        child.send_signal(signal.SIGHUP)

    return end


def break_the_pipe(site: Site) -> Callable[[], None]:
    read, write = os.pipe()
    child = start_with(site, stdout=write, stderr=write)
    os.close(write)

    def end() -> None:
        os.close(read)
        child.send_signal(signal.SIGINT)

    return end


def remove_the_directory(site: Site) -> Callable[[], None]:
    child = start_with(site, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end() -> None:
        shutil.rmtree(site.home)
        child.send_signal(signal.SIGINT)

    return end


@pytest.mark.parametrize("way", [drop_the_terminal, break_the_pipe, remove_the_directory])
def test_no_process_stays(site: Site, way: Callable[[Site], Callable[[], None]]) -> None:
    end = way(site)
    running = everything(site)
    assert len(running) > 5
    end()
    site.started[-1].wait(timeout=100)
    wait_for(lambda: gone(running))
