import json
import os
import socket
from hashlib import sha256

import pytest

from runner.engine import whereabouts
from runner.engine.whereabouts import candidates, may_answer
from runner.errors import EngineError

SYSTEM = "unix:///var/run/docker.sock", "unix:///run/podman/podman.sock"
OWN = "unix:///run/user/7/docker.sock", "unix:///run/user/7/podman/podman.sock"
RUNTIME = {"XDG_RUNTIME_DIR": "/run/user/7"}


def urls(environ: dict[str, str], asked: str = "") -> list[str]:
    return [candidate.url for candidate in candidates(environ, asked)]


def context(folder: str, host: str, *, skip: bool = False) -> dict[str, str]:
    path = f"{folder}/contexts/meta/{sha256(b'far').hexdigest()}"
    os.makedirs(path, exist_ok=True)
    with open(f"{path}/meta.json", "w") as file:
        json.dump({"Endpoints": {"docker": {"Host": host, "SkipTLSVerify": skip}}}, file)
    return {"DOCKER_CONFIG": folder, "DOCKER_CONTEXT": "far"}


def test_where_none_is_named_the_usual_sockets_are_tried() -> None:
    assert urls(RUNTIME) == [SYSTEM[0], *OWN, SYSTEM[1]]
    assert urls({}) == [*SYSTEM]
    assert urls({"XDG_RUNTIME_DIR": "relative"}) == [*SYSTEM]
    assert {candidate.source for candidate in candidates(RUNTIME)} == {""}


def test_the_name_of_a_kind_is_its_usual_sockets() -> None:
    assert urls(RUNTIME, "docker") == [SYSTEM[0], OWN[0]]
    assert urls({**RUNTIME, "PYRUN_ENGINE": "podman"}) == [OWN[1], SYSTEM[1]]
    assert {candidate.source for candidate in candidates(RUNTIME, "docker")} == {"`--engine`"}
    assert urls({"DOCKER_HOST": "docker"}) == ["docker"]


def test_who_names_one_settles_it(tmp_path: os.PathLike[str]) -> None:
    environ = {**context(os.fspath(tmp_path), "ssh://d"), "DOCKER_HOST": "tcp://c", "PYRUN_ENGINE": "tcp://b"}
    told = []
    for name in ("", "PYRUN_ENGINE", "DOCKER_HOST", "DOCKER_CONTEXT"):
        environ.pop(name, None)
        (found,) = candidates(environ, "" if name else "tcp://a") if name != "DOCKER_CONTEXT" else (None,)
        told.append(found and (found.url, found.source))
    assert told == [
        ("tcp://a", "`--engine`"),
        ("tcp://c", "DOCKER_HOST"),
        ("ssh://d", "the context `far` of DOCKER_CONTEXT"),
        None,
    ]


def test_a_context_that_says_nothing_of_a_host_is_the_usual_sockets(tmp_path: os.PathLike[str]) -> None:
    assert urls(context(os.fspath(tmp_path), "")) == [*SYSTEM]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"DOCKER_TLS_VERIFY": "1", "HOME": "/h"}, ("/h/.docker", True)),
        ({"DOCKER_TLS_VERIFY": "1", "DOCKER_CONFIG": "/c"}, ("/c", True)),
        ({"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/p", "DOCKER_CONFIG": "/c"}, ("/p", True)),
        ({"DOCKER_TLS": "1", "DOCKER_CERT_PATH": "/p"}, ("/p", False)),
        ({"DOCKER_CERT_PATH": "/p", "DOCKER_TLS_VERIFY": ""}, None),
    ],
)
def test_tls_is_as_dockers_variables_say(environ: dict[str, str], expected: tuple[str, bool] | None) -> None:
    for where in ({"DOCKER_HOST": "tcp://h"}, {"PYRUN_ENGINE": "tcp://h"}):
        (found,) = candidates({**environ, **where})
        tls = found.certificates
        assert (None if tls is None else (tls.folder, tls.verify)) == expected


def test_tls_of_a_context_is_its_own(tmp_path: os.PathLike[str]) -> None:
    folder = os.fspath(tmp_path)
    environ = {**context(folder, "tcp://h"), "DOCKER_TLS_VERIFY": "1"}
    assert candidates(environ)[0].certificates is None
    (found,) = candidates(context(folder, "tcp://h", skip=True))
    assert found.certificates is not None
    assert (found.certificates.folder, found.certificates.verify) == ("", False)
    certificates = f"{folder}/contexts/tls/{sha256(b'far').hexdigest()}/docker"
    os.makedirs(certificates)
    (found,) = candidates(context(folder, "tcp://h"))
    assert found.certificates is not None
    assert (found.certificates.folder, found.certificates.verify) == (certificates, True)


def test_what_may_answer_is_seen_without_asking(
    tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    top = os.fspath(tmp_path)
    monkeypatch.setattr(whereabouts, "DOCKER_SOCKET", f"{top}/d")
    monkeypatch.setattr(whereabouts, "PODMAN_SOCKET", f"{top}/p")
    assert not may_answer({})
    assert not may_answer({"DOCKER_HOST": f"unix://{top}/d"})
    assert may_answer({"DOCKER_HOST": "tcp://h"})
    # One that must answer is asked, so that it is told of if it does not.
    assert may_answer({}, f"unix://{top}/d")
    assert may_answer({"PYRUN_ENGINE": f"unix://{top}/d"})
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(f"{top}/p")
    assert may_answer({})


def test_settings_that_are_wrong_are_told_of_when_it_is_asked() -> None:
    environ = {"DOCKER_CONTEXT": "none", "DOCKER_CONFIG": "/nowhere"}
    assert may_answer(environ)
    with pytest.raises(EngineError, match="which there is not"):
        candidates(environ)
