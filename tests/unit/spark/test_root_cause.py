"""What an error of Spark's comes down to."""

from __future__ import annotations

import pytest

from weather_pipeline.spark.root_cause import causes_of, root_cause, root_cause_in

REFUSED = """An error occurred while calling o64.sql.
: org.apache.iceberg.jdbc.UncheckedSQLException: Failed to connect: jdbc:postgresql://127.0.0.1:1/iceberg
\tat org.apache.iceberg.jdbc.JdbcClientPool.newClient(JdbcClientPool.java:69)
\tSuppressed: java.lang.Exception: unheard
\tCaused by: java.lang.Exception: unheard too
Caused by: org.postgresql.util.PSQLException: Connection to 127.0.0.1:1 refused. Check the port.
\tat org.postgresql.core.v3.ConnectionFactoryImpl.openConnectionImpl(ConnectionFactoryImpl.java:373)
\t... 46 more
Caused by: java.net.ConnectException: Connection refused
\tat java.base/sun.nio.ch.Net.pollConnect(Native Method)
\t... 52 more
"""


class Captured(Exception):
    """An error that keeps what it says, Java's stack and the cause apart, as Spark's do."""

    def __init__(self, said: str, stack: str, cause: Exception | None = None) -> None:
        self._desc, self._stackTrace, self._cause = said, stack, cause


def test_a_chain_of_java_s_is_told_from_its_first_to_its_root() -> None:
    assert causes_of(REFUSED) == [
        "Failed to connect: jdbc:postgresql://127.0.0.1:1/iceberg",
        "Connection to 127.0.0.1:1 refused. Check the port.",
        "Connection refused",
    ]


def test_the_root_is_said_with_what_it_was_the_cause_of() -> None:
    assert root_cause(Exception(REFUSED)) == ("Connection refused (Connection to 127.0.0.1:1 refused. Check the port.)")


def test_what_says_the_same_is_said_once() -> None:
    text = "An error occurred while calling o1.x.\n: a.b.Outer: a.b.Inner: gone\n\tat x\nCaused by: a.b.Inner: gone"
    assert root_cause(Exception(text)) == "gone"


def test_an_error_of_spark_s_own_is_its_first_line() -> None:
    said = "[TABLE_OR_VIEW_NOT_FOUND] There is no table. SQLSTATE: 42P01;\n'UnresolvedRelation [news, nope]"
    stack = f"org.apache.spark.sql.AnalysisException: {said}\n\n\tat org.apache.spark.sql.Some.method(Some.scala:1)\n"
    assert root_cause(Captured(said, stack)) == "[TABLE_OR_VIEW_NOT_FOUND] There is no table. SQLSTATE: 42P01;"


def test_a_query_of_a_stream_has_its_cause_beside_its_stack() -> None:
    inner = Captured("a.b.TaskFailed: failed", "a.b.TaskFailed: failed\n\tat x\nCaused by: a.b.Gone: the disk is gone")
    query = Captured(
        "a.b.TaskFailed: failed\n=== Streaming Query ===\nIdentifier: it", "a.b.Run.run(Run:1)\n\t at b", inner
    )
    assert root_cause(query) == "the disk is gone (failed)"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no such column\nmore"), "ValueError: no such column"),
        (ValueError(), "ValueError"),
        (Exception("An error occurred while calling o1.x.\n: java.io.EOFException\n\tat x"), "EOFException"),
    ],
)
def test_others_are_said_with_their_class_where_it_says_something(error: Exception, said: str) -> None:
    assert root_cause(error) == said


def test_a_line_that_announces_another_has_it() -> None:
    text = "java.lang.IllegalStateException: Invalid schema for v2:\n- Invalid type for x: unknown\n\tat a.b.C"
    assert root_cause_in(text) == "Invalid schema for v2: - Invalid type for x: unknown"
    assert root_cause_in("a.b.Gone: no:\n\tat a.b.C") == "no:"


def test_a_cause_that_says_nothing_is_none() -> None:
    assert root_cause_in("a.b.C: gone\n\tat x\nCaused by: \n\tat y") == "gone"


def test_an_error_of_python_s_within_java_s_is_told_by_its_last_line() -> None:
    text = (
        "py4j.Py4JException: An exception was raised by the Python Proxy. Return Message: "
        "Traceback (most recent call last):\n"
        '  File "/x/clientserver.py", line 644, in _call_proxy\n    return_value = getattr(self, method)(*params)\n'
        "RuntimeError: no disk\n\n\tat py4j.Protocol.getReturnValue(Protocol.java:476)\n"
    )
    assert root_cause_in(text) == "RuntimeError: no disk"


def test_a_long_one_is_cut() -> None:
    assert len(root_cause(ValueError("x" * 5000))) == 1000
