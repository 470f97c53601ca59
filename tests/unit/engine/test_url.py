import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.engine.url import FLAG, EngineUrl, parse_url
from runner.errors import EngineError, PyrunError, UsageError


def parts(url: EngineUrl) -> tuple[str, str, str, int, str]:
    return url.kind, url.path, url.host, url.port, url.user


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("unix:///run/d.sock", ("unix", "/run/d.sock", "", 0, "")),
        ("unix:///my run/d.sock", ("unix", "/my run/d.sock", "", 0, "")),
        ("tcp://127.0.0.1:2375", ("tcp", "", "127.0.0.1", 2375, "")),
        ("tcp://host/", ("tcp", "", "host", 0, "")),
        ("tcp://[::1]:2376", ("tcp", "", "::1", 2376, "")),
        ("tcp://[::1]", ("tcp", "", "::1", 0, "")),
        ("ssh://far", ("ssh", "", "far", 0, "")),
        ("ssh://far/", ("ssh", "", "far", 0, "")),
        ("ssh://me@far:2222", ("ssh", "", "far", 2222, "me")),
        ("ssh://me@[::1]:2222/run/p.sock", ("ssh", "/run/p.sock", "::1", 2222, "me")),
        ("ssh://a@b@far", ("ssh", "", "far", 0, "a@b")),
    ],
)
def test_an_address_is_read(written: str, expected: tuple[str, str, str, int, str]) -> None:
    assert parts(parse_url(written, FLAG)) == expected


@pytest.mark.parametrize(
    "written",
    [
        "", "docker", "/run/d.sock", "host:2375", "unix://", "unix:///", "unix://d.sock", "unix:///a\0b",
        "unix:///\ud800", "tcp://", "tcp://:2375", "tcp://h:x", "tcp://h:0", "tcp://h:65536", "tcp://h:", "tcp://::1",
        "tcp://h/path", "tcp://me@h", "tcp://h h", "tcp://h\n", "tcp://[h", "tcp://h:²", "ssh://", "ssh://me@",
        "ssh://@far", "ssh://me:secret@far", "ssh://-oProxyCommand=x", "ssh://-l@far", "ssh://me@-far", "ssh://far?x",
        "http://h", "npipe:////./pipe/docker_engine", "fd://",
    ],
)  # fmt: skip
def test_what_is_none_is_an_error_that_shows_what_is_one(written: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_url(written, FLAG)
    assert caught.value.message == f"`--engine` names the engine `{written}`, which is no address of one"
    assert caught.value.hint == (
        "write `unix:///PATH`, `tcp://HOST[:PORT]` or `ssh://[USER@]HOST[:PORT][/PATH]`, "
        "or just `docker` or `podman`"
    )


def test_what_others_read_too_is_no_fault_of_the_command_line() -> None:
    with pytest.raises(EngineError) as caught:
        parse_url("docker", "DOCKER_HOST")
    assert caught.value.message == "DOCKER_HOST names the engine `docker`, which is no address of one"
    assert caught.value.hint == (
        "write `unix:///PATH`, `tcp://HOST[:PORT]` or `ssh://[USER@]HOST[:PORT][/PATH]`"
    )


@given(st.sampled_from(["unix://", "tcp://", "ssh://", ""]), st.text(max_size=30))
def test_any_text_is_an_address_or_an_error(kind: str, text: str) -> None:
    try:
        url = parse_url(kind + text, FLAG)
    except PyrunError:
        return
    assert not any(word.startswith("-") for word in (url.host, url.user))
    assert (url.kind == "unix") == bool(url.path and not url.host)
