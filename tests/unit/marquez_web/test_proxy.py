"""Which paths the proxy passes on."""

import pytest

from weather_pipeline.marquez.web.proxy import is_below_api


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces",
        "/api/v1/namespaces/s3%3A%2F%2Fbronze/datasets/weather",
        "/api/v1/namespaces/a/jobs/job%2Fwith%2Fslash",
        "/api/v1/namespaces/a/jobs/dots..inside...",
        "/api/v1/namespaces/a/jobs/100%25",
        "/api/v1/namespaces/a/jobs/one;two..;three",
    ],
)
def test_paths_of_the_api_pass(path: str):
    assert is_below_api(path)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/apiary/x",
        "/metrics",
        "/api/../metrics",
        "/api/v1/../../metrics",
        "/api/./v1",
        "/api/%2e%2e/metrics",
        "/api/%252e%252e/metrics",
        "/api/v1/x%2F..%2F..%2Fmetrics",
        "/api/v1/..;/..;a=b/metrics",
        "/api/v1/..%3B/..%3b/metrics",
        "/api/v1\\..\\..\\metrics",
        "/api/v1%5C..%5Cmetrics",
    ],
)
def test_paths_that_leave_the_api_do_not(path: str):
    assert not is_below_api(path)
