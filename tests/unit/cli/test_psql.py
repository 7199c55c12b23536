"""What psql is told, and where."""

import pytest

from weather_pipeline.cli.psql import psql_login
from weather_pipeline.errors import ConfigurationError


def test_the_password_goes_into_the_environment() -> None:
    login, options = psql_login(
        "postgresql://someone:s%40cret@db.example:5433/weather?sslmode=require&keepalives_idle=9"
    )
    assert login == {
        "PGUSER": "someone",
        "PGPASSWORD": "s@cret",
        "PGHOST": "db.example",
        "PGPORT": "5433",
        "PGDATABASE": "weather",
        "PGSSLMODE": "require",
    }
    assert options == ["-d", "keepalives_idle=9"]


@pytest.mark.parametrize(
    "url", ["postgres:/someone:s3cret@db/weather", "postgresql://a:s3cret@db/w?sslpassword=s3cret"]
)
def test_what_cannot_be_passed_on_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        psql_login(url)
    assert "s3cret" not in f"{error.value}{error.value.__cause__}"
