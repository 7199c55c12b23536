"""The plan is pure: everything that would be started can be looked at."""

from dataclasses import replace
from pathlib import Path

import pytest

from weather_pipeline.settings import Settings, SourceName
from weather_pipeline.stack.part import Part, PartDied, stop_order
from weather_pipeline.stack.plan import (
    Chosen,
    Door,
    LineageTarget,
    StackOptions,
    address,
    build_parts,
    port_needs,
    workspace_text,
)
from weather_pipeline.stack.ports import PortNeed
from weather_pipeline.stack.probes import HttpProbe, ReadyFileProbe, TcpProbe

HOME = Path("/srv/weather")
EMBEDDED = LineageTarget("http://127.0.0.1:5100", embedded=True, reason="the embedded lineage service")
EXTERNAL = LineageTarget("http://marquez.example:5000", embedded=False, reason="MARQUEZ_URL")
WITH_LOGIN = LineageTarget("http://user:hunter2@marquez.example:5000", embedded=False, reason="MARQUEZ_URL")
UNKNOWN = LineageTarget(None, embedded=False, reason="OPENLINEAGE_CONFIG")
CHOSEN = Chosen(
    code_port=4321,
    warehouse_url="postgresql://weather:hunter2@127.0.0.1:1/weather",
    dagster_url="postgresql://weather:hunter2@127.0.0.1:1/dagster",
    lineage_url="postgresql://weather:hunter2@127.0.0.1:1/marquez",
    iceberg_url="postgresql://weather:hunter2@127.0.0.1:1/iceberg",
    started=1.0,
)


def options(lineage: LineageTarget = EMBEDDED, source: SourceName = SourceName.REPLAY) -> StackOptions:
    return StackOptions(Settings(home=HOME, port_offset=100, source=source), lineage)


def parts(lineage: LineageTarget = EMBEDDED) -> dict[str, Part]:
    return {part.name: part for part in build_parts(options(lineage), CHOSEN)}


def test_every_port_moves_with_the_offset() -> None:
    assert [need.port for need in port_needs(options())] == [3100, 5100, 5101]
    ports = {name: part.port for name, part in parts().items()}
    assert ports == {"lineage": 5100, "lineage-page": 5101, "code-server": 4321, "webserver": 3100, "daemon": None}


def test_dagster_gets_all_it_needs_and_the_page_no_secret() -> None:
    found = parts()
    environment = found["code-server"].environment
    assert environment == found["daemon"].environment == found["webserver"].environment
    assert environment["DAGSTER_HOME"] == "/srv/weather/dagster_home"
    assert environment["WEATHER_HOME"] == "/srv/weather"
    assert environment["WEATHER_PORT_OFFSET"] == "100"
    assert environment["WEATHER_DATABASE_URL"] == CHOSEN.warehouse_url
    assert environment["WEATHER_DAGSTER_DATABASE_URL"] == CHOSEN.dagster_url
    assert environment["MARQUEZ_URL"] == "http://127.0.0.1:5100"
    assert environment["WEATHER_DAGSTER_URL"] == "http://localhost:3100"
    assert environment["WEATHER_SOURCE"] == "replay"
    assert environment["WEATHER_LAKE_URL"] == "file:///srv/weather/lake"
    assert "WEATHER_LINEAGE_DATABASE_URL" not in environment
    assert found["lineage"].environment["WEATHER_LINEAGE_DATABASE_URL"] == CHOSEN.lineage_url
    assert {part.environment["WEATHER_HOME"] for part in found.values()} == {"/srv/weather"}, (
        "who has a port says whose it is"
    )
    assert not any("hunter2" in value for value in found["lineage-page"].environment.values())


@pytest.mark.parametrize(
    ("door", "arguments", "own", "port"),
    [
        (Door("127.0.0.1", 5050), [], "http://127.0.0.1:5050", 5050),
        (Door("localhost", 5050), [], "http://localhost:5050", 5050),
        (Door("0.0.0.0", 5050, insecure=True), ["--insecure"], "http://127.0.0.1:5050", 5050),
        (Door("::", 5050), [], "http://[::1]:5050", None),
        (Door("192.168.1.5", 5050), [], "http://192.168.1.5:5050", None),
    ],
)
def test_the_lineage_service_may_be_all_there_is(door: Door, arguments: list[str], own: str, port: int | None) -> None:
    chosen = replace(options(), alone=door)
    (part,) = build_parts(chosen, CHOSEN)
    assert list(part.command[3:]) == ["--host", door.host, "--port", "5050", *arguments]
    assert part.environment["WEATHER_LINEAGE_DATABASE_URL"] == CHOSEN.lineage_url
    assert part.probe == HttpProbe(f"{own}/healthcheck")
    assert part.port == port
    assert address(door) == own
    assert (port_needs(chosen), chosen.databases) == ([], ("marquez",))


@pytest.mark.parametrize(("schedule", "given"), [(None, "true"), (True, "true"), (False, "false")])
def test_the_schedule_is_on_unless_the_user_says_no(schedule: bool | None, given: str) -> None:
    chosen = replace(options(), settings=Settings(home=HOME, source=SourceName.REPLAY, schedule=schedule))
    assert {part.environment.get("WEATHER_SCHEDULE") for part in build_parts(chosen, CHOSEN)} == {given, None}


@pytest.mark.parametrize("lineage", [EMBEDDED, WITH_LOGIN])
def test_no_secret_on_a_command_line_or_in_a_representation(lineage: LineageTarget) -> None:
    found = parts(lineage)
    assert not any("hunter2" in word for part in found.values() for word in part.command)
    assert "hunter2" not in repr(found) + repr(CHOSEN) + repr(options(lineage))


def test_the_login_of_marquez_reaches_those_who_ask_it_and_nobody_else() -> None:
    assert WITH_LOGIN.url == "http://marquez.example:5000"
    found = parts(WITH_LOGIN)
    for name in ("lineage-page", "code-server", "daemon"):
        assert found[name].environment["MARQUEZ_URL"] == WITH_LOGIN.address


@pytest.mark.parametrize(
    ("lineage", "names"),
    [
        (EMBEDDED, {"lineage", "lineage-page", "code-server", "webserver", "daemon"}),
        (EXTERNAL, {"lineage-page", "code-server", "webserver", "daemon"}),
        (UNKNOWN, {"code-server", "webserver", "daemon"}),
    ],
)
def test_the_lineage_service_starts_only_where_nothing_else_is_set(lineage: LineageTarget, names: set[str]) -> None:
    assert set(parts(lineage)) == names
    assert parts(lineage)["daemon"].environment.get("MARQUEZ_URL") == lineage.address


def test_who_is_needed_stops_last() -> None:
    groups = [{part.name for part in group} for group in stop_order(build_parts(options(), CHOSEN))]
    assert groups == [{"webserver", "daemon", "lineage-page"}, {"lineage", "code-server"}]


def test_kafka_is_started_where_it_is_wanted() -> None:
    wanted = replace(options(), kafka=True)
    assert PortNeed(9192, "Kafka") in port_needs(wanted)
    (part,) = [part for part in build_parts(wanted, CHOSEN) if part.name == "kafka"]
    assert part.port == wanted.settings.kafka_port == 9192
    assert part.command[-4:] == ("--port", "9192", "--home", str(HOME))
    assert part.probe == ReadyFileProbe(HOME / "kafka" / "ready", 9192)
    assert [part.name for part in build_parts(wanted, CHOSEN) if part.end_leftovers] == ["kafka"]


def test_parts_that_need_each_other_are_a_mistake() -> None:
    circle = [Part(name, (), {}, HOME / "log", TcpProbe(1), after=frozenset({other})) for name, other in ["ab", "ba"]]
    with pytest.raises(ValueError, match="in a circle"):
        stop_order(tuple(circle))


def test_the_workspace_names_the_code_server() -> None:
    text = (
        "load_from:\n  - grpc_server:\n      host: 127.0.0.1\n      port: 4321\n      location_name: weather_pipeline\n"
    )
    assert workspace_text(4321) == text


@pytest.mark.parametrize(("code", "words"), [(3, "ended with code 3"), (-9, "was killed by signal 9")])
def test_a_dead_part_is_reported_with_its_last_words(code: int, words: str) -> None:
    died = PartDied("daemon", code, "The end of daemon.log:\nthe reason")
    assert died.what == f"daemon {words}."
    assert str(died) == f"daemon {words}. The stack stops. The end of daemon.log:\nthe reason"
