"""The JSON Schema and the decoder accept the same files.

What a schema cannot say is told apart in two ways: a file of the corpus has a line `# schema: passes` for facts
of more than one place, and `# schema: yaml` where no value can be had from it at all; a mutated file is
recognised by the messages in `BEYOND_A_SCHEMA`. Files in a folder `tusk` are read as a `tusk.yml`, and those in
`included` are what a file of the corpus may include.
"""

import copy
import glob
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from runner.config import fields, parse_yaml
from runner.config.decode import decode
from runner.config.fields import Faultbook, Handler, read_map
from runner.config.node import Node
from runner.errors import Faults, FileError
from tests.fakes.memory_tree import MemoryTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def files(pattern: str) -> list[str]:
    return sorted(glob.glob(f"{ROOT}/{pattern}", recursive=True))


SCHEMA_FILE = f"{ROOT}/schema/tasks.schema.json"
SCHEMA = json.loads(read(SCHEMA_FILE))
VALIDATOR = Draft202012Validator(SCHEMA)
VALID = files("tests/corpus/valid/**/*.yml")
INVALID = files("tests/corpus/invalid/**/*.yml")
INCLUDED = {
    path.partition("/corpus/included/")[2]: read(path).encode()
    for path in files("tests/corpus/included/**/*.*")
}
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
    "in a tusk.yml an arg has no",
    "the alias `",
    "is there already",
    "there is no file",
    "there is no tasks.yml in",
    "matches no file",
    "includes itself",
    "is empty",
    "holds the keys of one task",
    "it has no task",
    "a value can't stand",
    "is the name of a task here, too",
    "is no server, so it has no address",
    "says no `ports`",
    "there is no container",
    "a container has no args or options",
    "makes no image",
    "is mounted twice",
    "is less memory than",
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


def told(text: str, name: str = "tasks.yml") -> list[str]:
    """All faults that the decoder finds, each as `LINE:COLUMN MESSAGE`, behind its path in another file."""
    try:
        decode(text.encode(), name, MemoryTree(INCLUDED))
    except Faults as faults:
        errors = faults.errors
    except FileError as error:
        errors = (error,)
    else:
        return []
    ats = [(error.at, error.message) for error in errors if error.at is not None]
    return [
        f"{'' if at.path == name else f'{at.path}:'}{at.line}:{at.column} {message}" for at, message in ats
    ]


def noted(text: str, word: str) -> list[str]:
    """What comment lines of a corpus file say under a word."""
    return re.findall(rf"^# {word}: (.*)$", text, re.MULTILINE)


def by_name(path: str) -> str:
    return re.sub("^.*/corpus/[a-z]*/|[.]yml$", "", path)


def name_of(path: str) -> str:
    """What a file of the corpus is called where it is read."""
    return "tusk.yml" if "/tusk/" in path else "tasks.yml"


@pytest.mark.parametrize("path", VALID, ids=by_name)
def test_a_valid_file_is_accepted_by_both(path: str) -> None:
    text = read(path)
    assert told(text, name_of(path)) == []
    assert [error.message for error in VALIDATOR.iter_errors(load(text))] == []


@pytest.mark.parametrize("path", INVALID, ids=by_name)
def test_an_invalid_file_has_the_faults_that_it_names(path: str) -> None:
    text = read(path)
    assert noted(text, "expect")
    assert told(text, name_of(path)) == noted(text, "expect")


def test_the_parser_in_python_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse_yaml, "_LOADER", yaml.SafeLoader)
    for path in VALID + INVALID:
        text = read(path)
        assert told(text, name_of(path)) == noted(text, "expect"), path


def test_the_corpus_is_large() -> None:
    assert len(VALID) >= 80
    assert len(INVALID) >= 150


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


def test_every_map_of_the_decoder_is_one_of_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that only one of the two has learnt would otherwise never be tried."""
    asked = set()

    def listening(
        book: Faultbook,
        node: Node,
        what: str,
        handlers: Mapping[str, Handler],
        elsewhere: Mapping[str, str] | None = None,
    ) -> bool:
        asked.add(frozenset(handlers))
        return read_map(book, node, what, handlers, elsewhere)

    for module in [each for name, each in sys.modules.items() if name.startswith("runner.config.")]:
        if getattr(module, "read_map", None) is read_map and module is not fields:
            monkeypatch.setattr(module, "read_map", listening)
    for path in VALID:
        told(read(path), name_of(path))
    known = {frozenset(schema["properties"]) for schema in schemas() if "properties" in schema}
    task, go = (frozenset(SCHEMA["$defs"][name]["properties"]) for name in ("task", "go-source"))
    # A task's `include` is looked at before its other keys, and `go` knows `exclude` to hint at it.
    assert asked == (known - {task, go}) | {task - {"include"}, go | {"exclude"}}


# A mutation takes a place in a file and puts something else there.
SEEDS = [(value, name_of(path)) for path in VALID if isinstance(value := load(read(path)), dict) and value]
KEYS = tuple(
    sorted({*keys_of(SCHEMA["properties"]), *keys_of(SCHEMA["$defs"])} | {"x", "a b", "", "-x", "é", "1"})
)
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 7, 12, -1, 1.5, "", " ", "x", "a b", "yes", "${no}", "*", "5m", "0755", "1:2", "int",
    [], [None], ["x"], [["x"]], [{}], {}, {"x": "y"}, {"x": None}, {"glob": "a/*"}, {"go": "./x"},
    {"exclude": []}, {"name": "x"}, {"command": "x"}, {"exec": "x"}, {"source": "x", "to": "/"},
    {"name": "x", "from": "scratch"}, {"required": True, "default": "x"}, {"os": "x"}, {"equal": {"x": [1]}},
    {"port": 80}, {"path": "x"}, {"value": "x"}, {"task": "x"}, "services/*", "a*", "8080:80", "words", "local",
    {"from": "x:1"}, {"dockerfile": "x"}, "host", "x:1", "/x", "/x:/y:ro", "2g",
)  # fmt: skip
WAYS = (
    "replaced", "retyped", "wrapped", "removed", "added", "renamed", "misspelt", "doubled", "moved", "moved a level"
)  # fmt: skip
Place = tuple[Any, Any]


def places(value: Any) -> list[Place]:
    """Every collection with each of its keys or indexes."""
    found: list[Place] = []
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            found += [(value, key), *places(value[key])]
    return found


def misspelt(draw: st.DrawFn, key: str) -> str:
    """A key with a letter left out, doubled, in the wrong case or in the wrong place."""
    at = draw(st.integers(0, max(len(key) - 1, 0)))
    left, letter, right = key[:at], key[at : at + 1], key[at + 1 :]
    return left + draw(st.sampled_from(["", letter * 2, letter.swapcase(), right[:1] + letter])) + right


def retyped(draw: st.DrawFn, value: Any) -> Any:
    """What is as near to a value as another type can be."""
    if isinstance(value, dict):
        return draw(st.sampled_from([[*value], [value], str([*value]), [*value.values()]]))
    if isinstance(value, list):
        return draw(st.sampled_from([*value[:1], {str(item): None for item in value}, str(value)]))
    return draw(
        st.sampled_from([str(value), [value], {str(value): None}, {str(value): value}, None, len(str(value))])
    )


def move_a_level(draw: st.DrawFn, holder: dict[str, Any], inner: dict[str, Any]) -> None:
    """Take a key of a map into the map around it, or the other way round."""
    one, other = draw(st.sampled_from([(holder, inner), (inner, holder)]))
    keys = [key for key in one if one[key] is not inner]
    if keys:
        key = draw(st.sampled_from(keys))
        other[key] = one.pop(key)


def mutate(draw: st.DrawFn, file: dict[str, Any]) -> str:
    """Change one thing of a file, and say how."""
    found = places(file)
    if not found:
        file[draw(st.sampled_from(KEYS))] = copy.deepcopy(draw(st.sampled_from(VALUES)))
        return "filled"
    holder, key = draw(st.sampled_from(found))
    value = holder[key]
    how: str = draw(st.sampled_from(WAYS))
    if how == "wrapped":
        holder[key] = [value]
    elif how == "removed":
        del holder[key]
    elif how == "doubled" and isinstance(holder, list):
        holder.append(copy.deepcopy(value))
    elif how == "added" and isinstance(value, list):
        value.append(copy.deepcopy(draw(st.sampled_from(VALUES))))
    elif how == "added" and isinstance(value, dict):
        value[draw(st.sampled_from(KEYS))] = copy.deepcopy(draw(st.sampled_from(VALUES)))
    elif how == "renamed" and isinstance(holder, dict):
        holder[draw(st.sampled_from(KEYS))] = holder.pop(key)
    elif how == "misspelt" and isinstance(holder, dict):
        holder[misspelt(draw, key)] = holder.pop(key)
    elif how == "moved":
        other, place = draw(st.sampled_from(found))
        holder[key] = copy.deepcopy(other[place])
    elif how == "moved a level" and isinstance(holder, dict) and isinstance(value, dict):
        move_a_level(draw, holder, value)
    elif how == "replaced":
        holder[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
    else:
        how = "retyped"
        holder[key] = retyped(draw, value)
    return how


@st.composite
def mutated(draw: st.DrawFn) -> tuple[Any, str]:
    seed, name = draw(st.sampled_from(SEEDS))
    file = copy.deepcopy(seed)
    for _ in range(draw(st.integers(1, 3))):
        event(mutate(draw, file))
    return file, name


@settings(max_examples=800, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_the_schema_accepts_what_the_decoder_accepts(case: tuple[Any, str]) -> None:
    file, name = case
    text = json.dumps(file)
    faults = [fault for fault in told(text, name) if not any(part in fault for part in BEYOND_A_SCHEMA)]
    errors = [f"{error.json_path} {error.message}" for error in VALIDATOR.iter_errors(file)]
    event("valid" if not errors else "invalid")
    assert bool(faults) == bool(errors), (faults, errors)


def written(value: Any, twin: tuple[dict[str, Any], str]) -> str:
    """A file as JSON, one key of one of its maps twice."""
    if isinstance(value, list):
        return f"[{', '.join(written(item, twin) for item in value)}]"
    if not isinstance(value, dict):
        return json.dumps(value)
    entries = [(key, written(inner, twin)) for key, inner in value.items()]
    entries += [(twin[1], "null")] if value is twin[0] else []
    return f"{{{', '.join(f'{json.dumps(key)}: {inner}' for key, inner in entries)}}}"


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_key_that_stands_twice_is_refused_wherever_it_stands(data: st.DataObject) -> None:
    seed, name = data.draw(st.sampled_from(SEEDS))
    maps = [(holder, key) for holder, key in places(seed) if isinstance(holder, dict)]
    twin = data.draw(st.sampled_from(maps))
    assert any("second time" in fault for fault in told(written(seed, twin), name))
