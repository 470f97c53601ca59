"""`--since`: only what changed files and changed definitions reach, whatever git's names and clones are like."""

import json
import os
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.features.conftest import MakeProject, Project, Result

TASKS = """
    tasks:
      build:
        args: {service: {values: {glob: "services/*/"}}}
        deps: [lib]
        source: ["services/${service}", {exclude: "**/*.md"}]
        target: out/${service}
        run: cat services/${service}/* lib.out > out/${service}
      lib:
        source: [lib/**]
        target: lib.out
        run: cat lib/* > lib.out
      lint: {source: ["**/*.py"], run: echo linted}
      hello: {run: echo hello}
      both: {deps: [hello], run: [{task: lint}]}
"""
FILES = {
    "tasks.yml": TASKS,
    ".gitignore": "/out/\n/lib.out\n.pyrun/\n*.log\n",
    "services/api/main": "api\n",
    "services/web/main": "web\n",
    "services/web/notes.md": "notes\n",
    "lib/one": "1\n",
    "lib/two": "2\n",
    "tool.py": "print()\n",
}
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "A"), ("EMAIL", "a@example.org"))
}


def git(p: Project, *words: str, cwd: str = "") -> str:
    """What git says to words, in a folder of the project."""
    done = subprocess.run(
        ["git", *words],
        cwd=p.path(cwd),
        env={**p.environ(), **IDENTITY},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done
    return done.stdout.strip()


def commit(p: Project, cwd: str = "") -> str:
    """Commit all that there is; the commit."""
    git(p, "add", "-A", cwd=cwd)
    git(p, "commit", "-qm", "state", "--allow-empty", cwd=cwd)
    return git(p, "rev-parse", "HEAD", cwd=cwd)


def taken(p: Project, *words: str, cwd: str = "", env: dict[str, str] | None = None) -> list[str]:
    """The labels of what would be done of what is asked for."""
    result = p.run("--graph=json", *words, cwd=cwd, env=env)
    assert result.code == 0, result
    return [node["label"] for node in json.loads(result.stdout)["nodes"] if node["asked"]]


@pytest.fixture
def p(project: MakeProject) -> Project:
    made = project(FILES)
    os.mkdir(made.path("out"))
    git(made, "init", "-q", "-b", "main")
    commit(made)
    return made


ALL = ("build", "--all", "lint", "hello", "--since=HEAD")


def test_nothing_changed_is_one_line_and_no_failure(p: Project) -> None:
    head = git(p, "rev-parse", "HEAD")[:12]
    told = f"pyrun: nothing to do: no change since {head} (`HEAD`) reaches what was asked for\n"
    assert p.run(*ALL) == Result("", told, 0)
    assert p.run(*ALL, "-q") == Result("", "", 0)
    assert p.run(*ALL, "--dry-run") == Result("", told, 0)
    assert p.run(*ALL, "--graph") == Result("", told, 0)
    assert json.loads(p.run(*ALL, "--graph=json").stdout)["nodes"] == []
    assert p.files() == sorted(FILES)
    assert not p.exists(".pyrun")


def test_only_what_changes_reach_runs_with_what_it_needs(p: Project) -> None:
    p.write("services/api/main", "other\n")
    head = git(p, "rev-parse", "HEAD")[:12]
    assert p.run(*ALL, "-v", "--graph") == Result(
        "build api\n└─ lib\n",
        f"pyrun: since {head} (`HEAD`) 1 file changed, which reach 1 invocation of 4\n",
        0,
    )
    assert p.run(*ALL) == Result(
        "",
        "lib $ cat lib/* > lib.out\nbuild api $ cat services/api/* lib.out > out/api\n",
        0,
    )
    assert p.read("out/api") == "other\n1\n2\n"
    assert not p.exists("out/web")


def test_every_way_in_which_a_file_changes_counts(p: Project) -> None:
    assert taken(p, *ALL) == []
    p.write("services/web/new", "untracked")
    assert taken(p, *ALL) == ["build web"]
    git(p, "add", "-A")
    assert taken(p, *ALL) == ["build web"]
    commit(p)
    assert taken(p, *ALL) == []
    assert taken(p, "build", "--all", "--since=HEAD~1") == ["build web"]
    git(p, "mv", "services/web/new", "services/api/new")
    assert taken(p, *ALL) == ["build api", "build web"]
    git(p, "reset", "-q", "--hard")
    os.chmod(p.path("services/web/main"), 0o755)
    assert taken(p, *ALL) == ["build web"]
    git(p, "reset", "-q", "--hard")
    p.touch("services/web/main")
    assert taken(p, *ALL) == []
    p.write("services/web/main", "other\n")
    commit(p)
    assert taken(p, *ALL) == []
    assert taken(p, "build", "--all", "--since=HEAD~1") == ["build web"]
    git(p, "update-index", "--chmod=+x", "lib/one")
    assert taken(p, *ALL) == ["build api", "build web"]


@pytest.mark.parametrize("how", ["rm", "unlink", "cached"])
def test_a_file_that_is_gone_counts_where_a_pattern_would_have_matched_it(p: Project, how: str) -> None:
    p.write("services/web/second", "2")
    commit(p)
    if how == "unlink":
        p.remove("services/web/second")
    else:
        git(p, "rm", "-q", *(["--cached"] if how == "cached" else []), "services/web/second")
    if how == "cached":
        p.write(".git/info/exclude", "second\n")
    assert taken(p, *ALL) == ["build web"]


def test_a_whole_folder_that_is_gone_is_no_error(p: Project) -> None:
    p.remove("lib/one")
    p.remove("lib/two")
    os.rmdir(p.path("lib"))
    assert taken(p, *ALL) == ["build api", "build web"]


def test_what_is_excluded_ignored_or_a_target_reaches_nothing(p: Project) -> None:
    p.write("services/web/notes.md", "other")
    p.write("services/web/x.log", "log")
    p.write("elsewhere", "x")
    assert taken(p, *ALL) == []
    p.write("out/api", "made by hand")
    git(p, "add", "-f", "out/api")
    assert taken(p, *ALL) == []
    git(p, "rm", "-qf", "services/web/notes.md")
    assert taken(p, *ALL) == []


def test_a_change_of_a_dep_reaches_what_needs_it(p: Project) -> None:
    p.write("lib/three", "3")
    assert taken(p, *ALL) == ["build api", "build web"]
    assert taken(p, "lib", "lint", "--since=HEAD") == ["lib"]


def test_a_called_task_reaches_its_caller(p: Project) -> None:
    assert taken(p, "both", "--since=HEAD") == []
    p.write("tool.py", "")
    assert taken(p, "both", "hello", "--since=HEAD") == ["both"]


def test_what_says_nothing_of_its_sources_runs_only_when_its_definition_changes(p: Project) -> None:
    p.write("anything", "x")
    assert taken(p, "hello", "--since=HEAD") == []
    p.write("tasks.yml", p.read("tasks.yml").replace("echo hello", "echo hello you"))
    assert taken(p, *ALL, "both") == ["hello", "both"]
    assert p.run("hello", "--since=HEAD") == Result("hello you\n", "hello $ echo hello you\n", 0)


# Definitions


def test_a_file_that_says_the_same_in_other_words_reaches_nothing(p: Project) -> None:
    text = p.read("tasks.yml").replace("run: echo linted", "usage: Looks at code, run: [echo linted]")
    p.write("tasks.yml", f"# A remark\n\n{text}")
    assert taken(p, *ALL) == []


def test_a_changed_definition_reaches_its_own_invocations_and_their_users(p: Project) -> None:
    text = p.read("tasks.yml")
    p.write("tasks.yml", text.replace("cat lib/*", "cat -u lib/*"))
    assert taken(p, *ALL) == ["build api", "build web"]
    p.write("tasks.yml", text.replace('["**/*.py"]', '["**/*.py", "*.pyi"]'))
    assert taken(p, *ALL) == ["lint"]


def test_a_new_task_and_a_new_value_are_changes(p: Project) -> None:
    text = p.read("tasks.yml")
    p.write(
        "tasks.yml",
        f"{text}  fresh: {{run: echo fresh}}\n  deploy: {{args: {{s: {{values: [a, b]}}}}, run: echo}}\n",
    )
    assert taken(p, *ALL, "fresh") == ["fresh"]
    commit(p)
    assert taken(p, *ALL, "fresh", "deploy", "a") == []
    p.write("tasks.yml", p.read("tasks.yml").replace("[a, b]", "[a, b, c]"))
    assert taken(p, "deploy", "--all", "--since=HEAD") == ["deploy c"]


def test_a_new_folder_is_a_new_value_though_the_task_names_no_source(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks: {ship: {args: {s: {values: {glob: "services/*/"}}}, run: "echo ${s}"}}
            """,
        "services/a/x": "", "services/b/x": "",
    })  # fmt: skip
    git(p, "init", "-q")
    commit(p)
    p.write("services/c/x", "")
    p.write("services/a/x", "changed")
    assert taken(p, "ship", "--all", "--since=HEAD") == ["ship c"]


@pytest.mark.parametrize("before", [None, "tasks: {build: [}\n", "\udcff", "tasks: {other: {run: echo}}\n"])
def test_with_no_file_or_a_wrong_one_then_everything_counts_as_changed(
    p: Project, before: str | None
) -> None:
    text = p.read("tasks.yml")
    if before is None:
        p.remove("tasks.yml")
    else:
        p.write("tasks.yml", before)
    commit(p)
    p.write("tasks.yml", text)
    assert taken(p, *ALL) == ["build api", "build web", "lint", "hello"]


def test_included_files_are_read_as_they_were(project: MakeProject) -> None:
    p = project({
        "tasks.yml": 'include: "services/*/tasks.yml"\nenv-file: .env\n',
        ".env": "A=1\n",
        "services/api/tasks.yml": "tasks: {up: {run: echo api}}\n",
        "services/web/tasks.yml": "env-file: web.env\ntasks: {up: {run: echo web}}\n",
        "services/web/web.env": "A=1\n",
    })  # fmt: skip
    git(p, "init", "-q")
    commit(p)
    words = ("up", "--all", "--since=HEAD")
    assert taken(p, *words) == []
    p.write("services/api/tasks.yml", "tasks: {up: {run: echo other}}\n")
    assert taken(p, *words) == ["api:up"]
    git(p, "reset", "-q", "--hard")
    p.write("services/new/tasks.yml", "tasks: {up: {run: echo new}}\n")
    assert taken(p, *words) == ["new:up"]
    p.remove("services/new/tasks.yml")
    p.write("services/web/web.env", "A=2\n")
    assert taken(p, *words) == ["web:up"]


def test_a_default_that_a_command_works_out_is_asked_once(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                options: {o: {default: {command: "echo asked >> log; echo value"}}}
                source: [a]
                run: "echo ${o}"
            """,
        "a": "", ".gitignore": "log\n.pyrun\n",
    })  # fmt: skip
    git(p, "init", "-q")
    commit(p)
    assert p.run("t", "--since=HEAD", "-q") == Result("", "", 0)
    assert p.lines("log") == ["asked"]
    p.write("a", "changed")
    assert p.run("t", "--since=HEAD", "-q") == Result("value\n", "", 0)
    assert p.lines("log") == ["asked"] * 2


def test_an_answer_to_a_late_condition_that_changes_counts(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {source: [a], run: {when: {exists: [flag]}, command: echo flag}}
              u: {source: [a], run: {when: {not-exists: folder}, command: echo folder}}
            """,
        "a": "",
    })  # fmt: skip
    git(p, "init", "-q")
    commit(p)
    assert taken(p, "t", "u", "--since=HEAD") == []
    p.write("flag", "")
    assert taken(p, "t", "u", "--since=HEAD") == ["t"]
    p.write("folder/x", "")
    assert taken(p, "t", "u", "--since=HEAD") == ["t", "u"]


def test_a_program_of_the_project_counts(project: MakeProject) -> None:
    p = project(
        {"tasks.yml": "tasks: {t: {source: [a], run: ./gen.sh x}}\n", "a": "", "gen.sh": "#!/bin/sh\n"}
    )
    os.chmod(p.path("gen.sh"), 0o755)
    git(p, "init", "-q")
    commit(p)
    assert taken(p, "t", "--since=HEAD") == []
    p.write("gen.sh", "#!/bin/sh\necho\n", 0o755)
    assert taken(p, "t", "--since=HEAD") == ["t"]


# Packages and links


def test_the_files_of_a_go_package_count_those_that_are_gone_too(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              build:
                args: {s: {values: [a, b]}}
                source: [{go: "./cmd/${s}"}]
                run: echo
            """,
        "go.mod": "module example.org/m\n",
        "cmd/a/main.go": 'package main\nimport _ "example.org/m/lib"\nfunc main() {}\n',
        "cmd/b/main.go": "package main\nfunc main() {}\n",
        "lib/lib.go": 'package lib\nimport _ "embed"\n//go:embed data/*\nvar x string\n',
        "lib/more.go": "package lib\n",
        "lib/data/one": "", "lib/data/two": "", "lib/README.md": "",
    })  # fmt: skip
    git(p, "init", "-q")
    commit(p)

    def after_removing(name: str) -> list[str]:
        git(p, "reset", "-q", "--hard")
        p.remove(name)
        return taken(p, "build", "--all", "--since=HEAD")

    assert after_removing("lib/more.go") == ["build a"]
    assert after_removing("lib/data/two") == ["build a"]
    assert after_removing("lib/README.md") == []
    assert after_removing("lib/lib.go") == ["build a"]
    git(p, "reset", "-q", "--hard")
    p.write("cmd/b/new.go", "package main\n")
    assert taken(p, "build", "--all", "--since=HEAD") == ["build b"]
    p.write("go.mod", "module example.org/m\ngo 1.24\n")
    assert taken(p, "build", "--all", "--since=HEAD") == ["build a", "build b"]


def test_what_links_lead_to_counts(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              file: {source: [link], run: echo}
              chain: {source: [chain], run: echo}
              folder: {source: ["linked/x"], run: echo}
            """,
        "real": "", "shared/x": "", "other/x": "",
    })  # fmt: skip
    os.symlink("real", p.path("link"))
    os.symlink("link", p.path("chain"))
    os.symlink("shared", p.path("linked"))
    git(p, "init", "-q")
    commit(p)
    words = ("file", "chain", "folder", "--since=HEAD")
    assert taken(p, *words) == []
    p.write("real", "changed")
    assert taken(p, *words) == ["file", "chain"]
    git(p, "reset", "-q", "--hard")
    p.write("shared/x", "changed")
    assert taken(p, *words) == ["folder"]
    git(p, "reset", "-q", "--hard")
    p.remove("linked")
    os.symlink("other", p.path("linked"))
    assert taken(p, *words) == ["folder"]


def test_a_tasks_file_behind_a_link_is_followed_in_the_past_too(project: MakeProject) -> None:
    p = project({"files/real.yml": "tasks: {t: {run: echo}, u: {run: echo}}\n"})
    os.symlink("files/real.yml", p.path("tasks.yml"))
    git(p, "init", "-q")
    commit(p)
    assert taken(p, "t", "u", "--since=HEAD") == []
    p.write("files/real.yml", "tasks: {t: {run: echo}, u: {run: echo 2}}\n")
    assert taken(p, "t", "u", "--since=HEAD") == ["u"]


@pytest.mark.parametrize(
    "name", ["a b", "quote'\"", "new\nline", "tab\t", "-dash", "ü", "\udcff", "*", "back\\slash", ":(top)x"]
)
def test_any_name_of_a_file_is_understood(project: MakeProject, name: str) -> None:
    p = project({"tasks.yml": "tasks: {t: {source: [folder], run: echo}}\n", "folder/kept": ""})
    git(p, "init", "-q")
    commit(p)
    p.write(f"folder/{name}", "x")
    assert taken(p, "t", "--since=HEAD") == ["t"]
    commit(p)
    assert taken(p, "t", "--since=HEAD") == []
    p.write(f"folder/{name}", "y")
    assert taken(p, "t", "--since=HEAD") == ["t"]
    p.remove(f"folder/{name}")
    assert taken(p, "t", "--since=HEAD") == ["t"]


# Where the branch began


def test_bare_it_is_since_the_branch_and_its_upstream_part(p: Project) -> None:
    git(p, "clone", "-q", ".", "clone")
    clone = "clone"
    start = git(p, "rev-parse", "HEAD")[:12]
    git(p, "switch", "-qc", "feature", cwd=clone)
    p.write("clone/services/api/main", "mine\n")
    commit(p, cwd=clone)
    p.write("clone/tool.py", "uncommitted\n")
    # What others do on the branch that this one came from is none of its changes.
    p.write("services/web/main", "theirs\n")
    commit(p)
    git(p, "fetch", "-q", cwd=clone)
    words = ("build", "--all", "lint", "--since")
    assert taken(p, *words, cwd=clone) == ["build api", "lint"]
    assert p.run(*words, "-v", "--graph", cwd=clone).stderr == (
        f"pyrun: since {start} (where `origin/main` and the current branch part)"
        " 2 files changed, which reach 2 invocations of 3\n"
    )
    # Its own upstream comes first.
    git(p, "branch", "-q", "other", "HEAD", cwd=clone)
    git(p, "branch", "-q", "--set-upstream-to=other", cwd=clone)
    assert "(where `other` and the current branch part)" in p.run(*words, "-v", "--graph", cwd=clone).stderr
    assert taken(p, *words, cwd=clone) == ["lint"]
    git(p, "branch", "-q", "--unset-upstream", cwd=clone)
    git(p, "switch", "-q", "--detach", cwd=clone)
    assert taken(p, *words, cwd=clone) == ["build api", "lint"]


def test_without_a_remote_it_is_since_main_or_master(p: Project) -> None:
    git(p, "switch", "-qc", "feature")
    p.write("tool.py", "x")
    commit(p)
    assert taken(p, *ALL[:-1], "--since") == ["lint"]
    git(p, "branch", "-qm", "main", "master")
    assert taken(p, *ALL[:-1], "--since") == ["lint"]
    git(p, "branch", "-qm", "master", "trunk")
    assert p.run("lint", "--since") == Result(
        "",
        "pyrun: git knows no upstream branch of the current one\n  name a revision: `--since=REV`\n",
        2,
    )


def test_branches_with_nothing_in_common(p: Project) -> None:
    git(p, "switch", "-q", "--orphan", "other")
    p.write("tasks.yml", "tasks: {t: {run: echo}}\n")
    commit(p)
    assert p.run("t", "--since") == Result(
        "",
        "pyrun: `main` and the current branch have no commit in common\n  name a revision: `--since=REV`\n",
        2,
    )
    assert taken(p, "t", "--since=main") == ["t"]


DEEPEN = (
    "`git fetch --deepen=100` brings more, `git fetch --unshallow` all; in a CI's checkout `fetch-depth: 0`"
)


def test_a_shallow_clone_says_what_it_lacks(p: Project) -> None:
    first = git(p, "rev-parse", "HEAD")
    git(p, "switch", "-qc", "feature")
    for number in range(2):
        p.write("tool.py", f"{number}")
        commit(p)
    git(p, "switch", "-q", "main")
    p.write("lib/one", "theirs")
    commit(p)
    git(p, "clone", "-q", "--depth=1", "--no-single-branch", "-b", "feature", f"file://{p.root}", "clone")
    git(p, "branch", "-q", "--unset-upstream", cwd="clone")
    git(p, "remote", "set-head", "origin", "main", cwd="clone")
    assert p.run("lint", f"--since={first}", cwd="clone") == Result(
        "", f"pyrun: this clone is shallow, and git knows no commit `{first}` in it\n  {DEEPEN}\n", 2
    )
    assert p.run("lint", "--since", cwd="clone") == Result(
        "",
        "pyrun: this clone is shallow and does not reach back to where `origin/main` and the current"
        f" branch part\n  {DEEPEN}\n",
        2,
    )
    git(p, "fetch", "-q", "--deepen=100", cwd="clone")
    assert taken(p, "lint", "lib", "--since", cwd="clone") == ["lint"]


def test_a_shallow_clone_without_a_branch_to_compare_with(p: Project) -> None:
    git(p, "branch", "-qm", "main", "feature")
    git(p, "clone", "-q", "--depth=1", f"file://{p.root}", "clone")
    git(p, "remote", "remove", "origin", cwd="clone")
    assert p.run("lint", "--since", cwd="clone") == Result(
        "",
        f"pyrun: this clone is shallow and has no upstream branch\n  {DEEPEN}; or name a revision: `--since=REV`\n",
        2,
    )


# Where the project lies


def test_a_project_in_a_folder_of_the_repository(project: MakeProject) -> None:
    p = project({
        "deep/er/tasks.yml": "tasks: {t: {source: [a*], run: echo}, u: {source: [b], run: echo}}\n",
        "deep/er/a": "", "deep/er/b": "", "a": "",
    })  # fmt: skip
    git(p, "init", "-q")
    commit(p)
    git(p, "config", "diff.relative", "true")
    git(p, "config", "status.relativePaths", "false")
    words = ("t", "u", "--since=HEAD")
    p.write("a", "outside")
    assert taken(p, *words, cwd="deep/er") == []
    p.write("deep/er/a", "x")
    assert taken(p, *words, cwd="deep/er") == ["t"]
    p.write("deep/er/a2", "x")
    p.write("deep/er/tasks.yml", p.read("deep/er/tasks.yml").replace("[b], run: echo", "[b], run: echo 2"))
    assert taken(p, *words, cwd="deep/er") == ["t", "u"]


def test_a_worktree_and_the_variables_of_git(p: Project) -> None:
    git(p, "worktree", "add", "-q", "-b", "feature", "tree")
    p.write("tree/tool.py", "x")
    assert taken(p, *ALL, cwd="tree") == ["lint"]
    os.mkdir(p.path("bare"))
    os.rename(p.path(".git"), p.path("bare/git"))
    env = {"GIT_DIR": p.path("bare/git"), "GIT_WORK_TREE": p.root}
    p.write("services/api/main", "x")
    assert taken(p, *ALL, env=env)[:1] == ["build api"]


def test_a_repository_within_counts_as_one_thing(p: Project) -> None:
    p.write("services/api/inner/file", "")
    git(p, "init", "-q", cwd="services/api/inner")
    assert taken(p, *ALL) == ["build api"]


def test_neither_the_index_nor_any_file_is_touched(p: Project) -> None:
    p.touch("tool.py")
    before = {name: os.stat(p.path(name)).st_mtime_ns for name in (".git/index", ".git")}
    assert taken(p, *ALL) == []
    assert {name: os.stat(p.path(name)).st_mtime_ns for name in before} == before


def test_programs_of_the_users_configuration_are_not_started(p: Project) -> None:
    p.script("spy.sh", "#!/bin/sh\ntouch spied\n")
    commit(p)
    for name in ("core.fsmonitor", "diff.external", "core.pager", "diff.spy.textconv", "diff.spy.command"):
        git(p, "config", name, p.path("spy.sh"))
    p.write(".git/info/attributes", "* diff=spy\n")
    p.write("tool.py", "x")
    assert taken(p, *ALL) == ["lint"]
    assert not p.exists("spied")


# Errors


def test_a_revision_that_git_does_not_know(p: Project) -> None:
    for name in (
        "nope",
        "-q",
        "--output=x",
        "HEAD:lib",
        "main..HEAD",
        "HEAD~99",
        "a b",
        "$(touch x)",
        "\udcff",
    ):
        assert p.run("lint", f"--since={name}") == Result(
            "",
            f"pyrun: git knows no commit `{name}`\n"
            "  a branch, a tag or a commit; `git fetch` brings what others have pushed\n",
            2,
        )
    assert p.files() == sorted(FILES)


def test_without_a_repository_or_a_commit(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {run: echo}}\n"})
    assert p.run("t", "--since=HEAD") == Result(
        "",
        "pyrun: `--since` asks git what has changed, and this is no git repository\n  leave `--since` away\n",
        2,
    )
    os.mkdir(p.path(".git"))
    assert p.run("t", "--since") == Result(
        "", "pyrun: git does not take `@ROOT@` for a repository\n  `git status` there says why\n", 2
    )
    os.rmdir(p.path(".git"))
    git(p, "init", "-q")
    assert p.run("t", "--since") == Result(
        "", "pyrun: this repository has no commit yet\n  `--since` compares with one: commit first\n", 2
    )


def test_without_git_it_says_so(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {run: echo}}\n"})
    assert p.run("t", "--since", env={"PATH": p.root}) == Result(
        "", "pyrun: `git` is not found\n  is it installed, and on PATH?\n", 127
    )


def test_with_no_task_it_is_an_error(p: Project) -> None:
    assert p.run("--since") == Result(
        "",
        "pyrun: `--since` takes what changes reach of the tasks asked for, and none is named\n  `pyrun --since TASK`\n",
        2,
    )


# It never misses anything

EDITED = [
    "services/api/main",
    "services/api/more",
    "services/web/main",
    "lib/one",
    "lib/sub/deep",
    "tool.py",
    "new.py",
    "README",
]
edits = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from(EDITED), st.integers(0, 3).map(str)),
        st.tuples(st.just("remove"), st.sampled_from(EDITED), st.just("")),
        st.tuples(st.just("mode"), st.sampled_from(EDITED), st.just("")),
        st.tuples(st.just("rename"), st.sampled_from(EDITED), st.sampled_from(EDITED)),
        st.tuples(
            st.just("define"),
            st.sampled_from(["echo linted", "run: cat lib/*", "lib.out >", "[lib/**]", "tasks:"]),
            st.sampled_from(["twice", "same"]),
        ),
    ),
    min_size=1,
    max_size=4,
)
DEFINED = {
    ("echo linted", "twice"): "echo linted linted",
    ("run: cat lib/*", "twice"): "run: cat lib/* lib/*",
    ("lib.out >", "twice"): "lib.out lib.out >",
    ("[lib/**]", "twice"): '[lib/**, {exclude: "**/never"}, kept.py]',
    ("tasks:", "twice"): "interpreter: bash -c\ntasks:",
}
"""Edits of the tasks file; any other leaves a remark in it."""


def edit(p: Project, what: str, one: str, other: str) -> None:
    """Do one edit, if it can be done."""
    if what == "define":
        text = p.read("tasks.yml")
        changed = text.replace(one, DEFINED[one, other]) if (one, other) in DEFINED else f"# Remark\n{text}"
        p.write("tasks.yml", changed)
    elif what == "write":
        p.write(one, other)
    elif not p.exists(one):
        return
    elif what == "remove":
        p.remove(one)
    elif what == "mode":
        os.chmod(p.path(one), 0o755)
    else:
        os.makedirs(os.path.dirname(p.path(other)), exist_ok=True)
        os.replace(p.path(one), p.path(other))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits, st.sampled_from(["commit", "stage", "leave"]))
def test_what_it_takes_is_what_is_no_longer_up_to_date(
    project: MakeProject, done: list[tuple[str, str, str]], then: str
) -> None:
    kept = {"services/api/kept": "", "services/web/kept": "", "lib/kept": "", "kept.py": "", "README": "1"}
    p = project({**FILES, **kept})
    os.mkdir(p.path("out"))
    git(p, "init", "-q")
    start = commit(p)
    words = ("build", "--all", "lint", "lib")
    assert p.run(*words, "-q").code == 0
    for what, one, other in done:
        edit(p, what, one, other)
    if then == "commit":
        commit(p)
    elif then == "stage":
        git(p, "add", "-A")
    looked = p.run(*words, "--dry-run")
    assert looked.code == 0, looked
    lines = [line for line in looked.stdout.splitlines() if not line.startswith(" ")]
    wanted = {line.partition(":")[0] for line in lines if ": up to date" not in line}
    assert set(taken(p, *words, f"--since={start}")) == wanted
