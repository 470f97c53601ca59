"""What an editor makes of the schema: the language server that editors use for YAML is asked, over its protocol.

One server answers all tests. Nothing here hangs on a clock: a question is answered, or the server is gone.
"""

import glob
import itertools
import json
import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SCHEMA_FILE = f"{ROOT}/schema/tasks.schema.json"
VALID = sorted(glob.glob(f"{ROOT}/tests/corpus/valid/**/*.yml", recursive=True))
INVALID = sorted(glob.glob(f"{ROOT}/tests/corpus/invalid/**/*.yml", recursive=True))


def read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


SCHEMA = json.loads(read(SCHEMA_FILE))
SETTINGS = {
    "yaml": {
        "schemas": {f"file://{SCHEMA_FILE}": ["*.yml"]},
        "schemaStore": {"enable": False},
        "validate": True,
        "hover": True,
        "completion": True,
    }
}


class LanguageServer:
    """A language server that was told the schema, and what it said of each file.

    Args:
        process: The server, its standard streams being pipes.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._into, self._out = process.stdin, process.stdout
        self._numbers = itertools.count(1)
        self.said: dict[str, list[str]] = {}
        """The messages about each file by its URI, as they were when it was looked at last."""
        self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": CAPABILITIES})
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": SETTINGS})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._into.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._into.flush()

    def _tell(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def _receive(self) -> dict[str, Any]:
        """The next message, answered if it is a question of the server's."""
        size = 0
        while line := self._out.readline().strip():
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        assert size, "the language server is gone"
        message: dict[str, Any] = json.loads(self._out.read(size))
        if message.get("method") == "textDocument/publishDiagnostics":
            params = message["params"]
            self.said[params["uri"]] = [each["message"] for each in params["diagnostics"]]
        elif "id" in message and "method" in message:
            self._send({"id": message["id"], "result": answer(message)})
        return message

    def ask(self, method: str, params: Any) -> Any:
        """What the server answers."""
        number = next(self._numbers)
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message
                return message["result"]

    def open(self, uri: str, text: str) -> None:
        """Show it a file."""
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})

    def opened(self, text: str) -> str:
        """The name of a file with this text, which it is shown."""
        uri = f"file:///nowhere/{next(self._numbers)}.yml"
        self.open(uri, text)
        return uri

    def messages(self, uri: str) -> list[str]:
        """What it says of a file that was opened, waited for if it has not been said."""
        while uri not in self.said:
            self._receive()
        return self.said[uri]

    def until_it_knows_the_schema(self) -> None:
        """Wait until a file is refused that is no fault but by the schema."""
        uri = "file:///nowhere/first.yml"
        self.open(uri, "taks: {}\n")
        while not self.said.get(uri):
            self._receive()


CAPABILITIES = {
    "workspace": {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}},
    "textDocument": {
        "publishDiagnostics": {},
        "hover": {"contentFormat": ["markdown", "plaintext"]},
        "completion": {"completionItem": {"documentationFormat": ["markdown"]}},
    },
}


def answer(question: dict[str, Any]) -> Any:
    """What an editor answers to its server: its settings, or that it has done what it was asked for."""
    if question["method"] == "workspace/configuration":
        return [SETTINGS.get(item.get("section")) for item in question["params"]["items"]]
    return None


@pytest.fixture(scope="module")
def server() -> Iterator[LanguageServer]:
    """A server that knows the schema and was shown the whole corpus."""
    argv = [f"{HERE}/yaml-language-server"]
    subprocess.run([*argv, "--install"], check=True)
    with subprocess.Popen([*argv, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            found = LanguageServer(process)
            found.until_it_knows_the_schema()
            for path in VALID + INVALID:
                found.open(f"file://{path}", read(path))
            yield found
        finally:
            process.terminate()


def by_name(path: str) -> str:
    return re.sub("^.*/corpus/[a-z]*/|[.]yml$", "", path)


@pytest.mark.parametrize("path", VALID, ids=by_name)
def test_nothing_is_said_of_a_valid_file(server: LanguageServer, path: str) -> None:
    assert server.messages(f"file://{path}") == []


@pytest.mark.parametrize("path", INVALID, ids=by_name)
def test_an_invalid_file_is_marked_where_a_schema_can_tell(server: LanguageServer, path: str) -> None:
    says = re.findall("^# schema: (.*)$", read(path), re.MULTILINE)
    if says != ["yaml"]:
        assert bool(server.messages(f"file://{path}")) is (says == [])


def test_a_misspelt_key_is_marked_by_its_name(server: LanguageServer) -> None:
    (said,) = server.messages(f"file://{ROOT}/tests/corpus/invalid/task-key.yml")
    assert "sorce" in said


KEYS = {name: part["properties"] for name, part in SCHEMA["$defs"].items() if "properties" in part}
KEYS["file"] = SCHEMA["properties"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("|", "file"),
        ("tasks:\n  a:\n    |", "task"),
        ("args:\n  a:\n    |", "arg"),
        ("tasks:\n  a:\n    args:\n      b:\n        |", "arg"),
        ("options:\n  a:\n    |", "option"),
        ("tasks:\n  a:\n    ready:\n      |", "ready"),
        ("tasks:\n  a:\n    image:\n      |", "image"),
    ],
)
def test_completion_offers_the_keys_of_the_place_and_no_others(
    server: LanguageServer, text: str, name: str
) -> None:
    assert offered(server, text) == sorted(KEYS[name])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("tasks:\n  a:\n    run:\n      - |", ["step-map"]),
        ("tasks:\n  a:\n    run:\n      - when:\n          |", ["condition"]),
        ("tasks:\n  a:\n    run:\n      - command:\n          |", ["command-map"]),
        ("tasks:\n  a:\n    deps:\n      - |", ["call-map"]),
        ("containers:\n  a:\n    |", ["container"]),
        ("tasks:\n  a:\n    source:\n      - |", ["go-source", "exclude-source"]),
    ],
)
def test_completion_offers_keys_where_a_text_could_stand_too(
    server: LanguageServer, text: str, names: list[str]
) -> None:
    assert {key for name in names for key in KEYS[name]} <= set(offered(server, text))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("tasks:\n  a:\n    cache: |", {"true", "false", "local", "shared"}),
        ("interpolation: |", {"words", "textual"}),
        ("options:\n  a:\n    type: |", {"string", "int", "float", "bool", "list"}),
    ],
)
def test_completion_offers_the_values_of_a_key(server: LanguageServer, text: str, values: set[str]) -> None:
    assert values <= set(offered(server, text))


PROPERTY, VALUE = 10, 12
"""Kinds of what completion offers, as the protocol numbers them; a snippet is none of them."""


def offered(server: LanguageServer, text: str) -> list[str]:
    """The words that completion offers where `|` stands in a text."""
    before, _, after = text.partition("|")
    uri = server.opened(before + after)
    lines = before.split("\n")
    position = {"line": len(lines) - 1, "character": len(lines[-1])}
    found = server.ask("textDocument/completion", {"textDocument": {"uri": uri}, "position": position})
    return sorted({item["label"] for item in found["items"] if item["kind"] in {PROPERTY, VALUE}})


# Where each kind of map stands; `KEY` is the key that is asked about.
PLACES = {
    "file": "KEY:\n",
    "task": "tasks:\n  a:\n    KEY:\n",
    "arg": "args:\n  a:\n    KEY:\n",
    "option": "options:\n  a:\n    KEY:\n",
    "ready": "tasks:\n  a:\n    ready:\n      KEY:\n",
    "image": "tasks:\n  a:\n    image:\n      KEY:\n",
    "copy": "tasks:\n  a:\n    image:\n      copy:\n        - KEY:\n",
    "healthcheck-map": "tasks:\n  a:\n    image:\n      healthcheck:\n        KEY:\n",
    "step-map": "tasks:\n  a:\n    run:\n      - KEY:\n",
    "command-map": "tasks:\n  a:\n    run:\n      - command:\n          KEY:\n",
    "condition": "tasks:\n  a:\n    run:\n      - when:\n          KEY:\n",
    "call-map": "tasks:\n  a:\n    deps:\n      - KEY:\n",
    "go-source": "tasks:\n  a:\n    source:\n      - KEY:\n",
    "exclude-source": "tasks:\n  a:\n    source:\n      - KEY:\n",
    "glob-values": "args:\n  a:\n    values:\n      KEY:\n",
    "conditional-default": "args:\n  a:\n    default:\n      KEY:\n",
    "env-file": "env-file:\n  - KEY:\n",
    "store": "cache:\n  KEY:\n",
    "container": "containers:\n  a:\n    KEY:\n",
    "passed-variable": "pass-env:\n  - KEY:\n",
    "secret-map": "tasks:\n  a:\n    secrets:\n      - KEY:\n",
    "invoke-map": "tasks:\n  a:\n    invoke:\n      KEY:\n",
}


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, keys in KEYS.items() for key in keys])
def test_hovering_over_a_key_explains_it(server: LanguageServer, name: str, key: str) -> None:
    part = KEYS[name][key]
    for example in part["examples"]:
        text = PLACES[name].replace("KEY:", f"{key}: {json.dumps(example)}")
        line = text.rstrip("\n").count("\n")
        position = {"line": line, "character": text.split("\n")[line].index(f"{key}:") + 1}
        document = {"uri": server.opened(text)}
        found = server.ask("textDocument/hover", {"textDocument": document, "position": position})
        assert plain(part["description"]) in plain(found["contents"]["value"])


def plain(text: str) -> str:
    """A text without what Markdown escapes and where it breaks lines."""
    return re.sub(r"\\|&nbsp;|\s", "", text)
