"""How a catalog reaches its files."""

from __future__ import annotations

import pytest

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import Settings
from weather_pipeline.spark.warehouse import Properties, check_shared, file_access


def settings(**given: object) -> Settings:
    return Settings(**{"iceberg_warehouse": "s3://bucket/lake", **given})  # type: ignore[arg-type]


def test_any_server_of_s3() -> None:
    assert file_access(settings(iceberg_s3_endpoint="http://host:7070/")).plain == {
        "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        "s3.endpoint": "http://host:7070",
        "s3.path-style-access": "true",
        "client.region": "us-east-1",
    }


def test_aws_needs_no_address_and_knows_its_region_and_key_itself() -> None:
    assert file_access(settings()) == Properties(
        {"io-impl": "org.apache.iceberg.aws.s3.S3FileIO", "s3.path-style-access": "false"}
    )
    assert file_access(settings(s3_region="eu-west-1")).plain["client.region"] == "eu-west-1"


def test_a_cluster_s_tables_lie_where_all_of_it_sees_them() -> None:
    def check(**given: object) -> None:
        found = Settings(**given)  # type: ignore[arg-type]
        check_shared(found, found.iceberg_warehouse, "WEATHER_ICEBERG_WAREHOUSE", "Iceberg's tables")

    check()
    check(spark_master="local[4]")
    check(spark_master="spark://host:7077", iceberg_warehouse="file:///shared/warehouse")
    check(spark_master="spark://host:7077", iceberg_catalog="rest")
    with pytest.raises(ConfigurationError, match=r"'yarn', and Iceberg's tables .* WEATHER_ICEBERG_WAREHOUSE"):
        check(spark_master="yarn")


@pytest.mark.parametrize(("secure", "expected"), [(True, "https://lake:9000"), (False, "http://lake:9000")])
def test_the_lake_s_server_is_the_warehouse_s(secure: bool, expected: str) -> None:
    given = settings(lake_url="s3://lake:9000", s3_secure=secure)
    assert file_access(given).plain["s3.endpoint"] == expected
    other = settings(lake_url="s3://lake:9000", iceberg_s3_endpoint="https://other", iceberg_s3_path_style=False)
    assert file_access(other).plain["s3.endpoint"] == "https://other"
    assert file_access(other).plain["s3.path-style-access"] == "false"


def test_the_key_s_secret_is_shown_nowhere() -> None:
    found = file_access(settings(s3_access_key="me", s3_secret_key="hush"))
    assert found.secrets == {"s3.access-key-id": "me", "s3.secret-access-key": "hush"}
    assert "hush" not in repr(found)


@pytest.mark.parametrize(
    "given",
    [
        {"iceberg_warehouse": None},
        {"iceberg_warehouse": "file:///s3"},
        {"iceberg_warehouse": None, "iceberg_s3_endpoint": "http://host"},
        {"iceberg_catalog": "rest", "iceberg_warehouse": "news"},
    ],
)
def test_other_warehouses_need_nothing(given: dict[str, object]) -> None:
    assert file_access(settings(**given)) == Properties()


def test_a_server_of_rest_may_have_its_tables_on_s3() -> None:
    given = settings(iceberg_catalog="rest", iceberg_warehouse="news", iceberg_s3_endpoint="http://host")
    assert file_access(given).plain["s3.endpoint"] == "http://host"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"iceberg_warehouse": "s3:///lake"}, "'s3:///lake': s3://bucket"),
        ({"s3_access_key": "me"}, "WEATHER_S3_ACCESS_KEY is set, and WEATHER_S3_SECRET_KEY is not"),
        ({"s3_secret_key": "hush"}, "WEATHER_S3_SECRET_KEY is set, and WEATHER_S3_ACCESS_KEY is not"),
    ],
)
def test_what_can_t_work_is_refused(given: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        file_access(settings(**given))
    assert words in str(caught.value)
    assert "hush" not in str(caught.value)
