"""All settings, read once from the environment: the only module that reads it.

Every field is one environment variable, `WEATHER_` + its name, but for those whose name the field already knows
(`MARQUEZ_URL`). `docs/settings.md` lists them.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.urls import check_http_url, check_origin, shown_value

_PREFIX = "WEATHER_"


class SourceName(StrEnum):
    """Where weather comes from."""

    AUTO = "auto"
    """Open-Meteo; a stack that can't reach it as it starts uses recorded observations, said plainly."""
    OPEN_METEO = "open-meteo"
    """Open-Meteo's forecast API, which has the last 92 days."""
    OPEN_METEO_ARCHIVE = "open-meteo-archive"
    """Open-Meteo's reanalysis from 1940 to some days ago: another dataset than the forecast's."""
    KNMI = "knmi"
    """What KNMI's stations measured, by its EDR API. Wants a key."""
    REPLAY = "replay"
    """Recorded real observations, served by a local server with Open-Meteo's protocol."""


class SparkTransport(StrEnum):
    """How Spark's listener hands on what it heard."""

    HTTP = "http"
    """To the lineage API. What that can't take at the moment is lost."""
    FILE = "file"
    """To a file of its own for each session, one event a line, that is delivered once it can be."""
    CONSOLE = "console"
    """To Spark's log."""


class IcebergCatalog(StrEnum):
    """What knows where Iceberg's tables are."""

    JDBC = "jdbc"
    """A PostgreSQL database."""
    REST = "rest"
    """A server of Iceberg's REST protocol."""
    HADOOP = "hadoop"
    """The warehouse's own directories: for one writer on one machine."""


class Settings(BaseSettings):
    """One frozen set of settings. A variable that is empty counts as not set."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,  # `load_settings` shows what is no secret
    )

    home: Path = Field(default=Path(".weather"), description="State directory of the embedded stack.")
    port_offset: int = Field(default=0, ge=0, le=50000, description="Added to every port of the stack.")

    source: SourceName = Field(
        default=SourceName.AUTO, description="auto, open-meteo, open-meteo-archive, knmi or replay."
    )
    open_meteo_url: str | None = Field(
        default=None,
        description="Base URL of the Open-Meteo API, or of a server like it. Default: https://api.open-meteo.com, "
        "with a key https://customer-api.open-meteo.com.",
    )
    open_meteo_archive_url: str | None = Field(
        default=None,
        description="The same for the archive. Default: https://archive-api.open-meteo.com, with a key "
        "https://customer-archive-api.open-meteo.com.",
    )
    open_meteo_api_key: SecretStr | None = Field(default=None, description="Key of an Open-Meteo subscription.")
    open_meteo_api_key_file: Path | None = Field(
        default=None, description="File with that key, as container platforms hand secrets over."
    )
    open_meteo_minute_limit: int | None = Field(
        default=None,
        ge=0,
        description="Weight that all runs of a state directory may ask for in a minute; 0: no limit. Default: 600 at "
        "Open-Meteo without a key, else none. docs/sources.md says how requests are weighed.",
    )
    open_meteo_hour_limit: int | None = Field(
        default=None, ge=0, description="The same for an hour. Default: 5000 at Open-Meteo without a key, else none."
    )
    open_meteo_day_limit: int | None = Field(
        default=None, ge=0, description="The same for a day. Default: 10000 at Open-Meteo without a key, else none."
    )
    knmi_url: str = Field(
        default="https://api.dataplatform.knmi.nl", description="Base URL of KNMI's API, or of a server like it."
    )
    knmi_api_key: SecretStr | None = Field(default=None, description="Key for KNMI's EDR API. docs/knmi.md")
    knmi_api_key_file: Path | None = Field(default=None, description="File with that key.")
    knmi_hour_limit: int = Field(
        default=1000,
        ge=0,
        description="Requests to KNMI that all runs of a state directory may send in an hour; 0: no limit.",
    )

    s3_access_key: str | None = Field(default=None, description="Access key for an S3 lake.")
    s3_secret_key: SecretStr | None = Field(default=None, description="Its secret.")
    s3_secure: bool = Field(default=True, description="Whether the S3 server speaks TLS.")
    s3_region: str | None = Field(
        default=None, description="Region of the S3 lake's buckets, where the server has some."
    )
    s3_create_buckets: bool = Field(default=True, description="Make the lake's S3 buckets where they are missing.")

    lake_url: str | None = Field(
        default=None,
        description="The lake: file:///path, or s3://host:port of an S3 server. Default: HOME/lake.",
    )
    database_url: SecretStr | None = Field(
        default=None, description="The warehouse, postgresql://user:password@host:port/database. Set by the stack."
    )
    warehouse_authority: str = Field(
        default="localhost:5432",
        description="host:port of the warehouse in dataset names: the same on every machine, whatever port it has.",
    )

    schedule: bool | None = Field(
        default=None,
        description="Whether the hourly schedule is on by itself. Default: on in the stack, off in any other Dagster.",
    )

    lineage_database_url: SecretStr | None = Field(
        default=None, description="The embedded lineage service's database, postgresql://…. Set by the stack."
    )
    lineage_retention_days: int = Field(
        default=30,
        ge=0,
        le=36_500,
        description="Days for which the embedded lineage service keeps runs, versions and events; what is current "
        "stays. 0: everything stays.",
    )
    lineage_token: SecretStr | None = Field(
        default=None,
        description="Bearer token of the lineage API: the embedded service wants it; exporter, page and commands send "
        "it.",
    )
    lineage_token_file: Path | None = Field(default=None, description="File with that token.")
    lineage_cors_origins: Annotated[tuple[str, ...] | None, NoDecode] = Field(
        default=None,
        description="Origins of web pages that may use the embedded lineage service, https://host or http://host:port, "
        "separated by commas. Default: none.",
    )
    lineage_body_limit: int = Field(
        default=8 * 1024 * 1024,
        gt=0,
        description="Largest body in bytes that the embedded lineage service takes, as sent and after decompression.",
    )
    lineage_namespace: str = Field(default="weather-pipeline", description="OpenLineage namespace of the jobs.")
    job_suffix: str = Field(default="_dagster", description="Suffix of every OpenLineage job name.")
    marquez_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("MARQUEZ_URL", "WEATHER_MARQUEZ_URL"),
        repr=False,
        description="Base URL of Marquez, with user:password@ where it wants them. Default: the embedded lineage "
        "service.",
    )
    dagster_url: str | None = Field(
        default=None, description="Base URL of the Dagster UI, for links. Default: the embedded one."
    )

    spark_master: str | None = Field(
        default=None,
        validation_alias=AliasChoices("SPARK_MASTER", "WEATHER_SPARK_MASTER"),
        description="Where Spark jobs run: local[2], spark://host:port, yarn, k8s://…. Default: what the job or "
        "spark-submit says, else this machine.",
    )
    spark_jars: Path | None = Field(
        default=None,
        description="Directory of the jars of Spark jobs, which `weather spark jars` fills. Default: HOME/jars/spark.",
    )
    spark_namespace: str = Field(default="neuronews", description="OpenLineage namespace of Spark jobs.")
    spark_transport: SparkTransport = Field(
        default=SparkTransport.FILE,
        description="How Spark's listener hands its events on: file (the stack or `weather lineage spool` delivers "
        "them; none is lost), http or console.",
    )
    spark_events: Path | None = Field(
        default=None,
        description="Directory where Spark sessions leave their events until they are delivered. Default: "
        "HOME/spark-events.",
    )
    spark_lineage_off: Annotated[tuple[str, ...] | None, NoDecode] = Field(
        default=None,
        description="Spark applications without lineage: their names, with * and ? for anything, separated by commas. "
        "Default: none.",
    )
    spark_debug_facet: bool = Field(
        default=False, description="Whether Spark's events carry OpenLineage's debug facet: large, for bug reports."
    )
    spark_parent: str | None = Field(
        default=None,
        validation_alias=AliasChoices("OPENLINEAGE_PARENT_ID"),
        description="The run that starts a Spark job, NAMESPACE/JOB/RUN-ID; Dagster's assets set it.",
    )
    spark_launch: str | None = Field(
        default=None, description="The file in the spool in which what starts a Spark job says how it ended. Set by it."
    )
    lineage_parent_facet: Literal["run"] | None = Field(
        default=None,
        description="run: the Dagster run is told as the parent of its assets' runs, and the asset's run as that of a "
        "Spark application that it starts. Marquez renames the jobs of such runs. Default: none is.",
    )
    spark_root_parent: str | None = Field(
        default=None,
        validation_alias=AliasChoices("OPENLINEAGE_ROOT_PARENT_ID"),
        description="The run at the root of that one, likewise. Default: the parent.",
    )

    iceberg_catalog: IcebergCatalog = Field(
        default=IcebergCatalog.JDBC, description="What knows where Iceberg's tables are: jdbc, rest or hadoop."
    )
    iceberg_uri: SecretStr | None = Field(
        default=None,
        description="The catalog's address: postgresql://user:password@host:port/database for jdbc, "
        "http(s)://host:port for rest. Set by the stack.",
    )
    iceberg_token: SecretStr | None = Field(default=None, description="Bearer token of a REST catalog.")
    iceberg_credential: SecretStr | None = Field(
        default=None, description="What a REST catalog gives a token for by OAuth2: CLIENT-ID:SECRET."
    )
    iceberg_warehouse: str | None = Field(
        default=None,
        description="Where Iceberg's tables lie: file:///path or s3://bucket/path; of a REST catalog also the "
        "warehouse's name there. Default: HOME/warehouse, or what the REST catalog says.",
    )
    iceberg_s3_endpoint: str | None = Field(
        default=None,
        description="Base URL of the S3 server with Iceberg's tables, with the keys and the region of the S3 lake. "
        "Default: the lake's server where that is S3, else AWS.",
    )
    iceberg_s3_path_style: bool | None = Field(
        default=None,
        description="Whether the bucket stands in the path of that server's addresses, not in the host. Default: yes, "
        "but not at AWS.",
    )
    iceberg_table: str = Field(
        default="demo.news.articles_raw",
        validation_alias=AliasChoices("ICEBERG_TABLE", "WEATHER_ICEBERG_TABLE"),
        description="The table of articles: CATALOG.NAMESPACE.TABLE.",
    )
    iceberg_keep_days: float = Field(
        default=7, ge=0, description="Days for which maintenance keeps the snapshots of Iceberg's tables."
    )
    iceberg_keep_snapshots: int = Field(
        default=5, ge=1, description="How many snapshots of a table maintenance keeps at least, however old they are."
    )
    iceberg_orphan_days: float = Field(
        default=3,
        ge=1,
        description="Days after which maintenance removes files that belong to no snapshot. At least 1: those of a "
        "write that goes on belong to none yet, and Iceberg refuses less.",
    )
    scraped_data_path: str | None = Field(
        default=None,
        validation_alias=AliasChoices("SCRAPED_DATA_PATH", "WEATHER_SCRAPED_DATA_PATH"),
        description="The CSV files of articles that the batch job reads, a path with * and ? for anything. Default: "
        "the articles that ship with the product.",
    )

    kafka_topic: str = Field(
        default="articles.raw.v1",
        validation_alias=AliasChoices("KAFKA_TOPIC", "WEATHER_KAFKA_TOPIC"),
        description="The topic of articles that the streaming job reads.",
    )
    kafka_servers: str | None = Field(
        default=None,
        validation_alias=AliasChoices("KAFKA_BOOTSTRAP_SERVERS", "WEATHER_KAFKA_SERVERS"),
        description="Kafka's brokers, host:port separated by commas. Default: localhost, on 9092 plus "
        "WEATHER_PORT_OFFSET.",
    )
    kafka_authority: str = Field(
        default="localhost:9092",
        description="host:port of Kafka in dataset names: the same on every machine, whatever broker is asked.",
    )
    stream_checkpoint: str | None = Field(
        default=None,
        description="Directory or URL where the streaming job keeps how far it is. Default: "
        "HOME/checkpoints/TOPIC-TABLE.",
    )
    stream_max_offsets: int = Field(
        default=10_000, ge=1, description="Most messages that a micro-batch of the streaming job takes."
    )
    stream_trigger_seconds: int = Field(
        default=10, ge=1, le=3600, description="Seconds between micro-batches of the continuous streaming job."
    )

    @field_validator("marquez_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        return value and check_http_url(value)

    @field_validator("open_meteo_url", "open_meteo_archive_url", "knmi_url", "dagster_url", "iceberg_s3_endpoint")
    @classmethod
    def _public_address(cls, value: str | None) -> str | None:
        # These stand in lineage events, links and messages.
        return value and check_http_url(value, login=False)

    @field_validator("lineage_cors_origins", mode="before")
    @classmethod
    def _origins(cls, value: Any) -> Any:
        return tuple(map(check_origin, value.split(","))) if isinstance(value, str) else value

    @field_validator("spark_lineage_off", mode="before")
    @classmethod
    def _patterns(cls, value: Any) -> Any:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @property
    def dagster_port(self) -> int:
        """Port of the Dagster UI."""
        return 3000 + self.port_offset

    @property
    def lineage_port(self) -> int:
        """Port of the lineage API."""
        return 5000 + self.port_offset

    @property
    def lineage_web_port(self) -> int:
        """Port of the lineage page."""
        return 5001 + self.port_offset

    @property
    def has_open_meteo_key(self) -> bool:
        """Whether requests to Open-Meteo carry a key."""
        return bool(self.open_meteo_api_key or self.open_meteo_api_key_file)

    @property
    def kafka_port(self) -> int:
        """Port of a Kafka that this product starts."""
        return 9092 + self.port_offset

    @property
    def effective_kafka_servers(self) -> str:
        """The brokers that are configured, or the one that this product starts."""
        return self.kafka_servers or f"localhost:{self.kafka_port}"

    @property
    def effective_open_meteo_url(self) -> str:
        """The forecast API: `WEATHER_OPEN_METEO_URL`, else Open-Meteo's own, for customers where there is a key."""
        return self.open_meteo_url or f"https://{'customer-' if self.has_open_meteo_key else ''}api.open-meteo.com"

    @property
    def effective_open_meteo_archive_url(self) -> str:
        """The archive API, likewise."""
        host = f"{'customer-' if self.has_open_meteo_key else ''}archive-api.open-meteo.com"
        return self.open_meteo_archive_url or f"https://{host}"

    @property
    def effective_marquez_url(self) -> str:
        """Where lineage goes: `MARQUEZ_URL`, else the embedded service. Not to be shown: it may hold a password."""
        return self.marquez_url or f"http://localhost:{self.lineage_port}"

    @property
    def effective_dagster_url(self) -> str:
        """The Dagster UI's address: `WEATHER_DAGSTER_URL`, else the embedded one."""
        return self.dagster_url or f"http://localhost:{self.dagster_port}"

    @property
    def effective_lake_url(self) -> str:
        """The lake's root as a URL."""
        return self.lake_url or (self.home.absolute() / "lake").as_uri()

    @property
    def effective_spark_jars(self) -> Path:
        """Where the jars of Spark jobs lie."""
        return (self.spark_jars or self.home / "jars" / "spark").absolute()

    @property
    def effective_spark_events(self) -> Path:
        """Where the transport `file` of Spark's listener leaves its files."""
        return (self.spark_events or self.home / "spark-events").absolute()

    @property
    def effective_iceberg_warehouse(self) -> str:
        """Where Iceberg's tables lie, as a URL."""
        # Hadoop takes a path as it is written, spaces and all.
        return self.iceberg_warehouse or f"file://{self.home.absolute() / 'warehouse'}"

    @property
    def effective_stream_checkpoint(self) -> str:
        """Where the streaming job keeps how far it is, as a URL."""
        name = f"{self.kafka_topic}-{self.iceberg_table}"
        return self.stream_checkpoint or f"file://{self.home.absolute() / 'checkpoints' / name}"


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        ConfigurationError: Variables have values that can't be used; names each with its value, unless that is secret.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = [_problem(found["loc"], found["msg"], found["input"]) for found in error.errors()]
        raise ConfigurationError("Settings that can't be used:\n" + "\n".join(problems)) from error


def variables(field: str) -> tuple[str, ...]:
    """The environment variables that a field is read from; the first that is set counts."""
    alias = Settings.model_fields[field].validation_alias
    return tuple(map(str, alias.choices)) if isinstance(alias, AliasChoices) else (_PREFIX + field.upper(),)


def _problem(location: tuple[int | str, ...], reason: str, value: Any) -> str:
    """One value that can't be used, in words that name the variable."""
    field = next(name for name in Settings.model_fields if location[0] in (name, *variables(name)))
    names = variables(field)
    name = next((each for each in names if os.environ.get(each)), names[0])
    secret = "SecretStr" in str(Settings.model_fields[field].annotation)
    given = "its value is secret" if secret else f"it is {shown_value(str(value))!r}"
    return f"{name}: {reason.removeprefix('Value error, ')} ({given})"
