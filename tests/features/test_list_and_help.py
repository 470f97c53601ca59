"""What there is and what it takes, as golden texts. Looking runs nothing."""

import pytest

from tests.features.conftest import MakeProject, Project, Result

FILE = """
    name: payments
    usage: Groups and what they spent
    args:
      service: {usage: A service of this repository, values: {glob: cmd/*/}}
    options:
      level: {usage: How much, short: l, values: [low, high], default: low}
    tasks:
      install:
        usage: Download what is needed
        run: touch ran
      build:
        usage: Compile a service
        description: |
          Compiles it.

          And says more.
        args: [service]
        options:
          race: {usage: With the race detector, type: bool, short: r}
          tags: {usage: Build tags, type: list}
          out: {usage: Where to, required: true, environment: OUT}
        run: echo ${service} ${level} ${tags}
      send:
        args:
          to: {usage: Who gets it}
          count: {type: int, default: "3"}
          words: {type: list}
        run: touch ran
      inner:
        usage: Not for people
        private: true
        run: touch ran
"""
TITLE = "payments - Groups and what they spent\n\n"
LIST = f"""\
{TITLE}  install                     Download what is needed
  build <service>             Compile a service
  send <to> [count] [words…]
"""
FLAGS = """\
usage: pyrun [FLAGS] TASK [ARGS] [OPTIONS]

flags:
      --list[=VALUE]                List the tasks; --list=json for other programs
  -h, --help                        Show this, or what a task takes
      --dry-run                     Show what would run, and run nothing
      --why                         Show what changed since a task last succeeded, or why it is up to date, and run nothing
      --graph[=VALUE]               Show what needs what, as a tree or with --graph=json, and run nothing
      --validate                    Check the file, and run nothing
      --schema                      Show the JSON Schema of a tasks.yml
  -V, --version                     Show the version
      --all                         Run a task for every value of its enumerated arg
  -j, --jobs VALUE                  How many tasks may run side by side (default: the processor's cores)
      --force                       Run tasks that are up to date, too
      --keep-going                  After a failure go on with what does not need it
      --resume                      Do only what failed or did not start last time
      --since[=VALUE]               Do only what changed since a git revision (default: where upstream's branch began)
      --shard VALUE                 Do one part of it, as 2/5; all parts together do everything
      --watch                       Run again whenever something that a task reads changes
      --in VALUE                    Run tasks in this container, or with `host` none in a container
      --engine VALUE                Use this container engine: docker, podman, or an address as unix:///PATH
      --shell VALUE                 Open a shell in a container, with what its tasks see
      --sandbox                     Run each task where only what it declares is to be seen
      --audit                       Run, and list what tasks read and write without declaring it
      --output VALUE                How tasks' output is shown: interleaved, grouped, prefixed, json or plain
      --push                        Send the image to its registry
      --tag VALUE                   Give the image this tag, or these with commas between, instead of its own
      --platform VALUE              Make the image for this platform, or these with commas between
      --builder VALUE               Make the image with: layers, or docker
      --dockerfile[=VALUE]          Show the Dockerfile that makes the image, or write it into a folder
      --locked                      Fail where tasks.lock lacks an image; with --update also where one has changed
      --update                      Let names of images in tasks.lock stand for what their registries have now
      --verify                      Make the image twice, in two places, and show the first difference
      --attest                      Add what the image is made of and how, for those who get it
      --annotate                    Write the revision and the time of the build on the image
      --save VALUE                  Write the image to an archive for `docker load` and `skopeo`
      --load                        Give the image to the container engine, and fail without one
      --no-load                     Give the image to no engine
      --clean[=VALUE]               Forget what ran: project (the default), task:NAME, cache for all; or remove all containers or images
      --clean-cache                 The same as --clean=cache
      --clean-project-cache         The same as --clean=project
      --clean-task-cache VALUE      The same as --clean=task:NAME
  -y, --yes                         Answer the questions of tasks with yes
  -q, --quiet                       Tell failures only
  -s, --silent                      Tell nothing, and let tasks write nothing to the terminal
  -v, --verbose                     Tell why tasks run, and how long they took
  -f, --file VALUE                  Use this file instead of the nearest tasks.yml
  -C, --dir VALUE                   Begin in this folder
      --init                        Write a first tasks.yml that fits what lies in the folder
      --completion VALUE            Show the script by which bash, zsh, fish or powershell completes pyrun
      --install-completion VALUE    Put it where that shell finds it
      --uninstall-completion VALUE  Take it away again
"""
TASKS = """
tasks:
  install                     Download what is needed
  build <service>             Compile a service
  send <to> [count] [words…]
"""
BEHIND = "\n`pyrun TASK --help` shows what a task takes.\n"
BUILD = """\
usage: pyrun build <service> [OPTIONS]

Compile a service
Compiles it.

And says more.

args:
  service  A service of this repository (one of: api, web; required)

options:
  -l, --level STRING  How much (one of: low, high; default: low)
  -r, --race          With the race detector
  --tags LIST         Build tags
  --out STRING        Where to (variable: OUT; required)
"""
SEND = """\
usage: pyrun send <to> [count] [words…]

args:
  to     Who gets it (required)
  count  (default: 3)
  words
"""


@pytest.fixture
def shop(project: MakeProject) -> Project:
    return project({"tasks.yml": FILE, "cmd/web/main.go": "", "cmd/api/main.go": "", "cmd/file": ""})


def test_pyrun_alone_and_list_show_the_tasks_that_can_be_asked_for(shop: Project) -> None:
    for words in ([], ["--list"], ["--list", "build"], ["build", "api", "--list"], ["-q", "--list"]):
        assert shop.run(*words) == Result(LIST, "", 0), words
    assert not shop.exists("ran")


def test_help_shows_the_flags_and_the_tasks(shop: Project) -> None:
    for words in (["--help"], ["-h"], ["-qh"]):
        assert shop.run(*words) == Result(TITLE + FLAGS + TASKS + BEHIND, "", 0)


def test_help_without_a_file_shows_the_flags(project: MakeProject) -> None:
    assert project({"a": ""}).run("--help") == Result(FLAGS + BEHIND, "", 0)


def test_help_for_a_task_shows_what_it_takes(shop: Project) -> None:
    for words in (["build", "--help"], ["build", "-h"], ["--help", "build"], ["build", "api", "-h"]):
        assert shop.run(*words) == Result(BUILD, "", 0), words
    assert shop.run("send", "--help") == Result(SEND, "", 0)
    assert shop.run("install", "--help") == Result("usage: pyrun install\n\nDownload what is needed\n", "", 0)
    assert not shop.exists("ran")


def test_help_for_several_tasks_shows_each(shop: Project) -> None:
    both = shop.run("install", "send", "--help")
    assert both == Result("usage: pyrun install\n\nDownload what is needed\n" + SEND, "", 0)


def test_version_needs_no_file(project: MakeProject) -> None:
    from runner import __version__  # noqa: PLC0415 - the one place that says it

    for word in ("--version", "-V"):
        assert project({"a": ""}).run(word) == Result(f"pyrun {__version__}\n", "", 0)
    assert project({"tasks.yml": "\t"}).run("--version").code == 0


def test_a_private_task_is_neither_shown_nor_run_nor_proposed(shop: Project) -> None:
    told = "pyrun: `inner` is private: only other tasks may call it\n"
    assert shop.run("inner") == Result("", told, 2)
    assert "inner" not in shop.run("iner").stderr
    assert not shop.exists("ran")


def test_a_private_task_runs_as_a_dep(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              outer: {deps: [inner], run: echo outer}
              inner: {private: true, run: echo inner}
        """
    })  # fmt: skip
    assert p.run("outer", "-q") == Result("inner\nouter\n", "", 0)


def test_the_list_reads_well_without_names_and_tasks(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks:\n  a: {run: true}\n"})
    assert p.run() == Result("  a\n", "", 0)
    p.write("tasks.yml", "")
    assert p.run() == Result("tasks.yml has no tasks\n", "", 0)
    p.write("tasks.yml", "name: x\ntasks:\n")
    assert p.run() == Result("tasks.yml has no tasks\n", "", 0)


def test_texts_in_other_scripts_are_shown_as_they_are(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks:\n  grüße: {usage: 'говорит 👋', run: true}\n"})
    assert p.run() == Result("  grüße  говорит 👋\n", "", 0)
    assert p.run(env={"LANG": "C", "LC_ALL": "C"}).stdout == "  grüße  говорит 👋\n"
    assert p.run(env={"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}).code == 0


def test_a_list_into_a_closed_pipe_ends_as_a_program_does(project: MakeProject) -> None:
    rows = "".join(f"  task{number}: {{usage: {'x' * 100}, run: true}}\n" for number in range(3000))
    p = project({"tasks.yml": "tasks:\n" + rows})
    p.script("head", "#!/bin/bash\npyrun --list | head -n 1\necho ${PIPESTATUS[0]}\n")
    p.write("tasks.yml", p.read("tasks.yml") + "  piped: {run: {command: {exec: ./head, quiet: true}}}\n")
    result = p.run("piped")
    assert result.stdout == f"  task0     {'x' * 100}\n141\n"
    assert result.stderr == ""
