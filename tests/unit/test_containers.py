"""Dockerfile, docker-compose.yml, marquez.yml and .env.example: they agree with each other and with the settings."""

import json
import re
import subprocess
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from packaging.specifiers import SpecifierSet

from tests.containers import (
    OURS,
    ROOT,
    final_stage,
    image_environment,
    instructions,
    read_yaml,
    secret_names,
    services,
)
from weather_pipeline.settings import Settings, variables
from weather_pipeline.sources.ledger import ledger_file
from weather_pipeline.stack.dagster_api import LOCATION
from weather_pipeline.stack.plan import CODE_SERVER, Chosen, LineageTarget, StackOptions, build_parts
from weather_pipeline.weather.datasets import DATABASE_SCHEMA

COMPOSE = (ROOT / "docker-compose.yml").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MARQUEZ = read_yaml("marquez/marquez.yml")
SERVICES = services()
INSTANCE = read_yaml("weather_pipeline/stack/dagster.yaml")["storage"]["postgres"]["postgres_url"]["env"]
COMMANDS = {name: SERVICES[name]["command"] for name in OURS}
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)(:[-?])?")
LISTENS = {
    "postgres": {5432},
    "s3": {int(SERVICES["s3"]["environment"]["VGW_PORT"].strip(":"))},
    "marquez-api": {MARQUEZ["server"][kind][0]["port"] for kind in ("applicationConnectors", "adminConnectors")},
    "marquez-web": {int(SERVICES["marquez-web"]["environment"]["WEB_PORT"])},
    **{name: {int(command[command.index("-p") + 1])} for name, command in COMMANDS.items() if "-p" in command},
}
"""The ports on which the services listen inside their containers."""


def strings(value: Any) -> list[str]:
    """All texts in a piece of YAML."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [str(value)]


def default(text: str) -> str:
    """A text with the default of every variable filled in, the inner ones first."""
    while (filled := re.sub(r"\$\{[A-Z0-9_]+:-([^${}]*)\}", r"\1", text)) != text:
        text = filled
    return text


def published() -> dict[str, tuple[str, int, int]]:
    """Service → (address, port on the host, port in the container), as they are by default."""
    ports = {name: default(service["ports"][0]).split(":") for name, service in SERVICES.items() if "ports" in service}
    return {name: (address, int(outside), int(inside)) for name, (address, outside, inside) in ports.items()}


def test_the_compose_file_keeps_the_specification() -> None:
    schema = json.loads((ROOT / "tests" / "data" / "compose" / "compose-spec.json").read_text())
    jsonschema.validate(read_yaml("docker-compose.yml"), schema)


def test_every_image_has_an_exact_version() -> None:
    for name, service in SERVICES.items():
        image, tag = service["image"].split(":")
        assert re.fullmatch(r"v?\d+(\.\d+)+", tag), name
        assert "/" not in image or "." not in image.split("/")[0], "a registry's host name"
    assert {SERVICES[name]["image"] for name in OURS} == {f"{PROJECT['name']}:{PROJECT['version']}"}
    assert ("ARG", f"VERSION={PROJECT['version']}") in instructions()
    assert {SERVICES[name]["platform"] for name in (*OURS, "marquez-api", "marquez-web")} == {"linux/amd64"}
    assert SERVICES["marquez-api"]["image"].split(":")[1] == SERVICES["marquez-web"]["image"].split(":")[1] == "0.51.1"


def test_the_ports_are_those_of_the_settings_on_loopback() -> None:
    settings = Settings()
    assert published() == {
        "webserver": ("127.0.0.1", settings.dagster_port, 3000),
        "marquez-api": ("127.0.0.1", settings.lineage_port, 5000),
        "marquez-web": ("127.0.0.1", settings.lineage_web_port, 3000),
        "postgres": ("127.0.0.1", int(settings.warehouse_authority.split(":")[1]), 5432),
    }
    assert all(inside in LISTENS[name] for name, (_, _, inside) in published().items())
    assert all(
        "${BIND_ADDRESS:-127.0.0.1}:" in service["ports"][0] for service in SERVICES.values() if "ports" in service
    )


def test_every_address_is_a_service_that_listens_there_and_can_be_reached() -> None:
    found: set[tuple[str, str, int]] = set()
    for name, service in SERVICES.items():
        environment = service.get("environment", {})
        for text in strings(environment):
            found |= {(name, host, int(port)) for host, port in re.findall(r"(?://|@)([a-z0-9-]+):(\d+)", text)}
        for prefix in ("POSTGRES", "MARQUEZ"):
            if host := environment.get(f"{prefix}_HOST"):
                found.add((name, host, int(environment[f"{prefix}_PORT"])))
    server = read_yaml("docker/workspace.yaml")["load_from"][0]["grpc_server"]
    assert server["location_name"] == LOCATION
    found |= {(name, server["host"], server["port"]) for name in ("webserver", "daemon")}
    assert {(user, host) for user, host, _ in found} == {
        ("marquez-api", "postgres"),
        ("marquez-web", "marquez-api"),
        ("migrate", "postgres"),
        *(("code-server", host) for host in ("postgres", "s3", "marquez-api")),
        *((user, host) for user in ("webserver", "daemon") for host in ("postgres", "code-server")),
    }
    for user, host, port in found:
        assert port in LISTENS[host], (user, host)
        assert set(SERVICES[user]["networks"]) & set(SERVICES[host]["networks"]), (user, host)
        assert host in SERVICES[user]["depends_on"] or host in indirect(user), (user, host)


def indirect(name: str) -> set[str]:
    """All services that have started before this one does."""
    direct = SERVICES[name].get("depends_on", {})
    return set(direct).union(*(indirect(other) for other in direct)) if direct else set()


def test_health_checks_ask_where_the_service_listens() -> None:
    for name, service in SERVICES.items():
        text = " ".join(service.get("healthcheck", {}).get("test", []))
        ports = {
            int(port) for port in re.findall(r'127\.0\.0\.1(?:", |:)(\d+)|-p (\d+)', text) for port in port if port
        }
        assert ports <= LISTENS.get(name, set()), name
    assert [name for name, service in SERVICES.items() if "healthcheck" not in service] == ["migrate"]
    assert SERVICES["marquez-api"]["healthcheck"]["test"][-1].endswith(
        f":{MARQUEZ['server']['adminConnectors'][0]['port']}/healthcheck"
    )


def test_what_is_waited_for_can_become_true() -> None:
    for service in SERVICES.values():
        for name, dependency in service.get("depends_on", {}).items():
            if dependency["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[name], name
            if dependency["condition"] == "service_completed_successfully":
                assert SERVICES[name]["restart"].startswith("on-failure"), name


def test_our_containers_set_only_variables_that_something_reads() -> None:
    known = {variable for field in Settings.model_fields for variable in variables(field)} | {INSTANCE}
    for name in OURS:
        given = SERVICES[name]["environment"]
        assert {variable for variable in given if variable.startswith(("WEATHER_", "MARQUEZ_"))} <= known, name
        assert INSTANCE in given, name


def test_only_the_code_server_reaches_the_lake_and_marquez() -> None:
    assert [name for name in OURS if {"lake", "lineage"} & set(SERVICES[name]["networks"])] == ["code-server"]
    assert set(SERVICES["migrate"]["environment"]) == {INSTANCE, "WEATHER_DATABASE_URL"}
    for name in ("webserver", "daemon"):
        assert set(SERVICES[name]["environment"]) <= {INSTANCE, "DAGSTER_DAEMON_HEARTBEAT_TOLERANCE"}


def test_the_settings_accept_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVICES["code-server"]["environment"].items():
        monkeypatch.setenv(name, default(value))
    settings = Settings()
    assert settings.source == "open-meteo"  # recorded observations never reach a team's warehouse by themselves
    assert settings.schedule
    assert settings.warehouse_authority == Settings.model_fields["warehouse_authority"].default
    assert settings.effective_dagster_url == "http://localhost:3000"
    assert settings.database_url
    assert settings.database_url.get_secret_value().endswith("/" + DATABASE_SCHEMA.split(".")[0])


def test_every_variable_has_a_default_or_is_demanded_and_is_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text()
    found = VARIABLE.findall(COMPOSE)
    assert all(rule for _, rule in found)
    assert {name for name, _ in found} == set(re.findall(r"^#?([A-Z0-9_]+)=", example, flags=re.MULTILINE))
    assert {name for name, rule in found if rule == ":?"} == set(secret_names())
    optional = re.findall(r"\$\{([A-Z0-9_]+):-((?:[^{}]|\$\{[^{}]*\})*)\}", COMPOSE)
    assert {(name, default(value)) for name, value in optional} == set(
        re.findall(r"^#([A-Z0-9_]+)=(.*)$", example, flags=re.MULTILINE)
    )
    documented = (ROOT / "docs" / "containers.md").read_text()
    assert all(f"`{name}`" in documented for name, _ in found)


def test_no_file_holds_a_secret() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|ACCESS_KEY", name):
                assert re.fullmatch(r"\$\{[A-Z0-9_]+:\?.+\}", value), name
            if name.endswith("API_KEY"):
                assert value == f"${{{name}:-}}"
            assert re.fullmatch(r".*://\w+:(?!\$\{).*@.*", str(value)) is None, name
    assert re.fullmatch(r"\$\{[A-Z_]+\}", MARQUEZ["db"]["password"])
    assert "ENV" not in {name for name, rest in instructions() if re.search("PASSWORD|SECRET|KEY|TOKEN", rest)}


def test_new_env_makes_every_secret_anew() -> None:
    def made() -> dict[str, str]:
        run = subprocess.run([ROOT / "docker" / "new-env"], capture_output=True, text=True, check=True)
        assert re.sub(r"=[0-9a-f]{48}$", "=", run.stdout, flags=re.MULTILINE) == (ROOT / ".env.example").read_text()
        return dict(re.findall(r"^([A-Z0-9_]+)=(.+)$", run.stdout, flags=re.MULTILINE))

    first, second = made(), made()
    assert set(first) == set(second) == set(secret_names())
    assert len({*first.values(), *second.values()}) == 2 * len(first)


def test_volumes_are_declared_and_used_and_files_exist() -> None:
    mounts = [mount.split(":") for service in SERVICES.values() for mount in service.get("volumes", [])]
    assert {source for source, *_ in mounts if source[0] != "."} == set(read_yaml("docker-compose.yml")["volumes"])
    for source, _, *mode in (mount for mount in mounts if mount[0][0] == "."):
        assert (ROOT / source).is_file()
        assert mode == ["ro"]
    assert set(read_yaml("docker-compose.yml")["networks"]) == {
        network for service in SERVICES.values() for network in service["networks"]
    }


def test_the_budget_of_the_source_lies_on_a_volume_that_can_be_written_and_stays() -> None:
    service = SERVICES["code-server"]
    ledger = ledger_file(Path(service["environment"]["WEATHER_HOME"]))
    mounts = [mount.split(":") for mount in service["volumes"]]
    writable = [Path(target) for source, target, *mode in mounts if source[0] != "." and "ro" not in mode]
    assert any(ledger.is_relative_to(volume) for volume in writable)


def test_the_code_server_stores_events_as_the_stack_does(tmp_path: Path) -> None:
    options = StackOptions(Settings(home=tmp_path), LineageTarget(None, embedded=False, reason="none"))
    parts = build_parts(
        options, Chosen(4000, "postgresql://w", "postgresql://d", "postgresql://l", "postgresql://i", 0.0)
    )
    stack = next(part for part in parts if part.name == CODE_SERVER).environment
    name = "DAGSTER_EVENT_BATCH_SIZE"
    assert SERVICES["code-server"]["environment"][name] == stack[name]


def test_marquez_reads_what_compose_gives() -> None:
    wanted = {name for text in strings(MARQUEZ["db"]) for name, _ in VARIABLE.findall(text)}
    environment = SERVICES["marquez-api"]["environment"]
    assert wanted == {name for name in environment if name.startswith("POSTGRES_")}
    assert environment["MARQUEZ_CONFIG"] == SERVICES["marquez-api"]["volumes"][0].split(":")[1]
    databases = re.findall(
        r'^make_database (\w+) "\$(\w+)"', (ROOT / "docker" / "databases.sh").read_text(), re.MULTILINE
    )
    assert dict(databases).keys() >= {environment["POSTGRES_DB"], environment["POSTGRES_USER"]}
    assert {password for _, password in databases} <= SERVICES["postgres"]["environment"].keys()
    assert MARQUEZ["dbRetention"]["retentionDays"] == 30
    assert MARQUEZ["search"] == {"enabled": False}
    assert SERVICES["marquez-web"]["environment"]["REACT_APP_ADVANCED_SEARCH"] == "false"


def test_the_image_is_locked_small_and_not_roots() -> None:
    stages = [rest for name, rest in instructions() if name == "FROM"]
    assert [stage.split()[0] for stage in stages] == ["${PYTHON_IMAGE}"] * 2
    python = dict(rest.split("=", 1) for name, rest in instructions() if name == "ARG")["PYTHON_IMAGE"]
    version = re.fullmatch(r"python:(\d+\.\d+\.\d+)-slim-\w+", python)
    assert version
    assert version[1] in SpecifierSet(PROJECT["requires-python"])
    installs = [rest for name, rest in instructions() if name == "RUN" and " install" in rest and "pip" in rest]
    assert "--require-hashes --only-binary=:all: -r requirements.txt" in installs[0]
    assert "--no-index --no-deps" in installs[1]
    assert not any("pip" in rest or "apt" in rest for name, rest in final_stage() if name == "RUN")
    assert [rest for name, rest in final_stage() if name == "USER"] == ["10001:10001"]
    assert not re.search(r"https?://|index-url|HEALTHCHECK", (ROOT / "Dockerfile").read_text())


def test_the_builder_is_sent_what_it_copies_and_nothing_else() -> None:
    copied = [rest.split()[:-1] for name, rest in instructions() if name == "COPY" and "--from" not in rest]
    sources = {source.removeprefix("./") for line in copied for source in line}
    assert all((ROOT / source).exists() and not (ROOT / source).is_symlink() for source in sources)
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {line[1:] for line in ignore if line.startswith("!")}
    assert "*" in ignore
    assert all(any(Path(source).is_relative_to(each) for each in sent) for source in sources)
    assert all(any(Path(source).is_relative_to(each) for source in sources) for each in sent)


def test_the_commands_are_there() -> None:
    scripts = {script.name for script in entry_points(group="console_scripts")} | {"sh", "python"}
    for name in OURS:
        assert COMMANDS[name][0] in scripts, name
        assert SERVICES[name].get("healthcheck", {"test": ["CMD", "sh"]})["test"][1] in scripts, name
    assert set(re.findall(r"(?:^|exec )(\w+)", COMMANDS["migrate"][2])) <= scripts
    home = image_environment()["DAGSTER_HOME"]
    assert COMMANDS["daemon"][-1] == COMMANDS["webserver"][-1] == f"{home}/workspace.yaml"
    assert {SERVICES[name]["volumes"][0] for name in OURS} == {f"dagster-storage:{home}/storage"}
    assert all(SERVICES[name]["read_only"] and SERVICES[name]["cap_drop"] == ["ALL"] for name in OURS)
