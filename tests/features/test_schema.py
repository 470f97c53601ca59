"""The JSON Schema and the decoder accept the same files.

What a schema cannot say is told apart in two ways: a file of the corpus has a line `# schema: passes` for facts
of more than one place, and `# schema: yaml` where no value can be had from it at all; a mutated file is
recognised by the messages in `BEYOND_A_SCHEMA`.
"""

import copy
import glob
import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from runner.config import parse_yaml
from runner.config.decode import decode
from runner.errors import Faults, FileError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def files(pattern: str) -> list[str]:
    return sorted(glob.glob(f"{ROOT}/{pattern}"))


SCHEMA_FILE = f"{ROOT}/schema/tasks.schema.json"
SCHEMA = json.loads(read(SCHEMA_FILE))
VALIDATOR = Draft202012Validator(SCHEMA)
VALID = files("tests/corpus/valid/*.yml")
INVALID = files("tests/corpus/invalid/*.yml")
PROJECTS = files("examples/*/tasks.yml") + files("tasks.yml")

BEYOND_A_SCHEMA = (
    "has no arg or option",
    "is defined above",
    "there is no task",
    "there is no shared",
    "stands here a second time",
    "takes all words that are left",
    "must be given, so it can't stand behind",
    "is already `",
    "is an arg and an option of this task",
)


class CoreLoader(yaml.SafeLoader):
    """YAML as an editor reads it for a schema: the core types of YAML 1.2, every key a text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - the parent's own, emptied

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        self.flatten_mapping(node)
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)

    def construct_decimal(self, node: yaml.ScalarNode) -> int:
        return int(node.value)


for _kind, _pattern, _first in (
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", "[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", "~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", "<<", "<"),
):
    CoreLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(f"(?:{_pattern})$"), list(_first)
    )
CoreLoader.add_constructor("tag:yaml.org,2002:int", CoreLoader.construct_decimal)


def load(text: str) -> Any:
    return next(iter(yaml.load_all(text, Loader=CoreLoader)), None)


def told(text: str) -> list[str]:
    """All faults that the decoder finds, each as `LINE:COLUMN MESSAGE`."""
    try:
        decode(text.encode(), "tasks.yml")
    except Faults as faults:
        errors = faults.errors
    except FileError as error:
        errors = (error,)
    else:
        return []
    return [f"{error.at.line}:{error.at.column} {error.message}" for error in errors if error.at is not None]


def noted(text: str, word: str) -> list[str]:
    """What comment lines of a corpus file say under a word."""
    return re.findall(rf"^# {word}: (.*)$", text, re.MULTILINE)


def by_name(path: str) -> str:
    return os.path.basename(path)[: -len(".yml")]


@pytest.mark.parametrize("path", VALID, ids=by_name)
def test_a_valid_file_is_accepted_by_both(path: str) -> None:
    text = read(path)
    assert told(text) == []
    assert [error.message for error in VALIDATOR.iter_errors(load(text))] == []


@pytest.mark.parametrize("path", INVALID, ids=by_name)
def test_an_invalid_file_has_the_faults_that_it_names(path: str) -> None:
    text = read(path)
    assert noted(text, "expect")
    assert told(text) == noted(text, "expect")


def test_the_parser_in_python_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse_yaml, "_LOADER", yaml.SafeLoader)
    for path in VALID + INVALID:
        text = read(path)
        assert told(text) == noted(text, "expect"), path


@pytest.mark.parametrize("path", INVALID, ids=by_name)
def test_an_invalid_file_is_refused_by_the_schema_unless_it_says_so(path: str) -> None:
    text = read(path)
    says = noted(text, "schema")
    if says == ["yaml"]:
        return
    assert says in ([], ["passes"])
    assert VALIDATOR.is_valid(load(text)) is (says == ["passes"])


@pytest.mark.parametrize("path", PROJECTS)
def test_the_projects_here_are_valid_and_name_the_schema(path: str) -> None:
    text = read(path)
    assert told(text) == []
    assert VALIDATOR.is_valid(load(text))
    place = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert place is not None
    assert os.path.samefile(os.path.join(os.path.dirname(path), place[1]), SCHEMA_FILE)


def schemas(schema: dict[str, Any] = SCHEMA) -> Iterator[dict[str, Any]]:
    """A schema and all those within it that say what is allowed."""
    yield schema
    for key in ("properties", "$defs"):
        for inner in schema.get(key, {}).values():
            yield from schemas(inner)
    for inner in (*schema.get("anyOf", ()), schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from schemas(inner)


def test_it_is_a_schema_of_the_2020_draft() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "://" not in SCHEMA["$id"]


def test_every_key_is_explained_and_no_other_is_let_in() -> None:
    maps = [schema for schema in schemas() if isinstance(schema.get("properties"), dict)]
    assert len(maps) > 10
    for schema in maps:
        assert schema["additionalProperties"] is False
        for key, inner in schema["properties"].items():
            target = SCHEMA["$defs"].get(str(inner.get("$ref")).rpartition("/")[2], {})
            assert inner.get("description", target.get("description", "")).endswith("."), key


def test_examples_and_defaults_of_the_schema_are_valid() -> None:
    checked = 0
    for schema in schemas():
        for example in schema.get("examples", []) + ([schema["default"]] if "default" in schema else []):
            part = {**schema, "$defs": SCHEMA["$defs"]}
            assert Draft202012Validator(part).is_valid(example), example
            checked += 1
    assert checked > 20


def keys_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from keys_of(inner)
    elif isinstance(value, list):
        for item in value:
            yield from keys_of(item)


def test_the_corpus_has_every_key() -> None:
    known = {key for schema in schemas() for key in schema.get("properties", {})}
    used = {key for path in VALID for key in keys_of(load(read(path)))}
    assert sorted(known - used) == []


# A mutation takes a place in a file and puts something else there.
SEEDS = [load(read(path)) for path in VALID]
KEYS = tuple(
    sorted({*keys_of(SCHEMA["properties"]), *keys_of(SCHEMA["$defs"])} | {"x", "a b", "", "-x", "é", "1"})
)
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 7, 12, -1, 1.5, "", " ", "x", "a b", "yes", "${no}", "*", "5m", "0755", "1:2", "int",
    [], [None], ["x"], [["x"]], [{}], {}, {"x": "y"}, {"x": None}, {"glob": "a/*"}, {"go": "./x"},
    {"exclude": []}, {"name": "x"}, {"command": "x"}, {"exec": "x"}, {"source": "x", "to": "/"},
    {"name": "x", "from": "scratch"}, {"required": True, "default": "x"},
)  # fmt: skip
Place = tuple[Any, Any]


def places(value: Any) -> list[Place]:
    """Every collection with each of its keys or indexes."""
    found: list[Place] = []
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            found += [(value, key), *places(value[key])]
    return found


def mutate(draw: st.DrawFn, file: dict[str, Any]) -> str:
    """Change one thing of a file, and say how."""
    found = places(file)
    if not found:
        file[draw(st.sampled_from(KEYS))] = copy.deepcopy(draw(st.sampled_from(VALUES)))
        return "filled"
    holder, key = draw(st.sampled_from(found))
    value = holder[key]
    how = draw(
        st.sampled_from(
            ["replaced", "wrapped", "removed", "added", "renamed", "unwrapped", "doubled", "moved"]
        )
    )
    if how == "wrapped":
        holder[key] = [value]
    elif how == "unwrapped" and isinstance(value, list) and value:
        holder[key] = value[0]
    elif how == "removed":
        del holder[key]
    elif how == "doubled" and isinstance(holder, list):
        holder.append(copy.deepcopy(value))
    elif how == "added" and isinstance(value, (dict, list)):
        more = copy.deepcopy(draw(st.sampled_from(VALUES)))
        if isinstance(value, list):
            value.append(more)
        else:
            value[draw(st.sampled_from(KEYS))] = more
    elif how == "renamed" and isinstance(holder, dict):
        holder[draw(st.sampled_from([*KEYS, f"{key}s", key[:-1]]))] = holder.pop(key)
    elif how == "moved":
        other, place = draw(st.sampled_from(found))
        holder[key] = copy.deepcopy(other[place])
    else:
        how = "replaced"
        holder[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
    return how


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    file = copy.deepcopy(draw(st.sampled_from([seed for seed in SEEDS if isinstance(seed, dict)])))
    for _ in range(draw(st.integers(1, 3))):
        event(mutate(draw, file))
    return file


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_the_schema_accepts_what_the_decoder_accepts(file: Any) -> None:
    faults = [fault for fault in told(json.dumps(file)) if not any(part in fault for part in BEYOND_A_SCHEMA)]
    errors = [f"{error.json_path} {error.message}" for error in VALIDATOR.iter_errors(file)]
    event("valid" if not errors else "invalid")
    assert bool(faults) == bool(errors), (faults, errors)
