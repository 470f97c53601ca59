"""What would run, as far as that is known beforehand. A look runs nothing and writes nothing."""

import pytest

from tests.features.conftest import MakeProject, Project, Result

FILE = """
    tasks:
      install: {source: [lock], run: echo install}
      build:
        args: {x: {values: [a, b]}}
        deps: [install]
        source: [in]
        target: out-${x}
        dir: sub
        env: {CGO: "0", WHO: "me ${x} ${CALLER}"}
        run:
          - cp ../in ../out-${x}
          - |
            if true; then
              echo ${x}
            fi
          - command: {exec: pwd, dir: /}
      image:
        args: {x: {values: [a, b]}}
        image:
          name: registry.example.org/shop/${x}
          tags: ["1", latest]
          from: scratch
          copy: [{task: "build ${x}", to: /app/}, {source: in, to: /etc/conf}]
      always: {deps: [build a], run: touch ran}
      serve: {persistent: true, deps: [install], run: sleep 300}
      group: {deps: [install]}
"""
INSTALL = "  $ echo install\n"


def commands(x: str) -> str:
    return (
        f"  CGO=0\n  WHO=me {x} \n  (sub) $ cp ../in ../out-{x}\n"
        f"  (sub) $ if true; then\n      echo {x}\n    fi\n  (/) $ pwd\n"
    )


def image(x: str) -> str:
    return (
        f"  image registry.example.org/shop/{x}:1, latest from scratch\n"
        f"  copy out-{x} to /app/\n  copy in to /etc/conf\n"
    )


@pytest.fixture
def shop(project: MakeProject) -> Project:
    return project({"tasks.yml": FILE, "lock": "1", "in": "1", "sub/.x": ""})


def test_what_never_ran_would_run_and_what_depends_on_it_is_decided_later(shop: Project) -> None:
    never = f"install: would run, because it has not run here yet\n{INSTALL}"
    assert shop.run("install", "--dry-run") == Result(never, "", 0)
    assert shop.run("--dry-run", "image", "--all") == Result(
        never
        + "".join(
            f"build {x}: is decided when `install` is done\n{commands(x)}"
            f"image {x}: is decided when `build {x}` is done\n{image(x)}"
            for x in "ab"
        ),
        "",
        0,
    )


def test_nothing_runs_and_nothing_is_written(shop: Project) -> None:
    before = shop.files()
    for words in (["always"], ["image", "--all"], ["serve"], ["install", "build", "a"], ["group"]):
        assert shop.run(*words, "--dry-run").code == 0
        assert shop.run(*words, "--dry-run", "--force").code == 0
    assert shop.files() == before
    assert not shop.exists(".pyrun")
    assert not shop.left()


def test_what_is_up_to_date_is_told_and_only_looked_at(shop: Project) -> None:
    assert shop.run("image", "a", "-s").code == 0
    log = shop.read(".pyrun/log")
    shop.touch("in")
    assert shop.run("image", "a", "--dry-run") == Result(
        f"install: up to date (1 source as in the last run)\n{INSTALL}"
        f"build a: up to date (1 source, 1 dep and out-a as in the last run)\n{commands('a')}"
        f"image a: up to date (1 source, 1 dep and the image as in the last run)\n{image('a')}",
        "",
        0,
    )
    assert shop.read(".pyrun/log") == log


def test_it_says_why_a_task_would_run(shop: Project) -> None:
    assert shop.run("build", "a", "-s").code == 0

    def told(task: str, *words: str, env: dict[str, str] | None = None) -> str:
        lines = shop.run("build", "a", "--dry-run", *words, env=env).stdout.splitlines()
        return next(line for line in lines if line.startswith(f"{task}: "))

    shop.write("in", "2")
    assert told("install") == "install: up to date (1 source as in the last run)"
    assert told("build a") == "build a: would run, because in changed"
    shop.write("in", "1")
    assert told("build a", env={"CALLER": "x"}) == "build a: would run, because variable WHO changed"
    shop.remove("out-a")
    assert told("build a") == "build a: would be restored, because the target out-a is gone"
    shop.write("lock", "2")
    assert told("install") == "install: would run, because lock changed"
    assert told("build a") == "build a: is decided when `install` is done"
    assert told("install", "--force") == "install: would run, because `--force` was given"


def test_a_task_that_always_runs_is_told_so_whatever_its_deps_will_do(shop: Project) -> None:
    lines = shop.run("always", "--dry-run").stdout.splitlines()
    assert "always: would run, because it has no `source`, so it runs every time" in lines
    assert "serve: would run, because it is a server" in shop.run("serve", "--dry-run").stdout.splitlines()


def test_what_the_task_itself_would_do_is_what_a_run_then_does(shop: Project) -> None:
    words = shop.run("build", "a", "--dry-run").stdout
    assert shop.run("build", "a", "-s").code == 0
    assert shop.run("build", "a", "--dry-run").stdout == words.replace(
        "install: would run, because it has not run here yet",
        "install: up to date (1 source as in the last run)",
    ).replace(
        "build a: is decided when `install` is done",
        "build a: up to date (1 source, 1 dep and out-a as in the last run)",
    )


def test_hostile_values_are_shown_as_the_shell_would_get_them(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks:\n  t: {args: {x: {}}, run: 'echo ${x}'}\n"})
    result = p.run("t", "--dry-run", "--", "$(touch pwned)")
    assert result == Result(
        "t '$(touch pwned)': would run, because it has no `source`, so it runs every time\n"
        "  $ echo '$(touch pwned)'\n",
        "",
        0,
    )
    assert p.files() == ["tasks.yml"]


def test_a_look_finds_the_faults_that_a_run_would(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {source: [none], run: touch ran}
              b: {deps: [c], run: touch ran}
              c: {deps: [b]}
              d: {target: x, run: touch x}
              e: {target: x, run: touch x}
        """
    })  # fmt: skip
    for words in (["a"], ["b"], ["d", "e"], ["f"], ["a", "--nope"]):
        wrong = p.run(*words)
        assert (wrong.stdout, wrong.code) == ("", 2), words
        assert p.run(*words, "--dry-run") == wrong, words
    assert p.files() == ["tasks.yml"]


def test_verbosity_changes_nothing_of_what_was_asked_to_be_shown(shop: Project) -> None:
    shown = shop.run("always", "--dry-run")
    for flag in ("-q", "-s"):
        assert shop.run("always", "--dry-run", flag) == shown


def test_what_was_made_before_would_be_restored(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {source: [in], target: out, run: cp in out}}\n", "in": "1"})
    for text in ("1", "2"):
        p.write("in", text)
        assert p.run("-q", "t").code == 0
    p.write("in", "1")
    assert p.run("--dry-run", "t") == Result(
        "t: would be restored, because in changed\n  $ cp in out\n", "", 0
    )
    assert p.run("--dry-run", "--force", "t").stdout.startswith("t: would run, because `--force` was given\n")
