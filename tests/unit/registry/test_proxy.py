import pytest

from runner.registry.transport import proxy_for

PROXY = "http://proxy.example.org:3128"


@pytest.mark.parametrize(
    ("environ", "scheme", "found"),
    [
        ({}, "https", ""),
        ({"HTTPS_PROXY": PROXY}, "https", PROXY),
        ({"https_proxy": PROXY}, "https", PROXY),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other"}, "https", PROXY),
        ({"HTTPS_PROXY": PROXY}, "http", ""),
        ({"HTTP_PROXY": PROXY}, "http", PROXY),
        ({"ALL_PROXY": PROXY}, "https", PROXY),
        ({"HTTPS_PROXY": ""}, "https", ""),
    ],
)
def test_the_proxy_of_a_scheme(environ: dict[str, str], scheme: str, found: str) -> None:
    assert proxy_for(scheme, "registry.example.org", None, environ) == found


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_this_machine_is_reached_without_one(name: str) -> None:
    assert proxy_for("https", name, 5000, {"HTTPS_PROXY": PROXY}) == ""


@pytest.mark.parametrize(
    ("excluded", "name", "port", "used"),
    [
        ("", "registry.example.org", None, True),
        ("*", "registry.example.org", None, False),
        ("example.org", "registry.example.org", None, False),
        (".example.org", "registry.example.org", None, False),
        ("*.example.org", "registry.example.org", None, False),
        ("REGISTRY.example.org", "registry.example.org", None, False),
        ("gistry.example.org", "registry.example.org", None, True),
        ("other.example.com, registry.example.org:5000", "registry.example.org", 5000, False),
        ("registry.example.org:5000", "registry.example.org", None, True),
        ("10.0.0.0/8", "10.1.2.3", None, False),
        ("10.0.0.0/8", "11.1.2.3", None, True),
        ("10.1.2.3", "10.1.2.3", 443, False),
        (",,", "registry.example.org", None, True),
    ],
)
def test_who_is_reached_without_one(excluded: str, name: str, port: int | None, used: bool) -> None:
    environ = {"HTTPS_PROXY": PROXY, "NO_PROXY": excluded}
    assert bool(proxy_for("https", name, port, environ)) is used
