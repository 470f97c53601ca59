"""`--sandbox`: an action sees what it declares and leaves what it declares, and nothing else."""

import os
import shutil
import signal
import subprocess

import pytest

from tests.features.conftest import MakeProject, Project, Result, until

CAT = """
    tasks:
      join:
        source: [a.txt]
        target: out/all.txt
        run: cat a.txt b.txt lib/c.txt > out/all.txt
"""
FILES = {"a.txt": "a\n", "b.txt": "b\n", "lib/c.txt": "c\n"}


def trees(p: Project) -> list[str]:
    """What is left of trees."""
    bases = (f"{p.home}/.cache/pyrun/sandbox", p.path(".pyrun/sandbox"))
    return [f"{folder}/{name}" for base in bases for folder, _, names in os.walk(base) for name in names]


def lines(result: Result) -> list[str]:
    """What was told, without the shown lines of the file."""
    return [line for line in result.stderr.splitlines() if " | " not in line]


def test_an_undeclared_read_is_a_missing_file_and_the_line_to_add_is_told(project: MakeProject) -> None:
    p = project({"tasks.yml": CAT, **FILES})
    result = p.run("--sandbox", "join")
    assert result == Result(
        "",
        "join $ cat a.txt b.txt lib/c.txt > out/all.txt\n"
        "cat: b.txt: No such file or directory\n"
        "cat: lib/c.txt: No such file or directory\n"
        "pyrun: tasks.yml:2:3: `join` failed with exit status 1 in its sandbox: "
        "cat a.txt b.txt lib/c.txt > out/all.txt\n"
        "  2 |   join:\n"
        "    |   ^^^^\n"
        "  b.txt, lib/c.txt are not to be seen there; add what it reads to the task:\n"
        "    source: [b.txt, lib/c.txt]\n",
        1,
    )
    assert p.files() == ["a.txt", "b.txt", "lib/c.txt", "tasks.yml"]
    assert trees(p) == []


def test_with_that_line_added_it_works(project: MakeProject) -> None:
    p = project({"tasks.yml": CAT.replace("[a.txt]", "[a.txt, b.txt, lib/c.txt]"), **FILES})
    told = "join $ cat a.txt b.txt lib/c.txt > out/all.txt\n"
    assert p.run("--sandbox", "join") == Result("", told, 0)
    assert p.read("out/all.txt") == "a\nb\nc\n"
    assert trees(p) == []


def test_what_was_made_in_a_sandbox_counts_in_the_open_and_not_the_other_way(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {copy: {source: [a], target: b, run: cp a b}}\n", "a": "1",
    })  # fmt: skip
    fresh = Result("", "copy: up to date (1 source and b as in the last run)\n", 0)
    assert p.run("copy").code == 0
    assert p.run("copy") == fresh
    assert "it was made in the open" in p.run("--sandbox", "copy", "-v").stderr
    assert p.run("--sandbox", "copy") == fresh
    assert p.run("copy") == fresh


def test_deps_targets_are_to_be_seen_and_not_their_sources(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
            tasks:
              gen: {source: [seed], target: gen/x.txt, run: cp seed gen/x.txt}
              order: {deps: [gen], run: "true"}
              use: {deps: [order], source: [], target: used, run: cp gen/x.txt used}
              wide: {deps: [use], source: [], target: wide, run: cp gen/x.txt wide}
              peek: {deps: [gen], source: [], target: peek, run: cp seed peek}
        """,
            "seed": "s\n",
        }
    )
    assert p.run("--sandbox", "-q", "use") == Result("", "", 0)
    assert p.read("used") == "s\n"
    assert lines(p.run("--sandbox", "-q", "wide"))[-1] == "    source: [gen/x.txt]"
    assert lines(p.run("--sandbox", "-q", "peek"))[-1] == "    source: [seed]"


def test_what_a_called_task_made_is_to_be_seen_after_the_call(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
            tasks:
              gen: {source: [seed], target: x.txt, run: cp seed x.txt}
              all: {run: [ls, {task: gen}, cat x.txt]}
        """,
            "seed": "s\n",
        }
    )
    for _ in range(2):
        assert p.run("--sandbox", "-q", "all") == Result("s\n", "", 0)


def test_a_failed_task_leaves_nothing(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {make: {source: [], target: [out], run: [echo new > out, exit 3]}}\n", "out": "old",
    })  # fmt: skip
    assert p.run("--sandbox", "make").code == 3
    assert p.read("out") == "old"
    assert trees(p) == []


def test_a_target_that_is_missing_is_an_error_though_an_older_one_is_there(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {make: {source: [], target: out, run: 'true'}}\n", "out": "old"})
    assert lines(p.run("--sandbox", "make")) == [
        "make $ true",
        "pyrun: tasks.yml:1:36: `make` succeeded, but left no `out`",
        "  does its command write `out`, relative to the file's folder?",
    ]
    assert p.read("out") == "old"


def test_what_no_target_names_stays_and_is_told(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
            tasks:
              make:
                source: [src]
                target: bin/app
                run:
                  - echo app > bin/app; echo map > bin/app.map
                  - mkdir -p logs/x; touch logs/x/1 logs/2; echo more >> src/a; rm src/b; touch "$TMPDIR/t"
        """,
            "src/a": "a\n",
            "src/b": "b\n",
        }
    )
    result = p.run("--sandbox", "-q", "make")
    told = "make wrote bin/app.map, logs/, src/a, src/b, which are no targets of it and are not kept"
    assert result == Result("", f"pyrun: {told}\n", 0)
    assert p.files() == ["bin/app", "src/a", "src/b", "tasks.yml"]
    assert p.read("src/a") == "a\n"
    assert p.run("make", "-q") == Result("", "", 0)


def test_folders_patterns_links_and_bits_come_out_as_they_were_made(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
            tasks:
              make:
                source: [in.txt]
                target: [dist, "gen/*.txt"]
                run:
                  - mkdir -p dist/sub/empty && printf '#!/bin/sh\\n' > dist/run && chmod +x dist/run
                  - ln -s run dist/link; ln -s sub dist/folder; ln -s "$PWD/in.txt" dist/full
                  - if test -e second; then exit 9; fi; cp in.txt "gen/$(cat in.txt).txt"
        """,
            "in.txt": "one",
        }
    )
    assert p.run("--sandbox", "-q", "make") == Result("", "", 0)
    assert os.access(p.path("dist/run"), os.X_OK)
    assert os.readlink(p.path("dist/link")) == "run"
    assert os.readlink(p.path("dist/folder")) == "sub"
    assert os.readlink(p.path("dist/full")) == p.path("in.txt")
    assert os.path.isdir(p.path("dist/sub/empty"))
    p.write("in.txt", "two")
    assert p.run("--sandbox", "-q", "make") == Result("", "", 0)
    assert [name for name in p.files() if name.startswith("gen/")] == ["gen/two.txt"]


def test_links_among_the_sources_lead_to_what_is_declared(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
            tasks:
              look:
                source: [in, out.txt]
                run: test -L in/here && cat in/here in/there out.txt && ! test -L in/there && ! test -L out.txt
        """,
            "in/file": "file\n",
            "other": "other\n",
        }
    )
    p.write("../outside", "outside\n")
    os.symlink("file", p.path("in/here"))
    os.symlink("../other", p.path("in/there"))
    os.symlink("../outside", p.path("out.txt"))
    assert p.run("--sandbox", "-q", "look") == Result("file\nother\noutside\n", "", 0)


def test_a_task_that_declares_nothing_sees_nothing(project: MakeProject) -> None:
    p = project({"tasks.yml": 'tasks: {look: {run: \'ls; pwd; echo "$PWD" "$HOME"\'}}\n', "a": ""})
    result = p.run("--sandbox", "-q", "look")
    here, told = result.stdout.splitlines()
    assert (told, result.code) == (f"{here} {p.home}", 0)
    assert os.path.basename(here) == "project"
    assert here != "@ROOT@"
    assert not os.path.exists(here)


def test_nothing_of_the_project_is_found_by_looking_upwards(project: MakeProject) -> None:
    look = 'cd "$PWD"; while test "$PWD" != /; do test -e go.mod && echo "$PWD"; cd ..; done; true'
    p = project({"tasks.yml": f"tasks: {{look: {{run: '{look}'}}}}\n", "go.mod": "module m\n"})
    assert p.run("--sandbox", "-q", "look") == Result("", "", 0)


def test_it_works_in_the_same_folder_below_the_top(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {copy: {dir: sub/dir, source: [sub/a], target: sub/b, run: cp ../a ../b; pwd}}\n",
        "sub/a": "1",
    })  # fmt: skip
    result = p.run("--sandbox", "-q", "copy")
    assert result.stdout.endswith("/project/sub/dir\n")
    assert (result.code, p.read("sub/b")) == (0, "1")


def test_a_file_with_a_namespace_gets_its_own_paths_proposed(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": "include: {api: api/tasks.yml}\ntasks: {}\n",
            "api/tasks.yml": "tasks: {show: {source: [], run: cat x.txt ../y.txt}}\n",
            "api/x.txt": "",
            "y.txt": "",
        }
    )
    assert lines(p.run("--sandbox", "-q", "api:show"))[-1] == "    source: [x.txt, ../y.txt]"


@pytest.mark.parametrize(
    ("files", "run", "proposed"),
    [
        ({"main.py": "import lib.util\n", "lib/util.py": ""}, "python3 main.py", "[lib]"),
        ({"main.py": "import helper\n", "helper.py": ""}, "python3 main.py", "[helper.py]"),
        ({"main.py": "", "tool.sh": "#!/bin/sh\n"}, "./tool.sh", "[tool.sh]"),
        ({"main.py": "", "data/x": "", "data/y": ""}, "ls data", "[data]"),
        ({"main.py": "", "a.txt": ""}, "test -f a.txt", "[a.txt]"),
        ({"main.py": "", "we ird.txt": ""}, "cat 'we ird.txt'", '["we ird.txt"]'),
        ({"main.py": "", "x-[1].txt": ""}, "cat 'x-[1].txt'", '["x-\\\\[1\\\\].txt"]'),
        ({"main.py": ""}, "cat nowhere", ""),
        ({"main.py": ""}, "cat main.py && exit 4", ""),
    ],
)  # fmt: skip
def test_what_a_failed_command_meant(
    project: MakeProject, files: dict[str, str], run: str, proposed: str
) -> None:
    p = project({"tasks.yml": f'tasks: {{go: {{source: [main.py], run: "{run}"}}}}\n', **files})
    for name in files:
        os.chmod(p.path(name), 0o755)
    result = p.run("--sandbox", "-q", "go")
    assert result.code != 0
    found = [line.strip() for line in result.stderr.splitlines() if line.startswith("    source: ")]
    assert found == ([f"source: {proposed}"] if proposed else [])
    if proposed:
        p.write("tasks.yml", f'tasks: {{go: {{source: [main.py, {proposed[1:]}, run: "{run}"}}}}\n')
        assert p.run("--sandbox", "-q", "go").code == 0


def test_a_go_package_is_proposed_as_one(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
            tasks:
              build: {source: [cmd/x/main.go], target: bin/x, run: go build -o bin/x ./cmd/x}
              right: {source: [{go: ./cmd/x}], target: bin/x, run: go build -o bin/x ./cmd/x && bin/x}
        """,
            "go.mod": "module example.com/m\n\ngo 1.20\n",
            "cmd/x/main.go": 'package main\n\nimport "example.com/m/internal/y"\n\nfunc main() { y.Y() }\n',
            "internal/y/y.go": 'package y\n\nfunc Y() { println("y") }\n',
        }
    )
    env = {name: os.environ[name] for name in ("GOPATH", "GOCACHE", "GOROOT") if name in os.environ}
    env["GOFLAGS"] = "-mod=mod"
    result = p.run("--sandbox", "-q", "build", env=env, memory=None)
    assert lines(result)[-1] == "    source: [{go: ./cmd/x}]", result
    result = p.run("--sandbox", "-q", "right", env=env, memory=None)
    assert (result.code, p.exists("bin/x")) == (0, True), result


def test_secrets_that_are_files_are_found_in_the_tree(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
            tasks:
              use:
                secrets: [{name: npmrc, file: ~/.npmrc, to: conf/.npmrc}]
                run: cat conf/.npmrc
        """,
            "conf/x": "",
        }
    )
    with open(f"{p.home}/.npmrc", "w", encoding="ascii") as file:
        file.write("token\n")
    assert p.run("--sandbox", "-q", "use") == Result("token\n", "", 0)
    assert p.files() == ["conf/x", "tasks.yml"]


def test_servers_stay_in_the_project(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
            tasks:
              serve:
                persistent: true
                ready: {log: up}
                run: cat a.txt > served; echo up; exec sleep 100
              use: {deps: [serve], run: echo used}
        """,
            "a.txt": "a",
        }
    )
    result = p.run("--sandbox", "-q", "use")
    assert (result.code, p.exists("served")) == (0, True), result


def test_a_killed_run_leaves_a_tree_that_the_next_one_removes(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": "tasks: {wait: {source: [a], target: b, run: [echo > b, sleep 100]}, ok: {run: 'true'}}\n",
            "a": "1",
        }
    )
    running = p.start("--sandbox", "wait")
    until(lambda: any(path.endswith("/project/b") for path in trees(p)), "the tree is there")
    # It is in use: another run leaves it alone.
    assert p.run("--sandbox", "-q", "ok").code == 0
    assert trees(p)
    running.signal(signal.SIGKILL)
    running.result()
    p.end_all()
    assert trees(p)
    assert p.run("--sandbox", "-q", "ok").code == 0
    assert trees(p) == []
    assert not p.exists("b")


def test_ctrl_c_leaves_no_tree(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {wait: {source: [], target: b, run: [echo > b, sleep 100]}}\n",
    })  # fmt: skip
    running = p.start("--sandbox", "wait")
    until(lambda: any(path.endswith("/project/b") for path in trees(p)), "the tree is there")
    running.signal(signal.SIGINT)
    assert running.result().code == 130
    assert trees(p) == []
    assert not p.exists("b")


def test_what_may_not_be_written_in_is_removed_too(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {make: {run: 'mkdir -p a/b; touch a/b/c; chmod -R a-w a'}}\n"})
    assert p.run("--sandbox", "-q", "make").code == 0
    assert trees(p) == []


def test_a_target_on_another_file_system_is_put_in_its_place(project: MakeProject) -> None:
    other = f"/dev/shm/pyrun-test-{os.getpid()}"
    p = project(
        {
            "tasks.yml": """
            tasks:
              make:
                source: []
                target: [out, d]
                run: ["echo 1 > out; chmod +x out", "mkdir d; echo 2 > d/x; ln -s x d/l"]
        """,
        }
    )
    os.mkdir(other)
    try:
        assert os.stat(other).st_dev != os.stat(p.root).st_dev
        assert p.run("--sandbox", "-q", "make", env={"XDG_CACHE_HOME": other}) == Result("", "", 0)
        assert [f"{other}/{name}" for name in os.listdir(f"{other}/pyrun/sandbox")] == []
    finally:
        shutil.rmtree(other)
    assert (p.read("out"), p.read("d/x"), os.readlink(p.path("d/l"))) == ("1\n", "2\n", "x")
    assert os.access(p.path("out"), os.X_OK)
    assert trees(p) == []


def test_without_a_home_the_trees_are_in_the_project(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {copy: {source: [a], target: b, run: cp a b; pwd}}\n", "a": "1"})
    env = {"HOME": "", "XDG_CACHE_HOME": ""}
    result = p.run("--sandbox", "-q", "copy", env=env)
    assert result.stdout.startswith("@ROOT@/.pyrun/sandbox/copy-")
    assert (result.code, p.read("b")) == (0, "1")
    assert trees(p) == []


def test_many_run_side_by_side(project: MakeProject) -> None:
    tasks = "".join(
        f"  t{number}: {{source: [a], target: out/{number}, run: cp a out/{number}}}\n"
        for number in range(30)
    )
    names = ", ".join(f"t{number}" for number in range(30))
    p = project({"tasks.yml": f"tasks:\n  all: {{deps: [{names}]}}\n{tasks}", "a": "1"})
    assert p.run("--sandbox", "-q", "-j8", "all") == Result("", "", 0)
    assert len([name for name in p.files() if name.startswith("out/")]) == 30
    assert trees(p) == []


def test_exit_status_and_stdin_are_the_commands_own(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {read: {run: 'read x; echo \"got $x\"; exit 7'}}\n"})
    result = p.run("--sandbox", "-q", "read", stdin="word\n")
    assert (result.stdout, result.code) == ("got word\n", 7)


def test_git_does_not_find_the_repository(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {look: {run: git rev-parse --show-toplevel}}\n"})
    subprocess.run(["git", "init", "-q"], cwd=p.root, check=True)
    assert p.run("--sandbox", "-q", "look").code == 128
    assert p.run("-q", "look") == Result("@ROOT@\n", "", 0)


def test_a_task_of_an_invoke_file_has_that_file(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": "invoke: inv.py\n",
            "inv.py": """
            from invoke import task

            @task
            def hi(c):
                c.run("echo hi; ls")
        """,
            "more": "",
        }
    )
    assert p.run("--sandbox", "-q", "hi") == Result("hi\ninv.py\n", "", 0)
    assert p.run("--audit", "-q", "hi").stdout.endswith("\nhi: declares all that it reads and writes\n")


def test_it_does_not_go_with_an_audit(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {go: {run: 'true'}}\n"})
    assert p.run("--sandbox", "--audit", "go") == Result(
        "",
        "pyrun: `--sandbox` and `--audit` do not go together: an audit looks at tasks in the open\n"
        "  use one after the other\n",
        2,
    )


def test_no_target_is_put_where_a_link_leads_out_of_the_project(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              folder: {source: [in], target: lnk/, run: "mkdir -p lnk; cp in lnk/x"}
              file: {source: [in], target: [a, lnk/x], run: "mkdir -p lnk; cp in lnk/x; cp in a"}
        """,
        "in": "made\n",
    })  # fmt: skip
    elsewhere = f"{p.root}/../elsewhere"
    os.mkdir(elsewhere)
    with open(f"{elsewhere}/x", "w", encoding="ascii") as file:
        file.write("mine")
    os.symlink(elsewhere, p.path("lnk"))
    for task, named in (("folder", "lnk"), ("file", "lnk/x")):
        result = p.run("--sandbox", "-q", task)
        told = f"a target of `{task}` can't be put in its place: a link leads out of the project: {named}\n"
        assert (told in result.stderr, result.code) == (True, 1), result
        with open(f"{elsewhere}/x", encoding="ascii") as file:
            assert file.read() == "mine"
    assert not p.exists("a")
