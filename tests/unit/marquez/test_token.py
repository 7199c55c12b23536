"""The lineage API's token: from the environment or from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.marquez.token import lineage_token
from weather_pipeline.settings import load_settings


def test_it_is_a_value_or_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lineage_token(load_settings()) is None
    file = tmp_path / "token"
    file.write_text("from-a-file\n")
    monkeypatch.setenv("WEATHER_LINEAGE_TOKEN_FILE", str(file))
    assert lineage_token(load_settings()) == "from-a-file"
    monkeypatch.setenv("WEATHER_LINEAGE_TOKEN", "hush")
    with pytest.raises(ConfigurationError, match="WEATHER_LINEAGE_TOKEN and WEATHER_LINEAGE_TOKEN_FILE are both set"):
        lineage_token(load_settings())
    monkeypatch.delenv("WEATHER_LINEAGE_TOKEN_FILE")
    settings = load_settings()
    assert lineage_token(settings) == "hush"
    assert "hush" not in repr(settings)
