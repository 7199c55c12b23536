"""What an unreachable source means depends on whether it is insisted on."""

import pytest

from tests.unit.doctor import troubles
from weather_pipeline.doctor.finding import Status
from weather_pipeline.doctor.network_check import judge
from weather_pipeline.doctor.web import Failure, Obstacle
from weather_pipeline.settings import Settings, SourceName

AUTO, LIVE = Settings(source=SourceName.AUTO), Settings(source=SourceName.OPEN_METEO)


@pytest.mark.parametrize("obstacle", list(Obstacle))
def test_every_obstacle_has_words_of_its_own(obstacle: Obstacle) -> None:
    failure = Failure(obstacle, "https://api.example:443", "http://proxy:3128", "403 Forbidden")
    automatic, insisted = judge(AUTO, failure), judge(LIVE, failure)
    assert troubles([automatic]) == {"source": Status.WARNING}
    assert troubles([insisted]) == {"source": Status.PROBLEM}
    assert "it starts with recorded observations then" in automatic.remedy
    assert "WEATHER_SOURCE=replay" in insisted.remedy
    others = [Failure(other, failure.server, failure.proxy, failure.words) for other in Obstacle if other != obstacle]
    assert failure.found not in [other.found for other in others]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Status.OK),
        (400, Status.OK),
        (429, Status.WARNING),
        (503, Status.WARNING),
        (404, Status.PROBLEM),
    ],
)
def test_every_answer(status: int, expected: Status) -> None:
    finding = judge(LIVE, status, proxy="http://proxy:3128")
    assert finding.status is expected
    troubles([finding])
    assert "through the proxy http://proxy:3128" in finding.found
