"""What runs again and what need not: the table of the design row by row, and every reason in words."""

import os
import re
import subprocess

import pytest

from tests.features.conftest import MakeProject, Project, Result

COPY = """
    tasks:
      copy:
        source: [in.txt]
        target: out.txt
        run: cp in.txt out.txt && echo ran >> log
"""
TOLD = "copy $ cp in.txt out.txt && echo ran >> log\n"
FRESH = Result("", "copy: up to date (1 source and out.txt as in the last run)\n", 0)
RAN = Result("", TOLD, 0)


def why(p: Project, *words: str, env: dict[str, str] | None = None) -> str:
    """Why the one task asked for ran or was brought back; empty if it was up to date."""
    result = p.run(*words, "-v", env=env)
    assert result.code == 0, result
    for line in result.stderr.splitlines():
        _, found, reason = line.partition(": runs, because ")
        if found and line.startswith(words[0]):
            return reason
        _, found, reason = line.partition(": restored (")
        if found and line.startswith(words[0]):
            return reason.removesuffix(")")
    return ""


def runs(p: Project, *words: str, name: str = "log") -> int:
    """How often a log grew by one call."""
    before = len(p.lines(name))
    assert p.run(*words).code == 0
    return len(p.lines(name)) - before


@pytest.fixture
def copy(project: MakeProject) -> Project:
    p = project({"tasks.yml": COPY, "in.txt": "content\n"})
    assert p.run("copy") == RAN
    return p


def test_with_source_and_target_the_second_run_is_one_line(copy: Project) -> None:
    for _ in range(3):
        assert copy.run("copy") == FRESH
    assert copy.lines("log") == ["ran"]
    assert copy.run("copy", "-q") == Result("", "", 0)


def test_with_sources_only_it_is_skipped_too(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {check: {source: [a, b], run: echo ran >> log}}\n", "a": "1", "b": "2",
    })  # fmt: skip
    assert p.run("check") == Result("", "check $ echo ran >> log\n", 0)
    assert p.run("check") == Result("", "check: up to date (2 sources as in the last run)\n", 0)
    p.write("b", "3")
    assert why(p, "check") == "b changed"


def test_with_targets_only_it_runs_every_time(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {make: {target: out, run: echo x >> out}}\n"})
    for _ in range(3):
        assert p.run("make") == Result("", "make $ echo x >> out\n", 0)
    assert why(p, "make") == "it has no `source`, so it runs every time"
    assert p.lines("out") == ["x"] * 4


def test_with_neither_it_runs_every_time(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {go: {run: echo x >> log}}\n"})
    for _ in range(3):
        assert p.run("go", "-q") == Result("", "", 0)
    assert p.lines("log") == ["x"] * 3
    assert p.files() == ["log", "tasks.yml"]
    assert not p.exists(".pyrun")


def test_an_empty_source_list_says_that_it_reads_nothing(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {make: {source: [], target: out, run: echo x >> out}}\n"})
    assert [runs(p, "make", name="out") for _ in range(3)] == [1, 0, 0]
    assert p.run("make") == Result("", "make: up to date (out as in the last run)\n", 0)


def test_another_time_without_another_content_runs_nothing(copy: Project) -> None:
    for name in ("in.txt", "out.txt", "tasks.yml"):
        copy.touch(name)
        assert copy.run("copy") == FRESH, name
    copy.write("in.txt", copy.read("in.txt"))
    assert copy.run("copy") == FRESH
    assert copy.lines("log") == ["ran"]


def test_a_file_written_anew_with_the_same_content_runs_nothing(copy: Project) -> None:
    copy.write("other", "content\n")
    os.replace(copy.path("other"), copy.path("in.txt"))
    assert copy.run("copy") == FRESH


def test_a_changed_source_runs_it(copy: Project) -> None:
    copy.write("in.txt", "changed\n")
    assert why(copy, "copy") == "in.txt changed"
    assert copy.read("out.txt") == "changed\n"
    assert copy.run("copy") == FRESH


def test_an_edit_of_the_same_size_with_its_time_set_back_is_found(copy: Project) -> None:
    for text in ("CONTENT\n", "content\n", "cOntent\n"):
        before = os.stat(copy.path("in.txt"))
        copy.write("in.txt", text)
        os.utime(copy.path("in.txt"), ns=(before.st_atime_ns, before.st_mtime_ns))
        assert os.stat(copy.path("in.txt")).st_mtime_ns == before.st_mtime_ns
        assert why(copy, "copy") == "in.txt changed"
        assert copy.read("out.txt") == text


def test_edits_in_quick_succession_are_all_found(copy: Project) -> None:
    for number in range(25):
        copy.write("in.txt", f"content {number:03}\n")
        copy.run("copy")
        assert copy.read("out.txt") == f"content {number:03}\n"


def test_a_result_of_earlier_is_no_reason_to_skip(copy: Project) -> None:
    copy.write("in.txt", "second\n")
    copy.run("copy")
    copy.write("in.txt", "content\n")
    assert why(copy, "copy") == "in.txt changed"
    assert copy.read("out.txt") == "content\n"


def test_the_executable_bit_of_a_source_counts_and_no_other(copy: Project) -> None:
    os.chmod(copy.path("in.txt"), 0o600)
    assert copy.run("copy") == FRESH
    os.chmod(copy.path("in.txt"), 0o755)
    assert why(copy, "copy") == "the executable bit of in.txt changed"
    os.chmod(copy.path("in.txt"), 0o744)
    assert why(copy, "copy") == ""


def test_a_removed_target_is_made_again(copy: Project) -> None:
    copy.remove("out.txt")
    assert why(copy, "copy") == "the target out.txt is gone"
    assert copy.read("out.txt") == "content\n"


def test_a_target_that_was_tampered_with_is_made_again(copy: Project) -> None:
    copy.write("out.txt", "CONTENT\n")
    assert why(copy, "copy") == "the target out.txt changed"
    assert copy.read("out.txt") == "content\n"
    os.chmod(copy.path("out.txt"), 0o755)
    assert why(copy, "copy") == "the executable bit of the target out.txt changed"


def test_a_changed_command_runs_it(copy: Project) -> None:
    copy.write("tasks.yml", copy.read("tasks.yml").replace("echo ran", "echo Ran"))
    assert why(copy, "copy") == "command 1 changed"
    assert copy.run("copy") == FRESH
    copy.write("tasks.yml", copy.read("tasks.yml").replace("target: out.txt", "target: [out.txt, log]"))
    assert why(copy, "copy") == "targets changed"


def test_what_only_people_read_runs_nothing(copy: Project) -> None:
    text = copy.read("tasks.yml").replace("copy:\n", "copy:\n    usage: Copies\n")
    copy.write("tasks.yml", "# a comment\nname: new\n" + text + "  other: {run: echo other}\n")
    assert copy.run("copy") == FRESH


def test_variables_that_are_declared_count_and_no_others(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                options: {x: {environment: FOR_X}}
                source: [a]
                env: {MINE: "${CALLER}"}
                run: echo ran >> log
        """,
        "a": "",
    })  # fmt: skip
    assert why(p, "t") == "it has not run here yet"
    assert why(p, "t", env={"OTHER": "1"}) == ""
    assert why(p, "t", env={"CALLER": "1"}) == "variable MINE changed"
    assert why(p, "t", env={"CALLER": "1", "OTHER": "2"}) == ""
    p.write("tasks.yml", p.read("tasks.yml").replace("MINE", "YOURS"))
    assert why(p, "t", env={"CALLER": "1"}) in {"variable YOURS is new", "variable MINE is gone"}


def test_each_invocation_has_a_state_of_its_own(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                args: {who: {}}
                options: {x: {default: d, environment: FOR_X}}
                source: [a]
                run: echo ran >> log
        """,
        "a": "",
    })  # fmt: skip
    for words in (["ann"], ["bob"], ["ann", "--x=1"]):
        assert runs(p, "t", *words) == 1
    for words in (["ann"], ["bob"], ["ann", "--x=1"], ["ann", "--x=d"]):
        assert runs(p, "t", *words) == 0
    assert p.run("t", "ann", env={"FOR_X": "1"}).stderr.startswith("t ann: up to date")
    p.write("a", "new")
    for words in (["ann"], ["bob"], ["ann", "--x=1"]):
        assert runs(p, "t", *words) == 1


def test_another_program_on_path_runs_it(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {source: [a], run: [tool, echo ran >> log]}}\n", "a": ""})
    p.script("one/tool", "#!/bin/sh\n")
    p.script("two/tool", "#!/bin/sh\n")
    path = p.environ()["PATH"]
    one, two = ({"PATH": f"{p.root}/{name}:{path}"} for name in ("one", "two"))
    assert why(p, "t", env=one) == "it has not run here yet"
    assert why(p, "t", env=one) == ""
    assert why(p, "t", env=two) == "program tool changed"
    assert why(p, "t", env=two) == ""
    p.script("two/tool", "#!/bin/sh\nexit 0\n")
    assert why(p, "t", env=two) == "program tool changed"
    os.unlink(p.path("two/tool"))
    os.symlink("../one/tool", p.path("two/tool"))
    assert why(p, "t", env=two) == "program tool changed"
    p.script("one/tool", "#!/bin/sh\nexit  0\n")
    assert why(p, "t", env=two) == "program tool changed"


def test_a_new_or_a_removed_source_under_a_pattern_runs_it(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {source: ["src/**/*.txt"], run: echo ran >> log}
              f: {source: [src], run: echo ran >> log}
        """,
        "src/a.txt": "", "src/b/c.txt": "",
    })  # fmt: skip
    assert why(p, "t") == why(p, "f") == "it has not run here yet"
    p.write("src/b/d.txt", "")
    assert why(p, "t") == why(p, "f") == "src/b/d.txt is new"
    p.remove("src/a.txt")
    assert why(p, "t") == why(p, "f") == "src/a.txt is gone"
    p.write("src/note.md", "")
    assert why(p, "t") == ""
    assert why(p, "f") == "src/note.md is new"
    os.rename(p.path("src/b/d.txt"), p.path("src/b/e.txt"))
    assert why(p, "t") == "src/b/e.txt is new"


def test_what_is_excluded_does_not_count(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {source: [src, {exclude: ["**/*.tmp", src/skip]}], run: echo ran >> log}
        """,
        "src/a.txt": "", "src/x/b.tmp": "", "src/skip/c": "",
    })  # fmt: skip
    assert why(p, "t") == "it has not run here yet"
    p.write("src/x/b.tmp", "1")
    p.write("src/new.tmp", "1")
    p.write("src/skip/c", "1")
    p.write("src/skip/d", "1")
    assert why(p, "t") == ""
    p.write("src/x/c.txt", "1")
    assert why(p, "t") == "src/x/c.txt is new"


def test_what_git_ignores_does_not_count_unless_it_is_written_out(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {source: ["**/*.txt"], run: "true"}
              w: {source: [ignored.txt], run: "true"}
              all: {source: [.], run: "true"}
        """,
        ".gitignore": "ignored*\nbuild/\n", "a.txt": "", "ignored.txt": "", "build/b.txt": "",
    })  # fmt: skip
    subprocess.run(["git", "init", "-q", p.root], check=True)
    for task in ("t", "w", "all"):
        assert why(p, task) == "it has not run here yet"
    p.write("ignored.txt", "1")
    p.write("ignored2.txt", "1")
    p.write("build/b.txt", "1")
    p.write("build/c.txt", "1")
    assert why(p, "t") == ""
    assert why(p, "all") == ""
    assert why(p, "w") == "ignored.txt changed"
    p.write(".gitignore", "build/\n")
    assert why(p, "t") == "ignored.txt is new"


def test_pyruns_own_state_and_the_own_targets_are_no_sources(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {t: {source: [.], target: [out/, '*.made'], run: 'mkdir -p out; date +%N > out/x; date +%N > y.made'}}\n",
    })  # fmt: skip
    assert why(p, "t") == "it has not run here yet"
    assert why(p, "t") == ""


CHAIN = """
    tasks:
      first:
        source: [in.txt]
        target: mid.txt
        run: head -n 1 in.txt > mid.txt && echo first >> log
      second:
        deps: [first]
        source: [mid.txt]
        target: out.txt
        run: cp mid.txt out.txt && echo second >> log
"""


def test_a_dep_that_made_the_same_again_starts_nothing_behind_it(project: MakeProject) -> None:
    p = project({"tasks.yml": CHAIN, "in.txt": "one\ntwo\n"})
    assert p.run("second").code == 0
    assert p.lines("log") == ["first", "second"]
    p.write("in.txt", "one\nTWO\n")
    assert p.run("second") == Result(
        "",
        "first $ head -n 1 in.txt > mid.txt && echo first >> log\n"
        "second: up to date (1 source, 1 dep and out.txt as in the last run)\n",
        0,
    )
    p.write("in.txt", "ONE\n")
    assert p.run("second").code == 0
    assert p.lines("log") == ["first", "second", "first", "first", "second"]


def test_what_a_dep_with_target_made_counts_though_it_is_no_source(project: MakeProject) -> None:
    text = CHAIN.replace("source: [mid.txt]", "source: []")
    p = project({"tasks.yml": text, "in.txt": "one\n"})
    assert runs(p, "second") == 2
    p.write("in.txt", "new\n")
    result = p.run("second", "-v")
    assert "second: runs, because dep first changed\n" in result.stderr


def test_a_dep_without_target_counts_by_its_key(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              install: {source: [lock], run: echo install >> log}
              always: {run: echo always >> log}
              build: {deps: [install, always], source: [a], run: echo build >> log}
        """,
        "lock": "1", "a": "1",
    })  # fmt: skip
    assert p.run("-j1", "build").code == 0
    assert p.run("-j1", "build").code == 0
    assert p.lines("log") == ["install", "always", "build", "always"]
    p.write("lock", "2")
    result = p.run("-j1", "build", "-v")
    assert "build: runs, because dep install changed\n" in result.stderr
    p.write("tasks.yml", p.read("tasks.yml").replace("echo always", "echo Always"))
    result = p.run("-j1", "build", "-v")
    assert "build: runs, because dep always changed\n" in result.stderr


def test_what_lies_behind_a_dep_without_target_is_seen_through_it(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              make: {source: [a], target: made, run: cp a made}
              group: {deps: [make]}
              use: {deps: [group], source: [], target: used, run: cp made used && echo use >> log}
        """,
        "a": "1",
    })  # fmt: skip
    assert [runs(p, "use"), runs(p, "use")] == [1, 0]
    p.write("a", "2")
    assert runs(p, "use") == 1
    assert p.read("used") == "2"


def test_a_task_that_changes_its_own_source_is_not_taken_for_done(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {fmt: {source: [a], run: echo x >> a}}\n", "a": ""})
    told = "fmt $ echo x >> a\npyrun: a changed while fmt ran, so that is not taken for done\n"
    assert p.run("fmt") == Result("", told, 0)
    assert p.run("fmt") == Result("", told, 0)
    p.write("tasks.yml", "tasks: {fmt: {source: [a], run: 'true'}}\n")
    assert p.run("fmt") == Result("", "fmt $ true\n", 0)
    assert p.run("fmt") == Result("", "fmt: up to date (1 source as in the last run)\n", 0)


def test_a_source_changed_while_its_task_runs_is_not_taken_for_done(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {t: {source: [a], target: out, run: 'cp a out; cat next > a; true'}}\n",
        "a": "old", "next": "new",
    })  # fmt: skip
    assert p.run("t").code == 0
    assert p.read("out") == "old"
    assert p.run("t").code == 0
    assert p.read("out") == "new"


def test_a_failed_run_is_not_remembered(copy: Project) -> None:
    good = copy.read("tasks.yml")
    copy.write("tasks.yml", good.replace("echo ran >> log", "exit 3"))
    for _ in range(2):
        assert copy.run("copy", "-q").code == 3
    copy.write("tasks.yml", good)
    assert why(copy, "copy") == "it did not succeed last time"
    assert copy.run("copy") == FRESH


def test_stale_files_of_a_folder_target_and_a_pattern_are_removed(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                source: [list]
                target: [out/, "gen-*.txt", fixed]
                run: |
                  mkdir -p out/deep
                  for n in $(cat list); do echo $n > out/deep/$n; echo $n > gen-$n.txt; done
                  echo x >> fixed
        """,
        "list": "a b",
    })  # fmt: skip
    assert p.run("t").code == 0
    assert p.files() == ["fixed", "gen-a.txt", "gen-b.txt", "list", "out/deep/a", "out/deep/b", "tasks.yml"]
    p.write("out/mine", "not made by it")
    p.write("list", "b c")
    assert p.run("t").code == 0
    assert [name for name in p.files() if name != "out/mine"] == [
        "fixed", "gen-b.txt", "gen-c.txt", "list", "out/deep/b", "out/deep/c", "tasks.yml",
    ]  # fmt: skip
    assert p.read("fixed") == "x\nx\n"


def test_a_stale_file_that_is_a_source_stays(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                source: [list, out/kept]
                target: ["out/*"]
                run: for n in $(cat list); do echo $n > out/$n; done
        """,
        "list": "a", "out/kept": "source",
    })  # fmt: skip
    assert p.run("t").code == 0
    p.write("list", "b")
    assert p.run("t").code == 0
    assert p.files() == ["list", "out/b", "out/kept", "tasks.yml"]


def test_a_file_that_appears_in_a_target_folder_makes_it_run(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {t: {source: [a], target: out/, run: 'mkdir -p out; cp a out/a'}}\n", "a": "",
    })  # fmt: skip
    assert why(p, "t") == "it has not run here yet"
    p.write("out/more", "")
    assert why(p, "t") == "the target out/more is new"
    assert why(p, "t") == ""


def test_force_runs_it_though_it_is_up_to_date(copy: Project) -> None:
    assert why(copy, "copy", "--force") == "`--force` was given"
    assert copy.run("copy") == FRESH


def test_a_target_that_is_written_out_and_not_made_is_an_error(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks:\n  t: {source: [a], target: [b, out], run: touch b}\n", "a": ""})
    for _ in range(2):
        assert p.run("t") == Result(
            "",
            "t $ touch b\n"
            "pyrun: tasks.yml:2:32: `t` succeeded, but left no `out`\n"
            "  2 |   t: {source: [a], target: [b, out], run: touch b}\n"
            "    |                                ^^^\n"
            "  does its command write `out`, relative to the file's folder?\n",
            1,
        )


def test_an_empty_target_folder_is_there(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {source: [], target: gen/, run: mkdir -p gen}}\n"})
    assert p.run("t") == Result("", "t $ mkdir -p gen\n", 0)
    assert p.run("t").stderr.startswith("t: up to date")
    os.rmdir(p.path("gen"))
    assert p.run("t").code == 0
    assert p.exists("gen")


def test_a_task_whose_target_is_missing_stops_what_needs_it(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks:\n  t: {target: out, run: 'true'}\n  u: {deps: [t], run: touch ran}\n"
    })  # fmt: skip
    assert p.run("u").code == 1
    assert p.files() == ["tasks.yml"]


def test_overlapping_targets_are_refused_and_both_are_named(project: MakeProject) -> None:
    pairs = (("out", "out"), ("out/", "out/x"), ("bin/*", "bin/a"), ("a-*", "*-b"), ("out/a/b", "out/a/"))
    for one, other in pairs:
        p = project({
            "tasks.yml": f"tasks:\n  one: {{target: '{one}', run: touch ran}}\n"
            f"  other: {{target: '{other}', run: touch ran}}\n  both: {{deps: [one, other]}}\n"
        })  # fmt: skip
        for words in (["one", "other"], ["both"]):
            result = p.run(*words)
            assert (result.stdout, result.code) == ("", 2)
            assert re.search("`(one` and `other|other` and `one)` both write", result.stderr)
            assert "give each a target of its own" in result.stderr
        assert p.files() == ["tasks.yml"]
        assert "both write" not in p.run("one").stderr


def test_targets_of_two_invocations_of_one_task_overlap_too(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks:\n  t: {args: {x: {values: [a, b]}}, target: out, run: touch out}\n"})
    result = p.run("t", "--all")
    assert (result.stdout, result.code) == ("", 2)
    assert "`t a` and `t b` both write `out`" in result.stderr
    assert p.run("t", "a", "-q") == Result("", "", 0)


def test_a_source_that_matches_nothing_is_refused_before_anything_runs(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              first: {run: touch ran}
              t: {deps: [first], source: [main.txt], run: touch ran}
              g: {source: ["src/*.go"], run: touch ran}
              f: {source: [src/], run: touch ran}
        """,
        "mian.txt": "",
    })  # fmt: skip
    assert p.run("t") == Result(
        "",
        "pyrun: tasks.yml:3:31: the source `main.txt` matches no file\n"
        "  3 |   t: {deps: [first], source: [main.txt], run: touch ran}\n"
        "    |                               ^^^^^^^^\n"
        "  did you mean `mian.txt`?\n",
        2,
    )
    for task, pattern in (("g", "src/*.go"), ("f", "src/")):
        result = p.run("first", task)
        assert (result.stdout, result.code) == ("", 2)
        assert f"the source `{pattern}` matches no file\n" in result.stderr
    assert p.files() == ["mian.txt", "tasks.yml"]


def test_a_source_that_a_dep_may_make_is_looked_for_at_its_turn(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              make: {target: gen/, run: "mkdir -p gen; touch gen/b; [ ! -e on ] || touch gen/a.txt"}
              use: {deps: [make], source: ["gen/*.txt"], run: echo used >> log}
              other: {deps: [make], source: ["src/*.txt"], run: touch ran}
        """
    })  # fmt: skip
    result = p.run("use", "-q")
    assert (result.stdout, result.code) == ("", 2)
    assert "the source `gen/*.txt` matches no file\n" in result.stderr
    assert p.exists("gen")
    p.write("on", "")
    assert runs(p, "use") == 1
    assert p.run("other").code == 2
    assert not p.exists("ran")


def test_a_damaged_or_removed_state_is_as_if_nothing_had_run(copy: Project) -> None:
    path = f"{copy.root}/.pyrun"
    names = [name for name in os.listdir(path) if os.path.isfile(f"{path}/{name}") and name != ".gitignore"]
    assert names
    kept = {name: copy.read(f".pyrun/{name}") for name in names}
    for name, text in kept.items():
        for damage in (
            "",
            text[: len(text) // 2],
            text[:-1],
            text[:-3] + "\n",
            "x" + text,
            text.replace("[", "]"),
            "\udcff\n",
        ):
            copy.write(f".pyrun/{name}", damage)
            told = copy.run("copy").stderr
            known = {RAN.stderr, FRESH.stderr} | {
                f"copy: restored ({why})\n"
                for why in ("it has not run here yet", "its last run was cut short")
            }
            assert told in known, (name, damage)
            copy.write("in.txt", "content\n")
            copy.write("out.txt", "bad\n")
            assert copy.run("copy").code == 0
            assert copy.read("out.txt") == "content\n"
            assert copy.run("copy") == FRESH


def test_the_state_is_ignored_by_git(copy: Project) -> None:
    subprocess.run(["git", "init", "-q", copy.root], check=True)
    told = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], cwd=copy.root, capture_output=True, text=True, check=True
    )
    assert ".pyrun" not in told.stdout


def test_a_moved_checkout_keeps_what_is_up_to_date(copy: Project) -> None:
    os.rename(copy.root, f"{copy.root}-moved")
    copy.root = f"{copy.root}-moved"
    assert copy.run("copy") == FRESH


def test_links_count_by_what_they_lead_to(copy: Project) -> None:
    copy.write("real", "content\n")
    copy.remove("in.txt")
    os.symlink("real", copy.path("in.txt"))
    assert copy.run("copy") == FRESH
    copy.write("real", "other\n")
    assert why(copy, "copy") == "in.txt changed"
    copy.remove("real")
    result = copy.run("copy")
    assert (result.stdout, result.code) == ("", 2)
    assert "matches no file" in result.stderr


def test_with_several_commands_all_count_and_each_runs(project: MakeProject) -> None:
    p = project(
        {"tasks.yml": "tasks: {t: {source: [a], run: [echo 1 >> log, 'false', echo 2 >> log]}}\n", "a": ""}
    )
    for _ in range(2):
        assert p.run("t", "-q") == Result("", "pyrun: t failed with exit status 1: false\n", 1)
    assert p.lines("log") == ["1", "1"]


def test_an_up_to_date_task_tells_on_stderr_only_and_runs_no_program(copy: Project) -> None:
    result = copy.run("copy", env={"PATH": copy.environ()["PATH"]})
    assert result.stdout == ""
    traced = f"{copy.home}/trace"
    subprocess.run(
        ["strace", "-f", "-qq", "-e", "trace=execve,fork,vfork,clone,clone3", "-o", traced,
         f"{copy.environ()['PATH'].partition(':')[0]}/pyrun", "copy"],
        cwd=copy.root, env=copy.environ(), capture_output=True, check=True,
    )  # fmt: skip
    with open(traced, encoding="utf-8") as file:
        calls = [
            line for line in file if ("= 0" in line and "execve" in line) or "clone" in line or "fork" in line
        ]
    assert len(calls) == 1


def test_a_target_folder_in_which_git_tracks_files_is_refused(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {t: {source: [], target: web/gen, run: touch web/gen/made}}\n",
        "web/gen/kept.txt": "",
    })  # fmt: skip
    for words in (["init", "-q"], ["add", "web"]):
        subprocess.run(["git", *words], cwd=p.root, check=True, env=p.environ())
    assert p.run("t") == Result(
        "",
        "pyrun: tasks.yml:1:33: git tracks files in the target folder `web/gen`, and a target folder is owned whole\n"
        "  1 | tasks: {t: {source: [], target: web/gen, run: touch web/gen/made}}\n"
        "    |                                 ^^^^^^^\n"
        "  name what is made by a pattern, such as `web/gen/*.gen.go`, or a folder of its own\n",
        2,
    )
    assert p.exists("web/gen/kept.txt")
    assert not p.exists("web/gen/made")
