"""`--verify`: an image is made twice in two places, and the first thing in which they differ is shown."""

import json
import os
import signal
import stat
import subprocess

import pytest

from tests.features.conftest import MakeProject, Project, Result, until

NO_ENGINE = {"DOCKER_HOST": "unix:///no-engine.sock"}
NAME = "registry.example.org/app:latest"
TASKS = """
    tasks:
      build:
        source: [make.sh, in.txt]
        target: [out/]
        run: sh make.sh
      image:
        image:
          name: registry.example.org/app
          from: scratch
          copy:
            - {source: conf/, to: /etc/app/}
            - {task: build, to: /app/}
"""
PLACES = ("a", "another-place-whose-name-is-a-good-deal-longer")


def made(project: MakeProject, script: str, tasks: str = TASKS) -> Project:
    """A project whose `build` runs a script that writes into `out`."""
    script = f"mkdir -p out\n{script}\n"
    return project({"tasks.yml": tasks, "in.txt": "1\n", "conf/app.conf": "a: 1\n", "make.sh": script})


def verified(p: Project, *words: str, env: dict[str, str] | None = None) -> Result:
    result = p.run("image", "--verify", *words, env={**NO_ENGINE, **(env or {})})
    assert not os.path.exists(f"{p.home}/.cache/pyrun/verify")
    return result


def told(p: Project) -> str:
    return "".join(f"pyrun: --verify makes it in {p.home}/.cache/pyrun/verify/{place}\n" for place in PLACES)


def differs(p: Project, what: str, hint: str) -> None:
    result = verified(p)
    rows = result.stderr.splitlines()
    assert rows[2] == f"pyrun: tasks.yml:12:11: {NAME} is not the same twice: {what}"
    assert rows[-1] == f"  {hint}"
    assert (result.stdout, result.code) == ("", 1)
    assert not p.exists(".pyrun/images")


def git(p: Project, *words: str) -> str:
    env = {**p.environ(), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", *who, *words], cwd=p.root, env=env, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(p: Project) -> None:
    git(p, "init", "-q", "-b", "main")
    git(p, "add", "-A")
    git(p, "commit", "-q", "-m", "x")


def test_the_same_twice_is_told_with_its_digest(project: MakeProject) -> None:
    p = made(project, "cp in.txt out/app")
    before = p.files()
    result = verified(p)
    assert p.run("image", "-q", env=NO_ENGINE).code == 0
    index = json.loads(p.read(".pyrun/images/index.json"))
    digest = index["manifests"][0]["digest"]
    assert result == Result("", f"{told(p)}pyrun: {NAME} is the same twice: {digest}\n", 0)
    assert p.files() == sorted([*before, "out/app"])


def test_nothing_is_made_in_the_project(project: MakeProject) -> None:
    p = made(project, "cp in.txt out/app")
    before = p.files()
    assert verified(p).code == 0
    assert p.files() == before


WHERE = "in the layer of `copy` to `/app/`, from `build`"


def test_a_moment_is_found(project: MakeProject) -> None:
    p = made(project, "printf 'built at '; date +%s.%N")
    p.write("make.sh", "mkdir -p out\ndate '+made %s at %H:%M:%S.%N' > out/app\n")
    result = verified(p)
    assert result.code == 1
    assert f" of `/app/app`, {WHERE}: `" in result.stderr
    assert result.stderr.endswith(
        "  a moment is in it: what the task writes must take none, or that of SOURCE_DATE_EPOCH\n"
    )


def test_the_folder_is_found_with_its_byte(project: MakeProject) -> None:
    p = made(project, "pwd > out/app")
    at = len(f"{p.home}/.cache/pyrun/verify/a")
    differs(
        p,
        f"byte {at} of `/app/app`, {WHERE}: `verify/a/project\\n` in the first, `verify/another-place-who` in the second",
        "the folder in which it was made is in it: a flag such as `-trimpath` leaves that out",
    )


def test_the_home_and_the_zone_are_others(project: MakeProject) -> None:
    for variable in ("HOME", "TZ", "XDG_CACHE_HOME"):
        assert f"`/app/app`, {WHERE}" in verified(made(project, f'echo "x=${variable}" > out/app')).stderr


OTHER = "what tasks write must not depend on folder, home, time zone, umask and moment, which differ"


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ("printf 'a\\377b' > out/app; date +%N >> out/app", None),
        (
            'if [ "$(umask)" = 0022 ]; then echo abc; else echo abd; fi > out/app',
            f"byte 2 of `/app/app`, {WHERE}: `abc\\n` in the first, `abd\\n` in the second",
        ),
        (
            'if [ "$(umask)" = 0022 ]; then printf abc; else printf abcd; fi > out/app',
            f"byte 3 of `/app/app`, {WHERE}: its end in the first, `abcd` in the second",
        ),
        (
            "printf '\\000\\001' > out/app; umask | tr 02 '\\003\\004' >> out/app",
            f"byte 4 of `/app/app`, {WHERE}: 00 01 03 03 04 04 0a in the first, 00 01 03 03 37 37 0a in the second",
        ),
        (
            'if [ "$(umask)" = 0022 ]; then touch out/app; else touch out/bpp; fi',
            f"what comes next, {WHERE}: `/app/app` in the first, `/app/bpp` in the second",
        ),
        (
            'touch out/app; if [ "$(umask)" = 0022 ]; then touch out/more; fi',
            f"what comes next, {WHERE}: `/app/more` in the first, no further entry in the second",
        ),
        (
            'touch out/app; if [ "$(umask)" = 0022 ]; then chmod +x out/app; fi',
            f"the mode of `/app/app`, {WHERE}: 0755 in the first, 0644 in the second",
        ),
    ],
)
def test_the_first_difference_is_told_whatever_it_is(
    project: MakeProject, script: str, what: str | None
) -> None:
    p = made(project, script)
    if what is None:
        assert f"byte 3 of `/app/app`, {WHERE}: 61 ff 62 " in verified(p).stderr
        return
    hint = OTHER
    if what.startswith("the mode"):
        hint = "the umask was 022 in the first place and 077 in the second: give the `copy` a `mode`"
    differs(p, what, hint)


def test_a_value_of_the_config_is_found(project: MakeProject) -> None:
    tasks = TASKS + '          labels: {at: "${stamp}"}\n'
    tasks = tasks.replace(
        "      image:\n        image:",
        "      image:\n        options: {stamp: {default: {command: pwd}}}\n        image:",
    )
    result = verified(made(project, "cp in.txt out/app", tasks))
    assert ": its config at `config.Labels.at`: `" in result.stderr
    assert result.code == 1


def test_what_was_made_before_is_not_there(project: MakeProject) -> None:
    p = made(project, "if [ -e out/old ]; then echo old; fi > out/app; ls; touch out/old")
    assert p.run("image", "-q", env=NO_ENGINE).code == 0
    # In the project the result stands, and the next one would be another.
    assert verified(p).code == 0


def test_git_gives_its_files_and_the_file_names_more(project: MakeProject) -> None:
    tasks = TASKS.replace("tasks:\n", "env-file: local.env\n    tasks:\n", 1).replace(
        "[make.sh, in.txt]", "[make.sh, extra/a]"
    )
    p = made(project, "cat extra/a > out/app; echo $LOCAL >> out/app; ls -a > listing", tasks)
    p.write(".gitignore", "extra\nlocal.env\njunk\nout\n")
    p.write("extra/a", "extra\n")
    p.write("junk", "junk\n")
    p.write("local.env", "LOCAL=yes\n")
    p.write(
        "make.sh",
        p.read("make.sh") + "if [ -e junk ]; then exit 3; fi\ngit describe --always --dirty >> out/app\n",
    )
    commit(p)
    result = verified(p)
    assert result.code == 0, result
    # The places have all of git of their own.
    assert git(p, "worktree", "list").count("\n") == 0


def test_a_copy_has_the_modes_of_its_umask(project: MakeProject) -> None:
    p = made(project, "stat -c %a in.txt make.sh > out/app")
    p.write("make.sh", p.read("make.sh"), 0o755)
    assert stat.S_IMODE(os.stat(p.path("in.txt")).st_mode) == 0o644
    differs(
        p,
        f"byte 1 of `/app/app`, {WHERE}: `644\\n755\\n` in the first, `600\\n700\\n` in the second",
        OTHER,
    )


def test_a_task_that_fails_is_told_and_its_status_is_the_calls(project: MakeProject) -> None:
    result = verified(made(project, "echo no >&2; exit 7"))
    assert result.code == 7
    assert "no\n" in result.stderr
    assert "build failed with exit status 7" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_nothing(project: MakeProject, number: signal.Signals) -> None:
    p = made(project, "touch {0}/begun; sleep 300")
    p.write("make.sh", p.read("make.sh").replace("{0}", p.told))
    running = p.start("image", "--verify", env=NO_ENGINE)
    until(lambda: os.path.exists(f"{p.told}/begun"), "the task runs")
    running.signal(number)
    assert running.result().code == 128 + number
    assert not os.path.exists(f"{p.home}/.cache/pyrun/verify")


def test_what_a_killed_one_left_is_removed_by_the_next(project: MakeProject) -> None:
    p = made(project, "touch {0}/begun; if [ ! -e {0}/go ]; then sleep 300; fi; cp in.txt out/app")
    p.write("make.sh", p.read("make.sh").replace("{0}", p.told))
    running = p.start("image", "--verify", env=NO_ENGINE)
    until(lambda: os.path.exists(f"{p.told}/begun"), "the task runs")
    running.signal(signal.SIGKILL)
    running.result()
    assert os.listdir(f"{p.home}/.cache/pyrun/verify") == ["a"]
    p.write("../go", "")
    assert verified(p).code == 0


def test_what_is_saved_is_what_was_verified(project: MakeProject) -> None:
    p = made(project, "cp in.txt out/app")
    result = verified(p, "--save", "a.tar")
    assert result.code == 0
    assert p.exists("a.tar")


def test_what_was_made_of_something_else_is_not_shipped(project: MakeProject) -> None:
    p = made(project, "echo fine > out/app")
    assert p.run("image", "-q", env=NO_ENGINE).code == 0
    # Its record says it is up to date, but the script has read something that it does not declare.
    p.write("tasks.yml", p.read("tasks.yml").replace("sh make.sh", "sh make.sh; cat hidden >> out/app"))
    p.write("hidden", "1\n")
    assert p.run("image", "-q", env=NO_ENGINE).code == 0
    p.write("hidden", "2\n")
    result = verified(p, "--save", "a.tar")
    assert result.code == 1
    assert "and what was verified is sha256:" in result.stderr
    assert not p.exists("a.tar")
    assert verified(p, "--save", "a.tar", "--jobs", "1").code == 1
    p.write("in.txt", "2\n")
    assert verified(p, "--save", "a.tar").code == 0
    assert p.exists("a.tar")


@pytest.mark.parametrize("flag", ["--watch", "--sandbox", "--force", "--audit"])
def test_flags_that_do_not_go_with_it(project: MakeProject, flag: str) -> None:
    p = made(project, "cp in.txt out/app")
    commit(p)
    p.write("in.txt", "2\n")
    result = p.run("image", "--verify", flag, env=NO_ENGINE)
    name = flag.partition("=")[0]
    assert result[1:] == (
        f"pyrun: `--verify` and `{name}` do not go together\n  use one after the other\n",
        2,
    )


def test_images_of_several_platforms_are_looked_at_one_by_one(project: MakeProject) -> None:
    p = made(project, "cp in.txt out/app")
    two = ("--platform", "linux/amd64,linux/arm64")
    result = verified(p, *two)
    assert result.code == 0
    assert result.stderr.count("is the same twice") == 1
    p.write("make.sh", "mkdir -p out\nif [ $(umask) = 0022 ]; then echo abc; else echo abd; fi > out/app\n")
    found = f"byte 2 of `/app/app`, {WHERE}: `abc\\n` in the first, `abd\\n` in the second"
    assert verified(p, *two).stderr.splitlines()[2].endswith(found)


def test_of_several_images_those_that_changes_reach_are_made(project: MakeProject) -> None:
    p = made(project, "cp in.txt out/app")
    more = "  other: {image: {name: registry.example.org/other, from: scratch, copy: [{source: conf/, to: /}]}}\n"
    p.write("tasks.yml", p.read("tasks.yml") + more)
    p.write(".gitignore", "out\n.pyrun\n")
    commit(p)
    p.write("in.txt", "2\n")
    result = p.run("image", "other", "--verify", "--since=HEAD", env=NO_ENGINE)
    assert result.code == 0, result
    assert [line.split(" ")[1] for line in result.stderr.splitlines() if "the same twice" in line] == [NAME]


def test_an_image_is_made_for_the_platforms_that_it_ships_for(project: MakeProject) -> None:
    tasks = TASKS + "          platforms: [linux/amd64, linux/arm64]\n"
    p = made(project, "cp in.txt out/app", tasks)
    result = verified(p, "--save", "a.tar")
    assert result.code == 0, result
    with open(p.path(".pyrun/images/index.json"), encoding="utf-8") as file:
        (entry,) = json.load(file)["manifests"]
    assert "image.index" in entry["mediaType"]
    assert f"{NAME} is the same twice: {entry['digest']}\n" in result.stderr


def test_it_is_for_images(project: MakeProject) -> None:
    result = made(project, "true").run("build", "--verify")
    assert result[1:] == ("pyrun: `--verify` is for images, and none is asked for\n", 2)


def test_a_project_below_a_repository_and_a_base_beside_it(project: MakeProject) -> None:
    p = made(project, "cp in.txt out/app")
    assert p.run("image", "-q", env=NO_ENGINE).code == 0
    os.rename(p.path(".pyrun/images"), p.path("../base"))
    tasks = p.read("tasks.yml").replace("from: scratch", f"from: oci:../../base:{NAME}")
    for name in ("in.txt", "make.sh", "conf/app.conf"):
        p.write(f"sub/{name}", p.read(name))
    p.write("sub/tasks.yml", tasks.replace("../../base", "base"))
    os.rename(p.path("../base"), p.path("sub/base"))
    p.write(".gitignore", "base\nout\n")
    commit(p)
    result = p.run("image", "--verify", env=NO_ENGINE, cwd="sub")
    assert result.code == 0, result
