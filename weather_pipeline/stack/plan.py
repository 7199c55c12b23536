"""The plan: settings and ports in, parts out. Pure, so that a test can look at all that would be started."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from weather_pipeline.settings import Settings
from weather_pipeline.stack.dagster_api import LOCATION
from weather_pipeline.stack.kafka import READY
from weather_pipeline.stack.part import Part
from weather_pipeline.stack.ports import HOST, PortNeed
from weather_pipeline.stack.probes import DaemonProbe, HttpProbe, ReadyFileProbe, TcpProbe, WebserverProbe
from weather_pipeline.urls import without_login

POSTGRES, LINEAGE, PAGE, KAFKA = "postgres", "lineage", "lineage-page", "kafka"
CODE_SERVER, WEBSERVER, DAEMON = "code-server", "webserver", "daemon"


@dataclass(frozen=True)
class Modules:
    """The Python modules that the parts run."""

    definitions: str = "weather_pipeline.definitions"
    lineage: str = "weather_pipeline.marquez.embedded"
    page: str = "weather_pipeline.marquez.web"
    commands: str = "weather_pipeline.cli"


@dataclass(frozen=True)
class LineageTarget:
    """Where lineage goes.

    Attributes:
        address: Base URL of the lineage API that everything reads, perhaps with user and password: to connect, not to
            show. None where only OpenLineage's configuration knows.
        embedded: Whether the stack starts the service itself.
        reason: Which setting decided, in words for the user.
    """

    address: str | None = field(repr=False)
    embedded: bool
    reason: str

    @property
    def url(self) -> str | None:
        """The address as it may be shown and stored: without user and password."""
        return None if self.address is None else without_login(self.address)


@dataclass(frozen=True)
class Door:
    """Where the lineage service listens.

    Attributes:
        host: An address, or a name of this machine.
        port: The port.
        insecure: Whether other machines may reach it although no token is set.
    """

    host: str
    port: int
    insecure: bool = False


@dataclass(frozen=True)
class StackOptions:
    """What is decided once, before the start.

    Attributes:
        settings: The settings; `home` is absolute, and `source` not `auto`, so that no run decides for itself.
        lineage: Where lineage goes.
        modules: What the parts run.
        alone: Where the lineage service listens that is started with its database and nothing else; None starts all.
        kafka: Whether a Kafka is started too.
    """

    settings: Settings
    lineage: LineageTarget
    modules: Modules = field(default_factory=Modules)
    alone: Door | None = None
    kafka: bool = False

    @property
    def home(self) -> Path:
        """The state directory."""
        return self.settings.home

    @property
    def databases(self) -> tuple[str, ...]:
        """The databases of the stack's PostgreSQL that it needs."""
        return ("marquez",) if self.alone else ("weather", "dagster", "marquez", "iceberg")


@dataclass(frozen=True)
class Chosen:
    """Ports that are chosen at start, and the databases' URLs with their passwords."""

    code_port: int
    warehouse_url: str = field(repr=False)
    dagster_url: str = field(repr=False)
    lineage_url: str = field(repr=False)
    iceberg_url: str = field(repr=False)
    started: float


def port_needs(options: StackOptions) -> list[PortNeed]:
    """The fixed ports, which users know; the others take any free one."""
    settings = options.settings
    if options.alone:
        return []  # its address need not be on loopback: whoever chose it has looked
    needs = [PortNeed(settings.dagster_port, "Dagster UI"), PortNeed(settings.lineage_web_port, "lineage page")]
    if options.lineage.embedded:
        needs.append(PortNeed(settings.lineage_port, "lineage API"))
    if options.kafka:
        needs.append(PortNeed(settings.kafka_port, "Kafka"))
    return sorted(needs, key=lambda need: need.port)


def address(door: Door) -> str:
    """The address by which this machine itself reaches a service."""
    host = {"0.0.0.0": HOST, "::": "::1"}.get(door.host, door.host)  # noqa: S104  (all addresses: ours too)
    return f"http://[{host}]:{door.port}" if ":" in host else f"http://{host}:{door.port}"


def log_file(home: Path, part: str) -> Path:
    """Where a part's output goes."""
    return home / "logs" / f"{part}.log"


def dagster_home(home: Path) -> Path:
    """The stack's `DAGSTER_HOME`."""
    return home / "dagster_home"


def kafka_directory(home: Path) -> Path:
    """Where the data of a Kafka of this product lie."""
    return home / KAFKA


def workspace_file(home: Path) -> Path:
    """The workspace that names the stack's code server."""
    return home / "workspace.yaml"


def workspace_text(code_port: int) -> str:
    """The body of the workspace file."""
    server = f"      host: {HOST}\n      port: {code_port}\n      location_name: {LOCATION}\n"
    return f"load_from:\n  - grpc_server:\n{server}"


def build_parts(options: StackOptions, chosen: Chosen) -> tuple[Part, ...]:
    """All parts but PostgreSQL, which runs before any of them."""
    if options.alone:
        return (_lineage_part(options, chosen, options.alone),)
    parts = list(_dagster_parts(options, chosen))
    if options.lineage.embedded:
        parts.insert(0, _lineage_part(options, chosen, Door(HOST, options.settings.lineage_port)))
    if options.lineage.address is not None:
        parts.append(_page_part(options, options.lineage.address))
    if options.kafka:
        parts.append(_kafka_part(options))
    return tuple(parts)


def _dagster_environment(options: StackOptions, chosen: Chosen) -> dict[str, str]:
    settings = options.settings
    environment = {
        "PYTHONUNBUFFERED": "1",
        "DAGSTER_HOME": str(dagster_home(options.home)),
        # The materializations of a range of hours are stored together, as one write in place of one for each hour.
        "DAGSTER_EVENT_BATCH_SIZE": "100",
        "WEATHER_HOME": str(options.home),
        "WEATHER_PORT_OFFSET": str(settings.port_offset),
        "WEATHER_SOURCE": settings.source.value,
        "WEATHER_SCHEDULE": "false" if settings.schedule is False else "true",
        "WEATHER_LAKE_URL": settings.effective_lake_url,
        "WEATHER_DATABASE_URL": chosen.warehouse_url,
        "WEATHER_DAGSTER_DATABASE_URL": chosen.dagster_url,
        "WEATHER_DAGSTER_URL": settings.effective_dagster_url,
        "WEATHER_ICEBERG_URI": chosen.iceberg_url,
    }
    if options.lineage.address is not None:
        environment["MARQUEZ_URL"] = options.lineage.address
    if options.kafka:
        environment["KAFKA_BOOTSTRAP_SERVERS"] = settings.effective_kafka_servers
    return environment


def _dagster_parts(options: StackOptions, chosen: Chosen) -> tuple[Part, Part, Part]:
    environment = _dagster_environment(options, chosen)
    settings, home = options.settings, options.home
    ui = f"http://{HOST}:{settings.dagster_port}"
    workspace = ("-w", str(workspace_file(home)))
    code_server = Part(
        name=CODE_SERVER,
        # `code-server start` rather than `api grpc`: the UI can then reload edited code, for half a second at start.
        command=(
            *(sys.executable, "-m", "dagster", "code-server", "start", "-h", HOST, "-p", str(chosen.code_port)),
            *("-m", options.modules.definitions, "--location-name", LOCATION),
        ),
        environment=environment,
        log_file=log_file(home, CODE_SERVER),
        probe=TcpProbe(chosen.code_port),
        port=chosen.code_port,
        stop_grace=20.0,  # it ends its runs, which write that they were cancelled
    )
    port = str(settings.dagster_port)
    webserver = Part(
        name=WEBSERVER,
        command=(sys.executable, "-m", "dagster_webserver", "-h", HOST, "-p", port, *workspace),
        environment=environment,
        log_file=log_file(home, WEBSERVER),
        probe=WebserverProbe(ui, LOCATION),
        port=settings.dagster_port,
        after=frozenset({CODE_SERVER}),
        stop_grace=3.0,  # it waits for every browser that looks at it
    )
    daemon = Part(
        name=DAEMON,
        command=(sys.executable, "-m", "dagster._daemon", "run", *workspace),
        environment=environment,
        log_file=log_file(home, DAEMON),
        probe=DaemonProbe(ui, since=chosen.started),
        after=frozenset({CODE_SERVER}),
    )
    return code_server, webserver, daemon


def _lineage_part(options: StackOptions, chosen: Chosen, door: Door) -> Part:
    command = (sys.executable, "-m", options.modules.lineage, "--host", door.host, "--port", str(door.port))
    return Part(
        name=LINEAGE,
        command=(*command, "--insecure") if door.insecure else command,
        environment={
            "PYTHONUNBUFFERED": "1",
            "WEATHER_HOME": str(options.home),
            "WEATHER_LINEAGE_DATABASE_URL": chosen.lineage_url,
        },
        log_file=log_file(options.home, LINEAGE),
        probe=HttpProbe(f"{address(door)}/healthcheck"),
        port=door.port if urlsplit(address(door)).hostname in (HOST, "localhost") else None,
        stop_grace=5.0,
    )


def _page_part(options: StackOptions, lineage_address: str) -> Part:
    port = options.settings.lineage_web_port
    command = (sys.executable, "-m", options.modules.page, "--host", HOST, "--port", str(port))
    return Part(
        name=PAGE,
        command=(*command, "--dagster-url", options.settings.effective_dagster_url),
        environment={"PYTHONUNBUFFERED": "1", "WEATHER_HOME": str(options.home), "MARQUEZ_URL": lineage_address},
        log_file=log_file(options.home, PAGE),
        probe=HttpProbe(f"http://{HOST}:{port}/healthcheck"),
        port=port,
        after=frozenset({LINEAGE}) if options.lineage.embedded else frozenset(),
        stop_grace=3.0,
    )


def _kafka_part(options: StackOptions) -> Part:
    port, home = options.settings.kafka_port, options.home
    arguments = ("stream", "kafka", "--port", str(port), "--home", str(home))
    return Part(
        name=KAFKA,
        command=(sys.executable, "-m", options.modules.commands, *arguments),
        environment={"PYTHONUNBUFFERED": "1"},
        # The broker's own log has its name.
        log_file=log_file(home, f"{KAFKA}-start"),
        probe=ReadyFileProbe(kafka_directory(home) / READY, port),
        port=port,
        stop_grace=20.0,
        # Its broker has a session of its own, and the port.
        end_leftovers=True,
    )
