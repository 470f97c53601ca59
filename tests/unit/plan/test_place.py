"""In which place each invocation of a plan runs, and what follows from that for what it says."""

import pytest

from runner.config.decode import decode
from runner.errors import PlanError
from runner.model.container import HOST
from runner.plan.action import Action, Plan
from runner.plan.action_key import definition_digest
from runner.plan.bind import Binder, Draft, Invocation
from runner.plan.calls import find_task
from runner.plan.container_plan import filled
from runner.plan.facts import Facts
from runner.plan.image_plan import BaseVariable
from runner.plan.place import WantedPlace
from runner.plan.resolve import make_plan
from runner.plan.step import Block
from tests.fakes.memory_facts import MemoryFacts
from tests.fakes.memory_tree import MemoryTree

CONTAINERS = "containers: {go: 'golang:1.24', node: 'node:22'}\n"
NOTHING = MemoryFacts()


def plan_of(
    text: str,
    *names: str,
    wanted: WantedPlace | None = None,
    files: dict[str, str] | None = None,
    facts: Facts = NOTHING,
) -> Plan:
    """The plan for some tasks, or for `t`; the top file begins with CONTAINERS unless it has its own."""
    head = "" if "containers:" in text else CONTAINERS
    tree = MemoryTree({path: inner.encode() for path, inner in (files or {}).items()})
    project = decode((head + text).encode(), "tasks.yml", tree)
    binder = Binder(project, facts)
    asked: list[Invocation] = []
    for name in names or ("t",):
        asked += binder.bind(Draft(find_task(project, name, None), None))
    return make_plan(project, asked, binder, facts, wanted)


def place_of(action: Action) -> str:
    """Its container's name and the image that this begins with, or `host`."""
    if action.container is None:
        return HOST
    one = action.container.definition
    return one.name if one.name in {"go", "node", one.base} else f"{one.name} {one.base}"


def places(
    text: str,
    *names: str,
    asked: str = "",
    inside: str = "",
    files: dict[str, str] | None = None,
) -> dict[str, str]:
    """Where each action runs that is no image task, by its label."""
    plan = plan_of(text, *names, wanted=WantedPlace(asked, inside), files=files)
    return {action.label: place_of(action) for action in plan.actions if action.image is None}


def refused(
    text: str, *names: str, asked: str = "", inside: str = "", files: dict[str, str] | None = None
) -> tuple[str, str, str]:
    """Why there is no plan, where that stands (`FILE:LINE`), and what would be right."""
    with pytest.raises(PlanError) as info:
        plan_of(text, *names, wanted=WantedPlace(asked, inside), files=files)
    at = info.value.at
    return info.value.message, "" if at is None else f"{at.path}:{at.line}", info.value.hint


# What files say


def test_a_task_runs_in_its_own_container_and_else_where_the_top_says() -> None:
    tasks = """tasks:
  a: {container: go, run: x}
  b: {container: "busybox:1.36", run: x}
  c: {container: host, run: x}
  d: {run: x}
  t: {container: node, deps: [a, b, c, d], run: x}
"""
    assert places(tasks) == {"a": "go", "b": "busybox:1.36", "c": HOST, "d": HOST, "t": "node"}
    assert places(f"container: node\n{tasks}")["d"] == "node"
    assert places(f"container: 'alpine:3'\n{tasks}")["d"] == "alpine:3"
    assert places(f"container: host\n{tasks}")["d"] == HOST


def test_deps_and_calls_do_not_hand_their_place_on() -> None:
    tasks = """tasks:
  dep: {run: x}
  called: {run: x}
  inner: {container: node, run: [{task: called}]}
  t: {container: go, deps: [dep], run: [{task: inner}, x]}
"""
    assert places(tasks) == {"dep": HOST, "called": HOST, "inner": "node", "t": "go"}


def test_what_becomes_part_of_an_action_runs_where_that_runs() -> None:
    plan = plan_of("tasks: {part: {run: x}, t: {container: go, target: o, run: [{task: part}]}}")
    assert [(action.label, place_of(action)) for action in plan.actions] == [("t", "go")]


# What image tasks say

IMAGES = """
  lib: {run: x}
  own: {container: host, deps: [lib], target: p, run: x}
  build: {deps: [lib], target: o, run: [{task: part}]}
  part: {run: x}
  rest: {run: x}
"""


def test_an_image_task_says_it_for_what_it_copies_and_all_that_this_needs() -> None:
    tasks = f"""tasks:{IMAGES}
  image: {{container: go, deps: [rest], image: {{name: i, from: scratch, copy: [{{task: build, to: /}}]}}}}
"""
    assert places(tasks, "image") == {"lib": "go", "build": "go", "rest": HOST}
    assert places(f"container: node\n{tasks}", "image") == {"lib": "go", "build": "go", "rest": "node"}


def test_what_names_a_container_keeps_it_and_what_it_needs_goes_along_with_the_image() -> None:
    tasks = f"""tasks:{IMAGES}
  image: {{container: go, image: {{name: i, from: scratch, copy: [{{task: own, to: /}}]}}}}
"""
    assert places(tasks, "image") == {"lib": "go", "own": HOST}


def test_an_image_task_that_says_nothing_or_host() -> None:
    image = "image: {%s image: {name: i, from: scratch, copy: [{task: build, to: /}]}}\n"
    says_nothing = f"container: node\ntasks:{IMAGES}\n  {image % ''}"
    assert places(says_nothing, "image") == {"lib": "node", "build": "node"}
    says_host = f"container: node\ntasks:{IMAGES}\n  {image % 'container: host,'}"
    assert places(says_host, "image") == {"lib": HOST, "build": HOST}


def test_what_it_says_holds_for_an_invocation_however_it_is_reached() -> None:
    tasks = f"""tasks:{IMAGES}
  image: {{container: go, image: {{name: i, from: scratch, copy: [{{task: build, to: /}}]}}}}
"""
    assert places(tasks, "build", "image") == {"lib": "go", "build": "go"}
    assert places(tasks, "build") == {"lib": HOST, "build": HOST}


TWO = """tasks:
  build: {target: o, run: x}
  one: {container: go, image: {name: i, from: scratch, copy: [{task: build, to: /}]}}
  two: {container: %s, image: {name: j, from: scratch, copy: [{task: build, to: /}]}}
"""


def test_two_image_tasks_must_agree() -> None:
    assert places(TWO % "go", "one", "two") == {"build": "go"}
    assert places(TWO % "node", "one") == {"build": "go"}
    assert refused(TWO % "node", "one", "two") == (
        "`build` would run in `go` for `one` and in `node` for `two`",
        "tasks.yml:5",
        "say `container:` at the task `build` itself",
    )
    assert refused(TWO % "host", "two", "one")[0] == (
        "`build` would run in `host` for `two` and in `go` for `one`"
    )


def test_they_need_not_agree_where_something_else_decides() -> None:
    for asked, where in ((HOST, HOST), ("node", "node")):
        assert places(TWO % "node", "one", "two", asked=asked) == {"build": where}
    own = (TWO % "node").replace("build: {", "build: {container: host, ")
    assert places(own, "one", "two") == {"build": HOST}


def test_one_name_in_two_files_may_be_two_places() -> None:
    top = """include: {api: api}
tasks:
  build: {target: o, run: x}
  one: {container: go, image: {name: i, from: scratch, copy: [{task: build, to: /}]}}
"""
    inner = """%s
tasks:
  two: {container: '%s', image: {name: j, from: scratch, copy: [{task: ':build', to: /}]}}
"""
    same = {"api/tasks.yml": inner % ("", "go")}
    assert places(top, "one", "api:two", files=same) == {"build": "go"}
    other = {"api/tasks.yml": inner % ("containers: {go: 'golang:1.25'}", "go")}
    assert refused(top, "one", "api:two", files=other)[:2] == (
        "`build` would run in `go` for `one` and in another `go` for `api:two`",
        "api/tasks.yml:3",
    )
    reference = {"api/tasks.yml": inner % ("", "a:1")}
    assert places(top.replace("container: go", "container: 'a:1'"), "one", "api:two", files=reference) == {
        "build": "a:1"
    }


# Included files

INNER = """%s
tasks:
  b: {container: go, run: x}
  n: {run: x}
"""


def test_an_included_file_sees_the_names_of_those_that_include_it_and_its_own_first() -> None:
    top = "include: {api: api}\ntasks: {t: {container: go, deps: ['api:b', 'api:n'], run: x}}"
    one = {"api/tasks.yml": INNER % ""}
    assert places(top, files=one) == {"api:b": "go", "api:n": HOST, "t": "go"}
    own = {"api/tasks.yml": INNER % "containers: {go: 'golang:1.25'}"}
    plan = plan_of(top, files=own)
    bases = [action.container and action.container.definition.base for action in plan.actions]
    assert bases == ["golang:1.25", None, "golang:1.24"]


def test_what_its_top_says_comes_before_what_theirs_says() -> None:
    top = "include: {api: api}\ncontainer: node\ntasks: {t: {deps: ['api:n', 'api:in:n'], run: x}}"
    inner = INNER.replace("%s", "%s\ninclude: {in: in}")
    files = {"api/tasks.yml": inner % "", "api/in/tasks.yml": INNER % ""}
    assert places(top, files=files) == {"api:n": "node", "api:in:n": "node", "t": "node"}
    files["api/tasks.yml"] = inner % "container: go"
    assert places(top, files=files) == {"api:n": "go", "api:in:n": "go", "t": "node"}
    files["api/in/tasks.yml"] = INNER % "container: host"
    assert places(top, files=files) == {"api:n": "go", "api:in:n": HOST, "t": "node"}


def test_a_name_at_the_top_of_a_file_is_looked_up_there() -> None:
    top = "include: {api: api}\ncontainer: go\ntasks: {t: {deps: ['api:n'], run: x}}"
    files = {"api/tasks.yml": INNER % "containers: {go: 'golang:1.25'}"}
    plan = plan_of(top, files=files)
    assert [action.container and action.container.definition.base for action in plan.actions] == [
        "golang:1.24", "golang:1.24",
    ]  # fmt: skip


def test_so_is_the_image_task_of_a_container() -> None:
    top = """include: {api: api}
containers: {made: {task: image}}
tasks:
  image: {image: {name: i, from: scratch, copy: [{source: a, to: /}]}}
"""
    files = {"api/tasks.yml": "tasks: {image: {run: x}, n: {container: made, run: x}}"}
    facts = MemoryFacts(files=("a",))
    plan = plan_of(top, "api:n", files=files, facts=facts)
    assert [action.label for action in plan.actions] == ["image", "api:n"]
    container = plan.actions[1].container
    assert container is not None
    assert container.image == plan.actions[0].id
    assert plan.actions[1].deps == (plan.actions[0].id,)
    assert [
        action.label for action in plan_of(top, "api:n", wanted=WantedPlace(HOST), files=files).actions
    ] == ["api:n"]


# What is asked for

ASKED = """container: node
tasks:
  own: {container: go, run: x}
  home: {container: host, run: x}
  plain: {run: x}
  t: {deps: [own, home, plain], run: x}
"""


def test_a_place_asked_for_is_that_of_tasks_that_name_none() -> None:
    assert places(ASKED, asked="go") == {"own": "go", "home": HOST, "plain": "go", "t": "go"}
    assert places(ASKED, asked="a:1") == {"own": "go", "home": HOST, "plain": "a:1", "t": "a:1"}


def test_it_wins_over_what_an_image_task_says() -> None:
    tasks = f"""tasks:{IMAGES}
  image: {{container: go, image: {{name: i, from: scratch, copy: [{{task: build, to: /}}]}}}}
"""
    assert places(tasks, "image", asked="node") == {"lib": "node", "build": "node"}
    assert places(tasks, "image", asked=HOST) == {"lib": HOST, "build": HOST}


def test_asked_for_the_host_only_an_image_as_it_comes_stays_in_its_container() -> None:
    tasks = """tasks:
  db: {container: "postgres:16", ports: [5432]}
  web: {container: go, ports: [80], run: x}
  t: {container: node, deps: [db, web], env: {A: "${db.host} ${web.host}:${web.port}"}, run: x}
"""
    assert places(tasks) == {"db": "postgres:16", "web": "go", "t": "node"}
    assert places(tasks, asked=HOST) == {"db": "postgres:16", "web": HOST, "t": HOST}
    assert places(tasks, asked="go") == {"db": "postgres:16", "web": "go", "t": "node"}
    plan = plan_of(tasks, wanted=WantedPlace(HOST))
    assert plan.actions[-1].env == (("A", "127.0.0.1 127.0.0.1:80"),)
    container = plan_of(tasks).actions[-1].container
    assert container is not None
    assert container.env == (("A", "db web:80"),)


def test_inside_a_container_its_tasks_run_in_place() -> None:
    assert places(ASKED, inside="go") == {"own": HOST, "home": HOST, "plain": "node", "t": "node"}
    assert places(ASKED, inside="node") == {"own": "go", "home": HOST, "plain": HOST, "t": HOST}
    assert places(ASKED, inside="go", asked="go") == {"own": HOST, "home": HOST, "plain": HOST, "t": HOST}
    assert places(ASKED, inside="go", asked=HOST) == {"own": HOST, "home": HOST, "plain": HOST, "t": HOST}
    assert places(ASKED, inside="other")["own"] == "go"
    tasks = 'tasks: {t: {container: "a:1", run: x}}'
    assert places(tasks, inside="a:1") == {"t": HOST}


def test_a_name_that_is_none_is_told_with_the_nearest() -> None:
    assert refused(ASKED, asked="nod") == ("there is no container `nod`", "", "did you mean `node`?")
    assert refused(ASKED, asked="alpine") == (
        "there is no container `alpine`",
        "",
        "an image is written with its tag: `alpine:latest`",
    )
    assert refused(ASKED, asked="hst")[2] == "did you mean `host`?"


def test_also_where_every_task_names_its_own() -> None:
    assert refused(ASKED, "own", asked="nod") == ("there is no container `nod`", "", "did you mean `node`?")


def test_a_name_that_is_asked_for_may_be_that_of_an_included_file() -> None:
    top = "include: {api: api}\ntasks: {t: {deps: ['api:n'], run: x}}"
    files = {"api/tasks.yml": INNER % "containers: {own: 'o:1'}"}
    assert places(top, "api:n", asked="own", files=files) == {"api:n": "own o:1"}
    assert refused(top, "t", asked="own", files=files)[0] == "there is no container `own`"


# Parts

PART = """tasks:
  part: {container: %s, run: x}
  t: {container: %s, target: o, run: [{task: part}]}
"""


def test_a_part_may_name_the_container_of_its_action_and_no_other() -> None:
    assert places(PART % ("go", "go")) == {"t": "go"}
    assert places(PART % ("host", "host")) == {"t": HOST}
    assert refused(PART % ("node", "go")) == (
        (
            "`t` declares what it reads or writes, so what it calls becomes part of it and runs in `go`, and `part` "
            "names `node`"
        ),
        "tasks.yml:3",
        "name `part` under the `deps` of `t`",
    )
    assert "runs in `host`, and `part` names `go`" in refused(PART % ("go", "host"))[0]
    assert "runs in `go`, and `part` names `host`" in refused(PART % ("host", "go"))[0]


def test_where_everything_runs_here_it_does_not_matter_what_a_part_names() -> None:
    assert places(PART % ("node", "go"), asked=HOST) == {"t": HOST}
    assert places(PART % ("go", "go"), inside="go") == {"t": HOST}
    assert places(PART % ("host", "go"), inside="go") == {"t": HOST}
    assert "names `node`" in refused(PART % ("node", "go"), inside="go")[0]


def test_a_part_of_another_file_must_mean_the_same_container() -> None:
    top = "include: {api: api}\ntasks: {t: {container: go, target: o, run: [{task: 'api:b'}]}}"
    assert places(top, files={"api/tasks.yml": INNER % ""}) == {"t": "go"}
    other = {"api/tasks.yml": INNER % "containers: {go: 'golang:1.25'}"}
    assert "and `api:b` names another `go`" in refused(top, files=other)[0]


# Folders


@pytest.mark.parametrize("folder", ["..", "../x", "/tmp", "a/../.."])
def test_a_container_sees_the_folder_of_the_project_only(folder: str) -> None:
    shown = {"a/../..": ".."}.get(folder, folder)
    fault = f"`t` works in `{shown}`, and a container sees the project's folder only"
    for task in (
        f"t: {{container: go, dir: {folder}, run: x}}",
        f"t: {{container: go, run: {{command: {{exec: x, dir: {folder}}}}}}}",
        f"t: {{container: go, finally: {{command: {{exec: x, dir: {folder}}}}}, run: x}}",
        f"t: {{container: go, run: {{when: {{exists: a}}, command: {{exec: x, dir: {folder}}}}}}}",
        f"t: {{container: go, target: o, run: {{task: p}}}}\n  p: {{dir: {folder}, run: x}}",
    ):
        tasks = f"tasks:\n  {task}\n"
        assert refused(tasks)[0] == fault
        assert refused(tasks)[2] == "choose a folder of the project, or `container: host`"
        assert places(tasks, asked=HOST) == {"t": HOST}


def test_a_folder_of_the_project_is_one_however_it_is_written() -> None:
    tasks = "tasks: {t: {container: go, dir: a/../b, run: {command: {exec: x, dir: ./c}}}}"
    (action,) = plan_of(tasks).actions
    assert (action.dir, action.scripts[0].dir) == ("b", "c")


# What the place is asked


def test_names_of_the_platform_and_conditions_are_those_of_the_place() -> None:
    text = """containers: {arm: {from: "a:1", platform: linux/arm64/v8}, win: {from: "w:1", platform: windows/amd64}}
tasks:
  t:
    container: %s
    env: {A: "${TARGETPLATFORM} ${TARGETOS} ${TARGETARCH} ${TARGETVARIANT} ${BUILDPLATFORM}"}
    run: [{when: linux, command: on linux}, {when: {os: windows}, command: on windows}]
"""
    for name, env, script in (
        ("host", "linux/amd64 linux amd64  linux/amd64", "on linux"),
        ("'b:1'", "linux/amd64 linux amd64  linux/amd64", "on linux"),
        ("arm", "linux/arm64/v8 linux arm64 v8 linux/arm64/v8", "on linux"),
        ("win", "windows/amd64 windows amd64  windows/amd64", "on windows"),
    ):
        (action,) = plan_of((text % name).replace("when: linux", "when: {os: linux}")).actions
        found = action.env if action.container is None else action.container.env
        assert (found, action.scripts[0].text) == ((("A", env),), script)


def test_so_are_those_in_its_deps_and_in_the_deps_of_its_parts() -> None:
    text = """containers: {arm: {from: "a:1", platform: linux/arm64}}
tasks:
  get: {args: {a: {}}, run: x}
  part: {deps: ["get part-${TARGETARCH}"], run: x}
  t: {container: arm, deps: ["get ${TARGETARCH}"], target: o, run: [{task: part}]}
"""
    assert [action.label for action in plan_of(text).actions] == ["get arm64", "get part-arm64", "t"]
    plan = plan_of(text, wanted=WantedPlace(HOST))
    assert [action.label for action in plan.actions] == ["get amd64", "get part-amd64", "t"]


def test_what_only_the_place_makes_part_of_an_action_brings_its_deps() -> None:
    text = """containers: {win: {from: "w:1", platform: windows/amd64}}
tasks:
  dep: {run: x}
  part: {deps: [dep], run: x}
  t: {container: win, target: o, run: [{when: {os: windows}, task: part}]}
"""
    assert [action.label for action in plan_of(text).actions] == ["dep", "t"]


def test_what_the_place_leaves_out_is_where_it_would_be_without() -> None:
    text = """containers: {win: {from: "w:1", platform: windows/amd64}}
tasks:
  called: {env: {A: "${TARGETOS}"}, run: x}
  build: {target: o, deps: [a], run: x}
  a: {run: [{when: {os: linux}, task: called}, {command: x}]}
  image: {container: win, image: {name: i, from: scratch, copy: [{task: build, to: /}]}}
"""
    plan = plan_of(text, "image", "called")
    assert [(action.label, place_of(action)) for action in plan.actions if action.image is None] == [
        ("a", "win w:1"), ("build", "win w:1"), ("called", HOST),
    ]  # fmt: skip
    assert plan.actions[-1].env == (("A", "linux"),)


# Variables


def test_a_name_that_nobody_defines_is_a_variable_of_the_place() -> None:
    text = """containers: {go: {from: "golang:1.24", env: {P: "/p:${PATH}", V: "1"}}}
tasks:
  part: {env: {Q: "/q:${PATH}"}, run: x}
  t: {container: go, args: {a: {default: x}}, env: {PATH: "/${a}:${PATH}", V: "2"}, target: o, run: [{task: part}]}
"""
    facts = MemoryFacts(variables={"PATH": "/host"})
    (action,) = plan_of(text, facts=facts).actions
    assert action.container is not None
    path = BaseVariable("PATH")
    assert action.container.env == (("P", ("/p:", path)), ("V", "2"), ("PATH", ("/", "x", ":", path)))
    block = action.steps[0]
    assert isinstance(block, Block)
    assert block.env == (("Q", ("/q:", path)),)
    assert filled(block.env, {"PATH": "/bin"}) == {"Q": "/q:/bin"}
    (here,) = plan_of(text, facts=facts, wanted=WantedPlace(inside="go")).actions
    assert (here.container, here.env) == (None, (("PATH", "/x:/host"), ("V", "2")))


def test_a_part_that_names_one_can_be_told_from_one_that_names_another() -> None:
    text = "tasks: {part: {env: {Q: '${%s}'}, run: x}, t: {container: go, target: o, run: [{task: part}]}}"
    one, other = (definition_digest(plan_of(text % name).actions[0]) for name in ("PATH", "HOME"))
    assert one != other
