import json
import os
from hashlib import sha256

import pytest

from runner.engine.contexts import chosen_context, docker_folder, read_context
from runner.errors import EngineError


@pytest.fixture
def folder(tmp_path: os.PathLike[str]) -> str:
    return os.fspath(tmp_path)


def write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def add(folder: str, name: str, document: object) -> str:
    """Write a context as Docker does; the path of its file."""
    path = f"{folder}/contexts/meta/{sha256(name.encode()).hexdigest()}/meta.json"
    write(path, json.dumps(document))
    return path


def test_dockers_folder_is_where_docker_has_it() -> None:
    assert docker_folder({"HOME": "/h"}) == "/h/.docker"
    assert docker_folder({"HOME": "/h", "DOCKER_CONFIG": "/c"}) == "/c"
    assert docker_folder({}) == ""


def test_the_variable_names_the_context_and_else_the_settings(folder: str) -> None:
    environ = {"DOCKER_CONFIG": folder}
    assert chosen_context(environ) == ("", "")
    write(f"{folder}/config.json", '{"auths": {}}')
    assert chosen_context(environ) == ("", "")
    write(f"{folder}/config.json", '{"currentContext": "far"}')
    assert chosen_context(environ) == ("far", f"{folder}/config.json")
    assert chosen_context({**environ, "DOCKER_CONTEXT": "near"}) == ("near", "DOCKER_CONTEXT")
    assert chosen_context({**environ, "DOCKER_CONTEXT": "default"}) == ("", "")
    write(f"{folder}/config.json", '{"currentContext": "default"}')
    assert chosen_context(environ) == ("", "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"currentContext": ', "it is no JSON"),
        ('["currentContext"]', "it is not as Docker writes it"),
        ('{"currentContext": 1}', "its `currentContext` is no text"),
    ],
)
def test_settings_that_cannot_be_read_are_an_error(folder: str, text: str, why: str) -> None:
    write(f"{folder}/config.json", text)
    with pytest.raises(EngineError) as caught:
        chosen_context({"DOCKER_CONFIG": folder})
    assert caught.value.message == f"`{folder}/config.json` can't be read: {why}"
    assert caught.value.hint == "mend it, or name an engine with `--engine URL`"


def test_a_folder_in_their_place_is_an_error(folder: str) -> None:
    os.mkdir(f"{folder}/config.json")
    with pytest.raises(EngineError, match="Is a directory"):
        chosen_context({"DOCKER_CONFIG": folder})


def test_a_context_leads_to_its_host(folder: str) -> None:
    environ = {"DOCKER_CONFIG": folder}
    add(
        folder, "far", {"Name": "far", "Endpoints": {"docker": {"Host": "ssh://far", "SkipTLSVerify": False}}}
    )
    found = read_context(environ, "far", "x")
    assert (found.host, found.certificates, found.verify) == ("ssh://far", "", True)
    certificates = f"{folder}/contexts/tls/{sha256(b'far').hexdigest()}/docker"
    os.makedirs(certificates)
    add(folder, "far", {"Endpoints": {"docker": {"Host": "tcp://far", "SkipTLSVerify": True}}})
    found = read_context(environ, "far", "x")
    assert (found.host, found.certificates, found.verify) == ("tcp://far", certificates, False)
    add(folder, "far", {"Name": "far"})
    assert read_context(environ, "far", "x").host == ""


def test_a_context_that_is_not_there_is_an_error(folder: str) -> None:
    with pytest.raises(EngineError) as caught:
        read_context({"DOCKER_CONFIG": folder}, "far", "DOCKER_CONTEXT")
    assert caught.value.message == "DOCKER_CONTEXT names the context `far`, which there is not"
    assert caught.value.hint == "`docker context ls` lists them"


@pytest.mark.parametrize(
    "document", [[], {"Endpoints": 1}, {"Endpoints": {"docker": 1}}, {"Endpoints": {"docker": {"Host": 1}}}]
)
def test_a_context_that_is_none_is_an_error(folder: str, document: object) -> None:
    path = add(folder, "far", document)
    with pytest.raises(EngineError) as caught:
        read_context({"DOCKER_CONFIG": folder}, "far", "DOCKER_CONTEXT")
    assert caught.value.message == f"`{path}` can't be read: it is not as Docker writes it"
