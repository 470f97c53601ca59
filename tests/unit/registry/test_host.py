import pytest

from runner.registry.host import is_loopback, may_be_plain, origin, split_host


@pytest.mark.parametrize(
    ("written", "name", "port"),
    [
        ("registry.example.org", "registry.example.org", None),
        ("Registry.Example.Org:5000", "registry.example.org", 5000),
        ("[::1]:5000", "::1", 5000),
        ("[::1]", "::1", None),
        ("127.0.0.1:80", "127.0.0.1", 80),
    ],
)
def test_name_and_port(written: str, name: str, port: int | None) -> None:
    assert split_host(written) == (name, port)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "127.255.0.9", "::1"])
def test_this_machine_itself(name: str) -> None:
    assert is_loopback(name)


@pytest.mark.parametrize(
    "name", ["localhost.example.org", "127.0.0.1.example.org", "10.0.0.1", "", "::2", "1.127.0.0"]
)
def test_another_machine(name: str) -> None:
    assert not is_loopback(name)


@pytest.mark.parametrize(
    ("server", "listed", "plain"),
    [
        ("localhost:5000", "", True),
        ("[::1]:5000", "", True),
        ("registry.example.org", "", False),
        ("registry.example.org", "registry.example.org", True),
        ("registry.example.org:5000", "registry.example.org", True),
        ("registry.example.org:5000", "other.example.org, Registry.Example.Org:5000", True),
        ("registry.example.org:5001", "registry.example.org:5000", False),
        ("registry.example.org", "registry.example.org:5000", False),
        ("evil.registry.example.org", "registry.example.org", False),
        ("", ",", False),
    ],
)
def test_who_may_be_spoken_with_in_plain_http(server: str, listed: str, plain: bool) -> None:
    assert may_be_plain(server, {"PYRUN_INSECURE_REGISTRIES": listed}) is plain


def test_an_origin_is_what_makes_a_server_the_same() -> None:
    assert origin("https://Registry.example.org/v2/") == origin("https://registry.example.org:443/token")
    assert origin("http://registry.example.org") != origin("https://registry.example.org")
    assert origin("https://registry.example.org:5000") != origin("https://registry.example.org")


@pytest.mark.parametrize(
    "url", ["", "ftp://x/", "https://", "//x", "https://a:b@x/", "https://x:port/", "https://[::1"]
)
def test_what_is_no_url_of_a_server(url: str) -> None:
    with pytest.raises(ValueError):
        origin(url)
