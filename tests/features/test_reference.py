"""The reference is what the schema says, and every example on it works.

The page is made anew and compared: `python docs/reference.py` writes it. Its files stand in `docs/examples`, a
small project; each begins with the commands that its reader is told to try.
"""

import glob
import json
import os
import re
import shutil
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from docs import reference
from runner.config.decode import decode
from tests.fakes.memory_tree import MemoryTree
from tests.features.conftest import MakeProject

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROJECT = f"{ROOT}/docs/examples"
SCHEMA = json.loads(reference.read(f"{ROOT}/schema/tasks.schema.json"))
VALIDATOR = Draft202012Validator(SCHEMA)
OBJECTS = reference.objects(SCHEMA)
EXAMPLES = sorted(glob.glob(f"{PROJECT}/*.yml"))
# Files that the examples include; they are no examples by themselves.
TREE = MemoryTree(
    {
        os.path.relpath(path, PROJECT): reference.read(path).encode()
        for path in glob.glob(f"{PROJECT}/**/*.*", recursive=True)
    }
)
COMMANDS = [
    (os.path.basename(path), line)
    for path in EXAMPLES
    for line in re.findall("^# pyrun (.*)$", reference.read(path), re.MULTILINE)
]
KEYS = [(name, key) for name, part in OBJECTS.items() for key in part["properties"]]

# Where an object stands, so that a key of it can be tried: the way to it in a file that has all that keys name.
FILE: dict[str, Any] = {
    "args": {"service": {}},
    "options": {"release": {"type": "bool"}, "level": {}},
    "containers": {"go": "golang:1.24"},
    "tasks": {
        "install": {},
        "build": {"args": ["service"], "options": ["release"]},
        "tools": {"args": {"size": {"default": "small"}}, "image": {"name": "x", "from": "scratch"}},
        "it": {"args": ["service"], "options": ["release", "level"]},
    },
}
TASK = ["tasks", "it"]
PLACES: dict[str, list[Any]] = {
    reference.FILE: [],
    "task": TASK,
    "arg": ["args", "new"],
    "option": ["options", "new"],
    "step-map": [*TASK, "run"],
    "command-map": [*TASK, "run", "command"],
    "condition": [*TASK, "run", "when"],
    "call-map": [*TASK, "deps"],
    "ready": [*TASK, "ready"],
    "image": [*TASK, "image"],
    "copy": [*TASK, "image", "copy"],
    "healthcheck-map": [*TASK, "image", "healthcheck"],
    "go-source": [*TASK, "source"],
    "exclude-source": [*TASK, "source"],
    "glob-values": ["args", "new", "values"],
    "conditional-default": ["args", "new", "default"],
    "env-file": ["env-file"],
    "store": ["cache"],
    "container": ["containers", "new"],
    "passed-variable": ["pass-env"],
    "secret-map": [*TASK, "secrets"],
    "invoke-map": ["tasks", "docs", "invoke"],
}
BESIDE: dict[str, dict[str, Any]] = {
    "rewrite": {"type": "bool"}, "call-map": {"name": "build"}, "image": {"name": "x", "from": "scratch"},
    "copy": {"to": "/app/"}, "to": {"source": "web/"}, "mode": {"source": "web/"}, "owner": {"source": "web/"},
    "healthcheck-map": {"command": "true"}, "go-source": {"go": "./cmd"}, "env-file": {"path": "x"},
    "passed-variable": {"name": "x"}, "secret-map": {"name": "x", "file": "y"}, "invoke-map": {"file": "tasks.py"},
    "setup": {"from": "x:1"}, "target": {"dockerfile": "x"}, "context": {"dockerfile": "x"},
    "from": {"source": "x"},
}  # fmt: skip
"""What an object, or a key, needs beside it."""


def tried(name: str, key: str, example: Any) -> dict[str, Any]:
    """A file in which a key of an object has a value."""
    file: dict[str, Any] = json.loads(json.dumps(FILE))
    around = file
    for step in PLACES[name]:
        around = around.setdefault(step, {})
        if step == "image":
            around |= BESIDE["image"]
    around |= BESIDE.get(name, {}) | (BESIDE.get(key, {}) if name in {"copy", "option"} else {})
    if name == "image" and key in {"dockerfile", "target", "context", "build-args"}:
        del around["from"]
        around["dockerfile"] = "x"
    if name == "container":
        around |= {} if key in {"from", "dockerfile", "task"} else BESIDE.get(key, {"from": "x:1"})
    around[key] = example
    if {"persistent", "ports", "ready"} & file["tasks"].get("it", {}).keys():
        file["tasks"]["it"]["run"] = "serve"
    if (name, key) == ("task", "include"):
        file["tasks"]["it"] = {key: example}
    if (name, key) == ("task", "invoke"):
        file["tasks"] = {"docs": {key: example}}
    return file


def check(text: str, name: str) -> None:
    """Take a file as right, as both the decoder and the schema must."""
    decode(text.encode(), name, TREE)
    errors = [f"{error.json_path} {error.message}" for error in VALIDATOR.iter_errors(yaml.safe_load(text))]
    assert errors == []


def test_the_page_is_made_from_the_schema_as_it_is() -> None:
    assert reference.read(reference.PAGE) == reference.page(), "`python docs/reference.py` makes it anew"


def test_every_link_on_the_page_leads_to_a_section() -> None:
    text = reference.page()
    titles = {reference.anchor(title) for title in re.findall("^##? (.*)$", text, re.MULTILINE)}
    links = set(re.findall(r"\]\(#([^)]*)\)", text))
    assert len(links) == len(OBJECTS)
    assert links <= titles


def test_every_key_has_a_line_and_an_example_there() -> None:
    text = reference.page()
    for name, key in KEYS:
        (line,) = re.findall(rf'^\| <a id="{re.escape(f"{name}.{key}")}"></a>(.*)$', text, re.MULTILINE)
        assert f"| `{key}: " in line, (name, key)


@pytest.mark.parametrize(("name", "key"), KEYS)
def test_the_examples_of_a_key_are_right_where_it_stands(name: str, key: str) -> None:
    shown = OBJECTS[name]["properties"][key]["examples"]
    assert shown
    for example in shown:
        assert yaml.safe_load(f"{key}: {reference.flow(example)}") == {key: example}
        check(json.dumps(tried(name, key, example)), "tasks.yml")


def keys_of(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {str(key) for key in value}.union(*map(keys_of, value.values()))
    return set().union(*map(keys_of, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("name", OBJECTS)
def test_the_files_of_an_object_have_all_its_keys(name: str) -> None:
    used = set().union(*(keys_of(yaml.safe_load(reference.read(path))) for path in reference.examples(name)))
    assert sorted(set(OBJECTS[name]["properties"]) - used) == []


def test_every_file_is_on_the_page() -> None:
    shown = {path for name in OBJECTS for path in reference.examples(name)}
    assert shown == set(EXAMPLES)


@pytest.mark.parametrize("path", EXAMPLES, ids=os.path.basename)
def test_a_file_is_right_and_says_what_to_try(path: str) -> None:
    text = reference.read(path)
    check(text, os.path.basename(path))
    assert text.startswith("# pyrun ")


@pytest.mark.parametrize(("file", "line"), COMMANDS)
def test_what_a_file_says_to_try_works(project: MakeProject, file: str, line: str) -> None:
    p = project({})
    shutil.copytree(PROJECT, p.root, dirs_exist_ok=True)
    result = p.run("-f", file, *line.split())
    assert (result.code, "error" in result.stderr) == (0, False), result


def test_a_value_is_shown_in_quotes_only_where_it_needs_them() -> None:
    values = [
        "x",
        "",
        " x",
        "1",
        "1.10",
        "true",
        "no",
        "~",
        "a: b",
        "a #b",
        "${x}",
        "*",
        "- a",
        "a, b",
        "x]",
        "'",
        "\n",
    ]
    for value in values:
        for example in (value, [value], {value: value}):
            assert yaml.safe_load(f"key: {reference.flow(example)}") == {"key": example}
    assert reference.flow("go test ./...") == "go test ./..."
    assert reference.flow([None, True, "8080:80", 1.5]) == "[null, true, 8080:80, 1.5]"
