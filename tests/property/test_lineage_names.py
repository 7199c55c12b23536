"""Any asset key and metadata gives valid names or a clear refusal; different keys never share a name."""

from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st
from jsonschema import FormatChecker

from weather_pipeline.lineage import naming, uris
from weather_pipeline.lineage.model import AssetInfo, AssetPath, DatasetRef
from weather_pipeline.lineage.naming import InvalidName

SECRET = "hunter2secret"
FORMATS = FormatChecker()
SCHEMES = [
    "s3",
    "postgresql",
    "mysql+pymysql",
    "snowflake",
    "bigquery",
    "abfss",
    "file",
    "jdbc:mysql",
    "awsathena",
    "x",
]
URIS = st.builds(
    lambda scheme, host, path: f"{scheme}://user:{SECRET}@{host}/{path}",
    st.sampled_from(SCHEMES),
    st.text(st.characters(blacklist_characters="/?#@", max_codepoint=0x2FF), max_size=10),
    st.text(max_size=20),
)
METADATA = st.fixed_dictionaries(
    {},
    optional={
        "openlineage/namespace": st.text(max_size=30),
        "openlineage/name": st.text(max_size=30),
        "dagster/uri": st.text(max_size=30) | URIS,
        "dagster/table_name": st.text(max_size=30),
        "dagster/storage_kind": st.sampled_from(["bigquery", "snowflake", "?"]),
    },
)
PATHS = st.lists(
    st.text(max_size=8) | st.sampled_from(["a", "a.b", "b", "checks", "job", "\\", "/", "a/b", "\\checks", "."]),
    min_size=1,
    max_size=4,
).map(tuple)


@given(PATHS, METADATA)
@example(("a",), {"dagster/uri": "http://[broken"})
@example(("a",), {"dagster/uri": "http://host:port/x"})
@example(("a",), {"dagster/uri": "bigquery:"})
def test_names_are_valid_or_refused(path: AssetPath, metadata: dict[str, Any]) -> None:
    info = AssetInfo(path, metadata=metadata)
    try:
        ref, _ = naming.dataset_of(info, path, (), authority={"snowflake": "snowflake://org-acc"})
    except InvalidName as error:
        refused = str(error)
    else:
        refused = ""
        assert naming.NAMESPACE.fullmatch(ref.namespace)
        assert ref.name.strip()
        assert naming.checked(ref) == ref
        assert SECRET not in ref.namespace
    assert SECRET not in refused


def _names(path: AssetPath) -> tuple[str, str, DatasetRef] | None:
    try:
        return (
            naming.job_name(path, suffix="_dagster"),
            naming.job_name(path, suffix="_dagster", part=".checks"),
            naming.dataset_of(None, path, (), authority=None)[0],
        )
    except InvalidName:
        return None


@given(PATHS, PATHS)
@example(("a.b",), ("a", "b"))
@example(("a", "checks"), ("a",))
@example(("a", "\\checks"), ("a", "checks"))
@example(("a\\",), ("a\\\\",))
def test_different_keys_never_share_a_name(one: AssetPath, other: AssetPath) -> None:
    assume(one != other)
    first, second = _names(one), _names(other)
    if first and second:
        assert not {first[0], first[1]} & {second[0], second[1]}
        assert first[2] != second[2]


ODD = st.text(st.sampled_from("ab3:/?#@[]%20 \\üé|{}_+.-&=") | st.characters(), max_size=25)


@given(ODD)
@example("x:////a")
@example("http://[::1%25eth0]/x")
def test_every_place_has_an_address(place: str) -> None:
    address = uris.address(place)
    assert FORMATS.conforms(address, "uri")
    assert uris.is_uri(address)


@given(st.text("abZ09_@+:=;/.-", min_size=1, max_size=20), ODD)
def test_every_name_has_an_address(namespace: str, name: str) -> None:
    assert FORMATS.conforms(uris.address_of_name(namespace, name), "uri")


@given(st.text("ab:/?#@[]%20|é-9", max_size=20))
def test_what_is_a_uri_is_what_the_schemas_call_one(text: str) -> None:
    assert uris.is_uri(text) == FORMATS.conforms(text, "uri")
