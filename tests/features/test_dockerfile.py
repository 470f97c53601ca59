"""`--dockerfile` shows or writes the Dockerfile of the task graph, and does nothing else."""

import os

import pytest

from tests.features.conftest import MakeProject, Project

TASKS = """\
name: small
containers:
  box: busybox:1.36
tasks:
  prepare: {source: [conf.txt], run: echo prepared}
  make:
    deps: [prepare]
    source: ["src/*.txt"]
    target: out
    run: cat src/*.txt > out
  image:
    args: {name: {values: [one, two]}}
    container: box
    image:
      name: registry.example.org/${name}
      from: scratch
      copy: [{task: make, to: /}, {source: conf.txt, to: /etc/}]
      cmd: [/out]
  all: {deps: ["image --all"]}
"""
MADE = """\
# Made by pyrun from tasks.yml; `pyrun --dockerfile` makes it anew, so change that instead
# docker build --target image-one --tag registry.example.org/one:latest .

# what prepare reads
FROM scratch AS prepare-files
COPY --chmod=0644 ["conf.txt", "/"]

# what make reads
FROM scratch AS make-files
COPY --chmod=0644 ["src/a.txt", "/src/"]
COPY --chmod=0755 ["src/b.txt", "/src/"]
COPY --chmod=0644 ["src/a.txt", "/src/link.txt"]

# the container box: prepare, make
FROM busybox:1.36 AS box
USER 0
ENV PYRUN_CONTAINER="box"
WORKDIR /src
COPY --from=prepare-files ["/", "/src/"]
RUN ["sh", "-c", "# prepare\\n\\
sh -c 'echo prepared' || exit"]
COPY --from=make-files ["/", "/src/"]
RUN ["sh", "-c", "# make\\n\\
sh -c 'cat src/*.txt > out' || exit\\n\\
[ -e out ] || { echo 'make left no out' >&2; exit 1; }\\n\\
find out -type d -exec chmod 755 {} + -o -type f -perm -100 -exec chmod 755 {} + -o -type f -exec chmod 644 {} + || exit\\n\\
find out -mindepth 1 -depth -type d -exec rmdir {} \\\\; 2>/dev/null || :"]

# the image of image one
FROM scratch AS image-one
COPY --from=box --chown=0:0 ["/src/out", "/"]
COPY --chmod=0644 ["conf.txt", "/etc/"]
CMD ["/out"]
"""
IGNORE = """\
# Made by pyrun: only what the Dockerfile copies is sent
*
!conf.txt
!src/a.txt
!src/b.txt
"""


@pytest.fixture
def p(project: MakeProject) -> Project:
    one = project({"tasks.yml": TASKS, "conf.txt": "conf\n", "src/a.txt": "a\n"})
    one.write("src/b.txt", "b\n", 0o775)
    os.symlink("a.txt", one.path("src/link.txt"))
    return one


def test_it_is_shown_and_nothing_is_done(p: Project) -> None:
    before = p.files()
    assert p.run("--dockerfile", "image", "one") == (MADE, "", 0)
    assert (p.files(), p.exists(".pyrun")) == (before, False)


def test_all_images_are_targets_of_one_file(p: Project) -> None:
    for words in (("image", "--all"), ("image", "one", "two"), ("all",)):
        result = p.run("--dockerfile", *words)
        assert (result.stderr, result.code) == ("", 0)
        stages = [line.split(" AS ")[1] for line in result.stdout.split("\n") if line.startswith("FROM ")]
        assert stages == ["prepare-files", "make-files", "box", "image-one", "image-two"]
        assert result.stdout.split("\n")[1:3] == [
            f"# docker build --target image-{name} --tag registry.example.org/{name}:latest ."
            for name in ("one", "two")
        ]


def test_it_is_written_with_what_keeps_all_other_files_out(p: Project) -> None:
    shown = p.run("--dockerfile", "image", "one").stdout
    told = "Dockerfile and .dockerignore written\n"
    assert p.run("--dockerfile=.", "image", "one") == ("", told, 0)
    assert (p.read("Dockerfile"), p.read(".dockerignore")) == (shown, IGNORE)
    # What pyrun has written it may write anew.
    assert p.run("--dockerfile=.", "image", "two").code == 0
    assert "image-two" in p.read("Dockerfile")


def test_in_another_folder_it_says_how_it_is_built(p: Project) -> None:
    told = "../build/x/Dockerfile, ../build/x/.dockerignore and ../build/x/Dockerfile.dockerignore written\n"
    assert p.run("--dockerfile=../build/x", "image", "one", cwd="src") == ("", told, 0)
    assert p.read("build/x/Dockerfile").split("\n")[1] == (
        "# docker build --file build/x/Dockerfile --target image-one --tag registry.example.org/one:latest ."
    )
    assert p.read("build/x/.dockerignore") == p.read("build/x/Dockerfile.dockerignore") == IGNORE


@pytest.mark.parametrize("name", ["Dockerfile", ".dockerignore"])
def test_a_file_of_somebody_else_stays(p: Project, name: str) -> None:
    p.write(name, "FROM scratch\n")
    assert p.run("--dockerfile=.", "image", "one") == (
        "",
        (
            f"pyrun: `{name}` is there already, and pyrun did not write it\n"
            "  name another folder: `--dockerfile=FOLDER`\n"
        ),
        2,
    )
    assert p.read(name) == "FROM scratch\n"
    assert p.files() == sorted(["conf.txt", "src/a.txt", "src/b.txt", "src/link.txt", "tasks.yml", name])


def test_what_a_task_before_makes_comes_from_there_and_not_from_the_checkout(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            container: "busybox:1.36"
            tasks:
              gen: {source: [], target: gen/a, run: echo 1 > gen/a}
              use: {deps: [gen, later], source: ["gen/*", "later/*"], target: out, run: cat gen/* > out}
              later: {source: [], target: "later/*", run: "true"}
              image: {image: {name: i, from: scratch, copy: [{task: use, to: /}]}}
        """,
        "gen/a": "old\n", "gen/b": "own\n",
    })  # fmt: skip
    result = p.run("--dockerfile=.", "image")
    assert (result.stderr, result.code) == ("Dockerfile and .dockerignore written\n", 0)
    assert p.read(".dockerignore").split("\n")[2:] == ["!gen/b", ""]
    assert 'COPY --from=gen --chown=0:0 ["/src/gen/a", "/src/gen/a"]' not in p.read("Dockerfile")
    assert 'COPY --from=gen ["/src/gen/a", "/src/gen/a"]' in p.read("Dockerfile")


def test_names_are_pinned_by_tasks_lock(p: Project) -> None:
    digest = f"sha256:{'a' * 64}"
    p.write("tasks.lock", f"docker.io/library/busybox:1.36 {digest}\n")
    result = p.run("--dockerfile", "image", "one")
    assert f"\nFROM busybox:1.36@{digest} AS box\n" in result.stdout


NOWHERE = """\
pyrun: tasks.yml:6:3: `make` runs in no container, and a Dockerfile has no stage for it
  6 |   make:
    |   ^^^^
  say `container: NAME` at the image task, for all that it copies, or give `--in NAME`
"""


def test_a_task_without_a_container_has_no_stage(p: Project) -> None:
    assert p.run("--in", "host", "--dockerfile", "image", "one") == ("", NOWHERE, 2)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("--dockerfile",),
            "pyrun: `--dockerfile` shows how images are made, and none is named\n  `pyrun --dockerfile TASK`\n",
        ),
        (
            ("--dockerfile", "make"),
            (
                "pyrun: `--dockerfile` shows how images are made, and none is asked for\n"
                "  name an image task: `pyrun --dockerfile image NAME`\n"
            ),
        ),
        (
            ("--builder", "other", "image", "one"),
            "pyrun: there is no `--builder other`\n  `--builder layers` or `--builder docker`\n",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(p: Project, words: tuple[str, ...], told: str) -> None:
    assert p.run(*words) == ("", told, 2)


def test_what_should_not_ship_is_in_no_dockerfile(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {image: {image: {name: i, from: scratch, copy: [{source: conf/, to: /}]}}}\n",
        "conf/.env": "A=b\n",
    })  # fmt: skip
    result = p.run("--dockerfile", "image")
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr.startswith(
        "pyrun: tasks.yml:1:56: `conf/.env` would be in the image for all to read: it sets variables, secrets among "
        "them, as a rule\n"
    )
    p.write("tasks.yml", p.read("tasks.yml").replace("source: conf/,", "source: conf/.env,"))
    assert p.run("--dockerfile", "image").code == 0


def test_commands_in_an_image_want_an_engine(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {image: {image: {name: i, from: scratch, run: ls}}}\n"})
    result = p.run("--builder", "layers", "image")
    assert (result.stderr.split("\n")[0], result.code) == (
        "pyrun: tasks.yml:1:9: `image` runs commands in its image, which only an engine can",
        2,
    )


def test_an_image_by_docker_needs_nothing_to_be_done_here(p: Project) -> None:
    result = p.run("--builder", "docker", "--dry-run", "image", "one")
    assert (result.stderr, result.code) == ("", 0)
    assert result.stdout.startswith("image one")
    assert "make" not in result.stdout
