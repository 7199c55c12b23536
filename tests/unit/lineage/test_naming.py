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
        ("gcs://bucket/a/b/", "gs://bucket", "a/b"),
        ("abfss://box@acc.dfs.core.windows.net/a/b", "abfss://box@acc.dfs.core.windows.net", "a/b"),
        ("wasbs://box@acc.blob.core.windows.net/a", "wasbs://box@acc.dfs.core.windows.net", "a"),
        ("abfss://box:secret@acc.dfs.core.chinacloudapi.cn/a", "abfss://box@acc.dfs.core.chinacloudapi.cn", "a"),
        ("hdfs://name:8020/a/b", "hdfs://name:8020", "/a/b"),
        ("dbfs://workspace/a", "dbfs://workspace", "/a"),
        ("snowflake://user:pw@org-acc/db/public/t?warehouse=w", "snowflake://org-acc", "db.public.t"),
        ("snowflake://org-acc.snowflakecomputing.com/db.public.t", "snowflake://org-acc", "db.public.t"),
        ("bigquery://project/set/t", "bigquery", "project.set.t"),
        ("bigquery:project.set.t", "bigquery", "project.set.t"),
        (
            "redshift+psycopg2://u:p@c.abc.eu-west-1.redshift.amazonaws.com/db/s/t",
            "redshift://c.eu-west-1:5439",
            "db.s.t",
        ),
        ("redshift://localhost:1/db/s/t", "redshift://localhost:1", "db.s.t"),
        (
            "awsathena+rest://k:s@athena.eu-west-1.amazonaws.com:443/cat/db/t",
            "awsathena://athena.eu-west-1.amazonaws.com",
            "cat.db.t",
        ),
        ("arn:aws:glue:eu-west-1:123:table/db/t", "arn:aws:glue:eu-west-1:123", "table/db/t"),
        ("glue://123/eu-west-1/db/t", "arn:aws:glue:eu-west-1:123", "table/db/t"),
        ("mssql+pyodbc://sa:pw@h/db/dbo/t", "mssql://h:1433", "db.dbo.t"),
        ("jdbc:postgresql://u:p@h/db/s/t", "postgres://h:5432", "db.s.t"),
        ("mongodb+srv://u:p@cluster.example/db/coll", "mongodb://cluster.example:27017", "db.coll"),
        ("cassandra://h/keyspace/t", "cassandra://h:9042", "keyspace.t"),
        ("azurecosmos://h/dbs/db/colls/t", "azurecosmos://h/dbs/db", "colls/t"),
        ("azurekusto://c.kusto.windows.net/db/t", "azurekusto://c.kusto.windows.net", "db/t"),
        ("kafka://one:9092,two:9092/topic", "kafka://one:9092", "topic"),
        ("pubsub://project/a.topic", "pubsub", "topic:project:a.topic"),
        ("postgresql://u:p@one:5432,two:5432/db/s/t", "postgres://one:5432", "db.s.t"),
        ("file://host/share/x", "file://host", "/share/x"),
        ("file://localhost/x", "file", "/x"),
        ("data/lake", "file", "data/lake"),
        ("C:\\data\\lake", "file", "/C:/data/lake"),
        ("file:///C:/data/lake", "file", "/C:/data/lake"),
        ("\\\\server\\share\\x", "file://server", "/share/x"),
        ("odd:name", "file", "odd:name"),
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
    materialized = ({"dagster/uri": "s3://lake/written"},)
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


@pytest.mark.parametrize(
    "uri",
    [
        "snowflake://user:hunter2@account/db",
        "postgresql://user:hunter2@host:port/db/t",
        "awsathena://key:hunter2@athena.eu-west-1.amazonaws.com/t",
        "jdbc:sqlserver://h:1433;user=sa;password=hunter2",
        "http://[user:hunter2@broken",
        "azurecosmos://:hunter2@h/x",
    ],
)
def test_a_uri_that_names_nothing_is_refused_without_its_secrets(uri: str) -> None:
    with pytest.raises(InvalidName) as refused:
        naming.from_uri(uri)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_user_info_is_no_part_of_a_namespace() -> None:
    assert naming.checked_namespace("postgres://user:hunter2@h:5432") == "postgres://h:5432"
    assert naming.checked_namespace("https://token@h") == "https://h"
    azure = "abfss://box@acc.dfs.core.windows.net"
    assert naming.checked_namespace(azure) == azure


def test_relations_of_each_kind_of_storage_have_their_own_namespace() -> None:
    authorities = {"snowflake": "snowflake://org-acc", "postgres": "postgres://h:5432"}
    snow = {"dagster/table_name": "db.s.t", "dagster/storage_kind": "snowflake"}
    older = {"dagster/relation_identifier": "db.s.t"}
    named = naming.dataset_of(AssetInfo(("t",), metadata=snow), ("t",), (), authority=authorities)[0]
    assert named == DatasetRef("snowflake://org-acc", "db.s.t")
    named = naming.dataset_of(
        AssetInfo(("t",), kinds=("postgres",), metadata=older), ("t",), (), authority=authorities
    )[0]
    assert named == DatasetRef("postgres://h:5432", "db.s.t")
    unknown = AssetInfo(("t",), metadata={**snow, "dagster/storage_kind": "trino"})
    assert naming.dataset_of(unknown, ("t",), (), authority=authorities)[0].namespace == "dagster"
    big = AssetInfo(("t",), metadata={"dagster/table_name": "p.d.t", "dagster/storage_kind": "bigquery"})
    assert naming.dataset_of(big, ("t",), (), authority=None)[0] == DatasetRef("bigquery", "p.d.t")


def test_separators_inside_a_part_are_marked() -> None:
    assert naming.job_name(("a.b", "c\\d")) == "a\\.b.c\\\\d"
    assert naming.dataset_of(None, ("a/b", "c.d"), (), authority=None)[0].name == "a\\/b/c.d"
    assert naming.job_name(("orders",), part=".checks") == "orders.checks"
    assert naming.job_name(("orders", "checks")) == "orders.\\checks"
    assert naming.job_name(("orders", "job")) == "orders.\\job"
    assert naming.job_name(("checks",)) == "checks"


def test_job_names() -> None:
    assert naming.job_name(("a", "b"), suffix="_dagster") == "a.b_dagster"
    assert naming.job_name(("a",), suffix="_dagster", part=".checks") == "a.checks_dagster"


def test_a_job_called_assets_is_not_that_of_runs_without_a_job() -> None:
    assert naming.dagster_job_name(None, suffix="_dagster") == "assets.job_dagster"
    assert naming.dagster_job_name("assets", suffix="_dagster") == "\\assets.job_dagster"
    assert naming.dagster_job_name("nightly") == "nightly.job"
