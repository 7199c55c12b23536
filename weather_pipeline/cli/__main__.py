"""`python -m weather_pipeline.cli`: the `weather` command where its script is not on the path."""

from weather_pipeline.cli import main

main()
