"""A Spark job that makes a session of its own before the one with lineage."""

from pyspark.sql import SparkSession

from weather_pipeline.spark.openlineage_config import create_spark_session_with_lineage

if __name__ == "__main__":
    SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    create_spark_session_with_lineage("Late")
