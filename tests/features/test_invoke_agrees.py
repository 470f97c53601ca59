"""What is read from a `tasks.py` is what Invoke makes of it, and a command line for it brings the exact values.

Invoke itself is asked, in a process of its own, about files written by hand and about generated ones.
"""

import json
import os
import subprocess
import sys
import textwrap
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from runner.config.invoke_tasks import read_invoke_tasks
from runner.errors import PlanError
from runner.model.invoke import COUNT, InvokeTasks
from runner.model.param import BOOL, FLOAT, INT, LIST, STRING
from runner.plan.invoke_words import invoke_words

ASK = """
import json, sys
from invoke import Collection, Config
from invoke.loader import FilesystemLoader
from invoke.parser import Parser
from invoke.util import helpline

def argument(arg):
    kinds = {str: "string", int: "int", float: "float", bool: "bool", list: "list"}
    kind = "count" if arg.incrementable else kinds.get(arg.kind, "string")
    plain = kind != "list" and isinstance(arg.default, (str, int, float, bool))
    return {
        "name": arg.names[0],
        "short": "".join(arg.names[1:]).strip("-"),
        "type": kind,
        "default": arg.default if plain else None,
        "required": arg.positional and arg.value is None,
        "optional": arg.optional,
        "help": arg.help or "",
    }

found = []
for folder, name in json.load(sys.stdin):
    before = set(sys.modules), list(sys.path)
    try:
        module, _ = FilesystemLoader(config=Config(), start=folder).load(name)
        top = Collection.from_module(module, auto_dash_names=True)
        contexts = top.to_contexts()
        Parser(contexts=contexts)
        found.append({
            name: {
                "aliases": list(aliases),
                "usage": helpline(top[name]) or "",
                "params": [argument(arg) for arg in context.args.values()],
            }
            for (name, aliases), context in zip(top.task_names.items(), contexts)
        })
    except Exception as error:
        found.append(f"{type(error).__name__}: {error}")
    for extra in set(sys.modules) - before[0]:
        del sys.modules[extra]
    sys.path[:] = before[1]
json.dump(found, sys.stdout)
"""

FILES: dict[str, dict[str, str]] = {
    "plain": {
        "tasks.py": '''
            """Everything a service needs."""
            from invoke import task

            DEFAULT = "dist"

            def helper(c): pass

            @task
            def build(c, target, out_dir=DEFAULT, jobs=4, ratio=0.5, dry_run=False, pull=True, note=None):
                """Compile a service.

                All of it,
                  with care.
                """

            @task(name="check-all", aliases=("ca", "check_it"), default=True)
            def check(c, *, name="x" "y", below=-3):
                pass

            @task(help={"who": "Whom to greet", "dry-run": "Only tell", "loud_er": "Shout"})
            def greet(c, who, dry_run=False, loud_er=True): "  Say hello  "

            build = build
            _private_one = 3

            @task
            def _hidden_(c): pass
        '''
    },
    "options": {
        "tasks.py": """
            import invoke as inv
            from invoke.tasks import task as t

            @inv.task(positional=["second", "first"], auto_shortflags=False)
            def order(c, first, second, third): pass

            @t(positional=[], iterable=["items"], incrementable=["verbose"], optional=["log", "level"])
            def many(c, items, verbose=0, log=None, level=False, port=8080, names=["a"], pair=(1, 2)): pass

            @t(iterable="xy", positional=("n", "x"))
            def letters(ctx, x=None, y=None, n=None, m=3): pass

            @t(many)
            def after(c, a_b, ab, ba, aab, abb): pass

            @inv.task(order)
            def last(c, _lead, trail_, h, help_me, no_h=True): pass

            @t(help={"kw": "rest"})
            def rest(c, *words, kw, **more): pass
        """
    },
    "namespace": {
        "tasks.py": '''
            from invoke import Collection, task
            import docs
            from deploy import prod as production, staging
            import pkg.inner as inner
            import pkg.other

            @task(aliases=["b"])
            def build_it(c): """Build."""

            @task
            def not_added(c): pass

            ns = Collection("ignored_name", build_it, docs, production)
            ns.add_collection(Collection.from_module(inner), name="in_ner")
            ns.add_collection(pkg.other, "oth_er", default=True)
            deep = Collection("deep_er")
            deep.add_task(staging, name="stage_it", aliases=("unseen",), default=True)
            deep.add_collection(Collection("low_est", x_y=build_it))
            ns.add_collection(deep)
            ns.configure({"run": {"echo": True}})
            for one in (production, staging):
                ns.add_task(one, "just_" "prod" if False else "one")
        ''',
        "docs.py": '''
            """Documents."""
            from invoke import task
            from deploy import *

            @task(default=True, aliases=["mk"])
            def make(c, clean_first=False): "Make them."
        ''',
        "deploy.py": """
            from invoke import task
            __all__ = ["staging"]
            @task
            def prod(c): pass
            @task
            def staging(c): pass
        """,
        "pkg/__init__.py": "",
        "pkg/inner.py": """
            from invoke import task, Collection
            from .other import shared
            @task
            def a_task(c, n=1): pass
            namespace = Collection("named", a_task, shared, auto_dash_names=False)
        """,
        "pkg/other.py": """
            from invoke import task
            @task
            def shared(c): pass
        """,
    },
    "empty-ns": {
        "tasks.py": """
            from invoke import *
            ns = Collection()
            @task
            def one(c): pass
            namespace = Collection(other=one)
        """
    },
    "package": {
        "tasks/__init__.py": """
            from invoke import Collection
            from . import build, test
            from .more import extra
            ns = Collection(build, test)
            ns.add_task(extra)
        """,
        "tasks/build.py": """
            from invoke import task
            from .more import extra
            @task
            def all(c): pass
        """,
        "tasks/test.py": """
            import tasks.more
            from tasks.more import extra as again
            from invoke import task
            unit = task(lambda c: None) if False else again
            def plain(c, speed=2): "Run them."
            quick = task(name="quick_ly")(plain)
            slow = task(plain)
        """,
        "tasks/more.py": """
            from invoke import task
            @task(aliases=["ex_tra"])
            def extra(c, level: int = 1): pass
        """,
    },
    "blocks": {
        "tasks.py": """
            import sys
            from typing import TYPE_CHECKING
            if TYPE_CHECKING:
                from invoke import Context
            try:
                from invoke import task
            except ImportError:
                sys.exit("no invoke")
            if True:
                @task
                def one(c: "Context", verbose: bool = False): pass
            with open("/dev/null") as file:
                @task
                def two(c): pass
            del one
            @task
            async def one(c): pass
            @task
            def two(c, again=1): pass
            if __name__ == "__main__":
                @task
                def never(c): pass
        """
    },
}  # fmt: skip


def write(top: str, files: dict[str, str]) -> None:
    for path, text in files.items():
        os.makedirs(os.path.dirname(f"{top}/{path}"), exist_ok=True)
        with open(f"{top}/{path}", "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(text))


def ours(folder: str) -> InvokeTasks:
    """The tasks of a folder, as they are read here."""
    package = os.path.isdir(f"{folder}/tasks")
    inside = f"{folder}/tasks" if package else folder

    def read(path: str) -> bytes | None:
        try:
            with open(f"{inside}/{path}", "rb") as file:
                return file.read()
        except OSError:
            return None

    name = "__init__.py" if package else "tasks.py"
    data = read(name)
    assert data is not None
    return read_invoke_tasks(data, f"{inside}/{name}", read)


def described(tasks: InvokeTasks) -> dict[str, Any]:
    return {
        task.name: {
            "aliases": list(task.aliases),
            "usage": task.usage,
            "params": [
                {key: getattr(param, key) for key in param.FIELDS if key != "position"}
                for param in task.params
            ],
        }
        for task in tasks.tasks
    }


def theirs(folders: list[str]) -> list[Any]:
    """What Invoke makes of the `tasks` of each folder; a text where it refuses them."""
    asked = json.dumps([(folder, "tasks") for folder in folders])
    done = subprocess.run(
        [sys.executable, "-c", ASK], input=asked, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return list(json.loads(done.stdout))


def sort_usage(found: dict[str, Any]) -> dict[str, Any]:
    """Blanks behind a docstring's first line are nobody's."""
    return {name: {**task, "usage": task["usage"].rstrip()} for name, task in found.items()}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_as_invoke_reads_it(name: str, tmp_path: "os.PathLike[str]") -> None:
    write(str(tmp_path), FILES[name])
    (asked,) = theirs([str(tmp_path)])
    assert isinstance(asked, dict), asked
    read = ours(str(tmp_path))
    assert described(read) == sort_usage(asked)
    assert list(described(read)) == list(asked)


def test_the_list_of_invoke_has_the_same_names(tmp_path: "os.PathLike[str]") -> None:
    write(str(tmp_path), FILES["plain"])
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "--list", "--list-format=json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    listed = {
        task["name"]: (task["aliases"], task["help"] or "") for task in json.loads(done.stdout)["tasks"]
    }
    assert {task.name: (list(task.aliases), task.usage) for task in ours(str(tmp_path)).tasks} == {
        name: (aliases, usage.rstrip()) for name, (aliases, usage) in listed.items()
    }


IDENTIFIERS = st.sampled_from(
    [
        "a",
        "b",
        "ab",
        "a_b",
        "_a",
        "a_",
        "abc",
        "no_a",
        "dry_run",
        "name",
        "verbose",
        "é",
        "x1",
        "help",
        "list_",
    ]
)
DEFAULTS = st.sampled_from(
    ["", "", "=None", "=''", "='x'", "=1", "=-2", "=0.5", "=True", "=False", "=[]", "=()"]
)


@st.composite
def task_text(draw: st.DrawFn) -> str:
    """One task of a file, with a signature and options of any kind."""
    params = draw(st.lists(st.tuples(IDENTIFIERS, DEFAULTS), max_size=5, unique_by=lambda pair: pair[0]))
    params.sort(key=lambda pair: bool(pair[1]))
    names = [name for name, _ in params]
    some = st.lists(st.sampled_from(names or ["none"]), unique=True, max_size=len(names))
    options: dict[str, Any] = {}
    for key in ("positional", "optional", "iterable"):
        if draw(st.booleans()):
            options[key] = draw(some)
    numbers = [name for name, default in params if default in {"=1", "=-2"}]
    if draw(st.booleans()) and numbers:
        options["incrementable"] = numbers[:1]
    if draw(st.booleans()):
        options["auto_shortflags"] = draw(st.booleans())
    if draw(st.booleans()):
        options["help"] = {name: f"About {name}" for name in draw(some)}
    if draw(st.booleans()):
        options["aliases"] = draw(
            st.lists(st.sampled_from(["al_ias", "b", "z", "two"]), unique=True, max_size=2)
        )
    name = draw(st.sampled_from(["build", "test_it", "b", "_x", "deploy"]))
    decorator = (
        draw(st.sampled_from(["@task", "@task()"]))
        if not options
        else ("@task(" + ", ".join(f"{key}={value!r}" for key, value in options.items()) + ")")
    )
    signature = ", ".join(["c", *(name + default for name, default in params)])
    return f"{decorator}\ndef {name}({signature}):\n    '''About {name}.'''\n"


@given(st.lists(st.lists(task_text(), min_size=1, max_size=3).map("".join), min_size=10, max_size=20))
# Each example asks Invoke, so none is made smaller.
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
def test_generated_files_are_read_as_invoke_reads_them(texts: list[str]) -> None:
    import tempfile  # noqa: PLC0415 - one folder for each example

    with tempfile.TemporaryDirectory() as top:
        folders = [f"{top}/{number}" for number in range(len(texts))]
        for folder, text in zip(folders, texts, strict=True):
            write(folder, {"tasks.py": f"from invoke import task\n{text}"})
        for folder, asked, text in zip(folders, theirs(folders), texts, strict=True):
            compare(folder, asked, text)


def compare(folder: str, asked: Any, text: str) -> None:
    from runner.errors import FileError  # noqa: PLC0415

    try:
        read: Any = described(ours(folder))
    except FileError as error:
        read = error.message
    if isinstance(asked, str):
        assert isinstance(read, str), f"{asked}\n{text}"
    else:
        assert read == asked, text


ECHO = """
import json
from invoke import task

def tell(**values):
    print(json.dumps(values, sort_keys=True))

@task(iterable=["items"], incrementable=["verbose"], optional=["log"])
def show(c, who, n, out_dir="x", jobs=4, ratio=0.5, dry=False, pull=True, items=None, verbose=1, log=None,
         note=None):
    tell(who=who, n=n, out_dir=out_dir, jobs=jobs, ratio=ratio, dry=dry, pull=pull, items=items,
         verbose=verbose, log=log, note=note)

@task
def other(c):
    raise SystemExit("not asked for")
"""

ANYTHING = st.one_of(
    st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6),
    st.sampled_from(
        ["", "-", "--", "-x", "--list", "-l", "--help", "other", "show", "a=b", "=", "-o=1", "--out=1", "--who=",
         "$HOME", "a b", "\n", "-wx", "--dry=1", "é"]
    ),
)  # fmt: skip


def run_invoke(folder: str, values: dict[str, str | tuple[str, ...]]) -> dict[str, Any]:
    task = next(task for task in ours(folder).tasks if task.name == "show")
    words = invoke_words(task, values, sys.executable, folder, "tasks")
    environ = {**os.environ, "PYTHONUTF8": "1"}
    done = subprocess.run(words, cwd="/", capture_output=True, text=True, check=False, env=environ)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


@given(
    st.fixed_dictionaries(
        {"who": ANYTHING, "n": ANYTHING, "items": st.lists(ANYTHING, max_size=3).map(tuple)},
        optional={
            "out-dir": ANYTHING, "note": ANYTHING.filter(bool), "log": ANYTHING.filter(bool),
            "jobs": st.integers().map(str), "ratio": st.floats(allow_nan=False).map(repr),
            "dry": st.sampled_from(["true", "false"]), "pull": st.sampled_from(["true", "false"]),
            "verbose": st.integers(1, 4).map(str),
        },
    )
)  # fmt: skip
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
def test_invoke_gets_the_exact_values(echo: str, values: dict[str, str | tuple[str, ...]]) -> None:
    wanted: dict[str, Any] = {
        "out_dir": "x", "jobs": 4, "ratio": 0.5, "dry": False, "pull": True, "verbose": 1, "log": None, "note": None,
    }  # fmt: skip
    for name, value in values.items():
        key = name.replace("-", "_")
        wanted[key] = list(value) if isinstance(value, tuple) else value
        if key in {"jobs", "ratio", "dry", "pull", "verbose"}:
            wanted[key] = json.loads(str(value).replace("inf", "Infinity"))
    try:
        found = run_invoke(echo, values)
    except PlanError as error:
        assert "Invoke would take it for a word of its own" in error.message  # noqa: PT017 - nothing else may be refused
        return
    assert found == wanted


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder whose one task prints what it was given."""
    folder = str(tmp_path_factory.mktemp("echo"))
    write(folder, {"tasks.py": ECHO})
    return folder


def test_each_awkward_value_arrives(echo: str) -> None:
    for value in ("", "-", "--", "-x=1", "other", "--list", "a=b", "-h", "x y", "--help"):
        found = run_invoke(echo, {"who": value, "n": value, "items": (value, "", value), "note": value})
        assert (found["who"], found["n"], found["items"]) == (value, value, [value, "", value])
        assert found["note"] == (value or None)


def test_types_are_those_of_the_model() -> None:
    assert {STRING, INT, FLOAT, BOOL, LIST, COUNT} == {"string", "int", "float", "bool", "list", "count"}
