"""A wrong file: what is told of it, word for word. It ends with 2 and nothing runs."""

import re

import pytest

from tests.features.conftest import MakeProject, Result

TRAPS = {
    "a tab at the begin": ("tasks:\n  a:\n\trun: touch ran\n", 3, "a tab can't indent in YAML"),
    "a tab behind blanks": (
        "tasks:\n  a:\n    run:\n    \t- touch ran\n",
        4,
        "a tab can't indent in YAML",
    ),
    "a hole in a list": (
        "tasks:\n  a:\n    args: {x: {default: d}}\n    source: [${x}, '${x}', a/${x}]\n",
        4,
        "within brackets a text with `${…}` must stand in quotes",
    ),
    "a hole in a map": (
        "tasks:\n  a: {args: {x: {default: d}}, run: echo ${x}}\n",
        2,
        "within brackets a text with `${…}` must stand in quotes",
    ),
    "a star": (
        "tasks:\n  a:\n    source: *.go\n",
        3,
        "a text that begins with `*` must stand in quotes: YAML takes it for an alias",
    ),
    "two stars in a list": (
        "tasks:\n  a:\n    source: [a, **/*.go]\n",
        3,
        "a text that begins with `*` must stand in quotes: YAML takes it for an alias",
    ),
    "a star behind a dash": (
        "tasks:\n  a:\n    source:\n      - *.go\n",
        4,
        "a text that begins with `*` must stand in quotes: YAML takes it for an alias",
    ),
    "an exclamation mark": (
        "tasks:\n  a:\n    run: ! test -e x\n",
        3,
        "a text that begins with `!` must stand in quotes: YAML takes it for a tag",
    ),
    "an exclamation mark in a list": (
        "tasks:\n  a:\n    source: [!x, y]\n",
        3,
        "a text that begins with `!` must stand in quotes: YAML takes it for a tag",
    ),
    "an at sign": (
        "tasks:\n  a:\n    run: @echo hi\n",
        3,
        "a text that begins with `@` must stand in quotes: YAML takes it for a sign kept for later",
    ),
    "a per cent sign": (
        "tasks:\n  a:\n    run: %x\n",
        3,
        "a text that begins with `%` must stand in quotes: YAML takes it for a directive",
    ),
    "a backtick": (
        "tasks:\n  a:\n    run: `touch ran`\n",
        3,
        "a text that begins with ``` must stand in quotes: YAML takes it for a sign kept for later",
    ),
    "a colon in a command": (
        "tasks:\n  a:\n    run: echo hello: world\n",
        3,
        "a one-line text with `: ` in it must stand in quotes",
    ),
    "a colon in a listed command": (
        "tasks:\n  a:\n    run:\n      - echo hello: world\n",
        4,
        "a one-line text with `: ` in it must stand in quotes",
    ),
    "a colon and quotes": (
        "tasks:\n  a:\n    run: echo \"hello: world\" 'it': x\n",
        3,
        "a one-line text with `: ` in it must stand in quotes",
    ),
    "quotes around the first word": (
        'tasks:\n  a:\n    run: "touch" ran\n',
        3,
        "nothing may follow behind a closing quote",
    ),
    "a shell's test": ("tasks:\n  a:\n    run: [ -e x ] && touch ran\n", 3, ""),
    "a listed shell's test": ("tasks:\n  a:\n    run:\n      - [ -e x ] || touch ran\n", 4, ""),
    "a shell's condition": (
        "tasks:\n  a:\n    run: [[ -e file ]]\n",
        3,
        "a text that begins with `[` must stand in quotes",
    ),
    "a listed shell's condition": (
        "tasks:\n  a:\n    run:\n      - [[ -e file ]]\n",
        4,
        "a text that begins with `[` must stand in quotes",
    ),
    "a shell's group": ("tasks:\n  a:\n    run: { touch ran; } > log\n", 3, ""),
    "an escape that is none": (
        'tasks:\n  a:\n    run: "grep \\d file"\n',
        3,
        "within double quotes a backslash must be written twice",
    ),
}
PROPOSED = re.compile(r"^  (?:write|indent with blanks:) `(.*)`$", re.MULTILINE)


@pytest.mark.parametrize("name", TRAPS)
def test_each_trap_of_yaml_is_told_in_its_own_words(project: MakeProject, name: str) -> None:
    text, line, message = TRAPS[name]
    p = project({"file": ""})
    p.write("tasks.yml", text)
    result = p.run("a")
    assert (result.stdout, result.code) == ("", 2)
    first, shown, caret, *_ = result.stderr.splitlines()
    assert re.fullmatch(rf"pyrun: tasks\.yml:{line}:\d+: {re.escape(message) or '.*'}", first)
    assert shown == f"  {line} | {text.splitlines()[line - 1]}"
    assert re.fullmatch(r"    \|[ \t]+\^+", caret)
    assert result.stderr.count("pyrun: ") == 1
    assert p.files() == ["file", "tasks.yml"]


@pytest.mark.parametrize("name", [name for name, (_, _, message) in TRAPS.items() if message])
def test_a_proposed_line_is_right(project: MakeProject, name: str) -> None:
    text, line, _ = TRAPS[name]
    p = project({"file": ""})
    p.write("tasks.yml", text)
    proposed = PROPOSED.findall(p.run("a").stderr)
    assert len(proposed) == 1
    rows = text.split("\n")
    indent = re.match(r" *", rows[line - 1].expandtabs(0))
    assert indent is not None
    rows[line - 1] = proposed[0] if "\t" in rows[line - 1] else indent[0] + proposed[0]
    if rows[line - 1] == "  run: touch ran":
        rows[line - 1] = "  " + rows[line - 1]  # how deep a tab was meant to be is the user's to say
    p.write("tasks.yml", "\n".join(rows))
    assert p.run("--list") == Result("  a\n" if "args" not in text else "  a [x]\n", "", 0)


def test_what_is_wrong_with_keys_and_types_is_told_with_the_nearest_name(project: MakeProject) -> None:
    for text, told in (
        (
            "task:\n  a: {run: touch ran}\n",
            "1:1: `task` is not a key of the file\n  1 | task:\n    | ^^^^\n  did you mean `tasks`?\n",
        ),
        (
            "tasks: {a: {run: touch ran, sources: [x]}}\n",
            (
                "1:29: `sources` is not a key of the task `a`\n"
                "  1 | tasks: {a: {run: touch ran, sources: [x]}}\n"
                "    |                             ^^^^^^^\n  did you mean `source`?\n"
            ),
        ),
        (
            "tasks: {a: touch ran}\n",
            (
                "1:12: the task `a` must be a map, and this is a text\n"
                "  1 | tasks: {a: touch ran}\n    |            ^^^^^^^^^\n"
                "  write the commands under `run:`\n"
            ),
        ),
        (
            "tasks: [a]\n",
            "1:8: `tasks` must be a map, and this is a list\n  1 | tasks: [a]\n    |        ^\n",
        ),
        (
            "tasks: {a: {persistent: maybe}}\n",
            (
                "1:25: `persistent` must be `true` or `false`\n"
                "  1 | tasks: {a: {persistent: maybe}}\n    |                         ^^^^^\n"
            ),
        ),
        (
            "- a\n",
            "1:1: the file must be a map, and this is a list\n  1 | - a\n    | ^\n",
        ),
    ):
        p = project({"tasks.yml": text})
        assert p.run("a") == Result("", f"pyrun: tasks.yml:{told}", 2)
        assert p.files() == ["tasks.yml"]


def test_all_faults_of_a_file_come_at_once_and_in_its_order(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            nme: x
            tasks:
              a: {rum: touch ran}
              b: {deps: [c], persistent: maybe, env: [A=b]}
              c: {run: 'echo ${d}', dir: "${d}"}
        """
    })  # fmt: skip
    told = (
        "pyrun: tasks.yml:1:1: `nme` is not a key of the file\n"
        "  1 | nme: x\n    | ^^^\n  did you mean `name`?\n"
        "pyrun: tasks.yml:3:7: `rum` is not a key of the task `a`\n"
        "  3 |   a: {rum: touch ran}\n    |       ^^^\n  did you mean `run`?\n"
        "pyrun: tasks.yml:4:30: `persistent` must be `true` or `false`\n"
        "  4 |   b: {deps: [c], persistent: maybe, env: [A=b]}\n    |                              ^^^^^\n"
        "pyrun: tasks.yml:4:42: `env` must be a map, and this is a list\n"
        "  4 |   b: {deps: [c], persistent: maybe, env: [A=b]}\n"
        "    |                                          ^\n"
        "pyrun: tasks.yml:5:31: `c` has no arg or option `d`\n"
        "  5 |   c: {run: 'echo ${d}', dir: \"${d}\"}\n    |                               ^^^^\n"
        "  for a variable, define an option: `d: {environment: d}`\n"
    )
    for words in (["a"], ["c"], ["--list"], ["nosuch"], ["a", "--dry-run"], ["a", "--help"]):
        assert p.run(*words) == Result("", told, 2), words
    assert p.files() == ["tasks.yml"]


def test_a_key_twice_is_refused_and_both_places_are_named(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks:\n  a: {run: touch ran}\n  b: {}\n  a: {run: echo}\n"})
    assert p.run("b") == Result(
        "",
        "pyrun: tasks.yml:4:3: `a` stands here a second time\n  4 |   a: {run: echo}\n    |   ^\n"
        "  the first one is on line 2; keep one of them\n",
        2,
    )


def test_what_is_never_closed_is_told_where_it_began(project: MakeProject) -> None:
    for opened, told in (
        ("[touch ran", "`[` is never closed\n  2 |   a: {run: [touch ran\n    |            ^\n  add a `]`\n"),
        (
            "'touch ran",
            "this quote is never closed\n  2 |   a: {run: 'touch ran\n    |            ^\n  add a `'`\n",
        ),
    ):
        p = project({"tasks.yml": f"tasks:\n  a: {{run: {opened}\n"})
        assert p.run("a") == Result("", f"pyrun: tasks.yml:2:12: {told}", 2)


def test_keys_that_do_not_go_together_are_told_with_the_reason(project: MakeProject) -> None:
    image = "{name: x, from: scratch, copy: [{source: a, to: /}]}"
    for keys, told in (
        (
            f"run: touch ran, image: {image}",
            "`run` beside `image`|its action is the image; what must be done first belongs under `deps`",
        ),
        (f"target: a, image: {image}", "`target` beside `image`|an image is its own target"),
        (
            "run: touch ran, persistent: true, target: x",
            "`target` beside `persistent`|a server has no target",
        ),
    ):
        p = project({"tasks.yml": f"tasks: {{a: {{{keys}}}}}\n"})
        result = p.run("a")
        message, hint = told.split("|")
        assert (result.stdout, result.code) == ("", 2)
        lines = result.stderr.splitlines()
        assert lines[0].endswith(f"a task has no {message}")
        assert lines[-1] == f"  {hint}"
        assert p.files() == ["tasks.yml"]


def test_bytes_that_are_no_text_are_placed(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks:\n  a: {run: 'touch \udcff ran'}\n"})
    result = p.run("a")
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr.startswith("pyrun: tasks.yml:2:19: this is not UTF-8\n")
    assert result.stderr.endswith("  save the file as UTF-8\n")
    p.write("tasks.yml", "tasks:\n  a: {run: 'touch \x01 ran'}\n")
    result = p.run("a")
    assert result.stderr.startswith(
        "pyrun: tasks.yml:2:19: the control character 0x01 has no place in YAML\n"
    )
    p.write("tasks.yml", "\ufefftasks:\r\n  a: {run: echo ok}\r\n")
    assert p.run("-q", "a") == Result("ok\n", "", 0)


def test_a_file_out_of_all_proportion_is_refused_in_reasonable_time_and_memory(project: MakeProject) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    for text in ("tasks: " + "[" * 50_000, "tasks: " + "{a: " * 20_000, bomb, "a: &a [*a]\n", "? " * 5000):
        p = project({"file": ""})
        p.write("tasks.yml", text)
        result = p.run("a")
        assert (result.stdout, result.code) == ("", 2), text[:30]
        assert result.stderr.startswith("pyrun: tasks.yml:")
        assert len(result.stderr) < 2000
        assert "Traceback" not in result.stderr


def test_faults_are_placed_from_the_current_folder_and_in_the_file_that_is_used(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {a: {}}\n", "x/y/.x": "", "other.yml": "tasks: {a: {deps: [b]}}\n"})
    told = (
        "other.yml:1:20: there is no task `b`\n  1 | tasks: {a: {deps: [b]}}\n"
        "    |                    ^\n  known: a\n"
    )
    assert p.run("-f", "other.yml", "a").stderr == f"pyrun: {told}"
    assert p.run("-f", "../../other.yml", "a", cwd="x/y").stderr == f"pyrun: ../../{told}"


def test_a_wide_line_is_shown_around_the_fault(project: MakeProject) -> None:
    p = project({"tasks.yml": f"tasks: {{{'a' * 500}: {{rum: x}}, {'b' * 500}: {{}}}}\n"})
    place, shown, caret, hint = p.run("x").stderr.splitlines()
    assert place.startswith("pyrun: tasks.yml:1:512: `rum` is not a key of the task")
    assert len(shown) < 180
    start = caret.index("^")
    assert shown[start : start + caret.count("^")] == "rum"
    assert hint == "  did you mean `run`?"


def test_a_file_that_can_not_be_read_is_told(project: MakeProject) -> None:
    p = project({"tasks.yml/.x": "", "other": ""})
    assert p.run("-f", "tasks.yml", "a") == Result("", "pyrun: there is no file `tasks.yml`\n", 2)
    assert p.run("-f", "other/tasks.yml", "a") == Result("", "pyrun: there is no file `other/tasks.yml`\n", 2)


def test_what_tasks_cannot_be_planned_for_is_told_at_its_place_from_the_current_folder(
    project: MakeProject,
) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {deps: [b], run: touch ran}
              b: {deps: [c], run: touch ran}
              c: {deps: [a], run: touch ran}
              gone: {source: [mian.go], run: touch ran}
              none: {source: ["src/*.go"], run: touch ran}
              two: {deps: [one, other]}
              one: {target: out, run: touch out}
              other: {target: out, run: touch out}
              early: {deps: [gone], run: touch ran}
        """,
        "main.go": "",
        "x/.x": "",
    })  # fmt: skip
    files = p.files()
    cycle = (
        "4:14: `a` needs itself: a → b → c → a\n  4 |   c: {deps: [a], run: touch ran}\n"
        "    |              ^\n  take one of these deps or calls away\n"
    )
    gone = (
        "5:19: the source `mian.go` matches no file\n  5 |   gone: {source: [mian.go], run: touch ran}\n"
        "    |                   ^^^^^^^\n  did you mean `main.go`?\n"
    )
    none = (
        '6:19: the source `src/*.go` matches no file\n  6 |   none: {source: ["src/*.go"], run: touch ran}\n'
        "    |                   ^^^^^^^^^^\n  there is no folder `src`\n"
    )
    twice = (
        "9:19: `one` and `other` both write `out`\n  9 |   other: {target: out, run: touch out}\n"
        "    |                   ^^^\n  give each a target of its own\n"
    )
    for task, told in (("a", cycle), ("gone", gone), ("early", gone), ("none", none), ("two", twice)):
        for folder in ("", "x"):
            place = "../tasks.yml" if folder else "tasks.yml"
            assert p.run(task, cwd=folder) == Result("", f"pyrun: {place}:{told}", 2), (task, folder)
    assert p.run("-C", "..", "gone", cwd="x").stderr == f"pyrun: ../tasks.yml:{gone}"
    assert p.files() == files
    assert not p.exists(".pyrun")


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("tasks: {a: {finally: task: x}}", "tasks: {a: {finally: {task: x}}}"),
        ("tasks:\n  a:\n    run: task: x # so", "run: {task: x} # so"),
        ("tasks:\n  a: {run: when: x, deps: []}", "a: {run: {when: x}, deps: []}"),
        ("tasks:\n  a:\n    run: other: x", 'run: "other: x"'),
    ],
)
def test_a_step_on_the_line_of_its_key_gets_braces_and_not_quotes(
    project: MakeProject, text: str, fixed: str
) -> None:
    result = project({"tasks.yml": f"{text}\n"}).run("a")
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr.endswith(f"\n  write `{fixed}`\n")


def test_the_faults_of_containers_come_with_what_would_be_right(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            container: gp
            containers:
              go: {from: golang 1.24, setup: x}
              node: {dockerfile: Dockerfile, setup: npm ci, memory: much}
              host: alpine
            tasks:
              a: {container: python, run: touch ran}
              db: {ports: 5432}
        """
    })  # fmt: skip
    told = (
        "pyrun: tasks.yml:1:12: there is no container `gp`\n"
        "  1 | container: gp\n    |            ^^\n  did you mean `go`?\n"
        "pyrun: tasks.yml:3:14: `golang 1.24` can't be an image\n"
        "  3 |   go: {from: golang 1.24, setup: x}\n    |              ^^^^^^^^^^^\n"
        "  write it as `NAME:TAG`\n"
        "pyrun: tasks.yml:4:34: a container has no `setup` without `from`\n"
        "  4 |   node: {dockerfile: Dockerfile, setup: npm ci, memory: much}\n"
        "    |                                  ^^^^^\n"
        "  write it into the Dockerfile, or into the task that makes the image\n"
        "pyrun: tasks.yml:4:57: `much` can't be an amount of memory\n"
        "  4 |   node: {dockerfile: Dockerfile, setup: npm ci, memory: much}\n"
        "    |                                                         ^^^^\n"
        "  write it as `512m` or `2g`\n"
        "pyrun: tasks.yml:5:3: `host` stands for no container at all\n"
        "  5 |   host: alpine\n    |   ^^^^\n  choose another name\n"
        "pyrun: tasks.yml:7:18: there is no container `python`\n"
        "  7 |   a: {container: python, run: touch ran}\n    |                  ^^^^^^\n"
        "  an image is written with its tag: `python:latest`\n"
        "pyrun: tasks.yml:8:8: a server needs a `run`, or a `container` that is one\n"
        "  8 |   db: {ports: 5432}\n    |        ^^^^^\n"
        "  add its command, or its image: `container: NAME:TAG`\n"
    )
    for words in (["a"], ["--list"]):
        assert p.run(*words) == Result("", told, 2), words
    assert p.files() == ["tasks.yml"]
