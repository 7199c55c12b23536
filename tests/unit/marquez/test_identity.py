"""Keys and node ids."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weather_pipeline.marquez.embedded.identity import (
    dataset_key,
    dataset_node,
    dataset_version_key,
    job_key,
    run_key,
    splits,
    unwritten_version_key,
)

_NAMES = st.text(st.sampled_from("ab:/."), min_size=1, max_size=12)


@given(_NAMES, _NAMES)
def test_one_reading_of_a_node_id_is_the_right_one(namespace: str, name: str) -> None:
    _, _, rest = dataset_node(namespace, name).partition(":")

    readings = list(splits(rest))

    assert (namespace, name) in readings or namespace.startswith(":")
    assert all(f"{first}:{second}" == rest for first, second in readings)


@given(st.tuples(_NAMES, _NAMES), st.tuples(_NAMES, _NAMES))
def test_keys_differ_where_names_differ(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (job_key(*one) == job_key(*other)) == (one == other)
    assert job_key(*one) != dataset_key(*one)


def test_a_version_belongs_to_its_run_and_schema() -> None:
    dataset, run = dataset_key("n", "d"), run_key("r")
    same = dataset_version_key(dataset, "", [{"name": "a"}], run)

    assert dataset_version_key(dataset, "", [{"name": "a"}], run) == same
    assert dataset_version_key(dataset, "", [], run) != same
    assert dataset_version_key(dataset, "", [{"name": "a"}], run_key("other")) != same
    assert dataset_version_key(dataset, "DROP", [{"name": "a"}], run) != same


def test_what_nobody_wrote_is_one_version_of_each_dataset() -> None:
    one, other = dataset_key("n", "d"), dataset_key("n", "e")

    assert unwritten_version_key(one) == unwritten_version_key(one) != unwritten_version_key(other)
    assert unwritten_version_key(one) != dataset_version_key(one, "", [], None)
