"""The lake on an S3 server."""

from tests.unit.doctor import troubles
from weather_pipeline.doctor.finding import Status
from weather_pipeline.doctor.lake_check import judge_buckets, judge_failure, speaks_s3
from weather_pipeline.doctor.web import Answer, Failure, Obstacle


def test_buckets() -> None:
    assert judge_buckets("h:9000", [], create=False).status is Status.OK
    later = judge_buckets("h:9000", ["silver"], create=True)
    assert later.found == "s3://h:9000 lets us in; silver is made at the first write"
    never = judge_buckets("h:9000", ["bronze", "silver"], create=False)
    assert troubles([never]) == {"buckets": Status.PROBLEM}
    assert "bronze and silver" in never.found


def test_the_other_protocol_is_proposed_where_that_may_be_it() -> None:
    tls = judge_failure(Failure(Obstacle.TLS, "https://h:9000", words="the certificate has expired"), secure=True)
    assert troubles([tls]) == {"server": Status.PROBLEM}
    assert "WEATHER_S3_SECURE=false" in tls.remedy
    away = judge_failure(Failure(Obstacle.REFUSED, "http://h:9000"), secure=False)
    assert "WEATHER_S3_SECURE" not in away.remedy


def test_only_s3_speaks_like_s3() -> None:
    assert speaks_s3(Answer(403, body='<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'))
    assert speaks_s3(Answer(307, {"x-amz-request-id": "1"}))
    assert not speaks_s3(Answer(404, {"Content-Type": "text/html"}, "<html>not found</html>"))
