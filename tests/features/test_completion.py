"""What TAB offers: by what pyrun answers, and in real shells that read its scripts."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.cli.bash_line import BashLine
from tests.features.conftest import PYRUN, MakeProject, Project, Result, until

FILE = """
    args:
      service: {usage: A service, values: [api, web, db]}
      kind: {values: ["${service}-small", "${service}-big"]}
    tasks:
      build:
        usage: Compile a service
        args: [service]
        options:
          mode: {usage: Which way, short: m, values: [fast, slow]}
          race: {usage: With checks, short: r, type: bool}
          tags: {usage: More, type: list}
          level: {type: int}
          log: {usage: Where to}
        run: touch ran
      api:build: {usage: "Compile: only the API", run: touch ran}
      api:test: {run: touch ran}
      size: {args: [service, kind], run: touch ran}
      send:
        args: {to: {usage: A file}, count: {type: int}, rest: {type: list}}
        run: touch ran
      many: {args: {what: {type: list, values: [one, two]}}, run: touch ran}
      jobs: {options: {jobs: {usage: Its own}}, run: touch ran}
      secret: {private: true, run: touch ran}
"""
TASKS = ["build", "api:build", "api:test", "size", "send", "many", "jobs"]
ODD = (
    "$(touch x)",
    "`touch x`",
    "a b",
    'q"uote',
    "q'uote",
    "semi;touch x",
    "*",
    "~",
    "back\\slash",
    "&&",
    "!1",
)
SHELLS = ("bash", "zsh", "fish", "powershell")


@pytest.fixture
def shop(project: MakeProject) -> Project:
    return project(
        {"tasks.yml": FILE, "notes.txt": "", "sub/inner.txt": "", "su.yml": "tasks: {other: {run: a}}"}
    )


def offered(p: Project, *words: str, cwd: str = "") -> list[str]:
    """What may stand for the last of the words: candidates alone, or what the shell is to look for."""
    found = p.run("--pyrun-complete=fish", *words, cwd=cwd)
    assert found.stderr == ""
    head, *rows = found.stdout.splitlines()
    return [row.split("\t")[0] for row in rows] if head == "values" else [f"<{head}>"]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([""], TASKS),
        (["bu"], TASKS),
        (["-q", ""], TASKS),
        (["--", ""], TASKS),
        (["build", ""], ["api", "web", "db"]),
        (["build", "web", ""], ["api", "db", *TASKS]),
        (["build", "web", "db", ""], ["api", *TASKS]),
        (["build", "web", "api:test", ""], TASKS),
        (["api:build", ""], TASKS),
        (["build", "--all", ""], TASKS),
        (["build", "--", ""], ["api", "web", "db"]),
        (["build", "api", "--", ""], []),
        (["build", "--", "-"], ["api", "web", "db"]),
        (["size", "web", ""], ["web-small", "web-big"]),
        (["size", "web", "web-big", ""], ["web-small", *TASKS]),
        (["build", "--mode", ""], ["fast", "slow"]),
        (["build", "-m", ""], ["fast", "slow"]),
        (["build", "-rm", ""], ["fast", "slow"]),
        (["build", "-mr", ""], []),
        (["build", "--mode="], ["--mode=fast", "--mode=slow"]),
        (["build", "--race="], ["--race=true", "--race=false"]),
        (["build", "--race", ""], ["api", "web", "db"]),
        (["build", "--mode", "fast", ""], ["api", "web", "db"]),
        (["build", "--level", ""], []),
        (["build", "--log", ""], ["<files>"]),
        (["build", "--log="], ["<files\t--log=>"]),
        (["send", ""], ["<files>"]),
        (["send", "a", ""], []),
        (["send", "a", "1", ""], ["<files>"]),
        (["send", "a", "1", "b", ""], ["<files>"]),
        (["many", "one", ""], ["two"]),
        (["--file", ""], ["<files>"]),
        (["--file="], ["<files\t--file=>"]),
        (["-f", ""], ["<files>"]),
        (["-qf", ""], ["<files>"]),
        (["build", "--file", ""], ["<files>"]),
        (["build", "api", "--save", ""], ["<files>"]),
        (["--dir", ""], ["<folders>"]),
        (["-C", ""], ["<folders>"]),
        (["--jobs", ""], []),
        (["jobs", "--jobs", ""], ["<files>"]),
        (["--completion", ""], list(SHELLS)),
        (["--clean=p"], ["--clean=project", "--clean=cache", *(f"--clean=task:{name}" for name in TASKS)]),
        (["--clean-task-cache", ""], TASKS),
        (["--install-completion=f"], [f"--install-completion={shell}" for shell in SHELLS]),
        (["-f", "su.yml", ""], ["other"]),
        (["--file=su.yml", ""], ["other"]),
        (["-C", "..", "-f", "project/su.yml", ""], ["other"]),
        (["-C", ".", "-f", ""], ["su.yml", "tasks.yml"]),
        (["nobody", ""], []),
        (["secret", ""], []),
        (["build", "--nothing", ""], []),
        (["--nothing=a"], []),
    ],
)  # fmt: skip
def test_what_may_stand_next(shop: Project, words: list[str], wanted: list[str]) -> None:
    assert offered(shop, *words) == wanted
    assert not shop.exists("ran")


def test_flags_and_options_behind_a_dash(shop: Project) -> None:
    from runner.cli.arguments import FLAGS  # noqa: PLC0415 - the one table of them

    ours = [f"--{name}" for name in FLAGS]
    own = ["--mode", "--race", "--tags", "--level", "--log"]
    assert offered(shop, "-") == offered(shop, "--pyrun-") == ours
    assert offered(shop, "build", "--") == [*own, *ours]
    given = offered(shop, "build", "--race", "--tags", "a", "--force", "-")
    assert [name for name in (*own, *ours) if name not in given] == ["--race", "--force"]
    assert offered(shop, "jobs", "-")[0] == "--jobs"
    assert offered(shop, "jobs", "-").count("--jobs") == 1
    assert offered(shop, "nobody", "-") == ours
    rows = shop.run("--pyrun-complete=fish", "build", "-").stdout.splitlines()
    assert rows[1:3] == ["--mode\tWhich way", "--race\tWith checks"]
    assert "--list\tList the tasks; --list=json for other programs" in rows


def test_a_file_that_is_broken_or_not_there_gives_flags(project: MakeProject) -> None:
    for files in ({"a": ""}, {"tasks.yml": "tasks: [\n"}, {"tasks.yml": "tasks: {a: {rnu: x}}\n"}):
        p = project(files)
        for words in ([""], ["-"], ["--li"]):
            assert offered(p, *words)[:2] == ["--list", "--help"], (files, words)
        assert offered(p, "-f", "") == ["<files>"]
    assert offered(project({"a": ""}), "build", "") == []
    gone = project({"tasks.yml": FILE})
    for words in (["-f", "none", ""], ["-C", "none", ""], ["-f", "tasks.yml", "-C", "none", ""]):
        assert offered(gone, *words) == []


def test_shared_options_are_offered_where_a_task_uses_them(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            options:
              level: {usage: How much, short: l, values: [low, high], default: low}
              own: {private: true, default: {command: touch ran}}
            tasks:
              a: {usage: One, options: {kind: {values: ["${level}-x"]}}, run: "echo ${level} ${own}"}
              b: {run: a}
        """
    })  # fmt: skip
    assert offered(p, "a", "--")[:2] == ["--level", "--kind"]
    assert "--level" not in offered(p, "b", "--")
    assert offered(p, "a", "-l", "") == ["low", "high"]
    assert offered(p, "a", "--level", "high", "--kind", "") == ["high-x"]
    assert offered(p, "a", "--kind", "") == []
    assert not p.exists("ran")


def test_a_tusk_file_has_flags_before_its_one_task(project: MakeProject) -> None:
    text = "tasks:\n  a:\n    args:\n      one: {values: [x, y]}\n    options: {wide: {type: bool}}\n    run: a\n  b: {run: a}\n"
    p = project({"tusk.yml": text})
    assert offered(p, "") == ["a", "b"]
    assert "--list" in offered(p, "-")
    assert offered(p, "a", "") == ["x", "y"]
    assert offered(p, "a", "-") == ["--wide"]
    assert offered(p, "a", "x", "") == []


def test_the_file_above_is_found_and_a_call_without_words_is_answered(shop: Project) -> None:
    assert offered(shop, "", cwd="sub") == TASKS
    for shell in (*SHELLS, "other", ""):
        answer = shop.run(f"--pyrun-complete={shell}")
        assert (answer.code, answer.stderr, answer.stdout.splitlines()[0]) == (0, "", "values")


def test_what_could_harm_a_terminal_or_add_a_line_is_left_out(project: MakeProject) -> None:
    p = project({
        "tasks.yml": r"""
            tasks:
              good: {usage: "one\ntwo\tthree \x1b[31mred", run: a}
              "bad\nvalues": {run: a}
              "bad\ttab": {run: a}
              "bad\x1b[31m": {run: a}
              call: {args: {a: {values: ["", "x\ny", -v, ok]}, b: {type: int, values: [-1, 2]}}, run: a}
        """
    })  # fmt: skip
    assert p.run("--pyrun-complete=fish", "").stdout == "values\ngood\tone two three [31mred\ncall\t\n"
    assert offered(p, "call", "") == ["ok"]
    assert offered(p, "call", "--", "") == ["-v", "ok"]
    assert offered(p, "call", "ok", "") == ["-1", "2"]


GUARD = """
import os, sys
from runner.cli.main import main
cache = sys.argv.pop(1)
begins = ("os.exec", "os.fork", "os.posix_spawn", "os.system", "subprocess", "socket")
changes = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink")
def guard(event, args):
    written = event in changes or (event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    outside = written and not f"{args[0]}/".startswith(f"{cache}/") and not cache.startswith(f"{args[0]}/")
    if outside or event.startswith(begins):
        os.write(2, f"{event} {args[:2]}\\n".encode())
sys.dont_write_bytecode = True
sys.addaudithook(guard)
sys.exit(main())
"""


def guarded(p: Project, *words: str) -> Result:
    """The program, telling on stderr what it starts, connects to, or writes outside of its cache."""
    argv = [sys.executable, "-c", GUARD, f"{p.home}/.cache/pyrun", *words]
    done = subprocess.run(argv, cwd=p.root, env=p.environ(), capture_output=True, text=True, check=False)
    return Result(done.stdout, done.stderr, done.returncode)


def test_completing_starts_nothing_and_writes_nothing_but_the_cache(shop: Project) -> None:
    before = shop.files()
    for shell, words in (("zsh", ["build", ""]), ("bash", ["pyrun build ", ""]), ("fish", ["send", ""])):
        found = guarded(shop, f"--pyrun-complete={shell}", *words)
        assert (found.code, found.stderr) == (0, "")
        assert found.stdout
    assert shop.files() == before
    assert not shop.exists(".pyrun")


def test_this_guard_sees_what_is_done(shop: Project) -> None:
    told = guarded(shop, "api:test").stderr
    assert re.search(r"^(os\.exec|os\.fork|os\.posix_spawn|subprocess)", told, re.MULTILINE)
    assert re.search(r"^open .*tasks\.yml", guarded(shop, "--init", "--dir", "sub").stderr, re.MULTILINE)


def odd(project: MakeProject) -> Project:
    """A project whose names, values and descriptions are what a shell would like to evaluate."""
    p = project({"big file.txt": "", "bin/x": "", "notes.txt": ""})
    quoted = ["'" + name.replace("'", "''") + "'" for name in ODD]
    tasks = "".join(f"  {name}: {{usage: {name}, run: a}}\n" for name in quoted)
    values = ", ".join(quoted)
    p.write("tasks.yml", f"tasks:\n{tasks}  pick: {{args: {{one: {{values: [{values}]}}}}, run: a}}\n"
            "  api:build: {usage: 'Two: parts', run: a}\n  api:test: {run: a}\n"
            "  only: {options: {mode: {values: ['a:1', 'b 2']}}, run: a}\n  send: {args: {f: {}}, run: a}\n")  # fmt: skip
    return p


class Terminal:
    """A shell on a terminal, at its prompt.

    Args:
        p: Where it runs.
        argv: The shell, interactive; Control-G must write its line, as it stands, to the file `line`.
    """

    def __init__(self, p: Project, argv: list[str]) -> None:
        self.p = p
        self.main, side = os.openpty()
        env = {**p.environ(), "TERM": "dumb", "ZDOTDIR": p.home, "COLUMNS": "200"}
        self.shell = subprocess.Popen(
            argv, cwd=p.root, env=env, stdin=side, stdout=side, stderr=side,
            preexec_fn=lambda: os.login_tty(side),  # noqa: PLW1509 - no thread runs here
        )  # fmt: skip
        os.close(side)
        os.set_blocking(self.main, False)
        self.seen = b""
        until(lambda: b"READY" in self.read(), "the shell's prompt")

    def read(self) -> bytes:
        """All that it has written."""
        try:
            while more := os.read(self.main, 65536):
                self.seen += more
        except (BlockingIOError, OSError):
            pass
        return self.seen

    def completed(self, text: str) -> str:
        """The line after a text, TAB, and what it brings; the line is empty again then."""
        if self.p.exists("line"):
            self.p.remove("line")
        os.write(self.main, text.encode() + b"\t\x07")
        until(lambda: self.read() and self.p.exists("line") and self.p.read("line").endswith("\n"), text)
        line = self.p.read("line")[:-1]
        os.write(self.main, b"\x05\x15")
        return line

    def close(self) -> None:
        """End it."""
        self.shell.kill()
        self.shell.wait()
        os.close(self.main)


def needs(program: str) -> str:
    assert shutil.which(program), f"this test needs {program}: apt-get install zsh fish"
    return program


@pytest.fixture
def bash(project: MakeProject) -> Iterator[Terminal]:
    p = odd(project)
    with open(f"{p.home}/rc", "w", encoding="utf-8") as file:
        file.write("PS1='READY> '\nset +o history\nset -o nounset\nsource <(pyrun --completion bash)\n"
                   "bind 'set enable-bracketed-paste off'\nbind 'set bell-style none'\n"
                   """bind -x '"\\C-g": printf "%s\\n" "$READLINE_LINE" >line'\n""")  # fmt: skip
    shell = Terminal(p, ["bash", "--noprofile", "--rcfile", f"{p.home}/rc", "-i"])
    yield shell
    shell.close()
    assert not p.exists("x")


@pytest.fixture
def zsh(project: MakeProject) -> Iterator[Terminal]:
    p = odd(project)
    assert p.run("--install-completion", "zsh", env={"ZDOTDIR": p.home}).code == 0
    with open(f"{p.home}/.zshrc", "a", encoding="utf-8") as file:
        file.write("PS1='READY> '\nunsetopt zle_bracketed_paste; unset zle_bracketed_paste\n"
                   "told() { print -r -- $BUFFER >line }\nzle -N told\nbindkey '^G' told\nbindkey '^U' kill-whole-line\n"
                   "setopt no_list_beep no_beep\n")  # fmt: skip
    shell = Terminal(p, [needs("zsh"), "-d", "-i"])
    yield shell
    shell.close()
    assert not p.exists("x")


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_a_posix_shell_completes_at_its_prompt(name: str, request: pytest.FixtureRequest) -> None:
    shell = request.getfixturevalue(name)
    for typed, wanted in (
        ("pyrun api:bu", "pyrun api:build "),
        ("pyrun api:", "pyrun api:"),
        ("pyrun api:t", "pyrun api:test "),
        ("pyrun pic", "pyrun pick "),
        ("pyrun --file=not", "pyrun --file=notes.txt "),
        ("pyrun --file not", "pyrun --file notes.txt "),
        ("pyrun --dir b", "pyrun --dir bin/"),
        ("pyrun --dir not", "pyrun --dir not"),
        ("pyrun send big", "pyrun send big\\ file.txt "),
        ("pyrun only --mode=a", "pyrun only --mode=a:1 "),
        ("pyrun only --mode b", "pyrun only --mode b\\ 2 "),
        ("pyrun only --mode=b", "pyrun only --mode=b\\ 2 "),
        ("pyrun zzz", "pyrun zzz"),
        (f"{PYRUN} pic", f"{PYRUN} pick "),
        ("pyrun \\$", "pyrun \\$\\(touch\\ x\\) "),
        ("pyrun pick \\`", "pyrun pick \\`touch\\ x\\` "),
        ("pyrun pick se", "pyrun pick semi\\;touch\\ x "),
        ("pyrun pick back", "pyrun pick back\\\\slash "),
        ("pyrun 'a", "pyrun 'a"),
        ("pyrun 'a ", "pyrun 'a b' "),
        ('pyrun pick "a ', 'pyrun pick "a b" '),
    ):
        assert shell.completed(typed) == wanted, typed


def test_bash_offers_all_that_fits_and_evaluates_none_of_it(project: MakeProject) -> None:
    p = odd(project)
    lines = ["pyrun ", "pyrun pick ", "pyrun $(touch x", "pyrun `touch x", "pyrun pick '$(touch x", 'pyrun "']
    script = ["source <(pyrun --completion bash)"]
    for line in lines:
        word = line.rpartition(" ")[2]
        script += [f"COMP_LINE={quoted(line)} COMP_POINT=${{#COMP_LINE}} COMP_WORDS=(pyrun {quoted(word)}) COMP_CWORD=1",
                   f"COMP_LINE={quoted(line)}; COMP_POINT=${{#COMP_LINE}}",
                   f"_pyrun pyrun {quoted(word)} pyrun; printf '%s\\n' '' \"${{COMPREPLY[@]}}\""]  # fmt: skip
    done = ran(p, "bash", "--norc", "-c", "\n".join(script))
    assert done.stderr == ""
    found = [part.split("\n") for part in done.stdout.strip("\n").split("\n\n")]
    escaped = [re.sub(r"([^\w@%+=:,./-])", r"\\\1", name) for name in ODD]
    assert found[0][: len(ODD)] == escaped
    assert found[1] == escaped
    assert not p.exists("x")


@given(
    words=st.lists(st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=12), max_size=200)
)
@settings(max_examples=5)
def test_bash_reads_what_is_inserted_as_the_word_itself(words: list[str]) -> None:
    lines = []
    for word in words:
        for typed, end in (("", ""), ("'", "'"), ('"', '"')):
            inserted = BashLine(f"pyrun {typed}", "").insertion(word)
            if inserted:
                lines.append((word, f"printf '%s\\0' {typed}{inserted}{end}\n"))
    argv = ["bash", "--norc", "-c", "".join(line for _, line in lines)]
    done = subprocess.run(argv, capture_output=True, check=True, env={"LC_ALL": "C.UTF-8", "HOME": "/"})
    assert done.stderr == b""
    assert done.stdout.decode().split("\0")[:-1] == [word for word, _ in lines]


def test_fish_completes_and_evaluates_nothing(project: MakeProject) -> None:
    p = odd(project)
    assert p.run("--install-completion", "fish").code == 0

    def completed(line: str) -> list[str]:
        done = ran(p, needs("fish"), "-c", f"complete -C {quoted(line)}")
        assert done.stderr == ""
        return done.stdout.splitlines()

    assert completed("pyrun api:") == ["api:build\tTwo: parts", "api:test"]
    assert completed("pyrun pic") == ["pick"]
    assert {row.split("\t")[0] for row in completed("pyrun ")} - set(ODD) == {
        "pick", "api:build", "api:test", "only", "send"
    }  # fmt: skip
    assert set(ODD) - {"~"} <= {row.split("\t")[0] for row in completed("pyrun pick ")}
    assert completed("pyrun only --mode=a") == ["--mode=a:1"]
    assert completed("pyrun --file=not") == ["--file=notes.txt"]
    assert completed("pyrun --dir b") == ["bin/"]
    assert completed("pyrun --dir=b") == ["--dir=bin/"]
    assert completed("pyrun --dir n") == []
    assert completed("pyrun send big") == ["big file.txt"]
    assert completed("pyrun zzz") == []
    for line in (
        "pyrun $(touch x) ",
        "pyrun (touch x) a",
        "pyrun '(touch x",
        "pyrun pick \\$",
        "pyrun --file=(touch x)",
    ):
        completed(line)
    assert not p.exists("x")


def test_powershell_reads_what_pyrun_answers_it(shop: Project) -> None:
    def answered(*words: str) -> list[str]:
        joined = "".join(f"\x1f{word}" for word in words)
        return shop.run("--pyrun-complete=powershell", joined).stdout.splitlines()

    assert answered("api:") == ["values", "api:build\tCompile: only the API", "api:test\t"]
    assert answered("build", "") == ["values", "api\t", "web\t", "db\t"]
    assert answered("--file=a") == ["files\t--file="]
    assert answered("zzz") == ["values"]


def test_the_powershell_script_evaluates_nothing_and_is_balanced(project: MakeProject) -> None:
    text = project({"a": ""}).run("--completion", "pwsh").stdout
    assert "Register-ArgumentCompleter -Native -CommandName pyrun" in text
    assert "--pyrun-complete=powershell" in text
    for word in ("Invoke-Expression", "iex ", "ScriptBlock]::Create", "ExpandString"):
        assert word not in text
    code = re.sub(r"'[^']*'|\"(?:`.|[^\"`])*\"|#[^\n]*", "''", text)
    for pair in ("{}", "()", "[]"):
        assert code.count(pair[0]) == code.count(pair[1]) > 0
    # What comes from pyrun goes through the one function that knows PowerShell's quotes, the round ones too.
    assert "EscapeSingleQuotedStringContent($value)" in text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_in_its_shells_language(shell: str, project: MakeProject) -> None:
    p = project({"a": ""})
    p.write("script", p.run("--completion", shell).stdout)
    done = ran(p, needs(shell), "-n", "script")
    assert done == Result("", "", 0)


def test_a_shell_that_is_not_known_is_refused(project: MakeProject) -> None:
    p = project({"a": ""})
    for flag in ("--completion", "--install-completion", "--uninstall-completion"):
        told = "pyrun: there is no completion for the shell `tcsh`\n  there is one for bash, zsh, fish, powershell\n"
        assert p.run(flag, "tcsh") == Result("", told, 2)
    assert p.run("--completion").code == 2
    assert p.run("--completion", "bash", "build").code == 2


def test_these_flags_go_with_no_task(shop: Project) -> None:
    told = "pyrun: `--init` goes with no task\n  `pyrun --init` does it\n"
    assert shop.run("api:test", "--init") == Result("", told, 2)
    assert not shop.exists("ran")


def placed(p: Project) -> dict[str, str]:
    """What lies in the home folder, pyrun's cache left out."""
    found = {}
    for folder, _, names in os.walk(p.home):
        for name in names:
            path = os.path.join(folder, name)
            if "/.cache" not in folder:
                with open(path, encoding="utf-8", newline="") as file:
                    found[os.path.relpath(path, p.home)] = file.read()
    return found


@pytest.mark.parametrize(
    ("shell", "script", "start"),
    [
        ("zsh", ".local/share/pyrun/completion/pyrun.zsh", ".zshrc"),
        ("powershell", ".local/share/pyrun/completion/pyrun.ps1", ".config/powershell/profile.ps1"),
        ("fish", ".config/fish/completions/pyrun.fish", ""),
    ],
)
def test_a_script_is_put_in_its_place_and_taken_away(
    project: MakeProject, shell: str, script: str, start: str
) -> None:
    p = project({"a": ""})
    if start:
        os.makedirs(os.path.dirname(f"{p.home}/{start}"), exist_ok=True)
        with open(f"{p.home}/{start}", "wb") as file:
            file.write(b"mine=1\r\nlast line without an end")
        os.chmod(f"{p.home}/{start}", 0o640)
    first = p.run("--install-completion", shell)
    assert (first.code, first.stderr) == (0, "")
    assert f"wrote {p.home}/{script}\n" in first.stdout
    assert not start or f"wrote {p.home}/{start}\n" in first.stdout
    once = placed(p)
    assert set(once) == {script, start} - {""}
    assert once[script] == p.run("--completion", shell).stdout
    if start:
        assert once[start].startswith("mine=1\r\nlast line without an end\n")
        assert once[start].count("completion of pyrun") == 1
        assert os.stat(f"{p.home}/{start}").st_mode & 0o777 == 0o640
    again = p.run("--install-completion", shell)
    assert (again.code, placed(p)) == (0, once)
    assert "wrote" not in again.stdout
    assert p.run("--uninstall-completion", shell).code == 0
    assert placed(p) == ({start: "mine=1\r\nlast line without an end\n"} if start else {})
    assert p.run("--uninstall-completion", shell) == Result(
        f"{shell} has no completion of pyrun to remove\n", "", 0
    )


def test_bash_finds_what_was_installed_with_or_without_its_package(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {build: {run: a}}\n"})
    done = p.run("--install-completion", "bash")
    script = f"{p.home}/.local/share/bash-completion/completions/pyrun"
    assert f"wrote {script}\n" in done.stdout
    assert os.path.isfile(script)
    if not os.path.exists(f"{p.home}/.bashrc"):
        # The package looks there by itself.
        assert os.path.isdir("/usr/share/bash-completion")
        return
    found = ran(p, "bash", "--norc", "-c", f"source {p.home}/.bashrc; complete -p pyrun")
    assert found == Result("complete -F _pyrun pyrun\n", "", 0)


def test_a_folder_of_the_users_choice_is_taken(project: MakeProject) -> None:
    p = project({"a": ""})
    env = {
        "BASH_COMPLETION_USER_DIR": f"{p.root}/b:/nowhere",
        "XDG_CONFIG_HOME": f"{p.root}/c",
        "XDG_DATA_HOME": "d",
    }
    for shell in ("bash", "fish", "zsh"):
        assert p.run("--install-completion", shell, env=env).code == 0
    assert p.files() == ["a", "b/completions/pyrun", "c/fish/completions/pyrun.fish"]
    assert ".local/share/pyrun/completion/pyrun.zsh" in placed(p)


def test_a_start_file_that_is_a_link_stays_one(project: MakeProject) -> None:
    p = project({"dots/zshrc": "mine\n"})
    os.symlink(p.path("dots/zshrc"), f"{p.home}/.zshrc")
    p.run("--install-completion", "zsh")
    assert os.path.islink(f"{p.home}/.zshrc")
    assert p.read("dots/zshrc").startswith("mine\n[ ! -r ")


def test_a_start_file_that_cannot_be_written_is_told_with_its_line(project: MakeProject) -> None:
    p = project({"a": ""})
    os.mkdir(f"{p.home}/.zshrc")
    done = p.run("--install-completion", "zsh")
    assert done.code == 1
    assert "can't be read" in done.stderr
    assert p.run("--install-completion", "zsh", env={"HOME": ""}).code == 2


def quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def ran(p: Project, *argv: str) -> Result:
    env = {**p.environ(), "XDG_CONFIG_HOME": f"{p.home}/.config", "TERM": "dumb"}
    done = subprocess.run(argv, cwd=p.root, env=env, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL)  # fmt: skip
    return Result(done.stdout, done.stderr, done.returncode)
