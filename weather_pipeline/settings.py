"""All settings, read once from the environment: the only module that reads it.

Every field is one environment variable, `WEATHER_` + its name, but for those whose name the field already knows
(`MARQUEZ_URL`). `docs/settings.md` lists them.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SourceName(StrEnum):
    """Where weather comes from."""

    AUTO = "auto"
    """Open-Meteo where it can be reached, else recorded observations, said plainly."""
    OPEN_METEO = "open-meteo"
    REPLAY = "replay"
    """Recorded real observations, served by a local server with Open-Meteo's protocol."""


class Settings(BaseSettings):
    """One frozen set of settings."""

    model_config = SettingsConfigDict(env_prefix="WEATHER_", frozen=True, extra="ignore", populate_by_name=True)

    home: Path = Field(default=Path(".weather"), description="State directory of the embedded stack.")
    port_offset: int = Field(default=0, ge=0, le=50000, description="Added to every port of the stack.")

    source: SourceName = Field(default=SourceName.AUTO, description="auto, open-meteo or replay.")
    open_meteo_url: str = Field(
        default="https://api.open-meteo.com", description="Base URL of the Open-Meteo API, or of a server like it."
    )

    lake_url: str | None = Field(
        default=None, description="Root of the lake with bronze and silver (file://…). Default: HOME/lake."
    )
    database_url: SecretStr | None = Field(
        default=None, description="The warehouse, postgresql://user:password@host:port/database. Set by the stack."
    )
    warehouse_authority: str = Field(
        default="localhost:5432",
        description="host:port of the warehouse in dataset names: the same on every machine, whatever port it has.",
    )

    schedule: bool = Field(default=False, description="Whether the hourly schedule is on by itself. Set by the stack.")

    lineage_database_url: SecretStr | None = Field(
        default=None, description="The embedded lineage service's database, postgresql://…. Set by the stack."
    )
    lineage_namespace: str = Field(default="weather-pipeline", description="OpenLineage namespace of the jobs.")
    job_suffix: str = Field(default="_dagster", description="Suffix of every OpenLineage job name.")
    marquez_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("MARQUEZ_URL", "WEATHER_MARQUEZ_URL"),
        description="Base URL of Marquez. Default: the embedded lineage service.",
    )
    dagster_url: str | None = Field(
        default=None, description="Base URL of the Dagster UI, for links. Default: the embedded one."
    )

    @field_validator("open_meteo_url", "marquez_url", "dagster_url")
    @classmethod
    def _without_trailing_slash(cls, value: str | None) -> str | None:
        return value.rstrip("/") if value else value

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
    def effective_marquez_url(self) -> str:
        """Where lineage goes: `MARQUEZ_URL`, else the embedded service."""
        return self.marquez_url or f"http://localhost:{self.lineage_port}"

    @property
    def effective_dagster_url(self) -> str:
        """The Dagster UI's address: `WEATHER_DAGSTER_URL`, else the embedded one."""
        return self.dagster_url or f"http://localhost:{self.dagster_port}"

    @property
    def effective_lake_url(self) -> str:
        """The lake's root as a URL."""
        return self.lake_url or (self.home.absolute() / "lake").as_uri()


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        pydantic.ValidationError: A variable has a value that can't be used; names the variable and the value.
    """
    return Settings()
