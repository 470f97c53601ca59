import base64
import json
import os
from pathlib import Path  # noqa: TID251 - a test's start may cost what it likes
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.registry.credentials import Credential, find_credential

HUB = "https://index.docker.io/v1/"


def basic(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def found(folder: Path, document: Any, registry: str, path: str = "team/app") -> Credential | None:
    """What is found in a `config.json`."""
    (folder / "config.json").write_text(json.dumps(document))
    credential, problems = find_credential(registry, path, {"DOCKER_CONFIG": str(folder)})
    assert problems == ()
    return credential


def helper(folder: Path, name: str, script: str) -> dict[str, str]:
    """The variables of a user who has this helper."""
    program = folder / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\nread -r server\n{script}\n")
    program.chmod(0o755)
    return {"DOCKER_CONFIG": str(folder), "PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    "key",
    [
        "registry.example.org",
        "https://registry.example.org",
        "https://registry.example.org/v1/",
        "http://registry.example.org/v2/",
        "registry.example.org/",
    ],
)
def test_a_registry_is_found_by_what_docker_has_called_it(tmp_path: Path, key: str) -> None:
    credential = found(tmp_path, {"auths": {key: basic("ann", "a:b")}}, "registry.example.org")
    assert credential == Credential("ann", "a:b", origin=f"{tmp_path}/config.json")


@pytest.mark.parametrize("key", [HUB, "docker.io", "index.docker.io", "registry-1.docker.io"])
def test_dockers_own_registry_has_many_names(tmp_path: Path, key: str) -> None:
    credential = found(tmp_path, {"auths": {key: basic("ann", "pw")}}, "docker.io")
    assert credential is not None
    assert credential.user == "ann"
    assert found(tmp_path, {"auths": {key: basic("ann", "pw")}}, "registry.example.org") is None


def test_the_longest_beginning_of_the_name_counts(tmp_path: Path) -> None:
    auths = {
        "registry.example.org": basic("all", "1"),
        "registry.example.org/team": basic("team", "2"),
        "registry.example.org/team/app": basic("app", "3"),
        "registry.example.org/te": basic("no", "4"),
        "registry.example.org:5000": basic("port", "5"),
    }
    for path, user in (("team/app", "app"), ("team/other", "team"), ("tea/app", "all")):
        credential = found(tmp_path, {"auths": auths}, "registry.example.org", path)
        assert credential is not None
        assert credential.user == user


def test_podmans_file_comes_second(tmp_path: Path) -> None:
    (tmp_path / "containers").mkdir()
    (tmp_path / "containers/auth.json").write_text(
        json.dumps(
            {"auths": {"registry.example.org": basic("pod", "1"), "other.example.org": basic("pod", "2")}}
        )
    )
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"registry.example.org": basic("doc", "3")}}))
    environ = {"DOCKER_CONFIG": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    users = [
        credential.user if credential else None
        for name in ("registry.example.org", "other.example.org", "third.example.org")
        for credential, _ in [find_credential(name, "a", environ)]
    ]
    assert users == ["doc", "pod", None]
    named = {"REGISTRY_AUTH_FILE": f"{tmp_path}/containers/auth.json"}
    credential, _ = find_credential("other.example.org", "a", named)
    assert credential is not None
    assert credential.password == "2"


def test_tokens_in_place_of_a_password(tmp_path: Path) -> None:
    entry = {"auth": base64.b64encode(b"ann:").decode(), "identitytoken": "it", "registrytoken": "rt"}
    credential = found(tmp_path, {"auths": {"registry.example.org": entry}}, "registry.example.org")
    assert credential == Credential("ann", "", "it", "rt", f"{tmp_path}/config.json")
    assert set(credential.secrets()) == {"it", "rt"}


def test_a_credential_does_not_show_itself() -> None:
    assert repr(Credential("ann", "pw", "it", "rt", "somewhere")) == "Credential(origin='somewhere')"


def test_an_empty_entry_is_none(tmp_path: Path) -> None:
    assert found(tmp_path, {"auths": {"registry.example.org": {}}}, "registry.example.org") is None
    assert found(tmp_path, {"auths": None}, "registry.example.org") is None
    assert find_credential("registry.example.org", "a", {}) == (None, ())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "it is no JSON"),
        ("[]", "it is not as Docker writes it"),
        ('{"auths": 5}', "`auths` is no object"),
        ('{"auths": {"registry.example.org": 5}}', "what stands below `auths` is no object"),
        (
            '{"auths": {"registry.example.org": {"auth": "!"}}}',
            "an `auth` is not user and password in base 64",
        ),
        (
            '{"auths": {"registry.example.org": {"auth": "YW5u"}}}',
            "an `auth` is not user and password in base 64",
        ),
        ('{"auths": {"registry.example.org": {"username": 5}}}', "`username` is no text"),
        ('{"credHelpers": {"registry.example.org": 5}}', "the name of a credential helper is no text"),
        ("[" * 100_000, "it is no JSON"),
    ],
)
def test_a_broken_file_is_a_problem_and_no_end(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    credential, problems = find_credential("registry.example.org", "a", {"DOCKER_CONFIG": str(tmp_path)})
    assert credential is None
    assert problems == (f"`{path}` can't be read: {why}",)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "auths",
                        "credsStore",
                        "credHelpers",
                        "registry.example.org",
                        "auth",
                        "username",
                        "password",
                        "identitytoken",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
def test_any_file_is_read_or_a_problem(tmp_path_factory: pytest.TempPathFactory, document: Any) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "config.json").write_text(json.dumps(document))
    # Without programs, so that no helper is one.
    environ = {"DOCKER_CONFIG": str(folder), "PATH": str(folder)}
    credential, problems = find_credential("registry.example.org", "a", environ)
    assert credential is None or credential.secrets()
    assert all(str(folder) in problem for problem in problems)


def test_a_helper_of_one_registry_comes_first(tmp_path: Path) -> None:
    environ = helper(tmp_path, "one", 'echo "{\\"Username\\":\\"ann\\",\\"Secret\\":\\"$server\\"}"')
    document = {
        "credHelpers": {"registry.example.org": "one"},
        "auths": {"registry.example.org": basic("b", "c")},
    }
    (tmp_path / "config.json").write_text(json.dumps(document))
    credential, _ = find_credential("registry.example.org", "a", environ)
    assert credential == Credential("ann", "registry.example.org", origin="docker-credential-one")


def test_a_helper_may_have_a_token(tmp_path: Path) -> None:
    environ = helper(tmp_path, "one", 'echo "{\\"Username\\":\\"<token>\\",\\"Secret\\":\\"$server\\"}"')
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "one"}))
    credential, _ = find_credential("docker.io", "library/a", environ)
    assert credential is not None
    assert (credential.user, credential.identity_token) == ("", HUB)


@pytest.mark.parametrize(
    ("script", "problems"),
    [
        ("echo credentials not found in native keychain; exit 1", ()),
        ("echo hunter2; exit 3", ("`docker-credential-one get` failed with exit status 3 for registry.example.org",)),
        ("echo hunter2", ("`docker-credential-one get` wrote something else than user and secret for registry.example.org",)),
        ('echo "{\\"Username\\": 5, \\"Secret\\": \\"hunter2\\"}"', ("`docker-credential-one get` wrote something else than user and secret for registry.example.org",)),
        ("yes hunter2", ("`docker-credential-one get` writes without end",)),
        ('echo "{\\"Username\\": \\"\\", \\"Secret\\": \\"\\"}"', ()),
    ],
)  # fmt: skip
def test_a_helper_that_has_none_leaves_the_file(
    tmp_path: Path, script: str, problems: tuple[str, ...]
) -> None:
    environ = helper(tmp_path, "one", script)
    document = {"credsStore": "one", "auths": {"registry.example.org": basic("ann", "pw")}}
    (tmp_path / "config.json").write_text(json.dumps(document))
    credential, said = find_credential("registry.example.org", "a", environ)
    assert credential == Credential("ann", "pw", origin=f"{tmp_path}/config.json")
    assert said == tuple(f"{problem} (`{tmp_path}/config.json` names it)" for problem in problems)


def test_a_helper_is_a_program_on_path_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "../../x"}))
    credential, said = find_credential("registry.example.org", "a", {"DOCKER_CONFIG": str(tmp_path)})
    assert credential is None
    said_of = "`docker-credential-../../x` can't be the name of a credential helper"
    assert said == (f"{said_of} (`{tmp_path}/config.json` names it)",)
