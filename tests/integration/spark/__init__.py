"""Real Spark, in processes of its own: its Java ends with them."""
