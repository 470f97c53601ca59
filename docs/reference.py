# ruff: noqa: INP001 - a script, not a package
"""Makes `reference.md` from the JSON Schema and the files in `examples/`: `python docs/reference.py`.

Every object of the schema becomes a section: what it is, a table of its keys, and the examples that are named
after it, `NAME.yml` and `NAME.MORE.yml`. A key that the schema learns is so on the page with the next run, and
nothing on the page is written a second time.
"""

import glob
import json
import os
from collections.abc import Iterator
from typing import Any

import yaml

FOLDER = os.path.dirname(os.path.abspath(__file__))
PAGE = f"{FOLDER}/reference.md"

FILE = "file"
"""What the outermost object goes by, which has no name in the schema."""
_ORDER = (
    FILE, "task", "container", "arg", "option", "step-map", "command-map", "condition", "call-map", "ready",
    "image", "copy", "healthcheck-map", "go-source", "exclude-source", "glob-values", "conditional-default",
    "env-file", "passed-variable", "secret-map", "store",
)  # fmt: skip
"""What is read most comes first; an object that is not named here comes last."""
_SHORT = 60
"""Letters of a further example that still fits into a table."""
_KINDS = {
    "text": "text", "filled": "text", "plain": "text", "flag": "yes or no", "duration": "time",
    "time-limit": "time", "count": "number", "port": "port", "variable-name": "variable", "folders": "pattern",
}  # fmt: skip
"""What a reader is told in place of what the schema spells out."""
_HEAD = """\
# Reference

All keys of a `tasks.yml`, one table for each kind of map. `docs/reference.py` makes this page from
`schema/tasks.schema.json`, which editors read too: with a first line as in the examples of the project,
`# yaml-language-server: $schema=PATH`, they complete keys, explain them and mark what is wrong.

- Where a list can stand, one item by itself is a list of one.
- *Text* is any scalar as it is written: `1.10` stays `1.10`. *Yes or no* is `true`, `yes`, `on`, `y` or
  `false`, `no`, `off`, `n`. A *time* is `30` or `30s` for seconds, `5m`, `250ms`, `1h30m`.
- The first lines of an example are commands that work with it.
"""


def read(path: str) -> str:
    """The text of a file."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def objects(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The objects of a schema that have keys, by name, in the order of the page."""
    found = {FILE: {**schema, "title": "The file"}}
    found |= {name: part for name, part in schema["$defs"].items() if "properties" in part}
    last = len(_ORDER)
    order = {name: number for number, name in enumerate(_ORDER)}
    return dict(sorted(found.items(), key=lambda item: order.get(item[0], last)))


def examples(name: str) -> list[str]:
    """The files that show an object."""
    return [f"{FOLDER}/examples/{name}.yml", *sorted(glob.glob(f"{FOLDER}/examples/{name}.*.yml"))]


def anchor(title: str) -> str:
    """What a section of that title is reached by."""
    return "".join(letter for letter in title.lower().replace(" ", "-") if letter.isalnum() or letter in "-_")


def target(part: dict[str, Any]) -> str:
    """The name of the definition that a schema refers to; empty if it refers to none."""
    return str(part.get("$ref", "")).rpartition("/")[2]


class Page:
    """The page of a schema.

    Args:
        schema: The schema.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema
        self.defs: dict[str, dict[str, Any]] = schema["$defs"]
        self.objects = objects(schema)

    def text(self) -> str:
        """All of it."""
        titles = [part["title"] for part in self.objects.values()]
        contents = "\n".join(f"- [{title}](#{anchor(title)})" for title in titles)
        return "\n".join([_HEAD, contents, "", *map(self.section, self.objects)])

    def section(self, name: str) -> str:
        """What one object is, its keys and its examples."""
        part = self.objects[name]
        rows = [self.row(name, key, inner) for key, inner in part["properties"].items()]
        shown = [f"```yaml\n{read(path)}```\n" for path in examples(name)]
        table = "\n".join(["| key | value | meaning | example |", "|---|---|---|---|", *rows, ""])
        return "\n".join(
            [f"## {part['title']}\n", f"{part.get('description') or part['$comment']}\n", table, *shown]
        )

    def row(self, name: str, key: str, part: dict[str, Any]) -> str:
        """A key's line of the table."""
        needed = ", needed" if key in self.objects[name].get("required", ()) else ""
        default = f" (`{flow(part['default'])}`)" if "default" in part else ""
        lines = [f"`{key}: {flow(example)}`" for example in part.get("examples", ())]
        shown = "<br>".join(line for line in lines if line == lines[0] or len(line) <= _SHORT)
        cells = (
            f'<a id="{name}.{key}"></a>`{key}`', self.kind(part) + default + needed, part["description"], shown,
        )  # fmt: skip
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    def kind(self, part: dict[str, Any]) -> str:
        """What may stand behind a key, in words."""
        kinds = list(dict.fromkeys(self.kinds(part)))
        if any(kind.startswith("`") for kind in kinds):
            kinds = [kind for kind in kinds if kind != "text"]
        # A list is told last: it is one of what stands before.
        kinds.sort(key=lambda kind: kind == "a list")
        return " or ".join(kinds)

    def kinds(self, part: dict[str, Any]) -> Iterator[str]:
        """Each thing that may stand there; null and other ways of writing the same are passed over."""
        name = target(part)
        if name in _KINDS:
            yield _KINDS[name]
        elif name in self.objects:
            title = self.defs[name]["title"]
            yield f"[{title[0].lower()}{title[1:]}](#{anchor(title)})"
        elif name:
            yield from self.kinds(self.defs[name])
        elif "anyOf" in part:
            for inner in part["anyOf"]:
                yield from self.kinds(inner)
        elif "enum" in part:
            yield from (f"`{flow(value)}`" for value in part["enum"] if value not in {"true", "false"})
        elif part.get("type") == "array":
            yield "a list"
        elif isinstance(part.get("additionalProperties"), dict):
            yield f"a map of names, each with {self.kind(part['additionalProperties'])}"
        elif "string" in str(part.get("type")) and "maxLength" not in part:
            yield "text"


def flow(value: Any, inside: bool = False) -> str:
    """A value as YAML on one line, in quotes where it would be another one without.

    Args:
        value: The value, of JSON's types.
        inside: Whether it stands in a list or a map.
    """
    if isinstance(value, dict):
        pairs = (f"{flow(key, inside=True)}: {flow(inner, inside=True)}" for key, inner in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return f"[{', '.join(flow(item, inside=True) for item in value)}]"
    if not isinstance(value, str):
        return json.dumps(value)
    return (
        value
        if is_plain(f"[{value}]" if inside else value, [value] if inside else value)
        else json.dumps(value)
    )


def is_plain(text: str, value: Any) -> bool:
    """Whether a text of YAML is a value as it stands."""
    try:
        return bool(yaml.safe_load(f"a: {text}") == {"a": value})
    except yaml.YAMLError:
        return False


def page() -> str:
    """The page as it must be."""
    return Page(json.loads(read(f"{os.path.dirname(FOLDER)}/schema/tasks.schema.json"))).text()


if __name__ == "__main__":
    with open(PAGE, "w", encoding="utf-8") as out:
        out.write(page())
