"""News articles: the columns of the raw table, and which rows are let in. Spark expressions, no session of its own."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F  # noqa: N812  (Spark's own convention)
from pyspark.sql.types import StringType, StructField, StructType

from weather_pipeline.spark.article_columns import COLUMNS, NEEDED
from weather_pipeline.spark.catalog import Table
from weather_pipeline.spark.tables import PROPERTIES, create_namespace

CORRUPT = "_corrupt_record"
"""Where Spark puts a line of CSV that has other columns."""

_REASON, _NUMBER = "_reason", "_number"

AS_IT_COMES = StructType([StructField(name, StringType()) for name in (*COLUMNS, CORRUPT)])
"""The declared schema of an article as it comes, all text: nothing is guessed from its content."""

REASONS = {
    "columns": "it has other columns than those that are declared",
    "id": "it has no id",
    "published_at": "published_at is no time in ISO 8601",
    "title": "it has no title",
}
"""Why a row is kept aside."""

_ARTICLES = """
    CREATE TABLE IF NOT EXISTS {table} ({columns}) USING iceberg PARTITIONED BY (days(published_at))
    COMMENT 'Articles as they were scraped or received'
    {properties}
"""
_REJECTED = """
    CREATE TABLE IF NOT EXISTS {table} (
        origin string NOT NULL COMMENT 'The file that it came in',
        record string NOT NULL COMMENT 'The row as it came',
        reason string NOT NULL
    ) USING iceberg
    COMMENT 'Rows of articles that were not let in, each once'
    {properties}
"""


_DEAD_LETTERS = """
    CREATE TABLE IF NOT EXISTS {table} (
        topic string NOT NULL,
        partition int NOT NULL,
        offset bigint NOT NULL,
        value string COMMENT 'The message; what is no UTF-8 in it is U+FFFD',
        reason string NOT NULL,
        received_at timestamp COMMENT 'The time that Kafka gives it'
    ) USING iceberg
    COMMENT 'Messages that are no articles, each with its place in the topic'
    {properties}
"""


_TIME = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?$"
"""ISO 8601 as far as that goes: Spark would also take a year, or a time of today."""


def create_tables(spark: SparkSession, articles: Table, rejected: Table) -> None:
    """Make both tables and their namespace where they are missing."""
    _create_articles(spark, articles)
    spark.sql(_REJECTED.format(table=rejected, properties=PROPERTIES))


def create_stream_tables(spark: SparkSession, articles: Table, letters: Table) -> None:
    """Make the table of articles and that of dead letters, with their namespace, where they are missing."""
    _create_articles(spark, articles)
    spark.sql(_DEAD_LETTERS.format(table=letters, properties=PROPERTIES))


def _create_articles(spark: SparkSession, articles: Table) -> None:
    create_namespace(spark, articles)
    columns = ", ".join(
        f"{name} {kind}{' NOT NULL' if name in NEEDED else ''} COMMENT '{text}'"
        for name, (kind, text) in COLUMNS.items()
    )
    spark.sql(_ARTICLES.format(table=articles, columns=columns, properties=PROPERTIES))


def parsed(messages: DataFrame) -> DataFrame:
    """Messages of a topic as articles, typed, each with why it is none, and then its text; and its place in the topic.

    Args:
        messages: `topic`, `partition`, `offset`, `value` (text) and `timestamp`.
    """
    options = {"columnNameOfCorruptRecord": CORRUPT, "mode": "PERMISSIVE"}
    articles = messages.withColumn("article", F.from_json(F.coalesce("value", F.lit("")), AS_IT_COMES, options))
    judged = articles.select(*messages.columns, "article.*").withColumn(_REASON, reason())
    text = F.when(F.col(_REASON).isNotNull(), F.col("value")).alias("value")
    # Of an article the text is not needed any more, and micro-batches are kept in memory.
    return judged.select("topic", "partition", "offset", text, "timestamp", _REASON, *_typed())


def received(messages: DataFrame) -> DataFrame:
    """The articles among messages that were `parsed`, as often as they came."""
    return messages.where(F.col(_REASON).isNull()).select(*COLUMNS)


def dead_letters(messages: DataFrame) -> DataFrame:
    """The other messages: where each stands in its topic, what it was, and why it is no article."""
    at = F.col("timestamp").alias("received_at")
    why = F.col(_REASON).alias("reason")
    return messages.where(F.col(_REASON).isNotNull()).select("topic", "partition", "offset", "value", why, at)


def _typed() -> list[Column]:
    made = {"published_at": published_at(), "id": F.trim("id")}
    return [made.get(name, F.col(name)).alias(name) for name in COLUMNS]


def good(rows: DataFrame) -> DataFrame:
    """The articles among rows as they come, typed; of several with one id the one that was published last."""
    newest_first = Window.partitionBy("id").orderBy(F.desc("published_at"), F.desc("title"))
    # By a number, not by the greatest struct: to the lineage each column is made of itself then, not of all.
    numbered = rows.where(reason().isNull()).select(*_typed()).withColumn(_NUMBER, F.row_number().over(newest_first))
    return numbered.where(F.col(_NUMBER) == 1).select(*COLUMNS)


def bad(rows: DataFrame, origin: Column) -> DataFrame:
    """The other rows: where each came from, what it was, and why it is not let in."""
    record = F.coalesce(F.col(CORRUPT), F.to_json(F.struct(*COLUMNS)))
    return (
        rows.where(reason().isNotNull())
        .select(origin.alias("origin"), record.alias("record"), reason().alias("reason"))
        .distinct()
    )


def published_at() -> Column:
    """The time of publication; null where the text is none. Without a zone it is UTC."""
    return F.when(F.col("published_at").rlike(_TIME), F.try_to_timestamp("published_at"))


def reason() -> Column:
    """Why a row is kept aside; null where it is let in."""
    return (
        F.when(F.col(CORRUPT).isNotNull(), REASONS["columns"])
        .when(F.trim(F.coalesce("id", F.lit(""))) == "", REASONS["id"])
        .when(published_at().isNull(), REASONS["published_at"])
        .when(F.trim(F.coalesce("title", F.lit(""))) == "", REASONS["title"])
    )


def append_new(rows: DataFrame, table: Table, keys: list[str]) -> None:
    """Append the rows whose keys the table does not have: what is written again adds nothing."""
    known = rows.sparkSession.table(str(table)).select(*keys)
    rows.join(known, keys, "left_anti").select(*rows.columns).writeTo(str(table)).append()
