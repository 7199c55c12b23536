"""A broker that is away is told, and by its address."""

from __future__ import annotations

import pytest

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.spark.topic import check_topic
from weather_pipeline.stack.ports import HOST, free_port


def test_a_broker_that_is_away_is_named_with_what_to_do() -> None:
    servers = f"{HOST}:{free_port()}"
    with pytest.raises(ConfigurationError) as caught:
        check_topic(servers, "articles", patience=0.1)
    assert str(caught.value).startswith(f"Kafka at {servers} (")
    assert "Connection refused" in str(caught.value)
    assert "KAFKA_BOOTSTRAP_SERVERS" in str(caught.value)
