"""The CSV files of articles, and what their dataset is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import Settings
from weather_pipeline.spark.article_files import csv_files, files_place


def settings(path: str | None) -> Settings:
    return Settings(scraped_data_path=path)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("path", "directory"),
    [
        ("data/latest/*.csv", "data/latest"),
        ("data/*/day?.csv", "data"),
        ("data/latest/", "data/latest"),
        ("../data/*.csv", "../data"),
        ("data/one.csv", "data"),
        ("*.csv", "."),
    ],
)
def test_a_dataset_is_called_as_its_directory_is_given(
    path: str, directory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    (here / "data" / "latest").mkdir(parents=True)
    monkeypatch.chdir(here)
    assert files_place(settings(path)) == (("file", str((here / directory).resolve())), ("file", directory))


def test_the_articles_that_ship_are_the_default() -> None:
    (file,) = csv_files(settings(None))
    assert file.endswith("weather_pipeline/spark/data/articles.csv")
    assert files_place(settings(None))[1] == ("file", "weather_pipeline/articles")


def test_a_pattern_names_its_files(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "c.txt"):
        (tmp_path / name).touch()
    assert csv_files(settings(f"{tmp_path}/*.csv")) == [f"file://{tmp_path / name}" for name in ("a.csv", "b.csv")]


def test_no_file_is_an_error_that_names_the_pattern(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="SCRAPED_DATA_PATH is"):
        csv_files(settings(f"{tmp_path}/*.csv"))
