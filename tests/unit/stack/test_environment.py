"""What commands take over of the running stack's environment."""

import pytest

from weather_pipeline.stack.environment import joined, shared_variables


@pytest.mark.parametrize(
    "name",
    [
        *("ICEBERG_TABLE", "KAFKA_TOPIC", "KAFKA_BOOTSTRAP_SERVERS", "SCRAPED_DATA_PATH", "SPARK_MASTER"),
        *(
            "WEATHER_ICEBERG_URI",
            "WEATHER_KAFKA_SERVERS",
            "MARQUEZ_URL",
            "OPENLINEAGE__TRANSPORT__TYPE",
            "DAGSTER_HOME",
        ),
    ],
)
def test_every_setting_of_the_stack_is_shared(name: str) -> None:
    assert shared_variables({name: "given"}) == {name: "given"}


@pytest.mark.parametrize("name", ["PATH", "KAFKA_HOME", "WEATHER_STACK_ID", "WEATHER_STACK_PART", "WEATHER_SCHEDULE"])
def test_what_is_no_setting_or_the_stack_s_own_is_not(name: str) -> None:
    assert shared_variables({name: "given"}) == {}


@pytest.mark.parametrize("name", ["ICEBERG_TABLE", "WEATHER_ICEBERG_TABLE"])
@pytest.mark.parametrize("other", ["ICEBERG_TABLE", "WEATHER_ICEBERG_TABLE"])
def test_one_s_own_setting_counts_by_whichever_name(name: str, other: str) -> None:
    assert joined({name: "own", "PATH": "p"}, {other: "theirs"}) == {name: "own", "PATH": "p"}


def test_an_empty_variable_is_none() -> None:
    assert joined({"KAFKA_TOPIC": ""}, {"KAFKA_TOPIC": "theirs"}) == {"KAFKA_TOPIC": "theirs"}
