"""Bringing back what was made before: going back, another branch, another checkout.

Shared between the checkouts of one user, never more than what is declared, and never anything half.
"""

import os
import shutil
import signal

import pytest

from tests.features.conftest import MakeProject, Project, until

FILES = {
    "tasks.yml": """
    tasks:
      gen:
        source: schema/*.txt
        target: gen/
        run: |
          echo gen >> ran
          mkdir -p gen/sub gen/empty
          for file in schema/*.txt; do cp $file gen/sub/; done
          ln -s sub gen/latest
      build:
        deps: gen
        source: [main.txt, "gen/**"]
        target: [bin/app, bin/app.map]
        run: |
          echo build >> ran
          mkdir -p bin
          cat main.txt gen/sub/* > bin/app
          chmod +x bin/app
          wc -c < bin/app > bin/app.map
      test:
        deps: build
        source: []
        run: echo test >> ran
    """,
    "schema/a.txt": "a\n",
    "schema/b.txt": "b\n",
    "main.txt": "main\n",
}


def ran(p: Project, *words: str, **env: str) -> list[str]:
    """Which tasks really ran."""
    if p.exists("ran"):
        p.remove("ran")
    result = p.run(*words, env=env)
    assert result.code == 0, result
    return p.lines("ran")


def copy_of(project: MakeProject, p: Project) -> Project:
    """Another checkout of the same user."""
    other = project({})
    for name in os.listdir(p.root):
        if name in {"tasks.yml", "tusk.yml"} or name.endswith(".txt"):
            shutil.copy(p.path(name), other.path(name))
        elif name == "schema":
            shutil.copytree(p.path(name), other.path(name))
    shutil.rmtree(other.home)
    os.symlink(p.home, other.home)
    return other


def made(p: Project) -> dict[str, str]:
    """What tasks have made: text, `+` in front if it can be executed, links, empty folders."""
    found = {}
    for top in ("gen", "bin"):
        for folder, folders, names in os.walk(p.path(top)):
            for name in (*names, *folders):
                path = os.path.relpath(f"{folder}/{name}", p.root)
                if os.path.islink(p.path(path)):
                    found[path] = f"-> {os.readlink(p.path(path))}"
                elif name in names:
                    found[path] = "+" * os.access(p.path(path), os.X_OK) + p.read(path)
                elif not os.listdir(p.path(path)):
                    found[path] = "(empty)"
    return found


MADE = {
    "bin/app": "+main\na\nb\n",
    "bin/app.map": "9\n",
    "gen/empty": "(empty)",
    "gen/latest": "-> sub",
    "gen/sub/a.txt": "a\n",
    "gen/sub/b.txt": "b\n",
}


def test_going_back_brings_back_what_was_made(project: MakeProject) -> None:
    p = project(FILES)
    assert ran(p, "build") == ["gen", "build"]
    assert made(p) == MADE
    p.write("schema/c.txt", "c\n")
    p.write("main.txt", "other\n")
    assert ran(p, "build") == ["gen", "build"]
    p.remove("schema/c.txt")
    p.write("main.txt", "main\n")
    assert p.run("build") == ("", "build: restored (dep gen changed)\npyrun: restored 2\n", 0)
    assert made(p) == MADE
    assert ran(p, "build") == []
    assert "up to date" in p.run("build").stderr


def test_another_checkout_gets_what_was_made(project: MakeProject) -> None:
    p = project(FILES)
    assert ran(p, "test") == ["gen", "build", "test"]
    other = copy_of(project, p)
    # A task without target is remembered for its own checkout only.
    assert ran(other, "test") == ["test"]
    assert made(other) == MADE
    assert ran(other, "test") == []
    assert other.left() == []
    other.write("bin/app", "changed by hand\n")
    assert p.read("bin/app") == "main\na\nb\n"
    assert ran(other, "build") == []
    assert made(other) == MADE


def test_targets_that_were_removed_or_changed_are_brought_back(project: MakeProject) -> None:
    p = project(FILES)
    ran(p, "build")
    shutil.rmtree(p.path("gen"))
    p.write("bin/app", "tampered\n")
    p.remove("bin/app.map")
    assert ran(p, "build") == []
    assert made(p) == MADE


def test_what_else_lies_in_a_target_folder_goes(project: MakeProject) -> None:
    p = project(FILES)
    ran(p, "gen")
    p.write("schema/c.txt", "c\n")
    ran(p, "gen")
    p.write("gen/mine/deep.txt", "mine\n")
    p.remove("schema/c.txt")
    assert ran(p, "gen") == []
    assert {path: text for path, text in MADE.items() if path.startswith("gen")} == made(p)


def test_a_source_in_a_target_folder_stays(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
        tasks:
          gen: {source: [gen/in.txt, in.txt], target: gen, run: cat gen/in.txt in.txt > gen/out && echo x >> ran}
        """,
        "gen/in.txt": "in\n",
        "in.txt": "1\n",
    })  # fmt: skip
    assert ran(p, "gen") == ["x"]
    p.write("in.txt", "2\n")
    assert ran(p, "gen") == ["x"]
    p.write("in.txt", "1\n")
    assert ran(p, "gen") == []
    assert (p.read("gen/in.txt"), p.read("gen/out")) == ("in\n", "in\n1\n")


def test_a_forced_run_runs(project: MakeProject) -> None:
    p = project(FILES)
    ran(p, "gen")
    shutil.rmtree(p.path("gen"))
    assert ran(p, "gen", "--force") == ["gen"]


def test_what_failed_is_not_kept(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {a: {source: in.txt, target: out, run: cp in.txt out && echo x >> ran && test -e ok.txt}}",
        "in.txt": "1\n",
    })  # fmt: skip
    assert p.run("a").code == 1
    other = copy_of(project, p)
    other.write("ok.txt", "")
    assert ran(other, "a") == ["x"]


def test_a_task_that_is_not_to_be_cached_is_not_kept(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {a: {source: in.txt, target: out, cache: false, run: cp in.txt out && echo x >> ran}}",
        "in.txt": "1\n",
    })  # fmt: skip
    assert ran(p, "a") == ["x"]
    assert ran(p, "a") == ["x"]
    assert not os.path.exists(f"{p.home}/.cache/pyrun/store")


@pytest.mark.parametrize(("cache", "again"), [("", ["x"]), ("\n    cache: true", [])])
def test_a_tusk_file_restores_what_says_so(project: MakeProject, cache: str, again: list[str]) -> None:
    p = project({"in.txt": "1\n"})
    text = (
        f"tasks:\n  a:{cache}\n    source: in.txt\n    target: out\n    run: cp in.txt out && echo x >> ran\n"
    )
    p.write("tusk.yml", text)
    assert ran(p, "a") == ["x"]
    assert ran(copy_of(project, p), "a") == again


def test_a_target_with_the_projects_path_stays_in_its_project(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {a: {source: in.txt, target: out, run: 'pwd > out && cat in.txt >> out && echo x >> ran'}}",
        "in.txt": "1\n",
    })  # fmt: skip
    assert ran(p, "a") == ["x"]
    other = copy_of(project, p)
    assert ran(other, "a") == ["x"]
    assert other.read("out") == f"{other.root}\n1\n"
    p.remove("out")
    other.remove("out")
    # One place is kept: that of the last run.
    assert ran(other, "a") == []
    assert other.read("out") == f"{other.root}\n1\n"


def test_the_output_is_told_again(project: MakeProject) -> None:
    p = project({
        "tasks.yml": r"""
        tasks:
          a: {source: in.txt, target: out, run: 'cp in.txt out; echo said; echo warned >&2; printf "\377 no line end"'}
        """,
        "in.txt": "1\n",
    })  # fmt: skip
    p.run("a")
    other = copy_of(project, p)
    result = other.run("a")
    assert result == ("said\n\udcff no line end\n", "a: restored (it has not run here yet)\nwarned\n", 0)


def test_a_store_that_is_damaged_is_as_none(project: MakeProject) -> None:
    p = project(FILES)
    ran(p, "build")
    for folder, _, names in os.walk(f"{p.home}/.cache/pyrun/store/cas"):
        for name in names:
            os.chmod(f"{folder}/{name}", 0o600)
            with open(f"{folder}/{name}", "r+b") as file:
                file.write(b"X")
    other = copy_of(project, p)
    assert ran(other, "build") == ["gen", "build"]
    assert made(other) == MADE
    third = copy_of(project, p)
    assert ran(third, "build") == []
    assert made(third) == MADE


def test_a_store_that_can_not_be_written_is_no_fault_of_the_task(project: MakeProject) -> None:
    p = project(FILES)
    os.makedirs(f"{p.home}/.cache/pyrun")
    with open(f"{p.home}/.cache/pyrun/store", "w", encoding="utf-8"):
        pass
    assert ran(p, "build") == ["gen", "build"]
    assert ran(p, "build") == []
    assert made(p) == MADE


def test_nobody_has_a_home(project: MakeProject) -> None:
    p = project(FILES)
    assert ran(p, "build", HOME="", XDG_CACHE_HOME="") == ["gen", "build"]
    p.remove("bin/app")
    assert ran(p, "build", HOME="", XDG_CACHE_HOME="") == ["build"]


@pytest.mark.parametrize("change", ["link", "repository"])
def test_what_is_in_the_way_is_not_touched(project: MakeProject, change: str) -> None:
    p = project(FILES)
    ran(p, "gen")
    other = copy_of(project, p)
    if change == "link":
        other.write("precious/sub/a.txt", "precious\n")
        os.symlink("precious", other.path("gen"))
    else:
        other.write("gen/.git/config", "precious\n")
    other.run("gen")
    # It was not restored over what lies there; what its own commands do is its own affair.
    assert other.lines("ran") == ["gen"]
    assert other.exists("gen/.git/config") == (change == "repository")
    assert os.path.islink(other.path("gen")) == (change == "link")


def test_links_that_lead_out_are_not_kept(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {a: {source: in.txt, target: out/, run: 'mkdir -p out; ln -sf /etc/hostname out/l; echo x >> ran'}}",
        "in.txt": "1\n",
    })  # fmt: skip
    assert ran(p, "a") == ["x"]
    assert ran(copy_of(project, p), "a") == ["x"]


def test_killed_while_it_restores_the_next_run_is_right(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
        tasks:
          a:
            source: in.txt
            target: out/
            run: |
              mkdir -p out
              i=0; while [ $i -lt 300 ]; do cat in.txt > out/$i; i=$((i+1)); done
              echo x >> ran
        """,
        "in.txt": "1\n",
    })  # fmt: skip
    ran(p, "a")
    p.write("in.txt", "2\n")
    ran(p, "a")
    p.remove("ran")
    for round_ in range(12):
        text = "12"[round_ % 2] + "\n"
        p.write("in.txt", text)
        running = p.start("a")
        if round_ % 3:
            until(lambda: os.path.isdir(p.path(".pyrun/restore")), "a restore")
        running.signal(signal.SIGKILL)
        running.process.wait()
        for number in range(300):
            assert not p.exists(f"out/{number}") or p.read(f"out/{number}") in {"1\n", "2\n"}
        assert ran(p, "a") == []
        assert {p.read(f"out/{number}") for number in range(300)} == {text}
        assert os.listdir(p.path(".pyrun/restore")) == []
        os.rmdir(p.path(".pyrun/restore"))


def test_eight_checkouts_at_once(project: MakeProject) -> None:
    p = project(FILES)
    others = [copy_of(project, p) for _ in range(7)]
    for running in [one.start("build") for one in (p, *others)]:
        assert running.result().code == 0
    for one in (p, *others):
        assert made(one) == MADE
