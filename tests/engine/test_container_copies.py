"""In a container with copies: what is declared goes in, what is a target comes out, and nothing else does."""

import os
import random
from collections.abc import Callable, Iterator

import pytest

from tests.engine.engines import FarEngine, RealEngine
from tests.engine.images import give
from tests.engine.project import ContainerProject
from tests.features.conftest import Result, until

pytestmark = pytest.mark.engine

Make = Callable[..., ContainerProject]
HEAD = """
    containers: {box: busybox:1.36}
    container: box
    tasks:
"""


@pytest.fixture
def make(engine: RealEngine, tmp_path: "os.PathLike[str]") -> Iterator[Make]:
    """Makes projects; what pyrun left in the engine is a failure."""
    made: list[ContainerProject] = []

    def one(files: dict[str, str], where: RealEngine = engine) -> ContainerProject:
        give(where, "busybox:1.36")
        made.append(ContainerProject(f"{os.path.realpath(tmp_path)}/{len(made)}", where, files))
        return made[-1]

    yield one
    assert [left for p in made for left in p.gone()] == []


def tree(p: ContainerProject, *roots: str) -> dict[str, object]:
    """All that lies at some paths: the mode of a file and its bytes, where a link leads, and folders."""
    found: dict[str, object] = {}
    left = [p.path(root) for root in roots]
    while left:
        path = left.pop()
        name = os.path.relpath(path, p.root)
        if os.path.islink(path):
            found[name] = os.readlink(path)
        elif os.path.isdir(path):
            found[name] = None
            left += [os.path.join(path, below) for below in os.listdir(path)]
        elif os.path.exists(path):
            with open(path, "rb") as file:
                found[name] = (os.stat(path).st_mode & 0o777, file.read())
    return found


MANY = f"""{HEAD}
      make:
        source: [src/**, run.sh, link]
        target: [out, "*.z", "pat/*.o", pat/deep/one.o]
        run:
        - command:
            quiet: true
            exec: |
              ./run.sh; cat link; test -e other && echo seen || echo unseen
              mkdir -p out/empty/deep out/many pat/deep; echo o >pat/1.o; echo no >pat/2.c; echo 1 >pat/deep/one.o
              cp -a src/. out/in; cat src/a >out/x; chmod 755 out/x; ln -s x out/link; ln -s ../src/a out/up
              ln out/x out/hard; echo z >left; ln left a.z; dd if=/dev/zero of=out/big bs=1M count=24 2>/dev/null
              seq 3000 | while read -r i; do echo $i >out/many/$i; done; (umask 077; echo s >out/private)
              touch undeclared "$(printf 'out/\\377')" 'out/ü "$x '
"""
FILES = {
    "src/a": "a\n",
    "src/with blank/ü '\"$x": "odd\n",
    "src/\udcff": "",
    "src/new\nline": "n",
    "other": "not to be seen\n",
}


def test_all_kinds_of_targets_come_out_as_they_do_where_the_project_is_seen(make: Make) -> None:
    found = []
    for flags in (["--sandbox"], [], ["--in", "host", "--sandbox"]):
        p = make({"tasks.yml": MANY, **FILES})
        p.script("run.sh", "#!/bin/sh\necho ran")
        os.symlink("src/a", p.path("link"))
        os.symlink("a", p.path("src/near"))
        result = p.run(*flags, "make")
        if "host" not in flags:
            assert result == Result(f"ran\na\n{'unseen' if flags else 'seen'}\n", "", 0)
            # What only stayed where nobody asked for it did not come along.
            assert p.exists("undeclared") == (not flags)
        found.append(tree(p, "out", "a.z", "pat/1.o", "pat/deep"))
        if flags == ["--sandbox"]:
            # The same key and digests: it is done for who lets containers see the project, too.
            told = p.run("--why", "make").stdout.splitlines()
            assert told[0].startswith("make: up to date (7 sources and ")
            assert told[1].startswith("  made in a container that saw what it declares on ")
            assert p.run("make").stdout == ""
    assert len(found[0]) > 3000
    assert found[0] == found[1] == found[2]


def test_random_trees_come_out_as_they_went_in(make: Make) -> None:
    file = f"""{HEAD}
      copy: {{source: [in], target: [out, "**/*.k"], run: {{command: {{exec: "cp -a in out", quiet: true}}}}}}
    """
    chance = random.Random(6)
    letters = ["a", "Z", " ", "-", "'", '"', "\\", "\n", "é", "\udcfe", "*", "%", "x" * 60, ".k"]
    p = make({"tasks.yml": file})
    folders = ["in"]
    files: list[str] = []
    for _ in range(120):
        name = "".join(chance.choices(letters, k=chance.randint(1, 4)))
        path = f"{chance.choice(folders)}/{name}"
        if p.exists(path):
            continue
        kind = chance.random()
        if kind < 0.2:
            folders.append(path)
            os.makedirs(p.path(path))
        elif kind < 0.4 and files:
            os.symlink(os.path.relpath(chance.choice(files), os.path.dirname(path)), p.path(path))
        else:
            p.write(path, "y" * chance.choice([0, 1, 511, 512, 513, 9999]), chance.choice([0o644, 0o755]))
            files.append(path)
    assert p.run("--sandbox", "copy") == Result("", "", 0)
    near = tree(p, "out")
    p.run("--in", "host", "--sandbox", "--force", "copy")
    assert near == tree(p, "out")
    assert len(near) > 80


TASKS = f"""{HEAD}
      dep: {{source: [a], target: made/dep, run: "cat a >made/dep"}}
      host: {{container: host, source: [a], target: made/host, run: "cat a a >made/host"}}
      called: {{source: [a], target: made/called, run: "cat a a a >made/called"}}
      deps:
        deps: [dep, host]
        source: []
        target: sum
        run: [{{task: called}}, "ls -R . >sum; touch /tmp/mark ~/mark"]
      apart: {{deps: [deps], source: [a], target: apart, run: "cat a >apart; ls -a /tmp ~ | grep -c mark || true"}}
      unseen: {{source: [a], target: u, run: "cat a b.txt lib/c.txt >u"}}
      missing: {{source: [a], target: [there, nowhere], run: touch there}}
      fails: {{source: [a], target: [old, olds], run: "mkdir -p olds; echo new | tee old olds/x; exit 3"}}
      pipe: {{source: [a], target: pipe, run: "mkdir pipe; mkfifo pipe/x"}}
      leads: {{source: [a], target: leads, run: "mkdir leads; ln -s /etc leads/x"}}
      secret:
        source: []
        secrets: [{{name: KEY, file: ../key, to: conf/key}}]
        target: conf
        run: "cat conf/key >/dev/null && echo fine >conf/other"
      agent: {{source: [], secrets: [ssh], target: never, run: touch never}}
      late: {{source: [], target: late, run: [touch made-here, {{when: {{exists: made-here}}, command: touch late}}]}}
      slow:
        source: [a, both]
        target: [both, took]
        run: "cat a >took; echo go; until grep -q A a || test -e /tmp/go-on; do sleep 0.02; done"
"""


@pytest.fixture
def tasks(make: Make) -> ContainerProject:
    """One that has all kinds of tasks."""
    return make({"tasks.yml": TASKS, "a": "a\n", "b.txt": "b\n", "lib/c.txt": "c\n", "both": "old\n"})


def test_targets_of_deps_and_of_called_tasks_are_seen_and_nothing_else_of_another_action(
    tasks: ContainerProject,
) -> None:
    told = (
        "dep $ cat a >made/dep\nhost $ cat a a >made/host\ndeps > called $ cat a a a >made/called\n"
        "deps $ ls -R . >sum; touch /tmp/mark ~/mark\n"
        "apart $ cat a >apart; ls -a /tmp ~ | grep -c mark || true\n"
    )
    result = tasks.run("-j1", "--sandbox", "apart")
    assert (sorted(result.stderr.splitlines()), result.code) == (sorted(told.splitlines()), 0)
    assert result.stdout == "0\n"
    assert tasks.read("sum") == ".:\na\nmade\nsum\n\n./made:\ncalled\ndep\nhost\n"
    assert "made in a container that saw what it declares" in tasks.run("--sandbox", "--why", "dep").stdout


def test_a_result_is_restored_in_another_checkout(tasks: ContainerProject, make: Make) -> None:
    tasks.run("--sandbox", "dep")
    other = make({"tasks.yml": TASKS, "a": "a\n"})
    other.home = tasks.home
    assert other.run("--sandbox", "dep") == Result("", "dep: restored (it has not run here yet)\n", 0)
    assert other.read("made/dep") == "a\n"


def test_what_fails_is_told_and_nothing_in_the_project_is_lost(tasks: ContainerProject) -> None:
    tasks.write("old", "OLD\n")
    tasks.write("../key", "geheim\n")
    before = tasks.files()
    assert tasks.run("--sandbox", "unseen") == Result(
        "",
        "unseen $ cat a b.txt lib/c.txt >u\n"
        "cat: can't open 'b.txt': No such file or directory\n"
        "cat: can't open 'lib/c.txt': No such file or directory\n"
        "pyrun: tasks.yml:14:3: `unseen` failed with exit status 1 in its container: cat a b.txt lib/c.txt >u\n"
        '  14 |   unseen: {source: [a], target: u, run: "cat a b.txt lib/c.txt >u"}\n'
        "     |   ^^^^^^\n"
        "  b.txt, lib/c.txt are not to be seen there; add what it reads to the task:\n"
        "    source: [b.txt, lib/c.txt]\n",
        1,
    )
    for name, code, what in (
        ("missing", 1, "`missing` succeeded, but left no `nowhere`"),
        ("pipe", 125, "of the targets of `pipe` pipe/x is neither file nor folder nor link"),
        ("leads", 125, "of the targets of `leads` leads/x is a link to /etc, which is not in the project"),
        ("fails", 3, "pyrun: fails failed with exit status 3"),
    ):
        result = tasks.run("--sandbox", name)
        assert (what in result.stderr, result.code) == (True, code), result
    assert tasks.files() == before
    assert tasks.read("old") == "OLD\n"


def test_a_secret_that_is_a_file_stays_in_the_container_and_the_agent_is_not_reached(
    tasks: ContainerProject,
) -> None:
    tasks.write("../key", "geheim\n")
    assert tasks.run("--sandbox", "secret").code == 0
    assert tree(tasks, "conf") == {"conf": None, "conf/other": (0o644, b"fine\n")}
    result = tasks.run("--sandbox", "agent", env={"SSH_AUTH_SOCK": tasks.path("a")})
    assert result.code == 1
    assert (
        "`agent` needs the agent of ssh, which a container that gets copies does not reach" in result.stderr
    )
    assert "use an engine of this machine, without `--sandbox`" in result.stderr


def test_what_a_late_condition_asks_about_is_looked_for_in_the_container(tasks: ContainerProject) -> None:
    assert tasks.run("--sandbox", "late") == Result("", "late $ touch made-here\nlate $ touch late\n", 0)
    assert tasks.exists("late")


def test_a_file_that_changes_meanwhile_is_kept_and_counts_next_time(tasks: ContainerProject) -> None:
    running = tasks.start("--sandbox", "slow")
    until(lambda: "go" in running.stdout, "the command began")
    tasks.write("both", "edited\n")
    tasks.write("a", "A\n")
    (box,) = tasks.engine.docker("ps", "--quiet", "--filter", f"label=pyrun.project={tasks.root}").split()
    tasks.engine.docker("exec", box, "touch", "/tmp/go-on")
    assert running.result().code == 0
    # What the command left as it was is the user's.
    assert tasks.read("both") == "edited\n"
    assert tasks.read("took") == "a\n"
    assert tasks.run("--sandbox", "slow").code == 0
    assert tasks.read("took") == "A\n"


def test_mounts_have_no_place_where_there_are_copies(make: Make) -> None:
    file = """
        containers: {box: {from: "busybox:1.36", mounts: ["./lib:/lib2"]}}
        tasks:
          x: {container: box, source: [], target: x, run: touch x}
    """
    p = make({"tasks.yml": file})
    result = p.run("--sandbox", "x")
    assert result.code == 1
    assert "the container `box` has `mounts`, and its tasks get copies of what they declare" in result.stderr
    assert p.files() == ["tasks.yml"]


def test_an_engine_of_another_machine_gives_the_same_by_every_way_to_it(
    make: Make, far_engine: FarEngine, tmp_path: "os.PathLike[str]"
) -> None:
    folder = f"{os.fspath(tmp_path)}/bin"
    os.mkdir(folder)
    with open(f"{folder}/ssh", "w") as file:
        file.write(f"#!/bin/sh\nDOCKER_HOST={far_engine} exec docker system dial-stdio\n")
    os.chmod(f"{folder}/ssh", 0o755)
    ssh = RealEngine("far by ssh", far_engine.environ)
    found = []
    for way in (far_engine, far_engine.tcp, far_engine.tls, ssh):
        p = make({"tasks.yml": TASKS, "a": "a\n"}, way)
        env = {"DOCKER_HOST": "ssh://far", "PATH": f"{folder}:{p.environ()['PATH']}"} if way is ssh else {}
        notice = "pyrun: the engine does not see this folder, so tasks get copies of what they declare\n"
        assert p.run("dep", env=env) == Result(
            "", (notice if way is far_engine else "") + "dep $ cat a >made/dep\n", 0
        )
        assert "made in a container that saw what it declares" in p.run("--why", "dep", env=env).stdout
        found.append(tree(p, "made"))
    assert found == [{"made": None, "made/dep": (0o644, b"a\n")}] * 4
