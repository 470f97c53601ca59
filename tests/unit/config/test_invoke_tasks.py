"""Reading a `tasks.py` without running it: places, what is refused, and what is told of that is not followed.

That what is read is what Invoke makes of such files is shown in `tests/features/test_invoke_agrees.py`.
"""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.config.invoke_tasks import read_invoke_tasks
from runner.errors import FileError
from runner.location import Position
from runner.model.invoke import InvokeParam, InvokeTasks, default_text
from runner.model.param import BOOL, FLOAT, INT, LIST, STRING


def read(text: str, **beside: str) -> InvokeTasks:
    files = {f"{name.replace('__', '/')}.py": textwrap.dedent(body).encode() for name, body in beside.items()}
    return read_invoke_tasks(textwrap.dedent(text).encode(), "ops/tasks.py", files.get)


def names(found: InvokeTasks) -> list[str]:
    return [task.name for task in found.tasks]


def fault(text: str, **beside: str) -> FileError:
    with pytest.raises(FileError) as caught:
        read(text, **beside)
    return caught.value


def test_everything_knows_its_place() -> None:
    found = read("""\
        from invoke import task
        é = 1; x = 2

        @task(help={"target": "What"})
        async  def build_it(c, target, dry_run=False):
            '''Build it.

                With all
                  there is.
            '''
        """)
    (task,) = found.tasks
    assert (task.name, task.position) == ("build-it", Position("ops/tasks.py", 5, 12, 8))
    assert (task.usage, task.description) == ("Build it.", "With all\n  there is.")
    assert [(param.name, param.position, param.help) for param in task.params] == [
        ("target", Position("ops/tasks.py", 5, 24, 6), "What"),
        ("dry-run", Position("ops/tasks.py", 5, 32, 7), ""),
    ]
    assert found.notices == ()


def test_what_stands_beside_is_asked_for_and_has_places_of_its_own() -> None:
    text = "import docs, os.path\nfrom invoke import Collection\nns = Collection(docs)\n"
    found = read(text, docs="from invoke import task\n@task\ndef make(c): pass\n")
    (task,) = found.tasks
    assert (task.name, task.position) == ("docs.make", Position("ops/docs.py", 3, 5, 4))
    assert found.asked[:2] == ("docs/__init__.py", "docs.py")
    assert {"os/__init__.py", "os.py"} <= set(found.asked)


def test_modules_that_import_each_other_come_to_an_end() -> None:
    text = "from invoke import task\nimport other\n@task\ndef a(c): pass\n"
    found = read(
        text, other="import tasks\nimport other\nfrom tasks import a, task as t\n@t\ndef b(c): pass\n"
    )
    assert names(found) == ["a"]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("x = 1\ndef f(:\n", 2, 7, "this is no Python: invalid syntax"),
        ("éé = )\n", 1, 6, "this is no Python: unmatched ')'"),
        ("if 1:\nx\n", 2, 1, "this is no Python: expected an indented block after 'if' statement on line 1"),
        ("a\n'\0'", 2, 1, "this is no Python: it has a NUL"),
        ("from invoke import task\n@task\ndef f(): pass\n", 3, 5, "the task `f` takes no context"),
        (
            "from invoke import task\n@task\ndef f(c, a_=1, _a=2): pass\n",
            3, 16, "Invoke can't tell `_a` from `a_`: both have the flag `a`",
        ),
        ("from invoke import task\n@task\ndef f(c, _): pass\n", 3, 10, "Invoke makes no flag of `_`"),
        (
            "from invoke import task\n@task(aliases=['g'])\ndef f(c): pass\n@task\ndef h(c): pass\n@task(aliases=['g'])\ndef i(c): pass\n",
            7, 5, "`g` is a name of both `f` and `i`",
        ),
        (
            "from invoke import task, Collection\n@task\ndef f(c): pass\nns = Collection(f, f=Collection(f))\n",
            4, 1, "`f` is already the name of a task here",
        ),
        (
            "from invoke import task\n@task(default=True)\ndef f(c): pass\n@task(default=True)\ndef g(c): pass\n",
            1, 1, "`g` can't be the default: `f` already is",
        ),
    ],
)  # fmt: skip
def test_what_invoke_would_refuse_is_refused_with_its_place(
    text: str, line: int, column: int, message: str
) -> None:
    error = fault(text)
    assert error.at is not None
    assert (error.message, error.at.line, error.at.column) == (message, line, column)
    assert error.at.path == "ops/tasks.py"
    assert error.hint


@pytest.mark.parametrize(
    "data", [b"x = 1\n\xc3\xa9 = \x80", b"x = 1\n\xc3\xa9 , \x80,\n", b"x = 1\n'\xc3\xa9' \x80"]
)
def test_a_file_that_is_not_utf_8_is_refused_with_its_place(data: bytes) -> None:
    with pytest.raises(FileError) as caught:
        read_invoke_tasks(data, "tasks.py", lambda _: None)
    assert caught.value.message == "this is no Python: it is not text in UTF-8"
    assert caught.value.at == Position("tasks.py", 2, 5)


def test_a_file_may_say_its_encoding() -> None:
    head = "# coding: latin-1\nfrom invoke import task\n@task(help={'x': 'é'})\ndef f(c, x=1): pass\n"
    (task,) = read_invoke_tasks(head.encode("latin-1"), "tasks.py", lambda _: None).tasks
    assert task.params[0].help == "é"


def test_a_wrong_file_beside_is_named() -> None:
    error = fault("import docs", docs="def")
    assert error.at is not None
    assert error.at.path == "ops/docs.py"


HEAD = "from invoke import task, Collection\nimport os, helpers\n"


@pytest.mark.parametrize(
    ("text", "left", "message"),
    [
        ("@task(name=os.name)\ndef f(c): pass", [], "the task `f` is left out: its name can't be read"),
        ("@task(**x)\ndef f(c): pass", [], "the task `f` is left out: what `**` brings can't be read"),
        (
            "@task(aliases=helpers.NAMES)\ndef f(c): pass",
            [], "the task `f` is left out: `aliases` can't be read",
        ),
        ("@helpers.timed\n@task\ndef f(c): pass", [], "what `@helpers.timed` makes of `f` is not known"),
        (
            "@task\n@helpers.timed\ndef f(c): pass",
            ["f"], "`f` is taken to have the parameters written here, whatever its other decorators do",
        ),
        (
            "def mine(f):\n    return task(name='x')(f)\n@mine\ndef f(c): pass",
            [], "what `@mine` makes of `f` is not known",
        ),
        ("mine = os.partial(task, name='x')", [], "whether this is a task is not known"),
        (
            "if os.name == 'nt':\n    @task\n    def f(c): pass",
            ["f"], "whether or how often this runs is not known",
        ),
        (
            "for x in os.listdir():\n    @task\n    def f(c): pass",
            [], "whether or how often this runs is not known",
        ),
        ("ns = Collection(helpers.x)", [], "what `helpers.x` is here is not known"),
        ("ns = Collection(**os.environ)", [], "what `**` brings into this collection is not known"),
        (
            "ns = Collection()\nns.add_task(helpers.x, name=os.name)",
            [], "what this adds to the collection is not known",
        ),
        ("ns = Collection()\nhelpers.fill(ns)", [], "what this does to the collection is not known"),
        (
            "from invoke_release.tasks import *",
            [], "`invoke_release.tasks` is not beside this file, so the tasks that it may bring are not known",
        ),
        ("from . import docs", [], "this import leads out of what can be followed"),
        (
            "@task\ndef f(c, x=os.getcwd()): pass",
            ["f"], "the default of `x` can't be read without running the file, so it is taken as text here",
        ),
        (
            "@task(help={'z': 'y'})\ndef f(c, x): pass",
            ["f"], "`f` has help for `z`, which is none of its parameters",
        ),
    ],
)  # fmt: skip
def test_what_is_not_followed_is_told(text: str, left: list[str], message: str) -> None:
    found = read(HEAD + text)
    assert names(found) == left
    assert [notice.message for notice in found.notices] == [message]
    assert all(notice.at is not None and notice.at.line > 2 and notice.hint for notice in found.notices)


@pytest.mark.parametrize(
    "text",
    [
        "if os.name == 'nt':\n    X = 1\nelse:\n    X = 2",
        "try:\n    import yaml\nexcept ImportError:\n    yaml = None",
        "class A:\n    def add(self): pass\nA().add()\nprint('x')\nx = y = A()\nx.y = 1\na, b = x\nx += 1",
        "@os.cache\ndef helper(): pass\nfor x in helper(): print(x)\nwhile helper(): pass",
        "from os.path import join as j\nlambda: j",
    ],
)
def test_what_has_nothing_to_do_with_tasks_is_not_told(text: str) -> None:
    found = read(f"{HEAD}{text}\n@task\ndef f(c): pass")
    assert (names(found), found.notices) == (["f"], ())


def test_a_default_that_is_not_known_is_no_default() -> None:
    (task,) = read(HEAD + "@task\ndef f(c, x=os.sep, flag: bool = os.x, n=None): pass").tasks
    assert [(param.name, param.type, param.default, param.required) for param in task.params] == [
        ("x", STRING, None, False),
        ("n", STRING, None, False),
    ]


@pytest.mark.parametrize(
    ("kind", "default", "text"),
    [
        (STRING, "", ""),
        (STRING, None, None),
        (STRING, False, None),
        (INT, -3, "-3"),
        (FLOAT, 1e20, "1e+20"),
        (BOOL, True, "true"),
        (BOOL, False, "false"),
        (LIST, None, None),
    ],
)
def test_a_default_is_written_as_it_would_be_typed(
    kind: str, default: str | float | None, text: str | None
) -> None:
    at = Position("t", 1, 1)
    assert default_text(InvokeParam("x", kind, default, required=False, optional=False, short="", help="", position=at)) == text  # fmt: skip


SCRAPS = st.sampled_from(
    [
        "from invoke import task, Collection\n", "import invoke\n", "import docs\n", "from docs import *\n",
        "@task\n", "@task(name='x', aliases=('y',))\n", "@invoke.task(positional=['a'])\n", "@task()\n",
        "def f(c, a, b=1):\n    pass\n", "def g(): pass\n", "def h(*c): '''Doc'''\n", "ns = Collection()\n",
        "ns.add_task(f, 'z', default=True)\n", "ns.add_collection(docs)\n", "ns = Collection(f, docs, g=f)\n",
        "if f:\n    ", "try:\n    ", "except X:\n    pass\n", "else:\n    pass\n", "for x in (f, g):\n    ",
        "f = task(g)\n", "f = g\n", "del f\n", "with f:\n    ", "ns = Collection.from_module(docs, 'n')\n",
        "(", "'", "\\\n", "\t", "é = 1\n", "\0", "x: int = 1\n", "task = f\n",
    ]
)  # fmt: skip


@given(
    st.one_of(
        st.lists(SCRAPS, max_size=12).map(lambda scraps: "".join(scraps).encode()), st.binary(max_size=60)
    ),
    st.lists(SCRAPS, max_size=6).map("".join),
)
def test_any_file_is_read_or_refused_with_its_place(data: bytes, beside: str) -> None:
    refused: FileError | None = None
    try:
        read_invoke_tasks(data, "tasks.py", {"docs.py": beside.encode()}.get)
    except FileError as error:
        refused = error
    if refused is not None:
        assert refused.at is not None
        assert refused.at.path in {"tasks.py", "docs.py"}
        assert min(refused.at.line, refused.at.column, refused.at.length) >= 1


@pytest.mark.parametrize("text", ["(" * 100_000, "-" * 100_000 + "1", "x" + "()" * 50_000])
def test_deep_nesting_is_no_accident(text: str) -> None:
    error = fault(text)
    assert error.at is not None
