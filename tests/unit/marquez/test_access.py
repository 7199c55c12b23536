"""Where the service may listen without a token."""

from __future__ import annotations

import pytest

from weather_pipeline.marquez.embedded.access import Exposed, check_exposure


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_this_machine_alone_it_needs_none(host: str) -> None:
    check_exposure(host, token=None, insecure=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "lineage.example"])
def test_elsewhere_it_needs_one_or_that_somebody_says_so(host: str) -> None:
    check_exposure(host, token="hush", insecure=False)
    check_exposure(host, token=None, insecure=True)
    with pytest.raises(Exposed, match=f"On {host} .*WEATHER_LINEAGE_TOKEN_FILE.*--insecure"):
        check_exposure(host, token=None, insecure=False)
