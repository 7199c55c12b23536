"""Addresses: which are usable, and what of them may be seen."""

import pytest

from weather_pipeline.urls import check_http_url, check_origin, is_loopback_host, shown_value, without_login


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:secret@marquez:5000/base", "http://marquez:5000/base"),
        ("https://user:se@cret@marquez", "https://marquez"),
        ("HTTP://user@marquez", "HTTP://marquez"),
        ("user:secret@marquez:5000", "marquez:5000"),
        ("http://marquez:5000", "http://marquez:5000"),
        ("http://marquez/a@b", "http://marquez/a@b"),
    ],
)
def test_the_login_is_left_out(url: str, shown: str) -> None:
    assert without_login(url) == shown


@pytest.mark.parametrize("url", ["http://h", "https://h:5000/", "http://u:p@h:1/base/", "http://[::1]:5000"])
def test_usable_addresses(url: str) -> None:
    assert check_http_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "localhost:9",
        "ftp://h",
        "http://",
        "http://:5000",
        "http://h:port",
        "http://u:a/b@h:1",
        "http://h/?q=1",
        "http://h h",
    ],
)
def test_unusable_addresses(url: str) -> None:
    with pytest.raises(ValueError, match="base URL of a server") as error:
        check_http_url(url)
    assert "a/b@h" not in str(error.value)


def test_an_address_that_others_see_holds_no_login() -> None:
    with pytest.raises(ValueError, match="no user and password"):
        check_http_url("http://u:p@h", login=False)


def test_a_value_that_is_no_address_is_shown_without_what_may_be_a_password() -> None:
    assert shown_value("user:a/b@c@host:9") == "…@host:9"
    assert shown_value("localhost:9") == "localhost:9"


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://catalog.example", "https://catalog.example"),
        (" HTTPS://Catalog.Example:443/ ", "https://catalog.example"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://h:80", "http://h"),
        ("https://h:80", "https://h:80"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_origin_is_written_as_browsers_do(text: str, origin: str) -> None:
    assert check_origin(text) == origin


@pytest.mark.parametrize(
    "text", ["", "*", "null", "h", "h:80", "ftp://h", "http://h/path", "http://h?q", "http://u:p@h", "http://h:port"]
)
def test_what_is_no_origin(text: str) -> None:
    with pytest.raises(ValueError, match="Should be origins of web pages"):
        check_origin(text)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("192.168.1.5", False),
        ("localhost.example", False),
    ],
)
def test_which_hosts_are_this_machine_alone(host: str, loopback: bool) -> None:
    assert is_loopback_host(host) is loopback
