"""The smallest Spark job: a session with the name that it is given."""

import sys

from weather_pipeline.spark.openlineage_config import create_spark_session_with_lineage

if __name__ == "__main__":
    spark = create_spark_session_with_lineage(sys.argv[1], {"spark.master": "local[1]", "spark.ui.enabled": "false"})
    spark.range(3).count()
    spark.stop()
