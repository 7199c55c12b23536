from typing import Any

import pytest
from openlineage.client import facet_v2 as ol

from weather_pipeline.lineage.redaction import HIDDEN, Redactor, is_secret, redacted, shortened, without_secrets

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"
GITHUB = "ghp_" + "a1" * 18


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("could not reach postgresql://user:pa:ss@db:5432/x", "could not reach postgresql://***@db:5432/x"),
        ("https://token@host/path", "https://***@host/path"),
        ("postgres://u:p@ss@h/db", "postgres://***@h/db"),
        ("password=hunter2 host=x", "password=*** host=x"),
        ("conn('host=x password=abc')", "conn('host=x password=***')"),
        ('{"token": "abc def"}', '{"token": "***"}'),
        ("client_secret: 'x y'", "client_secret: '***'"),
        ("AccountKey=abc==;EndpointSuffix=core", "AccountKey=***;EndpointSuffix=core"),
        ("jdbc:sqlserver://h:1433;user=sa;password=p;x=1", "jdbc:sqlserver://h:1433;user=sa;password=***;x=1"),
        ("AWS_SECRET_ACCESS_KEY=abc/def+x", "AWS_SECRET_ACCESS_KEY=***"),
        ("Authorization: Bearer abc123456", "Authorization: *** ***"),
        ("curl -H 'Authorization: Basic dXNlcjpwdw=='", "curl -H 'Authorization: *** ***'"),
        ("sent Bearer abc123456.x", "sent Bearer ***"),
        ("psql --password hunter2 -v", "psql --password *** -v"),
        ("CREATE USER x IDENTIFIED BY 'pw'", "CREATE USER x IDENTIFIED BY ***"),
        ("ALTER ROLE x PASSWORD 'pw'", "ALTER ROLE x PASSWORD ***"),
        ("https://h/x?sig=abcdef&x=1", "https://h/x?sig=***&x=1"),
        ("https://h/x?a=1&X-Amz-Signature=abcdef", "https://h/x?a=1&X-Amz-Signature=***"),
        (f"got {JWT}.", "got ***."),
        (f"{PEM} after", "*** after"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEow", "***"),
        (f"git clone with {GITHUB}", "git clone with ***"),
        ("key AKIAIOSFODNN7EXAMPLE", "key ***"),
        ("https://hooks.slack.com/services/T000/B000/XXXXXXXX", "https://hooks.slack.com/services/***"),
    ],
)
def test_what_looks_like_a_secret_never_leaves(text: str, safe: str) -> None:
    assert redacted(text) == safe
    assert redacted(f"{text}\n{'x' * 600}").startswith(safe), "long texts go another way"
    assert redacted(safe) == safe


@pytest.mark.parametrize(
    "text",
    [
        "mail ada@example.org about https://example.org",
        "https://host:8080/users/@me",
        "http://[::1]:5432/x@y",
        '["https://x:1234","a@b.example"]',
        "https://github.com/org/repo/blob/693e35482bc2e526ced2b5f9f76ef83dec6ec691/dags/a.py#L3",
        "0193f1a2-aaaa-7bbb-8ccc-1234567890ab",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "s3://bucket/date=2026-11-21/hour=10",
        "SELECT a.token FROM a JOIN b ON a.token = b.token",
        "SELECT * FROM t WHERE token = %(token)s AND password = $1 AND secret = ?",
        "secret = get_secret()",
        "connect(token=self.token, password=settings.password)",
        "KeyError: 'password'",
        "unexpected token: SELECT",
        "basic authentication failed",
        "Bearer authentication is needed",
        "max_tokens=4096 token_count: 5",
        "team:weather",
        "2026-11-21T10:00:00.000000Z",
    ],
)
def test_what_is_needed_stays(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("key", "secret"),
    [("db_password", True), ("API-Key", True), ("awsSecretAccessKey", True), ("owner", False), ("author", False)],
)
def test_keys_that_name_secrets(key: str, secret: bool) -> None:
    assert is_secret(key) is secret


def test_a_number_of_tokens_is_no_token() -> None:
    assert not is_secret("token_count", 512)
    assert is_secret("token_count", "abc")


def test_values_of_mappings_go_by_their_key() -> None:
    redactor = Redactor()
    facet = {
        "_schemaURL": "https://example.org/x",
        "config": {"password": "hunter2", "credentials": {"user": "ada", "pin": 1234}, "limit": 5},
        "tags": [{"key": "api_token", "value": "abc"}, {"key": "layer", "value": "gold"}],
    }
    assert redactor.facet("run.facets.x", facet) == {
        "_schemaURL": "https://example.org/x",
        "config": {"password": HIDDEN, "credentials": {"user": HIDDEN, "pin": HIDDEN}, "limit": 5},
        "tags": [{"key": "api_token", "value": HIDDEN}, {"key": "layer", "value": "gold"}],
    }
    assert redactor.found == [
        "run.facets.x.config.password",
        "run.facets.x.config.credentials.user",
        "run.facets.x.config.credentials.pin",
        "run.facets.x.tags[0].value",
    ]
    assert facet["config"]["password"] == "hunter2", "what was given stays as it is"


def test_the_clients_classes_stay_what_they_are() -> None:
    redactor = Redactor()
    facet = ol.sql_job.SQLJobFacet(query="ALTER ROLE x PASSWORD 'pw'", dialect="postgresql")
    safe = redactor.facet("job.facets.sql", facet)
    assert isinstance(safe, ol.sql_job.SQLJobFacet)
    assert (safe.query, safe.dialect) == ("ALTER ROLE x PASSWORD ***", "postgresql")
    assert facet.query.endswith("'pw'")
    assert redactor.found == ["job.facets.sql.query"]
    tags = ol.tags_run.TagsRunFacet(tags=[ol.tags_run.TagsRunFacetFields("db_password", "x", "DAGSTER")])
    assert redactor.facet("run.facets.tags", tags).tags[0].value == HIDDEN


def test_identity_and_columns_called_after_secrets_stay() -> None:
    reads = ol.column_lineage_dataset.InputField(namespace="s3://lake", name="x/password=abc", field="token")
    facet = ol.column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={"password": ol.column_lineage_dataset.Fields(inputFields=[reads])}
    )
    redactor = Redactor()
    assert redactor.facet("facet", facet) is facet
    assert redactor.found == []
    metrics = {"columnMetrics": {"token": {"nullCount": 3, "min": 1.5}}}
    assert redactor.facet("facet", metrics) == metrics


def test_a_text_without_end_is_cut() -> None:
    redactor = Redactor()
    cut: Any = redactor.facet("x", {"text": "a " * 1_000_000})
    assert len(cut["text"]) < 300_000


def test_a_cut_shows() -> None:
    assert shortened("abc", 3) == "abc"
    assert shortened("abcd", 3) == "abc\n… shortened: 1 characters left out"


def test_a_url_without_what_may_be_secret() -> None:
    assert without_secrets("https://u:p@h:1/x?token=1#f") == "https://h:1/x"
