"""`--graph=json`: the plan for other programs, in a form that stays."""

import json
from typing import Any

import jsonschema
import pytest

from tests.example import MACHINE
from tests.features.conftest import MakeProject, Project, Result

TASKS = """
    name: shop
    tasks:
      all: {deps: ["build api", db], run: [{task: lint, when: {os: linux}}, echo done]}
      build:
        args: {service: {values: [api, web]}}
        options: {debug: {type: bool}}
        source: ["services/${service}/**", {exclude: "**/*.md"}, {go: "./cmd/${service}", tests: true}]
        target: "bin/${service}"
        dir: sub
        env: {PASSWORD: hidden1}
        pass-env: [TOKEN]
        run: [cp x y, "echo ${service}"]
        finally: echo end
      lint: {source: [], run: echo linted}
      db: {ports: [5432], run: serve}
      image: {image: {name: "reg/app:1", from: scratch, copy: [{task: build api, to: /}]}}
"""
TEXTS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
NODE: dict[str, Any] = {
    "id": {"type": "string"},
    "label": {"type": "string"},
    "task": {"type": "string"},
    "values": {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, TEXTS]}},
    "asked": {"type": "boolean"},
    "called": {"type": "boolean"},
    "dir": {"type": "string"},
    "platform": {"type": ["string", "null"]},
    "container": {"type": ["string", "null"]},
    "sources": {
        "type": ["array", "null"],
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["patterns", "excludes", "go"],
            "properties": {"patterns": TEXTS, "excludes": TEXTS, "go": {"type": "array"}},
        },
    },
    "targets": {"anyOf": [TEXTS, {"type": "null"}]},
    "deps": TEXTS,
    "calls": TEXTS,
    "interpreter": TEXTS,
    "commands": TEXTS,
    "variables": TEXTS,
    "server": {"type": "boolean"},
    "ports": {"type": "array", "items": {"type": "integer"}},
    "image": {"type": ["object", "null"]},
    "milliseconds": {"type": ["integer", "null"]},
    "at": {"type": "object"},
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "project", "asked", "nodes"],
    "properties": {
        "version": {"const": 1},
        "project": {"type": "string"},
        "asked": TEXTS,
        "nodes": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": list(NODE),
                "properties": NODE,
            },
        },
    },
}


@pytest.fixture
def p(project: MakeProject) -> Project:
    return project({"tasks.yml": TASKS})


def graph(p: Project, *words: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    """The plan, of the form that is described."""
    result = p.run("--graph=json", *words, env=env)
    assert (result.stderr, result.code) == ("", 0), result
    found = json.loads(result.stdout)
    jsonschema.validate(found, SCHEMA)
    assert isinstance(found, dict)
    return found


def node(found: dict[str, Any], label: str) -> dict[str, Any]:
    """The node with a label."""
    [one] = [one for one in found["nodes"] if one["label"] == label]
    assert isinstance(one, dict)
    return one


def test_a_node_says_all_that_is_declared(p: Project) -> None:
    found = graph(p, "build", "api", "--debug")
    name = '["build",["debug","true"],["service","api"]]'
    assert found == {
        "version": 1,
        "project": "shop",
        "asked": [name],
        "nodes": [
            {
                "id": name,
                "label": "build api --debug",
                "task": "build",
                "values": {"debug": "true", "service": "api"},
                "asked": True,
                "called": False,
                "dir": "sub",
                "platform": None,
                "container": None,
                "sources": [
                    {
                        "patterns": ["services/api/**"],
                        "excludes": ["**/*.md"],
                        "go": [{"package": "./cmd/api", "dir": "sub", "tests": True}],
                    }
                ],
                "targets": ["bin/api"],
                "deps": [],
                "calls": [],
                "interpreter": ["sh", "-c"],
                "commands": ["cp x y", "echo api", "echo end"],
                "variables": ["PASSWORD", "TOKEN"],
                "server": False,
                "ports": [],
                "image": None,
                "milliseconds": None,
                "at": {"file": "tasks.yml", "line": 4, "column": 3},
            }
        ],
    }


def test_nodes_come_behind_what_they_need_and_edges_name_ids(p: Project) -> None:
    found = graph(p, "all", "image", "build", "web")
    places = {one["id"]: number for number, one in enumerate(found["nodes"])}
    for one in found["nodes"]:
        for need in (*one["deps"], *one["calls"]):
            assert places[need] < places[one["id"]]
    every, lint, db = node(found, "all"), node(found, "lint"), node(found, "db")
    build, image = node(found, "build api"), node(found, "image")
    assert every["deps"] == [build["id"], db["id"]]
    assert every["calls"] == [lint["id"]]
    assert every["sources"] is None
    assert every["targets"] is None
    assert (lint["called"], lint["asked"]) == (True, False)
    assert lint["sources"] == [{"patterns": [], "excludes": [], "go": []}]
    assert (db["server"], db["ports"]) == (True, [5432])
    assert image["image"] == {"name": "reg/app", "tags": ["1"], "platforms": [f"linux/{MACHINE}"]}
    assert image["deps"] == [build["id"]]
    assert found["asked"] == [every["id"], image["id"], node(found, "build web")["id"]]
    assert [one["label"] for one in found["nodes"] if one["asked"]] == ["all", "image", "build web"]


def test_no_value_of_a_variable_is_in_it(p: Project) -> None:
    result = p.run("--graph=json", "all", "build", "web", env={"TOKEN": "hidden2"})
    assert result.code == 0
    assert "hidden" not in result.stdout
    assert '"PASSWORD"' in result.stdout


def test_how_long_the_last_run_took(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {source: [a], run: sleep 0.05}}\n", "a": ""})
    assert node(graph(p, "t"), "t")["milliseconds"] is None
    assert p.run("t", "-q").code == 0
    assert node(graph(p, "t"), "t")["milliseconds"] >= 50


def test_patterns_are_relative_to_the_top_and_lists_are_lists(project: MakeProject) -> None:
    p = project({
        "tasks.yml": 'include: {api: "services/[api]"}\n',
        "services/[api]/tasks.yml": """
            tasks:
              t:
                args: {words: {type: list}}
                source: [a*, {exclude: ab}]
                target: out
                run: echo ${words}
            """,
    })  # fmt: skip
    one = node(graph(p, "api:t", "one", "two words"), "api:t one 'two words'")
    assert one["values"] == {"words": ["one", "two words"]}
    assert one["sources"] == [
        {"patterns": ["services/\\[api\\]/a*"], "excludes": ["services/\\[api\\]/ab"], "go": []}
    ]
    assert one["targets"] == ["services/\\[api\\]/out"]
    assert one["at"]["file"] == "services/[api]/tasks.yml"
    assert one["dir"] == "services/[api]"


def test_a_value_that_is_no_text_is_escaped(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {args: {w: {}}, run: 'echo ${w}'}}\n"})
    result = p.run("--graph=json", "t", "é\udcff\n")
    assert result.stdout.isascii()
    assert json.loads(result.stdout)["nodes"][0]["values"] == {"w": "é\udcff\n"}


def test_looking_executes_and_writes_nothing(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": "tasks: {t: {options: {o: {default: {command: touch ran}}}, source: [gone], run: touch ran}}\n"
        }
    )
    graph(p, "t")
    assert p.files() == ["tasks.yml"]
    assert not p.exists(".pyrun")


def test_another_form_is_refused(p: Project) -> None:
    assert p.run("--graph=xml", "all") == Result(
        "",
        "pyrun: there is no `--graph=xml`\n  `--graph` shows a tree, `--graph=json` is for other programs\n",
        2,
    )
