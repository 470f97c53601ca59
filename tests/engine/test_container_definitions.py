"""What a file says under `containers` is what its tasks get, on each engine that sees the project."""

import os
import subprocess

import pytest

from tests.engine.engines import RealEngine
from tests.engine.images import give
from tests.engine.project import ContainerProject

pytestmark = pytest.mark.engine


@pytest.fixture(params=["engine", "podman"])
def each(request: pytest.FixtureRequest) -> RealEngine:
    found: RealEngine = request.getfixturevalue(request.param)
    give(found, "busybox:1.36")
    return found


@pytest.fixture
def docker(engine: RealEngine) -> RealEngine:
    give(engine, "busybox:1.36")
    return engine


def made(tmp_path: "os.PathLike[str]", engine: RealEngine, text: str, **files: str) -> ContainerProject:
    return ContainerProject(f"{os.path.realpath(tmp_path)}/{len(os.listdir(tmp_path))}", engine, {
        "tasks.yml": text, **files,
    })  # fmt: skip


SETUP = """
    containers:
      set:
        from: busybox:1.36
        setup:
          - echo @MARK@ > /one; echo "by $HTTP_PROXY"; echo worse >&2
          - cat /one > /two
    tasks:
      show: {container: set, run: 'cat /two; echo "$HTTP_PROXY"'}
    """


def test_a_setup_makes_one_image_for_all_projects_that_say_the_same(
    each: RealEngine, tmp_path: "os.PathLike[str]"
) -> None:
    first = made(tmp_path, each, "")
    text = SETUP.replace("@MARK@", first.mark)
    first.write("tasks.yml", text)
    result = first.run("show", env={"HTTP_PROXY": "http://one.example.org"})
    assert result == (
        f"{first.mark}\nhttp://one.example.org\n",
        (
            f'container set $ echo {first.mark} > /one; echo "by $HTTP_PROXY"; echo worse >&2\n'
            "by http://one.example.org\nworse\n"
            "container set $ cat /one > /two\n"
            'show $ cat /two; echo "$HTTP_PROXY"\n'
        ),
        0,
    )
    second = made(tmp_path, each, text)
    # The image knows nothing of the proxy that was there when it was made.
    assert second.run("show") == (f"{first.mark}\n\n", 'show $ cat /two; echo "$HTTP_PROXY"\n', 0)
    assert (first.gone(), second.gone()) == ([], [])


def test_a_setup_that_fails_leaves_no_image(each: RealEngine, tmp_path: "os.PathLike[str]") -> None:
    project = made(
        tmp_path, each,
        """
        containers:
          bad:
            from: busybox:1.36
            setup: [echo fine, "echo worse >&2; exit 7"]
        tasks:
          show: {container: bad, run: echo never}
        """,
    )  # fmt: skip
    expected = (
        "",
        (
            "container bad $ echo fine\nfine\n"
            "container bad $ echo worse >&2; exit 7\nworse\n"
            "pyrun: tasks.yml:2:3: the setup of the container `bad` failed with exit status 7: "
            "echo worse >&2; exit 7\n"
            "  2 |   bad:\n    |   ^^^\n"
        ),
        7,
    )
    # Nothing of it is taken for done by the next run.
    assert [project.run("show") for _ in range(2)] == [expected] * 2
    assert project.gone() == []


def test_a_dockerfile_is_built_again_when_a_file_changes_that_it_copies(
    each: RealEngine, tmp_path: "os.PathLike[str]"
) -> None:
    project = made(
        tmp_path, each,
        """
        containers:
          df: {dockerfile: tools/Dockerfile, target: first}
        tasks:
          show: {container: df, source: [tasks.yml], run: cat /d/one /d/link; ls /d; test ! -e /third}
        """,
        **{"tools/Dockerfile": """
            FROM busybox:1.36 AS first
            COPY d /d
            FROM first
            RUN touch /third
        """, "tools/other": "other"},
    )  # fmt: skip
    project.write("tools/d/one", f"{project.mark}\n")
    os.symlink("one", project.path("tools/d/link"))
    assert project.run("show", "--quiet")[::2] == (f"{project.mark}\n" * 2 + "link\none\n", 0)
    project.write("tools/other", "changed")
    up_to_date = ("", "show: up to date (1 source as in the last run)\n", 0)
    assert project.run("show") == up_to_date
    project.write("tools/d/one", "changed\n")
    assert project.run("show", "--quiet")[::2] == ("changed\nchanged\nlink\none\n", 0)
    assert project.run("show") == up_to_date
    assert project.gone() == []


def test_what_is_wrong_with_a_dockerfile_is_told(docker: RealEngine, tmp_path: "os.PathLike[str]") -> None:
    project = made(
        tmp_path, docker,
        """
        containers:
          failing: {dockerfile: Dockerfile}
          missing: {dockerfile: nosuch}
          copying: {dockerfile: Copying}
        tasks:
          fails: {container: failing, run: "true"}
          misses: {container: missing, run: "true"}
          copies: {container: copying, run: "true"}
        """,
        Dockerfile="FROM busybox:1.36\nRUN exit 9\n", Copying="FROM busybox:1.36\nCOPY nosuch /\n",
    )  # fmt: skip
    told = [(result.stderr.partition("pyrun: ")[2], result.code) for result in map(project.run, (
        "fails", "misses", "copies",
    ))]  # fmt: skip
    assert told == [
        (
            (
                "tasks.yml:2:3: the Dockerfile of the container `failing` failed with exit status 9: exit 9\n"
                "  2 |   failing: {dockerfile: Dockerfile}\n    |   ^^^^^^^\n"
            ),
            9,
        ),
        (
            (
                "tasks.yml:3:3: there is no Dockerfile `nosuch`\n"
                "  3 |   missing: {dockerfile: nosuch}\n    |   ^^^^^^^\n"
                "  its path is relative to the file that names it\n"
            ),
            2,
        ),
        (
            (
                "tasks.yml:4:3: `Copying` copies `nosuch` in line 2, and there is no such file in `.`\n"
                "  4 |   copying: {dockerfile: Copying}\n    |   ^^^^^^^\n"
                "  name the folder that it copies from: `context:`\n"
            ),
            2,
        ),
    ]


def test_users_are_those_of_the_image(each: RealEngine, tmp_path: "os.PathLike[str]") -> None:
    show = 'echo "$(id -u):$(id -g) $HOME"; touch ~/mine; stat -c %u:%g ~/mine'
    project = made(
        tmp_path, each,
        f"""
        containers:
          named: {{from: "busybox:1.36", user: worker}}
          grouped: {{from: "busybox:1.36", user: "worker:nogroup"}}
          numbered: {{from: "busybox:1.36", user: "1234:7"}}
          unknown: {{from: "busybox:1.36", user: nosuch}}
          home: {{from: "busybox:1.36", workdir: /root}}
        tasks:
          named: {{container: named, run: '{show}'}}
          grouped: {{container: grouped, run: '{show}'}}
          numbered: {{container: numbered, run: '{show}'}}
          home: {{container: home, user: , run: 'pwd; echo $HOME'}}
          unknown: {{container: unknown, run: "true"}}
        """.replace(", user: ,", ","),
    )  # fmt: skip
    result = project.run("named", "grouped", "numbered", "home", "--quiet", "-j1")
    assert result == (
        (
            "1500:1500 /home/worker\n1500:1500\n"
            "1500:65534 /home/worker\n1500:65534\n"
            "1234:7 /home/pyrun\n1234:7\n"
            "/root\n/home/pyrun\n"
        ),
        "",
        0,
    )
    assert project.run("unknown") == (
        "",
        (
            "pyrun: tasks.yml:5:3: the image of the container `unknown` has no user `nosuch`\n"
            '  5 |   unknown: {from: "busybox:1.36", user: nosuch}\n    |   ^^^^^^^\n'
            "  name one that stands in its /etc/passwd, or a number\n"
        ),
        1,
    )
    assert project.gone() == []


def test_the_callers_files_are_the_callers(docker: RealEngine, tmp_path: "os.PathLike[str]") -> None:
    project = made(
        tmp_path, docker,
        """
        tasks:
          make:
            container: busybox:1.36
            target: [made]
            run: 'echo "$(id -u) $(whoami) $HOME" > made; echo x >> ~/kept; wc -l < ~/kept'
        """,
    )  # fmt: skip
    subprocess.run(["chown", "-R", "1000:1000", project.told], check=True)
    folder = project.told
    while folder not in {"/", "/tmp"}:
        folder = os.path.dirname(folder)
        os.chmod(folder, os.stat(folder).st_mode | 0o011)
    argv = ["setpriv", "--reuid=1000", "--regid=1000", f"--groups={docker.group}",
            f"{os.path.dirname(os.path.realpath('/proc/self/exe'))}/python3"]  # fmt: skip
    del argv[-1]
    from tests.features.conftest import PYRUN  # noqa: PLC0415 - for this test only

    counts = []
    for _ in range(2):
        done = subprocess.run(
            [*argv, PYRUN, "make", "--quiet"], cwd=project.root, env=project.environ(), capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.stderr == ""
        counts.append(int(done.stdout))
    assert counts[1] == counts[0] + 1
    assert project.read("made") == "1000 pyrun /home/pyrun\n"
    found = os.stat(project.path("made"))
    assert (found.st_uid, found.st_gid) == (1000, 1000)


def test_variables_win_in_their_order(each: RealEngine, tmp_path: "os.PathLike[str]") -> None:
    project = made(
        tmp_path, each,
        """
        env-file: variables
        containers:
          df: {dockerfile: Dockerfile, env: {C: container, D: container, E: container, PATH: "/extra:${PATH}", OF: "${A}"}}
        tasks:
          show:
            container: df
            env: {D: task, E: task}
            pass-env: [B, C, F]
            run:
              - set-environment: {E: step}
              - 'echo $A $B $C $D $E $F [$G] $OF $PYRUN_CONTAINER; echo $PATH'
        """,
        Dockerfile="FROM busybox:1.36\nENV A=image B=image C=image D=image E=image PATH=/bin\n",
        variables="F=file\nG=file\n",
    )  # fmt: skip
    result = project.run("show", "--quiet", env={"A": "caller", "B": "caller", "C": "caller"})
    assert result[::2] == ("image caller container task step file [] image df\n/extra:/bin\n", 0)


def test_networks_limits_and_mounts(docker: RealEngine, tmp_path: "os.PathLike[str]") -> None:
    project = made(
        tmp_path, docker,
        """
        containers:
          none: {from: "busybox:1.36", network: none, init: true, mounts: ["data:/data:ro", "~/own:/own"]}
          gone: {from: "busybox:1.36", mounts: ["data:/data", "nosuch:/nosuch"]}
        tasks:
          none:
            container: none
            run: ls /sys/class/net; cat /data/a; echo x > /own/b; echo x > /data/b
          gone: {container: gone, run: "true"}
        """,
        **{"data/a": "seen\n"},
    )  # fmt: skip
    os.mkdir(f"{project.home}/own")
    result = project.run("none", "--quiet")
    assert (result.stdout, result.code) == ("lo\nseen\n", 1)
    assert "/data/b: Read-only file system" in result.stderr
    assert os.listdir(f"{project.home}/own") == ["b"]
    assert project.run("gone") == (
        "",
        (
            "pyrun: tasks.yml:3:55: the container `gone` mounts `nosuch`, which the engine's machine does not have\n"
            '  3 |   gone: {from: "busybox:1.36", mounts: ["data:/data", "nosuch:/nosuch"]}\n'
            f"    | {' ' * 54}^^^^^^^^^^^^^^^^\n"
            "  make it first; a folder that is to be kept between runs is a cache mount\n"
        ),
        125,
    )
    assert project.gone() == []


def test_what_hangs_on_cache_mounts_is_done_again_when_they_are_gone(
    each: RealEngine, tmp_path: "os.PathLike[str]"
) -> None:
    project = made(
        tmp_path, each,
        """
        containers:
          kept: {from: "busybox:1.36", user: worker, cache-mounts: [/src/kept, ~/.cache/x]}
        tasks:
          one: {container: kept, source: [tasks.yml], run: 'touch kept/a ~/.cache/x/a; stat -c %U kept'}
          two: {container: kept, deps: [one], source: [tasks.yml], run: 'ls kept'}
        """,
    )  # fmt: skip
    assert project.run("two", "--quiet") == ("worker\na\n", "", 0)
    # That the image had to be asked for its user's number makes no difference.
    assert project.run("two") == (
        "",
        "two: up to date (1 source and 1 dep as in the last run)\n",
        0,
    )
    assert project.gone() == []
    names = each.docker("volume", "ls", "--quiet", "--filter", "label=pyrun.what=/src/kept").split()
    labelled = each.docker(
        "volume", "inspect", "--format", '{{.Name}} {{index .Labels "pyrun.project"}}', *names
    )
    (mine,) = [line.split()[0] for line in labelled.splitlines() if line.endswith(f" {project.root}")]
    each.docker("volume", "rm", mine)
    assert project.run("two", "--quiet") == ("worker\na\n", "", 0)


def test_an_image_counts_by_its_content(docker: RealEngine, tmp_path: "os.PathLike[str]") -> None:
    tag = f"pyrun-tests/moved:{os.path.basename(os.path.realpath(tmp_path)).lower()}"

    def tagged(variable: str, label: str) -> None:
        text = f"FROM busybox:1.36\nENV MOVED={variable}\nLABEL x={label}\n"
        docker.docker("build", "--quiet", "--tag", tag, "-", stdin=text.encode())

    project = made(
        tmp_path, docker,
        f"""
        containers:
          moved: {{from: "{tag}", keep: 1m}}
        tasks:
          show: {{container: moved, source: [tasks.yml], run: echo $MOVED}}
        """,
    )  # fmt: skip
    try:
        tagged("one", "a")
        assert project.run("show", "--quiet") == ("one\n", "", 0)
        tagged("one", "b")
        assert project.run("show") == ("", "show: up to date (1 source as in the last run)\n", 0)
        tagged("two", "b")
        # The container that was kept is of the other image.
        assert project.run("show", "--quiet") == ("two\n", "", 0)
    finally:
        for left in project.left():
            docker.docker("rm", "--force", left.split()[1])
        docker.docker("rmi", "--force", tag)
