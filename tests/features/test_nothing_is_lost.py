"""What the user has is never lost, and what a broken run left never passes for made."""

import os
import shutil
import signal

import pytest

from tests.features.conftest import MakeProject, until


@pytest.mark.parametrize("target", [".", "./", "**", "*.yml", ".pyrun/x", ".git/"])
def test_a_target_that_would_take_more_than_its_own_is_refused(project: MakeProject, target: str) -> None:
    p = project(
        {"tasks.yml": f"tasks: {{t: {{source: [], target: '{target}', run: touch ran}}}}\n", "keep": ""}
    )
    result = p.run("t")
    assert (result.stdout, result.code) == ("", 2)
    assert f"the target `{target}` would take `" in result.stderr
    assert p.files() == ["keep", "tasks.yml"]


def test_files_that_a_pattern_only_happens_to_match_are_kept(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {t: {source: [in], target: 'src/*_pb2.py', run: \"cp in src/$(cat in)_pb2.py\"}}\n",
        "in": "a",
        "src/mine_pb2.py": "precious",
    })  # fmt: skip
    assert p.run("t").code == 0
    p.write("in", "b")
    assert p.run("t").code == 0
    assert p.files() == ["in", "src/b_pb2.py", "src/mine_pb2.py", "tasks.yml"]
    assert p.read("src/mine_pb2.py") == "precious"


def test_what_a_failed_run_left_in_a_target_folder_is_gone_before_the_next(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {t: {source: [in], target: gen/, run: ['mkdir -p gen; touch gen/$(cat in)', 'test ! -e bad']}}\n",
        "in": "half",
        "bad": "",
    })  # fmt: skip
    assert p.run("t").code == 1
    p.remove("bad")
    p.write("in", "whole")
    assert p.run("t").code == 0
    assert p.files() == ["gen/whole", "in", "tasks.yml"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_did_not_finish_is_not_taken_for_the_one_before(
    project: MakeProject, number: signal.Signals
) -> None:
    p = project({
        "tasks.yml": "tasks: {t: {source: [in], run: [cp in out, \"trap 'exit 0' TERM; until [ -e go ]; do sleep 0.01; done\"]}}\n",
        "in": "1",
        "go": "",
    })  # fmt: skip
    assert p.run("t").code == 0
    p.remove("go")
    p.write("in", "2")
    running = p.start("t")
    until(lambda: p.read("out") == "2", "the new one is half done")
    running.signal(number)
    running.result()
    p.end_all()
    p.write("go", "")
    p.write("in", "1")
    assert "up to date" not in p.run("t").stderr
    assert p.read("out") == "1"


def test_a_task_that_removes_its_own_source_stops_nobody(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks:\n  a: {source: [in], run: rm in}\n  b: {run: 'sleep 0.3; touch done'}\n  all: {deps: [a, b]}\n",
        "in": "",
    })  # fmt: skip
    assert p.run("-j2", "all").code == 0
    assert p.exists("done")


def test_the_time_of_an_images_files_counts_for_it(project: MakeProject) -> None:
    image = "{name: x, from: scratch, copy: [{source: in, to: /}]}"
    p = project({"tasks.yml": f"tasks: {{img: {{image: {image}}}}}\n", "in": ""})
    first = p.run("img").stderr
    dated = p.run("img", env={"SOURCE_DATE_EPOCH": "1000000"}).stderr
    assert first != dated
    assert "up to date" not in dated
    assert p.run("img", env={"SOURCE_DATE_EPOCH": "abc"}).code == 2


def test_two_images_of_one_name_are_refused(project: MakeProject) -> None:
    image = "{name: x, from: scratch, copy: [{source: in, to: /}]}"
    p = project({"tasks.yml": f"tasks: {{a: {{image: {image}}}, b: {{image: {image}}}}}\n", "in": ""})
    result = p.run("a", "b")
    assert result.code == 2
    assert "`a` and `b` both make the image `x:latest`" in result.stderr


@pytest.mark.parametrize("path", ["/dev/full", "folder", ""])
def test_an_archive_replaces_nothing_but_a_file(project: MakeProject, path: str) -> None:
    image = "{name: x, from: scratch, copy: [{source: in, to: /}]}"
    p = project({"tasks.yml": f"tasks: {{img: {{image: {image}}}}}\n", "in": "", "folder/kept": ""})
    result = p.run("img", f"--save={path}")
    assert result.code == 2
    assert f"`--save {path}` is no file that can be replaced" in result.stderr
    assert p.exists("folder/kept")


def test_a_tool_beside_a_tasks_folder_is_noticed(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {dir: sub, source: [], run: ./tool}}\n"})
    p.script("sub/tool", "#!/bin/sh\necho one\n")
    assert p.run("t").stdout == "one\n"
    p.script("sub/tool", "#!/bin/sh\necho two\n")
    assert p.run("t").stdout == "two\n"


def test_closed_standard_files_are_nobodys(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": "tasks: {a: {run: 'seq 1000'}, b: {run: 'seq 1000'}, c: {run: 'pyrun -j2 a b <&- >&-'}}\n"
        }
    )
    assert p.run("c", "-q").code == 0


def test_a_target_folder_that_is_a_link_is_never_emptied_through_it(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {t: {source: [in], target: out/, run: 'mkdir -p out; cp in out/a'}}\n", "in": "1", "docs/own": "x",
    })  # fmt: skip
    elsewhere = f"{p.root}/../elsewhere"
    os.makedirs(f"{elsewhere}/deep")
    for name in ("f", "deep/g"):
        with open(f"{elsewhere}/{name}", "w", encoding="ascii") as file:
            file.write("mine")
    assert p.run("-q", "t").code == 0
    for place in (elsewhere, "docs"):
        for number in range(3):
            if os.path.islink(p.path("out")):
                p.remove("out")
            else:
                shutil.rmtree(p.path("out"))
            os.symlink(place, p.path("out"))
            p.write("in", f"{place} {number}")
            assert p.run("-q", "t").code == 0
            assert p.read("out/a") == f"{place} {number}"
    assert (p.read("docs/own"), os.path.exists(f"{elsewhere}/f"), os.path.exists(f"{elsewhere}/deep/g")) == (
        "x",
        True,
        True,
    )


def test_files_that_lay_in_a_target_folder_before_the_task_ever_ran_stay(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              sub: {source: [in], target: src/, run: "mkdir -p src; cp in src/s.c"}
              use: {deps: [sub], source: ["src/*.c"], target: all.c, run: "cat src/*.c > all.c"}
        """,
        "in": "1\n", "src/hand.c": "hand\n",
    })  # fmt: skip
    for text in ("1\n", "2\n", "1\n"):
        p.write("in", text)
        assert p.run("-q", "use").code == 0
        assert p.read("all.c") == f"hand\n{text}"
    shutil.rmtree(p.path("src"))
    assert p.run("-q", "use").code == 0
    # What was not made by the task was never kept as if it were.
    assert p.files() == ["all.c", "in", "src/s.c", "tasks.yml"]


def test_a_file_that_merely_matches_a_target_is_not_kept_as_made(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {t: {source: [in], target: 'gen/*.txt', run: 'mkdir -p gen; cp in gen/x.txt; echo ran >> log'}}\n",
        "in": "1\n",
    })  # fmt: skip
    assert p.run("-q", "t").code == 0
    p.write("gen/mine.txt", "mine\n")
    for _ in range(3):
        assert p.run("-q", "t").code == 0
    assert p.lines("log") == ["ran", "ran"]
    assert p.read("gen/mine.txt") == "mine\n"
    shutil.rmtree(p.path("gen"))
    assert p.run("-q", "t").code == 0
    assert p.files() == ["gen/x.txt", "in", "log", "tasks.yml"]
