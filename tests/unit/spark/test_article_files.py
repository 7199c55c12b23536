"""The CSV files of articles, and what their dataset is called."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from weather_pipeline.errors import ConfigurationError, DataError
from weather_pipeline.settings import Settings
from weather_pipeline.spark.article_columns import COLUMNS
from weather_pipeline.spark.article_files import check_headers, csv_files, files_place


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


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "_SUCCESS").touch()
    with pytest.raises(ConfigurationError, match="no file is there"):
        csv_files(settings(f"{tmp_path}/*"))
    (tmp_path / "_temporary").mkdir()
    (tmp_path / "_temporary" / "a.csv").touch()
    with pytest.raises(ConfigurationError, match="no file is there"):
        csv_files(settings(str(tmp_path)))
    (tmp_path / "day=2026-10-01").mkdir()
    (tmp_path / "day=2026-10-01" / "a.csv").touch()
    assert csv_files(settings(str(tmp_path))) == [f"file://{tmp_path}"]


HEADER = ",".join(COLUMNS)


def check(file: Path) -> None:
    check_headers([f"file://{file}"])


@pytest.mark.parametrize(
    "content",
    [
        HEADER,
        HEADER.upper() + "\r\n1,2",
        "\n\n" + HEADER + "\n",
        "\ufeff" + HEADER + "\n",
        ",".join(f'"{name}"' for name in COLUMNS) + '\n"1","a\nb"',
        "",
        "\n",
    ],
)
def test_headers_that_spark_takes_are_let_in(content: str, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(content, newline="")
    check(file)


@pytest.mark.parametrize(
    "header", ["id,title,published_at", HEADER + ",more", HEADER.replace("id", " id", 1), "a;b", "\udcff\udcfe"]
)
def test_another_header_is_refused_with_the_file_and_the_columns(header: str, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(f"{header}\n1,2,3\n", errors="surrogateescape")
    with pytest.raises(DataError) as caught:
        check(file)
    assert str(caught.value).startswith(f"{file} has other columns")
    assert header in str(caught.value) or not header.isprintable()
    assert HEADER in str(caught.value)


def test_what_is_no_csv_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("x" * 200_000)
    with pytest.raises(DataError, match=r"a\.csv is no CSV file"):
        check(file)


def test_of_a_directory_spark_s_files_are_looked_at(tmp_path: Path) -> None:
    for name in ("_SUCCESS", ".hidden", "a.csv.snappy"):
        (tmp_path / name).write_text("another")
    (tmp_path / "a.csv").write_text(HEADER)
    check(tmp_path)
    with gzip.open(tmp_path / "b.csv.gz", "wt") as file:
        file.write(HEADER)
    check(tmp_path)
    with gzip.open(tmp_path / "b.csv.gz", "wt") as file:
        file.write("another")
    with pytest.raises(DataError, match=r"b\.csv\.gz has other columns"):
        check(tmp_path)


def test_a_file_that_can_t_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.csv.gz"
    file.write_text("no gzip")
    with pytest.raises(ConfigurationError, match=r"a\.csv\.gz can't be read"):
        check(file)
