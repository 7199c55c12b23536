"""Where everything is, said once."""

from pathlib import Path

from weather_pipeline.cli.addresses import address_lines
from weather_pipeline.settings import Settings

SETTINGS = Settings(home=Path("/srv/weather"), port_offset=100)


def test_every_address_of_this_machine_has_the_same_name() -> None:
    assert address_lines(SETTINGS, "http://127.0.0.1:5100") == [
        "Dagster       http://localhost:3100",
        "Lineage page  http://localhost:5101",
        "Lineage API   http://localhost:5100",
        "State, logs   /srv/weather",
    ]


def test_lineage_elsewhere() -> None:
    assert address_lines(SETTINGS, "https://marquez.example")[2] == "Lineage API   https://marquez.example"
    assert address_lines(SETTINGS, "OPENLINEAGE_CONFIG")[1] == "Lineage       goes where OPENLINEAGE_CONFIG says"
