"""A Spark job that waits for Java until Ctrl-C. Argument: where it would write."""

import sys

from weather_pipeline.spark.openlineage_config import create_spark_session_with_lineage
from weather_pipeline.spark.program import program

if __name__ == "__main__":
    with program():
        spark = create_spark_session_with_lineage("Endless", {"spark.master": "local[1]", "spark.ui.enabled": "false"})
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        try:
            spark.range(10**15).selectExpr("max(hash(id)) AS top").write.parquet(sys.argv[1])
        finally:
            spark.stop()
