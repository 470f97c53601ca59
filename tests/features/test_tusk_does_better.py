"""The odd corners of tusk in which pyrun does better: what a `tusk.yml` gives here, exactly."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import pytest

from tests.features.conftest import MakeProject, Result

NOTHING: Mapping[str, str] = MappingProxyType({})


class Corner(NamedTuple):
    """A `tusk.yml`, a command line and its output; files and variables beside it."""

    name: str
    text: str
    words: tuple[str, ...]
    out: str
    files: Mapping[str, str] = NOTHING
    env: Mapping[str, str] = NOTHING
    cwd: str = ""


PRINTS = """
    tasks:
      go:
        args: {text: {}}
        run: |
          printf '%s\\n' '${text}'
"""
LINE = "tasks: {go: {args: {text: {}}, run: 'echo ${text} end'}}"
EMOJI = "tasks: {go: {args: {text: {}}, run: \"printf '%s\\\\n' '🚀 ${text}'\"}}"
NUMBER = "tasks: {go: {options: {num: {type: int, environment: NUM}}, run: 'echo ${num}'}}"
SHORT = (
    "tasks: {go: {options: {name: {short: n}, sure: {type: bool, short: y}}, run: 'echo ${name} ${sure}'}}"
)
SWAP = "tasks: {put: {args: {from: {}, to: {}}, options: {force: {type: bool}}, run: 'echo ${from} ${to} ${force}'}}"
LEAK = """
    options: {env: {default: shared}}
    tasks:
      sub: {run: 'echo sub ${env}'}
      go: {options: {env: {default: own}}, run: ['echo go ${env}', {task: sub}]}
"""
LIVE = """
    tasks:
      go:
        options: {live: {type: bool, environment: LIVE}}
        run: ['echo ${live}', {when: live, command: echo is live}]
"""
DEFAULTS = """
    tasks:
      go:
        options:
          decimal: {default: 1.10}
          octal: {default: 010}
          hex: {default: 0x1F}
          grouped: {default: 1_000}
          exponent: {default: 1e3}
          text: {default: yes}
          off: {default: Off}
          on: {type: bool, default: on}
          day: {default: 2024-02-03}
          moment: {default: '2024-02-03T04:05:06Z'}
        run: 'echo ${decimal} ${octal} ${hex} ${grouped} ${exponent} ${text} ${off} ${on} ${day} ${moment}'
"""
VALUES = "tasks: {go: {args: {num: {values: [010, 08]}}, options: {ver: {values: [1.0, 2.0]}}, run: 'echo ${num} ${ver}'}}"
YES = """
    tasks:
      go:
        options: {fast: {type: bool}, mode: {default: [{when: {equal: {fast: yes}}, value: matched}, other]}}
        run: [{when: {equal: {fast: yes}}, command: echo matched}, 'echo ${mode}']
"""
LATER = """
    options: {url: {default: "http://${host}"}, host: {default: example.org}}
    tasks:
      go:
        options: {first: {default: "<${second}>"}, second: {default: two}}
        run: |
          cat <<'X'
          ${first} ${second} ${url} ${host}
          X
"""
GEN = "tasks: {gen: {source: in.txt, target: out.txt, run: 'cp in.txt out.txt; echo made'}}"

CORNERS = [
    Corner("the letters n and y", SHORT, ("go", "-n", "x", "-y"), "x true\n"),
    Corner("an option no", "tasks: {go: {options: {no: {}}, run: 'echo ${no}'}}", ("go", "--no", "x"), "x\n"),
    Corner("an arg y", "tasks: {go: {args: {y: {}}, run: 'echo ${y}'}}", ("go", "3"), "3\n"),
    Corner("an arg 1", "tasks: {go: {args: {1: {}}, run: 'echo ${1}'}}", ("go", "a"), "a\n"),
    Corner("a bool of one letter", "tasks: {go: {options: {f: {type: bool}}, run: 'echo ${f}'}}", ("go", "--f"), "true\n"),
    Corner("a flag between args", SWAP, ("put", "src", "--force", "dst"), "src dst true\n"),
    Corner("an own option", LEAK, ("go", "--env", "given"), "go given\nsub shared\n"),
    Corner("defaults", DEFAULTS, ("go",), "1.10 010 0x1F 1_000 1e3 yes Off true 2024-02-03 2024-02-03T04:05:06Z\n"),
    Corner("values", VALUES, ("go", "010", "--ver", "1.0"), "010 1.0\n"),
    Corner("an int of a flag", NUMBER, ("go", "--num", "010"), "010\n"),
    Corner("an int of a variable", NUMBER, ("go",), "010\n", env={"NUM": "010"}),
    Corner("a float", "tasks: {go: {options: {r: {type: float}}, run: 'echo ${r}'}}", ("go", "--r=1.50"), "1.50\n"),
    Corner("a bool of a variable", LIVE, ("go",), "true\nis live\n", env={"LIVE": "1"}),
    Corner("a value $HOME", PRINTS, ("go", "pay $HOME now"), "pay $HOME now\n"),
    Corner("a value $1", PRINTS, ("go", "cost $1."), "cost $1.\n"),
    Corner("a value $5", PRINTS, ("go", "cost $5"), "cost $5\n"),
    Corner("a value ${b}", PRINTS, ("go", "a${b}c"), "a${b}c\n"),
    Corner("a value ${text}", PRINTS, ("go", "${text}"), "${text}\n"),
    Corner("a value $$", PRINTS, ("go", "a$$b"), "a$$b\n"),
    Corner("a value $$$$", PRINTS, ("go", "a$$$$b"), "a$$$$b\n"),
    Corner("a value of lines in a block", PRINTS, ("go", "one\ntwo"), "one\ntwo\n"),
    Corner("a default with a shell variable", "tasks: {go: {options: {path: {default: $TOOLS/bin}}, run: 'echo ${path}'}}", ("go",), "/opt/bin\n", env={"TOOLS": "/opt"}),
    Corner("a value with a colon", LINE, ("go", "note: this"), "note: this end\n"),
    Corner("a value of lines", "tasks: {go: {args: {text: {}}, run: 'echo \"${text}\"'}}", ("go", "one\ntwo"), "one\ntwo\n"),
    Corner("a quote behind an emoji", EMOJI, ("go", 'a"b'), '🚀 a"b\n'),
    Corner("a backslash behind an emoji", EMOJI, ("go", "a\\tb"), "🚀 a\\tb\n"),
    Corner("a value null", "tasks: {go: {args: {text: {}}, run: [{set-environment: {NAME: '${text}'}}, 'echo \"[$NAME]\"']}}", ("go", "null"), "[null]\n", env={"NAME": "before"}),
    Corner("yes is true", YES, ("go", "--fast"), "matched\nmatched\n"),
    Corner("yes is not false", YES, ("go",), "other\n"),
    Corner("an include from below", "tasks: {hi: {include: hi.yml}}", ("hi",), "hi\n", {"hi.yml": "run: echo hi\n", "sub/x": ""}, cwd="sub"),
    Corner("a source from below", GEN, ("gen",), "made\n", {"in.txt": "1\n", "sub/x": ""}, cwd="sub"),
    Corner("a source with a value", "tasks: {gen: {options: {name: {default: b}}, source: '${name}.txt', target: out.txt, run: 'cp ${name}.txt out.txt; echo made'}}", ("gen", "--name", "a"), "made\n", {"a.txt": "1\n"}),
    Corner("no variables from a file", "env-file: /dev/null\ntasks: {go: {run: 'echo \"[$A]\"'}}", ("go",), "[]\n", {".env": "A=1\n"}),
    Corner("quotes in a file of variables", "tasks: {go: {run: 'echo \"[$E]\"'}}", ("go",), '[say "hi"]\n', {".env": 'E="say \\"hi\\""\n'}),
    Corner("small names in a file of variables", "tasks: {go: {run: 'echo \"[$LOG]\"'}}", ("go",), "[/srv/log]\n", {".env": "base=/srv\nLOG=${base}/log\n"}),
    Corner("the caller's in a file of variables", "tasks: {go: {run: 'echo \"[$INNER]\"'}}", ("go",), "[from caller/x]\n", {".env": "INNER=${OUTER}/x\n"}, {"OUTER": "from caller"}),
    Corner("what is below a file", "tasks: {go: {run: [{when: {exists: plain/x}, command: echo no}, echo end]}}", ("go",), "end\n", {"plain": ""}),
    Corner("a run of nothing", "tasks: {go: {run: }}", ("go",), ""),
    Corner("a default further down", LATER, ("go",), "<${second}> two http://${host} example.org\n"),
]  # fmt: skip


@pytest.mark.parametrize("corner", CORNERS, ids=[corner.name for corner in CORNERS])
def test_a_corner(project: MakeProject, corner: Corner) -> None:
    p = project({"tusk.yml": corner.text, **corner.files})
    assert p.run("-q", *corner.words, env=dict(corner.env), cwd=corner.cwd) == Result(corner.out, "", 0)


def test_a_hash_in_a_value_is_the_shells_and_not_yamls(project: MakeProject) -> None:
    # Pasted as tusk does it, `#` begins a comment of the shell; what stands behind the value is still there.
    p = project({"tusk.yml": "tasks: {go: {args: {text: {}}, run: 'echo \"${text}\" end'}}"})
    assert p.run("-q", "go", "a # b") == Result("a # b end\n", "", 0)


def test_a_command_that_is_only_a_value_reaches_the_shell_whole(project: MakeProject) -> None:
    p = project({"tusk.yml": "tasks: {go: {args: {text: {}}, run: ['${text}']}}"})
    assert p.run("-q", "go", "echo 'hi: {there}'") == Result("hi: {there}\n", "", 0)
    assert p.run("-q", "go", "{echo: hi}").code == 127


def test_numbers_are_read_alike_wherever_they_come_from(project: MakeProject) -> None:
    p = project({"tusk.yml": NUMBER})
    told = "pyrun: `0x10` is not a whole number, as the num of `go` must be\n"
    assert p.run("go", "--num", "0x10") == Result("", told, 2)
    assert p.run("go", env={"NUM": "0x10"}) == Result("", told, 2)


def test_an_include_is_looked_for_beside_the_file_that_f_names(project: MakeProject) -> None:
    p = project({
        "conf/tusk.yml": "tasks: {hi: {include: hi.yml}}\n", "conf/hi.yml": "run: echo conf\n",
        "tusk.yml": "tasks: {}\n", "hi.yml": "run: echo top\n",
    })  # fmt: skip
    assert p.run("-q", "-f", "conf/tusk.yml", "hi") == Result("conf\n", "", 0)


def test_what_is_up_to_date_knows_args_and_commands(project: MakeProject) -> None:
    text = "tasks: {gen: {args: {what: {}}, source: in.txt, target: out.txt, run: 'cp in.txt out.txt; echo made ${what}'}}"
    p = project({"tusk.yml": text, "in.txt": "1\n"})
    assert p.run("-q", "gen", "a").stdout == "made a\n"
    assert p.run("-q", "gen", "a").stdout == ""
    assert p.run("-q", "gen", "b").stdout == "made b\n"
    p.write("tusk.yml", text.replace("echo made", "echo v2"))
    assert p.run("-q", "gen", "a").stdout == "v2 a\n"
    assert p.run("-q", "gen", "a").stdout == ""


def test_no_home_is_needed(project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    p = project({"tusk.yml": f"{GEN[:-1]}, go: {{run: echo x}}}}\n", "in.txt": "1\n"})
    homeless = {name: value for name, value in p.environ().items() if name not in {"HOME", "XDG_CACHE_HOME"}}
    monkeypatch.setattr(p, "environ", lambda: homeless)
    assert p.run("-q", "go") == Result("x\n", "", 0)
    assert p.run("-q", "gen") == Result("made\n", "", 0)
    assert p.run("-q", "gen") == Result("", "", 0)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("tasks: {go: {options: {v1: {default: a}, v1: {default: b}}, run: 'echo ${v1}'}}\n", "1:42"),
        ("tasks: {go: {args: {v1: {}, v1: {}}, run: 'echo ${v1}'}}\n", "1:29"),
        ("tasks: {go: {args: {a: {type: text}}, run: 'echo ${a}'}}\n", "1:31"),
    ],
)
def test_what_tusk_does_not_notice_is_a_fault_with_its_place(
    project: MakeProject, text: str, place: str
) -> None:
    result = project({"tusk.yml": text}).run("go", "a", "b")
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr.startswith(f"pyrun: tusk.yml:{place}: "), result.stderr


def test_a_task_with_nothing_under_it_breaks_no_other(project: MakeProject) -> None:
    p = project({"tusk.yml": "tasks:\n  go:\n  other: {run: echo other}\n"})
    result = p.run("-q", "other")
    assert "Traceback" not in result.stderr
    assert (result.stdout, result.code) in {("other\n", 0), ("", 2)}
    if result.code:
        assert result.stderr.startswith("pyrun: tusk.yml:2:")


def test_clean_cache_with_a_task_behind_it_is_not_taken_for_done(project: MakeProject) -> None:
    p = project({"tusk.yml": GEN + "\n", "in.txt": "1\n"})
    assert p.run("-q", "gen").stdout == "made\n"
    result = p.run("-q", "--clean-cache", "gen")
    assert (result.stdout, result.code) == ("made\n", 0) or (result.code == 2 and "gen" in result.stderr), (
        result
    )


def test_a_cycle_is_found_at_once(project: MakeProject) -> None:
    p = project({
        "tusk.yml": "tasks: {a: {run: {task: b}}, b: {run: {when: {os: plan9}, task: a}}, c: {run: echo c}}\n"
    })  # fmt: skip
    result = p.run("a")
    assert (result.stdout, result.code) == ("", 2)
    assert "a → b → a" in result.stderr
    assert p.run("-q", "c") == Result("c\n", "", 0)
