"""What docker-compose.yml says, run without containers: the same commands and variables on this machine's loopback.

`docker-compose config` fills in the variables. Instead of the images there are the same programs from elsewhere:
PostgreSQL from its wheel, versitygw, the embedded lineage service in Marquez's place, our own code from this checkout.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.containers import OURS, ROOT, image_environment, secret_names
from tests.tools import docker_compose, missing, versitygw
from weather_pipeline.cli.expected import expected_jobs
from weather_pipeline.cli.verify import read, verify
from weather_pipeline.marquez.client import MarquezClient
from weather_pipeline.settings import Settings
from weather_pipeline.stack.dagster_api import DagsterApi, DagsterApiError, DagsterUnavailable
from weather_pipeline.stack.ports import free_port, is_listening
from weather_pipeline.stack.postgres import EmbeddedPostgres, installation
from weather_pipeline.store.warehouse import table_counts

pytestmark = pytest.mark.integration

SECRETS = {name: f"{name.lower().replace('_', '')}5ecret" for name in secret_names()}
HOURS = ("2026-11-20-09:00", "2026-11-20-10:00")


def config(variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Docker Compose's own reading of the file, as JSON."""
    # No .env of this checkout is read.
    options = ("--env-file", os.devnull, "--file", str(ROOT / "docker-compose.yml"))
    command = [*docker_compose(), *options, "config", "--format", "json"]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", SECRETS)
def test_without_a_secret_nothing_starts_and_its_name_is_said(name: str) -> None:
    run = config({key: value for key, value in SECRETS.items() if key != name})
    assert run.returncode != 0
    assert f"required variable {name} is missing a value: docker/new-env makes one" in run.stderr


def test_compose_accepts_the_file() -> None:
    run = config(SECRETS)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    found = json.loads(run.stdout)["services"]
    assert found["code-server"]["environment"]["WEATHER_DAGSTER_URL"] == "http://localhost:3000"
    assert (
        found["webserver"]["ports"][0] | {"host_ip": "127.0.0.1", "published": "3000"} == found["webserver"]["ports"][0]
    )
    moved = json.loads(config({**SECRETS, "DAGSTER_PORT": "3900"}).stdout)["services"]
    assert moved["code-server"]["environment"]["WEATHER_DAGSTER_URL"] == "http://localhost:3900"
    assert moved["webserver"]["ports"][0]["published"] == "3900"


class ContainersPostgres(EmbeddedPostgres):
    """PostgreSQL with the superuser of its image."""

    user = "postgres"


class Site:
    """The services of docker-compose.yml as processes on loopback."""

    def __init__(self, directory: Path, services: dict[str, Any], stack: ExitStack) -> None:
        self.directory, self.services, self._stack = directory, services, stack
        self.ports = {name: free_port() for name in ("postgres", "s3", "marquez-api", "code-server", "webserver")}
        self.home = directory / "dagster"
        self.cwd = directory / "cwd"
        for made in (self.home / "storage", self.cwd, directory / "objects", directory / "metadata"):
            made.mkdir(parents=True)
        for file in ("weather_pipeline/stack/dagster.yaml", "docker/workspace.yaml"):
            (self.home / Path(file).name).write_text(self.here((ROOT / file).read_text()))

    def here(self, text: str) -> str:
        """A text of the containers with what differs on this machine: addresses, ports and directories."""
        ports = self.ports
        places = {
            "postgres:5432": f"127.0.0.1:{ports['postgres']}",
            "s3:7070": f"127.0.0.1:{ports['s3']}",
            "127.0.0.1:7070": f"127.0.0.1:{ports['s3']}",
            "marquez-api:5000": f"127.0.0.1:{ports['marquez-api']}",
            "127.0.0.1:8081": f"127.0.0.1:{ports['marquez-api']}",
            "localhost:3000": f"localhost:{ports['webserver']}",
            '("127.0.0.1", 3000': f'("127.0.0.1", {ports["webserver"]}',
            "host: code-server\n      port: 4000": f"host: 127.0.0.1\n      port: {ports['code-server']}",
            "0.0.0.0": "127.0.0.1",
            "/opt/dagster": str(self.home),
            "/objects": str(self.directory / "objects"),
            "/metadata": str(self.directory / "metadata"),
        }
        for there, here in places.items():
            text = text.replace(there, here)
        # A port that is a word of its own, of a command.
        words = {
            ":7070": f"127.0.0.1:{ports['s3']}",
            "4000": str(ports["code-server"]),
            "3000": str(ports["webserver"]),
        }
        return words.get(text, text)

    def environment(self, name: str) -> dict[str, str]:
        """What the service's container has: its image's variables and those of the compose file, and no others."""
        image = image_environment() if name in OURS else {}
        given = {key: self.here(value) for key, value in {**image, **self.services[name]["environment"]}.items()}
        programs = [str(Path(sys.executable).parent), str(installation() / "bin"), "/usr/local/bin", "/usr/bin", "/bin"]
        return {**given, "PATH": ":".join(programs), "HOME": "/nonexistent"}

    def run(self, name: str, command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
        """One command in the service's environment."""
        environment = {**self.environment(name), **variables}
        return subprocess.run(
            command, env=environment, cwd=self.cwd, capture_output=True, text=True, check=False, timeout=120
        )

    def once(self, name: str) -> subprocess.CompletedProcess[str]:
        """The service's own command, to its end."""
        return self.run(name, [self.here(word) for word in self.services[name]["command"]])

    def healthy(self, name: str) -> bool:
        """What the service's health check says."""
        kind, *words = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        if shutil.which(words[0], path=self.environment(name)["PATH"]) is None:
            missing(f"{words[0]} is missing, which the health check of {name} runs.")
        return self.run(name, [self.here(word) for word in words]).returncode == 0

    def start(self, name: str, *program: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start the service: a program of this machine with the service's words, or what the caller names."""
        words = [self.here(word) for word in self.services[name].get("command") or []]
        log = self._stack.enter_context((self.directory / f"{name}.log").open("ab"))
        process = subprocess.Popen(
            [*program, *words],
            env={**self.environment(name), **variables},
            cwd=self.cwd,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self._stack.callback(end, process)
        return process

    def wait(self, name: str, process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
        """Wait until the service does its work; the test's own time-out ends it."""
        while not ready():
            assert process.poll() is None, self.log(name)
            time.sleep(0.1)

    def log(self, name: str) -> str:
        """What the service has written."""
        return (self.directory / f"{name}.log").read_text()


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all it has started: its session is its own, as a container's processes are."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    run = config({**SECRETS, "WEATHER_SOURCE": "replay", "WEATHER_SCHEDULE": "false"})
    assert run.returncode == 0, run.stderr
    with ExitStack() as stack:
        yield Site(tmp_path, json.loads(run.stdout)["services"], stack)


@pytest.fixture
def postgres_server(site: Site) -> Iterator[EmbeddedPostgres]:
    """The postgres service: its superuser's password, and its databases as the image's first start makes them."""
    server = ContainersPostgres(
        site.directory / "postgres", port=site.ports["postgres"], log_file=site.directory / "postgres.log"
    )
    server.directory.mkdir()
    (server.directory / "password").write_text(site.environment("postgres")["POSTGRES_PASSWORD"])
    try:
        server.start()
        yield server
    finally:
        server.destroy()


@pytest.mark.timeout(600)  # it starts all of Dagster, and waits for two runs
def test_the_commands_of_the_containers_make_the_platform(site: Site, postgres_server: EmbeddedPostgres) -> None:
    login = {"PGHOST": "127.0.0.1", "PGPORT": str(site.ports["postgres"]), "PGPASSWORD": SECRETS["POSTGRES_PASSWORD"]}
    made = site.run("postgres", [str(ROOT / "docker" / "databases.sh")], **login)
    assert made.returncode == 0, made.stderr
    check = site.services["postgres"]["healthcheck"]["test"][1:]
    assert site.run("postgres", check, PGPORT=str(site.ports["postgres"])).returncode == 0
    assert site.run("postgres", check, PGPORT=str(free_port())).returncode != 0

    assert not site.healthy("s3")
    s3 = site.start("s3", versitygw())
    site.wait("s3", s3, lambda: site.healthy("s3"))

    marquez = site.environment("marquez-api")
    database = f"postgresql://{marquez['POSTGRES_USER']}:{marquez['POSTGRES_PASSWORD']}"
    lineage = site.start(
        "marquez-api",
        *(sys.executable, "-m", "weather_pipeline.marquez.embedded", "--port", str(site.ports["marquez-api"])),
        WEATHER_LINEAGE_DATABASE_URL=f"{database}@127.0.0.1:{site.ports['postgres']}/{marquez['POSTGRES_DB']}",
    )
    site.wait("marquez-api", lineage, lambda: site.healthy("marquez-api"))

    first, second = site.once("migrate"), site.once("migrate")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "Applied: " in first.stdout
    assert "Nothing to do" in second.stdout

    assert not site.healthy("code-server")
    code_server = site.start("code-server")
    site.wait("code-server", code_server, lambda: site.healthy("code-server"))
    assert not site.healthy("webserver")
    webserver = site.start("webserver")
    assert not site.healthy("daemon")
    daemon = site.start("daemon")
    site.wait("webserver", webserver, lambda: site.healthy("webserver"))
    site.wait("daemon", daemon, lambda: site.healthy("daemon"))

    api = DagsterApi(f"http://127.0.0.1:{site.ports['webserver']}")
    site.wait("webserver", webserver, lambda: loaded(api))
    run_id = api.launch_range("weather_hourly", *HOURS)
    site.wait("daemon", daemon, lambda: api.run(run_id).finished)
    assert api.run(run_id).status == "SUCCESS", api.failures(run_id)
    assert table_counts(site.environment("code-server")["WEATHER_DATABASE_URL"])["observations"] == 30
    assert {path.name for path in (site.directory / "objects").iterdir()} >= {"bronze", "silver"}

    jobs = expected_jobs(Settings(lake_url="s3://s3:7070"))
    with MarquezClient(f"http://127.0.0.1:{site.ports['marquez-api']}") as client:
        site.wait("daemon", daemon, lambda: not verify(read(client, jobs), jobs).missing)
        assert verify(read(client, jobs), jobs).runs == {"COMPLETED": len(jobs)}
        told = json.dumps(list(client.events()), default=str)

    # As Docker stops a container: the run that has begun is finished first.
    run_id = api.launch_range("weather_hourly", *HOURS)
    site.wait("daemon", daemon, lambda: api.run(run_id).status == "STARTED")
    code_server.terminate()
    assert code_server.wait() == 0
    assert api.run(run_id).status == "SUCCESS", api.failures(run_id)

    written = told + "".join(map(site.log, ("code-server", "webserver", "daemon")))
    assert not [name for name, value in SECRETS.items() if value in written]
    # The containers' file systems are read-only but for the volume. Dagster's telemetry, which is off, makes two
    # directories all the same, and does without them where it can't.
    outside = [path for path in site.home.rglob("*") if path.is_file() and site.home / "storage" not in path.parents]
    assert {path.name for path in outside} == {"dagster.yaml", "workspace.yaml"}
    assert list(site.cwd.iterdir()) == []


def loaded(api: DagsterApi) -> bool:
    """Whether the webserver has loaded the code server's definitions."""
    try:
        return api.location_error() is None
    except (DagsterApiError, DagsterUnavailable):
        return False


def test_each_role_owns_its_database_and_reaches_no_other(site: Site, postgres_server: EmbeddedPostgres) -> None:
    login = {"PGHOST": "127.0.0.1", "PGPORT": str(site.ports["postgres"]), "PGPASSWORD": SECRETS["POSTGRES_PASSWORD"]}
    assert site.run("postgres", [str(ROOT / "docker" / "databases.sh")], **login).returncode == 0
    assert is_listening(site.ports["postgres"])
    roles = {"weather": "WAREHOUSE_PASSWORD", "dagster": "DAGSTER_PASSWORD", "marquez": "MARQUEZ_PASSWORD"}
    for role, password in roles.items():
        url = f"postgresql://{role}:{SECRETS[password]}@127.0.0.1:{site.ports['postgres']}"
        with psycopg.connect(f"{url}/{role}") as connection:
            connection.execute("CREATE TABLE mine (n int)")
        for other in roles.keys() - {role}:
            with pytest.raises(psycopg.OperationalError, match="permission denied"):
                psycopg.connect(f"{url}/{other}")
    failed = site.run("postgres", [str(ROOT / "docker" / "databases.sh")], **login)
    assert failed.returncode != 0
    assert not [value for value in SECRETS.values() if value in failed.stderr + failed.stdout]
