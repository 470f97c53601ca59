"""What names of images stand for is found out once: `tasks.lock` in the real command line beside a registry."""

import os
import re
import subprocess
import sys

from runner.image import media_type
from runner.image.descriptor import Descriptor
from runner.image.manifest import parse_manifest
from runner.plan.platform import Platform
from tests.example import MACHINE
from tests.features.conftest import PYRUN, MakeProject, Project, Result
from tests.features.conftest import project as project  # noqa: PLC0414 - a fixture
from tests.features.test_since import IDENTITY, commit, git
from tests.registry.images import Made, make_image, make_index
from tests.registry.small_registry import CUT, SmallRegistry
from tests.test_start_imports import imported

HERE = Platform("linux", MACHINE)
ELSEWHERE = Platform("linux", "riscv64")
HEAD = """\
# What the names of images in tasks.yml stand for. pyrun adds each name on its first use, and goes by this file
# from then on; `--update` lets the names that a task uses stand for what their registries have. Keep it in git.

"""
UP_TO_DATE = "image: up to date (1 source and the image as in the last run)\n"
TASKS = """\
tasks:
  image:
    image: {name: app, from: "@BASE@", copy: [{source: a.txt, to: /a.txt}]}
  other:
    image: {name: other, from: "@HOST@/team/other", copy: [{source: a.txt, to: /a.txt}]}
"""


def keep(
    small: SmallRegistry, made: Made, repository: str, tag: str, descriptor: Descriptor | None = None
) -> str:
    """Let a registry have an image, or the index that a descriptor names, under a tag; the digest."""
    for descriptor_of in (made.descriptor, *([descriptor] if descriptor else [])):
        data = made.layout.read(descriptor_of)
        small.keep(repository, tag, descriptor_of.media_type, data)
        if descriptor_of.media_type == media_type.MANIFEST:
            manifest = parse_manifest(data)
            for blob in (manifest.config, *manifest.layers):
                small.keep_blob(repository, b"".join(made.layout.chunks(blob.digest)))
    return str((descriptor or made.descriptor).digest)


class Bases:
    """A registry with two images, and a project with an image on each.

    Args:
        small: The registry.
        make: Makes the project.
        tmp_path: Where the images are made.
    """

    def __init__(self, small: SmallRegistry, make: MakeProject, tmp_path: "os.PathLike[str]") -> None:
        self.small = small
        self._folder = os.fspath(tmp_path)
        self.name = f"{small.host}/team/base:1"
        self.first = self.keep("base:1", 1)
        self.other = self.keep("other:latest", 2)
        tasks = TASKS.replace("@BASE@", self.name).replace("@HOST@", small.host)
        self.p = make({"tasks.yml": tasks, "a.txt": "a"})

    def keep(self, name: str, seed: int) -> str:
        """Let the registry have another image by a name; its digest."""
        repository, _, tag = name.partition(":")
        made = make_image(f"{self._folder}/layout{seed}", seed, (200,), platform=HERE)
        return keep(self.small, made, f"team/{repository}", tag)

    def run(self, *argv: str) -> Result:
        """Call pyrun; addresses and sizes are left out of what it tells."""
        found = self.p.run("--no-load", *argv)
        err = found.stderr.replace(self.small.host, "@HOST@")
        return Result(found.stdout, re.sub(r"\n\n.*\Z", "\n", err, flags=re.DOTALL), found.code)

    @property
    def lock(self) -> str:
        """What `tasks.lock` says."""
        return self.p.read("tasks.lock").replace(self.small.host, "@HOST@")

    def asked(self) -> list[str]:
        """The manifests that the registry was asked for since this was asked last."""
        found = [request.path.rpartition("/team/")[2] for request in self.small.asked("GET", "/manifests/")]
        found += [f"HEAD {request.path}" for request in self.small.asked("HEAD")]
        self.small.requests.clear()
        return found


def short(digest: str) -> str:
    """A digest as people are shown it."""
    return digest[:19]


def test_a_name_is_looked_up_once_and_written_down(
    small: SmallRegistry, project: MakeProject, tmp_path: "os.PathLike[str]"
) -> None:
    bases = Bases(small, project, tmp_path)
    done = bases.run("image")
    assert done.stderr == (
        f"pyrun: tasks.lock: @HOST@/team/base:1 stands for {short(bases.first)} from now on\n"
        "pyrun: fetches @HOST@/team/base:1\n"
    ), done
    assert done.code == 0
    assert bases.lock == f"{HEAD}@HOST@/team/base:1 {bases.first}\n"
    assert bases.asked()[0] == "base/manifests/1"
    assert bases.run("image").stderr == UP_TO_DATE
    assert bases.asked() == []


def test_a_name_stands_for_the_same_whatever_its_registry_says_by_now(
    small: SmallRegistry, project: MakeProject, tmp_path: "os.PathLike[str]"
) -> None:
    bases = Bases(small, project, tmp_path)
    bases.run("image")
    before = bases.p.run("--no-load", "image").stderr
    bases.keep("base:1", 3)
    bases.asked()
    assert bases.run("image", "--force").code == 0
    assert bases.asked() == []
    # Another checkout, which has nothing yet but what is in git.
    elsewhere = project({name: bases.p.read(name) for name in ("tasks.yml", "a.txt", "tasks.lock")})
    assert elsewhere.run("--no-load", "image").code == 0
    assert bases.asked() == [f"base/manifests/{bases.first}"]
    assert elsewhere.read("tasks.lock") == bases.p.read("tasks.lock")
    assert digest_in(elsewhere) == digest_in(bases.p)
    small.instead = lambda _: CUT
    assert bases.p.run("--no-load", "image").stderr == before


def digest_in(p: Project) -> str:
    """The digest of a project's image."""
    return p.read(".pyrun/images/index.json").partition('"sha256:')[2][:64]


def test_update_moves_the_names_that_the_work_uses_and_no_others(
    small: SmallRegistry, project: MakeProject, tmp_path: "os.PathLike[str]"
) -> None:
    bases = Bases(small, project, tmp_path)
    bases.run("image", "other")
    before = bases.lock
    assert before == f"{HEAD}@HOST@/team/base:1 {bases.first}\n@HOST@/team/other:latest {bases.other}\n"
    bases.asked()
    assert bases.run("--update", "image").stderr == UP_TO_DATE
    assert (bases.asked(), bases.lock) == (["base/manifests/1"], before)
    second = bases.keep("base:1", 3)
    bases.keep("other:latest", 4)
    assert bases.run("--update", "image") == Result(
        "",
        f"pyrun: tasks.lock: @HOST@/team/base:1 stands for {short(second)} from now on, "
        f"it was {short(bases.first)}\n"
        "pyrun: fetches @HOST@/team/base:1\n",
        0,
    )
    assert bases.lock == before.replace(bases.first, second)
    assert bases.run("image").stderr == UP_TO_DATE


def test_locked_takes_what_is_written_down_and_nothing_else(
    small: SmallRegistry, project: MakeProject, tmp_path: "os.PathLike[str]"
) -> None:
    bases = Bases(small, project, tmp_path)
    refused = Result(
        "",
        "pyrun: tasks.yml:3:30: `@HOST@/team/base:1` is not in tasks.lock, and `--locked` was given\n"
        f'  3 |     image: {{name: app, from: "@HOST@/team/base:1", copy: [{{source: a.txt, to: /a.txt}}]}}\n'
        f"    |                              {'^' * (len(bases.name) + 2)}\n"
        "  the same without `--locked` adds it; then keep tasks.lock in git\n",
        2,
    )
    assert bases.run("--locked", "image") == refused
    assert (bases.asked(), bases.p.exists("tasks.lock")) == ([], False)
    bases.run("image")
    bases.asked()
    second = bases.keep("base:1", 3)
    assert bases.run("--locked", "image", "--force").code == 0
    assert bases.asked() == []
    drifted = bases.run("--locked", "--update", "image")
    assert (drifted.code, drifted.stderr.splitlines()[0]) == (
        2,
        (
            f"pyrun: tasks.yml:3:30: `@HOST@/team/base:1` stands for {short(bases.first)} in tasks.lock, and for "
            f"{short(second)} at its registry"
        ),
    )
    assert bases.lock == f"{HEAD}@HOST@/team/base:1 {bases.first}\n"
    bases.keep("base:1", 1)
    assert bases.run("--locked", "--update", "image").stderr == UP_TO_DATE


def test_a_reference_with_a_digest_stands_for_that_and_is_not_written_down(
    small: SmallRegistry, project: MakeProject, tmp_path: "os.PathLike[str]"
) -> None:
    bases = Bases(small, project, tmp_path)
    bases.p.write("tasks.yml", bases.p.read("tasks.yml").replace(bases.name, f"{bases.name}@{bases.first}"))
    bases.keep("base:1", 3)
    assert bases.run("--locked", "--update", "image").code == 0
    assert bases.asked() == [f"base/manifests/{bases.first}"]
    assert not bases.p.exists("tasks.lock")


def test_a_name_for_several_platforms_stands_for_all_of_them(
    small: SmallRegistry, project: MakeProject, tmp_path: "os.PathLike[str]"
) -> None:
    bases = Bases(small, project, tmp_path)
    folder = f"{os.fspath(tmp_path)}/both"
    here = make_image(folder, 7, (100,), platform=HERE)
    there = make_image(folder, 8, (100,), platform=ELSEWHERE)
    index = make_index(here.layout, there.descriptor, here.descriptor)
    keep(small, there, "team/base", "there")
    assert keep(small, here, "team/base", "1", index) == str(index.digest)
    assert bases.run("image").code == 0
    assert bases.lock == f"{HEAD}@HOST@/team/base:1 {index.digest}\n"


def test_two_spellings_of_a_name_are_one(
    small: SmallRegistry, project: MakeProject, tmp_path: "os.PathLike[str]"
) -> None:
    bases = Bases(small, project, tmp_path)
    bases.p.write("tasks.yml", bases.p.read("tasks.yml").replace("team/base:1", "team/other:latest"))
    assert bases.run("image", "other").code == 0
    assert bases.lock == f"{HEAD}@HOST@/team/other:latest {bases.other}\n"
    assert bases.asked().count("other/manifests/latest") == 1


def test_two_calls_at_once_lose_nothing(
    small: SmallRegistry, project: MakeProject, tmp_path: "os.PathLike[str]"
) -> None:
    bases = Bases(small, project, tmp_path)
    running = [bases.p.start("--no-load", name) for name in ("image", "other")]
    assert [one.result().code for one in running] == [0, 0]
    assert bases.lock == f"{HEAD}@HOST@/team/base:1 {bases.first}\n@HOST@/team/other:latest {bases.other}\n"


def test_a_wrong_file_is_told_with_its_lines_and_stays(
    small: SmallRegistry, project: MakeProject, tmp_path: "os.PathLike[str]"
) -> None:
    bases = Bases(small, project, tmp_path)
    text = "# ours\n<<<<<<< HEAD\na:1 sha256:0\n=======\n"
    bases.p.write("tasks.lock", text)
    told = (
        "pyrun: tasks.lock:2:1: a conflict of git's stands here\n"
        "  2 | <<<<<<< HEAD\n"
        "    | ^^^^^^^^^^^^\n"
        "  keep one line for each name; for a digest that is not in tasks.lock the registry is asked\n"
    )
    for words in (("image",), ("--update", "image"), ("--why", "image"), ("--validate",)):
        assert bases.run(*words) == Result("", told, 2), words
    assert (bases.p.read("tasks.lock"), bases.asked()) == (text, [])


def test_a_look_asks_nobody_and_writes_nothing(
    small: SmallRegistry, project: MakeProject, tmp_path: "os.PathLike[str]"
) -> None:
    bases = Bases(small, project, tmp_path)
    for words in (("--dry-run", "image"), ("--why", "image"), ("--dry-run", "--update", "image")):
        assert bases.run(*words).code == 0
        assert (bases.asked(), bases.p.exists("tasks.lock")) == ([], False)
    bases.run("image")
    bases.keep("base:1", 3)
    bases.asked()
    found = bases.run("--why", "--update", "image")
    assert (found.stdout.splitlines()[0], bases.asked()) == (
        UP_TO_DATE[:-1],
        [],
    )


def test_what_a_registry_does_not_have_is_told_where_it_stands(
    small: SmallRegistry, project: MakeProject, tmp_path: "os.PathLike[str]"
) -> None:
    bases = Bases(small, project, tmp_path)
    small.manifests.clear()
    found = bases.run("image")
    assert (found.code, found.stderr.splitlines()[0]) == (
        1,
        "pyrun: tasks.yml:3:30: `@HOST@` says of `team/base`: 404 Not Found: MANIFEST_UNKNOWN: manifest unknown",
    )
    assert not bases.p.exists("tasks.lock")


def test_where_it_cannot_be_written_the_work_is_done_and_that_is_told(
    small: SmallRegistry, project: MakeProject, tmp_path: "os.PathLike[str]"
) -> None:
    bases = Bases(small, project, tmp_path)
    os.symlink("missing/tasks.lock", bases.p.path("tasks.lock"))
    found = bases.run("image")
    assert (found.code, found.stderr.splitlines()[0]) == (
        0,
        (
            "pyrun: tasks.lock can't be written (No such file or directory): @HOST@/team/base:1 may stand for "
            "something else the next time"
        ),
    )
    refused = bases.run("--update", "image")
    assert (refused.code, refused.stderr.splitlines()[0]) == (
        1,
        "pyrun: tasks.yml:3:30: `tasks.lock` can't be written: No such file or directory",
    )


def test_update_without_images_is_a_mistake_and_locked_is_not(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {hello: {run: echo hello}}\n"})
    assert p.run("--update", "hello") == Result(
        "", "pyrun: `--update` is for images and containers, and none is asked for\n", 2
    )
    assert p.run("--locked", "hello").code == 0


def test_a_line_that_changed_is_a_change_for_those_who_stand_on_it(
    small: SmallRegistry, project: MakeProject, tmp_path: "os.PathLike[str]"
) -> None:
    bases = Bases(small, project, tmp_path)
    bases.run("image", "other")
    bases.p.write(".gitignore", ".pyrun/\n")
    git(bases.p, "init", "--quiet", "--initial-branch=main")
    commit(bases.p)
    bases.p.write("tasks.lock", f"# a remark\n{bases.p.read('tasks.lock')}")
    assert bases.p.run("--no-load", "--since=main", "image", "other", env=IDENTITY).stderr.startswith(
        "pyrun: nothing to do"
    )
    bases.keep("base:1", 3)
    bases.run("--update", "image")
    found = bases.p.run("--dry-run", "--since=main", "image", "other", env=IDENTITY)
    assert [line for line in found.stdout.splitlines() if not line.startswith(" ")] == [UP_TO_DATE[:-1]]


def test_what_is_written_down_costs_next_to_nothing_to_know(
    small: SmallRegistry, project: MakeProject, tmp_path: "os.PathLike[str]"
) -> None:
    bases = Bases(small, project, tmp_path)
    bases.run("image")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", PYRUN, "--no-load", "image"],
        cwd=bases.p.root, env=bases.p.environ(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    loaded = imported(done.stderr)
    assert UP_TO_DATE in done.stderr
    assert "runner.store.lock_file" in loaded
    heavy = {"ssl", "urllib3", "http.client", "runner.registry", "runner.image.reference"}
    assert sorted(loaded & heavy) == []
