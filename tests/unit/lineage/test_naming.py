import pytest

from weather_pipeline.lineage import naming
from weather_pipeline.lineage.model import AssetInfo, DatasetRef, Origin
from weather_pipeline.lineage.naming import InvalidName


@pytest.mark.parametrize(
    ("uri", "namespace", "name"),
    [
        ("s3://bronze/weather/2026", "s3://bronze", "weather/2026"),
        ("s3a://bronze/weather", "s3://bronze", "weather"),
        ("postgresql://user:pw@db.example/weather/public/t", "postgres://db.example:5432", "weather.public.t"),
        ("postgres://db:6543/weather.public.t", "postgres://db:6543", "weather.public.t"),
        ("https://token@api.example.org/v1/data?key=secret", "https://api.example.org", "v1/data"),
        ("file:///data/lake", "file", "/data/lake"),
        ("/data/lake", "file", "/data/lake"),
        ("gs://bucket", "gs://bucket", "/"),
        ("mysql://[::1]/a/b", "mysql://[::1]:3306", "a.b"),
        ("s3://bucket/with%20space", "s3://bucket", "with space"),
    ],
)
def test_a_uri_becomes_openlineages_names(uri: str, namespace: str, name: str) -> None:
    assert naming.from_uri(uri) == DatasetRef(namespace, name)


@pytest.mark.parametrize("namespace", ["", "has a space", "naïve", "tab\t", "x" * 1025, "a\n"])
def test_a_namespace_that_poisons_marquez_is_refused(namespace: str) -> None:
    with pytest.raises(InvalidName, match="namespace"):
        naming.checked_namespace(namespace)


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "line\nbreak"])
def test_a_blank_or_broken_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidName, match="dataset name"):
        naming.checked_name("dataset", name)


def test_the_definition_speaks_before_materializations_and_they_before_the_key() -> None:
    info = AssetInfo(("a", "b"), metadata={"dagster/uri": "s3://lake/defined"})
    materialized = (lambda: {"dagster/uri": "s3://lake/written"},)
    assert naming.dataset_of(info, info.path, materialized, authority=None)[0].name == "defined"
    assert naming.dataset_of(None, info.path, materialized, authority=None)[0].name == "written"
    assert naming.dataset_of(None, info.path, (), authority=None) == (DatasetRef("dagster", "a/b"), Origin.LOG)


def test_a_table_name_needs_an_authority() -> None:
    info = AssetInfo(("t",), metadata={"dagster/table_name": "db.public.t"})
    assert naming.dataset_of(info, info.path, (), authority=None)[0] == DatasetRef("dagster", "t")
    known, _ = naming.dataset_of(info, info.path, (), authority="postgres://h:5432")
    assert known == DatasetRef("postgres://h:5432", "db.public.t")


def test_further_datasets_are_a_list_of_namespace_and_name() -> None:
    listed = {"openlineage/outputs": [{"namespace": "s3://b", "name": "x"}]}
    assert naming.refs_from(listed, "openlineage/outputs") == (DatasetRef("s3://b", "x"),)
    assert naming.refs_from({}, "openlineage/outputs") == ()
    for wrong in ("s3://b/x", [{"name": "x"}], ["x"]):
        with pytest.raises(InvalidName, match="namespace and name"):
            naming.refs_from({"openlineage/outputs": wrong}, "openlineage/outputs")


def test_job_names() -> None:
    assert naming.job_name(("a", "b"), suffix="_dagster") == "a.b_dagster"
    assert naming.job_name(("a",), suffix="_dagster", part=".checks") == "a.checks_dagster"
