"""Variables that look like settings."""

from tests.unit.doctor import troubles
from weather_pipeline.doctor.finding import Status
from weather_pipeline.doctor.settings_check import judge
from weather_pipeline.errors import ConfigurationError


def test_known_ones_are_named_without_their_values() -> None:
    (finding,) = judge({"WEATHER_S3_SECRET_KEY": "hush", "MARQUEZ_URL": "http://u:p@h", "PATH": "x"}, None)
    assert finding.status is Status.OK
    assert finding.found == "MARQUEZ_URL and WEATHER_S3_SECRET_KEY set"


def test_none_set() -> None:
    (finding,) = judge({"WEATHER_HOME": ""}, None)
    assert finding.found == "none set, so the defaults count"


def test_a_mistyped_name_gets_the_right_one() -> None:
    (finding,) = judge({"WEATHER_DATABSE_URL": "x"}, None)
    assert troubles([finding]) == {"WEATHER_DATABSE_URL": Status.WARNING}
    assert "WEATHER_DATABASE_URL?" in finding.remedy
    assert finding.command == "unset WEATHER_DATABSE_URL"


def test_a_name_like_no_other_is_named_all_the_same() -> None:
    (finding,) = judge({"WEATHER_QQQQQQ": "x"}, None)
    assert "docs/settings.md" in finding.remedy


def test_the_stack_s_own_marks_are_no_mistakes() -> None:
    own = {"WEATHER_STACK_ID": "1", "WEATHER_STACK_PART": "daemon", "WEATHER_DAGSTER_DATABASE_URL": "x"}
    assert not troubles(judge({**own, "weather_home": "x"}, None))


def test_two_names_of_one_setting_must_agree() -> None:
    (finding,) = judge({"MARQUEZ_URL": "http://a", "WEATHER_MARQUEZ_URL": "http://b"}, None)
    assert troubles([finding]) == {"marquez_url": Status.WARNING}
    assert "MARQUEZ_URL counts" in finding.found
    assert not troubles(judge({"MARQUEZ_URL": "http://a", "WEATHER_MARQUEZ_URL": "http://a"}, None))


def test_each_value_that_cannot_be_used_is_a_problem() -> None:
    error = ConfigurationError("Settings that can't be used:\nWEATHER_HOME: no (it is 'x')\nWEATHER_SOURCE: no")
    assert troubles(judge({}, error)) == {"WEATHER_HOME": Status.PROBLEM, "WEATHER_SOURCE": Status.PROBLEM}
