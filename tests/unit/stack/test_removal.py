"""What `weather down --delete-data` may remove: a stack's own files, and nothing else."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from weather_pipeline.cli import exit_code, weather
from weather_pipeline.cli.up import down
from weather_pipeline.errors import StackError
from weather_pipeline.spark.catalog import Table
from weather_pipeline.spark.tables import one_at_a_time
from weather_pipeline.stack.holdings import claim, data_of_stack
from weather_pipeline.stack.removal import remove_data
from weather_pipeline.stack.state import stack_lock


def write(home: Path, *names: str) -> None:
    for name in names:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("data")


def entries(home: Path) -> list[str]:
    return sorted(entry.name for entry in home.iterdir())


def started(home: Path) -> None:
    """What the first moments of a start leave behind."""
    with stack_lock(home):
        claim(home)
        write(home, "logs/supervisor.log", "lake/bronze/file", "workspace.yaml")


def test_a_directory_of_somebody_else_stays_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, "lake/mine", "dagster_home/dagster.yaml", "workspace.yaml", "postgres/notes")
    before = entries(tmp_path)
    result = CliRunner().invoke(weather, ["down", "--delete-data", "--yes", "--home", str(tmp_path)])
    assert isinstance(result.exception, StackError)
    assert "never started by `weather up`" in str(result.exception)
    assert "postgres, dagster_home, lake, workspace.yaml" in str(result.exception)
    assert entries(tmp_path) == before


def test_a_directory_without_a_stack_has_nothing_to_remove(tmp_path: Path) -> None:
    write(tmp_path, "mine.txt")
    result = CliRunner().invoke(weather, ["down", "--delete-data", "--home", str(tmp_path)])
    assert result.output.splitlines()[-1] == f"{tmp_path} has no data of a stack."
    assert entries(tmp_path) == ["mine.txt"]


def test_what_a_stack_wrote_goes_and_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    started(home)
    result = CliRunner().invoke(weather, ["down", "--delete-data", "--home", str(home)])
    assert result.output.splitlines()[-1] == f"Removed of {home}: logs, lake, workspace.yaml."
    assert not home.exists()


def test_what_spark_jobs_wrote_goes_and_their_jars_stay(tmp_path: Path) -> None:
    home = tmp_path / "home"
    started(home)
    write(home, "warehouse/news/file", "java/bin/java", "jars/spark/a.jar")
    with one_at_a_time(home, Table.parsed("demo.news.articles_raw")):
        pass
    result = CliRunner().invoke(weather, ["down", "--delete-data", "--home", str(home)])
    removed, kept = result.output.splitlines()[-2:]
    assert removed == f"Removed of {home}: logs, lake, warehouse, locks, java, workspace.yaml."
    assert kept == f"The jars in {home / 'jars'} are kept."
    assert entries(home) == ["jars"]


def test_what_was_there_before_the_first_start_stays(tmp_path: Path) -> None:
    write(tmp_path, "lake/mine", "mine.txt")
    started(tmp_path)
    started(tmp_path)
    assert [entry.name for entry in remove_data(tmp_path)] == ["logs", "workspace.yaml"]
    assert entries(tmp_path) == ["lake", "mine.txt"]


def test_a_directory_of_a_version_without_marks_is_known_by_its_database(tmp_path: Path) -> None:
    write(tmp_path, "postgres/data/PG_VERSION", "lake/file")
    with pytest.raises(StackError, match="never started"):
        remove_data(tmp_path)
    write(tmp_path, "postgres/password")
    assert [entry.name for entry in data_of_stack(tmp_path)] == ["postgres", "lake"]
    with stack_lock(tmp_path):
        claim(tmp_path)
    assert [entry.name for entry in remove_data(tmp_path)] == ["postgres", "lake"]
    assert not tmp_path.exists()


def test_a_link_goes_and_what_it_names_stays(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    write(elsewhere, "mine.txt")
    with stack_lock(home):
        claim(home)
        (home / "lake").symlink_to(elsewhere)
    remove_data(home)
    assert entries(tmp_path) == ["elsewhere"]
    assert entries(elsewhere) == ["mine.txt"]


def test_on_a_terminal_it_asks_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    started(home)
    arguments = ["--delete-data", "--home", str(home)]

    def run(answer: str) -> tuple[int, str]:
        runner = CliRunner()
        with runner.isolation(input=answer) as (_, error, _):
            monkeypatch.setattr("sys.stdin.isatty", lambda: True)
            code = exit_code(lambda: down.main(arguments, standalone_mode=False))
            return code, error.getvalue().decode()

    code, asked = run("n\n")
    assert code == 130
    assert f"Remove all data of the stack in {home}: logs, lake, workspace.yaml? [y/N]" in asked
    assert (home / "lake").is_dir()
    assert run("y\n")[0] == 0
    assert not home.exists()
