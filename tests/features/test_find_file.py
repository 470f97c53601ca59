"""Which file is used: the nearest one upwards, or the one that flags name."""

import os

import pytest

from tests.features.conftest import MakeProject, Result

HERE = """
    tasks:
      where: {run: {command: {exec: pwd, quiet: true}}}
"""
NO_FILE = (
    "pyrun: there is no tasks.yml in this folder or one above it\n"
    "  go to a project, or name the file: `pyrun --file FILE`\n"
)


def says(text: str) -> str:
    return f"tasks: {{who: {{run: {{command: {{exec: echo {text}, quiet: true}}}}}}}}\n"


def test_the_nearest_file_upwards_is_used_and_tasks_run_in_its_folder(project: MakeProject) -> None:
    p = project({"tasks.yml": HERE, "a/tasks.yml": HERE, "a/b/c/file": "", "x/file": ""})
    assert p.run("where", cwd="a/b/c") == Result("@ROOT@/a\n", "", 0)
    assert p.run("where", cwd="x") == Result("@ROOT@\n", "", 0)


def test_of_the_names_in_one_folder_tasks_yml_comes_first(project: MakeProject) -> None:
    names = ["tasks.yml", "tasks.yaml", "tusk.yml", "tusk.yaml"]
    p = project({name: says(name) for name in names})
    for name in names:
        assert p.run("who") == Result(f"{name}\n", "", 0)
        p.remove(name)
    assert p.run("who") == Result("", NO_FILE, 2)


def test_a_nearer_tusk_yml_comes_before_a_tasks_yml_further_up(project: MakeProject) -> None:
    p = project({"tasks.yml": says("far"), "a/tusk.yaml": says("near")})
    assert p.run("who", cwd="a").stdout == "near\n"


def test_a_folder_of_that_name_is_no_file(project: MakeProject) -> None:
    p = project({"tasks.yml": says("top"), "a/tasks.yml/file": ""})
    assert p.run("who", cwd="a").stdout == "top\n"


def test_file_and_dir_are_flags_on_either_side_of_the_task(project: MakeProject) -> None:
    p = project({"tasks.yml": says("top"), "a/other.yml": says("other"), "a/tasks.yml": says("a")})
    for words in (
        ("-f", "a/other.yml", "who"),
        ("who", "-f", "a/other.yml"),
        ("who", "-fa/other.yml"),
        ("--file=a/other.yml", "who"),
        ("who", "--file", "a/other.yml"),
        ("who", "--pyrun-file", "a/other.yml"),
        ("-C", "a", "-f", "other.yml", "who"),
        ("-f", "other.yml", "who", "-C", "a"),
        ("who", "--dir=a", "--file=other.yml"),
    ):
        assert p.run(*words) == Result("other\n", "", 0), words
    assert p.run("who", "-C", "a") == Result("a\n", "", 0)
    assert p.run("-Ca", "who") == Result("a\n", "", 0)


def test_tasks_of_a_file_named_with_a_flag_run_in_its_folder(project: MakeProject) -> None:
    p = project({"a/other.yml": HERE})
    assert p.run("-f", "a/other.yml", "where") == Result("@ROOT@/a\n", "", 0)


def test_dir_looks_upwards_from_there(project: MakeProject) -> None:
    p = project({"tasks.yml": HERE, "a/b/file": ""})
    assert p.run("-C", "a/b", "where") == Result("@ROOT@\n", "", 0)


def test_an_option_of_the_task_wins_over_the_flag_of_its_name(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
                tasks:
                  who:
                    options: {file: {short: f}}
                    run: {command: {exec: "echo top ${file}", quiet: true}}
            """,
            "other.yml": says("other"),
        }
    )
    assert p.run("-q", "who", "--file", "other.yml") == Result("top other.yml\n", "", 0)
    assert p.run("who", "-f", "x") == Result("top x\n", "", 0)
    assert p.run("who", "--pyrun-file=other.yml") == Result("other\n", "", 0)
    assert p.run("--file=other.yml", "who") == Result("other\n", "", 0)


def test_no_file_no_folder_and_a_file_that_is_not_there_are_told(project: MakeProject) -> None:
    p = project({"a/file": ""})
    for words in ([], ["build"], ["--list"], ["build", "--help"]):
        assert p.run(*words) == Result("", NO_FILE, 2)
    assert p.run("-f", "no.yml", "x") == Result("", "pyrun: there is no file `no.yml`\n", 2)
    assert p.run("x", "-f", "no.yml") == Result("", "pyrun: there is no file `no.yml`\n", 2)
    assert p.run("-f", "a", "x") == Result("", "pyrun: there is no file `a`\n", 2)
    assert p.run("-C", "no", "x") == Result("", "pyrun: there is no folder `no`\n", 2)
    assert p.run("x", "-C", "a/file") == Result("", "pyrun: there is no folder `a/file`\n", 2)


def test_a_fault_is_placed_as_seen_from_the_current_folder(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {a: {rum: x}}\n", "a/b/file": ""})
    shown = (
        "  1 | tasks: {a: {rum: x}}\n"
        "    |             ^^^\n"
        "  did you mean `run`?\n"
    )  # fmt: skip
    told = "1:13: `rum` is not a key of the task `a`\n" + shown
    assert p.run("a").stderr == f"pyrun: tasks.yml:{told}"
    assert p.run("a", cwd="a/b").stderr == f"pyrun: ../../tasks.yml:{told}"


def test_a_change_of_the_file_is_seen_at_once_whatever_is_cached(project: MakeProject) -> None:
    p = project({"tasks.yml": says("one")})
    for word in ("one", "two", "six", "ten") * 3:
        p.write("tasks.yml", says(word))
        assert p.run("who") == Result(f"{word}\n", "", 0)
        assert p.run("who") == Result(f"{word}\n", "", 0)


def test_no_home_and_a_cache_that_cannot_be_written_do_no_harm(project: MakeProject) -> None:
    p = project({"tasks.yml": says("here"), "file": ""})
    for env in ({"HOME": "", "XDG_CACHE_HOME": ""}, {"XDG_CACHE_HOME": p.path("file")}):
        assert p.run("who", env=env) == Result("here\n", "", 0)


def test_a_damaged_cache_is_read_anew(project: MakeProject) -> None:
    import os  # noqa: PLC0415 - only here
    import time  # noqa: PLC0415

    p = project({"tasks.yml": says("here")})
    old = time.time() - 60
    os.utime(p.path("tasks.yml"), (old, old))
    time.sleep(0.1)
    p.run("who")
    folder = f"{p.home}/.cache/pyrun/models"
    (name,) = os.listdir(folder)
    with open(f"{folder}/{name}", "rb") as file:
        kept = file.read()
    head, _, body = kept.partition(b"\n")
    for damage in (
        head + b"\n",
        head + b"\n" + body[: len(body) // 2],
        head + b"\n\xff\xfe",
        head + b"\n[]\n{}\n",
    ):
        with open(f"{folder}/{name}", "wb") as file:
            file.write(damage)
        assert p.run("who") == Result("here\n", "", 0), damage


@pytest.mark.parametrize(
    "above",
    [
        "- name: an Ansible file\n  include_tasks: other.yml\n- include: x\n",
        "a: [\n# nothing to include\n",
        "tasks: {t: {include: t.yml}, u: 3}\n",
        "tasks: 3\n",
    ],
)
def test_a_foreign_file_above_that_includes_nothing_is_passed_over(project: MakeProject, above: str) -> None:
    p = project(
        {"tasks.yml": above, "in/tasks.yml": "tasks: {hi: {run: {command: {exec: echo hi, quiet: true}}}}\n"}
    )
    assert p.run("hi", cwd="in") == ("hi\n", "", 0)


def test_a_file_above_that_can_not_be_read_is_passed_over(project: MakeProject) -> None:
    p = project({"in/tasks.yml": "tasks: {hi: {run: {command: {exec: echo hi, quiet: true}}}}\n"})
    os.symlink("/proc/self/mem", f"{p.root}/tasks.yml")
    assert p.run("hi", cwd="in") == ("hi\n", "", 0)


@pytest.mark.parametrize("above", ["a: [\ninclude: {in: in}\n", "include: {in: in}\ntasks: {x: {rnu: 1}}\n"])
def test_a_wrong_file_above_that_includes_others_says_how_to_do_without(
    project: MakeProject, above: str
) -> None:
    p = project(
        {"tasks.yml": above, "in/tasks.yml": "tasks: {hi: {run: {command: {exec: echo hi, quiet: true}}}}\n"}
    )
    result = p.run("hi", cwd="in")
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr.startswith("pyrun: ../tasks.yml:")
    assert result.stderr.endswith("\n  `pyrun -f tasks.yml` runs this folder's file by itself\n")
    assert p.run("-f", "tasks.yml", "hi", cwd="in") == ("hi\n", "", 0)
