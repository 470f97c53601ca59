"""What an image may stand on and copy from without an engine: layouts, archives, registries, other images' tasks."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.registries import RealRegistry, old_program, registry
from tests.features.conftest import MakeProject, Project
from tests.features.conftest import project as project  # noqa: PLC0414 - a fixture

BASE = """
    tasks:
      base:
        image:
          name: registry.example.org/base
          from: scratch
          workdir: /srv
          env: {GREETING: hello}
          copy:
            - {source: base, to: /usr/}
"""
APP = """
      image:
        image:
          name: registry.example.org/app
          from: @FROM@
          copy: [{source: app, to: new/}]
"""


@pytest.fixture(scope="module")
def old() -> Iterator[RealRegistry]:
    with registry(old_program()) as found:
        yield found


def good(one: Project, *argv: str) -> str:
    done = one.run(*argv)
    assert done.code == 0, done.stderr
    return done.stderr


def skopeo(*argv: str) -> bytes:
    done = subprocess.run(["skopeo", *argv], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def place(one: Project, name: str) -> str:
    return f"oci:{one.path('.pyrun/images')}:registry.example.org/{name}:latest"


def config(one: Project, name: str = "app") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(skopeo("inspect", "--config", place(one, name)))["config"]
    return found


def manifest(one: Project, name: str = "app") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(skopeo("inspect", "--raw", place(one, name)))
    return found


def files(one: Project, name: str = "app") -> dict[str, str]:
    """The files of an image and what they hold."""
    bundle = f"{one.told}/bundle"
    shutil.rmtree(bundle, ignore_errors=True)
    where = f"{one.path('.pyrun/images')}:registry.example.org/{name}:latest"
    argv = ["umoci", "unpack", "--rootless", "--image", where, bundle]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = {}
    for folder, _, names in os.walk(f"{bundle}/rootfs"):
        for one_name in names:
            with open(f"{folder}/{one_name}", encoding="utf-8") as file:
                found[os.path.relpath(f"{folder}/{one_name}", f"{bundle}/rootfs")] = file.read()
    return found


def with_base(project: MakeProject, base: str = "", more: str = "") -> Project:
    """A project with a base image, made, and an image on what `base` names."""
    text = BASE + (APP.replace("@FROM@", base) if base else "") + more
    one = project({"tasks.yml": text, "base/lib/a": "a\n", "base/bin/tool": "tool\n", "app": "app\n"})
    good(one, "base", "--no-load")
    return one


WANTED = {"srv/new/app": "app\n", "usr/bin/tool": "tool\n", "usr/lib/a": "a\n"}


def check(one: Project, *, annotated: str = "") -> None:
    """The image stands whole on its base, whatever that was read from."""
    assert files(one) == WANTED
    assert config(one) == config(one, "base")
    told = manifest(one)
    assert told["layers"][:-1] == manifest(one, "base")["layers"]
    assert told.get("annotations", {}).get("org.opencontainers.image.base.name", "") == annotated
    skopeo("copy", "--insecure-policy", place(one, "app"), f"dir:{one.told}/copied")


def test_a_layout_s_layers_are_not_copied(project: MakeProject) -> None:
    one = with_base(project)
    skopeo("copy", place(one, "base"), f"oci:{one.path('bases')}:one")
    one.write(
        "tasks.yml", one.read("tasks.yml") + APP.replace("@FROM@", "oci:bases:one").replace("\n    ", "\n")
    )
    good(one, "image", "--no-load")
    check(one)
    shutil.rmtree(one.path(".pyrun"))
    good(one, "image", "--no-load")
    layer = manifest(one)["layers"][0]
    blob = f"blobs/{layer['digest'].replace(':', '/')}"
    assert os.path.samefile(one.path(f"bases/{blob}"), one.path(f".pyrun/images/{blob}"))


@pytest.mark.parametrize("kind", ["oci-archive", "docker-archive", "pyrun", "compressed"])
def test_an_archive_of_either_kind_is_found_out_by_its_content(project: MakeProject, kind: str) -> None:
    one = with_base(project, "archive:bases/base.tar")
    os.mkdir(one.path("bases"))
    path = one.path("bases/base.tar")
    if kind in {"pyrun", "compressed"}:
        good(one, "base", "--save", "bases/base.tar")
    else:
        skopeo("copy", place(one, "base"), f"{kind}:{path}:registry.example.org/base:latest")
    if kind == "compressed":
        subprocess.run(["gzip", path], check=True)
        os.rename(f"{path}.gz", path)
    good(one, "image", "--no-load")
    check(one)
    assert "image: up to date" in good(one, "image", "--no-load")
    one.touch("bases/base.tar")
    assert "image: up to date" in good(one, "image", "--no-load")
    one.write("base/lib/a", "other\n")
    good(one, "base", "--save", "bases/base.tar")
    good(one, "image", "--no-load")
    assert files(one)["usr/lib/a"] == "other\n"


def pushed(one: Project, old: RealRegistry, name: str) -> str:
    reference = f"{old.host}/{name}:1"
    skopeo("copy", "--dest-tls-verify=false", place(one, "base"), f"docker://{reference}")
    return reference


def test_a_registry_s_base_is_pinned_fetched_once_and_not_asked_for_again(
    project: MakeProject, old: RealRegistry
) -> None:
    one = with_base(project)
    reference = pushed(one, old, "once/base")
    one.write("tasks.yml", one.read("tasks.yml") + APP.replace("@FROM@", reference).replace("\n    ", "\n"))
    told = good(one, "image", "--no-load")
    assert f"pyrun: fetches {reference}\n" in told
    check(one, annotated=reference)
    digest = json.loads(skopeo("inspect", "--tls-verify=false", f"docker://{reference}"))["Digest"]
    assert manifest(one)["annotations"]["org.opencontainers.image.base.digest"] == digest
    assert f"{reference} {digest}" in one.read("tasks.lock")
    before, lines = manifest(one), old.heard()
    assert "image: up to date" in good(one, "image", "--no-load")
    # Another checkout of this user, in which nothing was built.
    shutil.rmtree(one.path(".pyrun"))
    assert "fetches" not in good(one, "image", "--no-load")
    assert manifest(one) == before
    assert old.heard() == lines
    skopeo("copy", place(one, "app"), f"dir:{one.told}/whole")
    layer = before["layers"][0]
    assert os.stat(one.path(f".pyrun/images/blobs/{layer['digest'].replace(':', '/')}")).st_nlink == 2


def test_two_checkouts_may_fetch_one_base_at_the_same_time(project: MakeProject, old: RealRegistry) -> None:
    reference = pushed(with_base(project), old, "both/base")
    text = APP.replace("@FROM@", reference).replace("\n    ", "\n")
    both = [project({"tasks.yml": f"tasks:{text}", "app": "app\n"}) for _ in range(2)]
    env = {"XDG_CACHE_HOME": f"{both[0].home}/shared"}
    for done in [one.start("image", "--no-load", env=env) for one in both]:
        assert done.result().code == 0, done.stderr
    assert manifest(both[0]) == manifest(both[1])
    for one in both:
        skopeo("copy", place(one, "app"), f"dir:{one.told}/whole")


def test_files_come_out_of_an_image_of_a_registry(project: MakeProject, old: RealRegistry) -> None:
    one = with_base(project)
    reference = pushed(one, old, "files/base")
    more = f"""
      image:
        image:
          name: registry.example.org/app
          from: scratch
          copy:
            - {{from: "{reference}", source: /usr/bin/tool, to: /bin/, mode: "0755"}}
            - {{from: "{reference}", source: "/usr/**/a", to: /all/}}
    """
    one.write("tasks.yml", one.read("tasks.yml") + more.replace("\n    ", "\n"))
    good(one, "image", "--no-load")
    assert files(one) == {"all/lib/a": "a\n", "bin/tool": "tool\n"}
    assert "annotations" not in manifest(one)
    lines = old.heard()
    shutil.rmtree(one.path(".pyrun"))
    good(one, "image", "--no-load")
    assert files(one) == {"all/lib/a": "a\n", "bin/tool": "tool\n"}
    assert old.heard() == lines


def test_a_container_brings_its_image_its_variables_and_its_folder(
    project: MakeProject, old: RealRegistry
) -> None:
    one = with_base(project)
    reference = pushed(one, old, "container/base")
    more = f"""
    containers:
      box: {{from: "{reference}", env: {{GREETING: "${{GREETING}} you"}}, workdir: /work}}
    """
    text = one.read("tasks.yml") + APP.replace("@FROM@", "box").replace("\n    ", "\n")
    one.write("tasks.yml", text + more.replace("\n    ", "\n"))
    # No engine is asked, since none is there.
    done = one.run("image", "--no-load", env={"DOCKER_HOST": f"unix://{one.told}/none"})
    assert done.code == 0, done.stderr
    assert files(one)["work/new/app"] == "app\n"
    assert config(one)["WorkingDir"] == "/work"
    assert "GREETING=hello you" in config(one)["Env"]


def test_a_container_that_an_image_task_makes_is_that_image(project: MakeProject) -> None:
    more = """
    containers:
      made: {task: base}
    """
    one = with_base(project, "made", more)
    good(one, "image", "--no-load")
    assert files(one) == {**WANTED, "srv/new/app": "app\n"}
    assert "image: up to date" in good(one, "image", "--no-load")
    one.write("base/lib/a", "other\n")
    good(one, "image", "--no-load")
    assert files(one)["usr/lib/a"] == "other\n"


def wrong(one: Project, base: str) -> tuple[int, str, str]:
    """The status, what is said of a base, and the hint; that it stands where the base does is checked."""
    one.write("tasks.yml", one.read("tasks.yml") + APP.replace("@FROM@", base).replace("\n    ", "\n"))
    done = one.run("image", "--no-load")
    lines = done.stderr.splitlines()
    row = 1 + one.read("tasks.yml").splitlines().index(f"      from: {base}")
    assert lines[0].startswith(f"pyrun: tasks.yml:{row}:13: "), done.stderr
    return done.code, lines[0].partition(": ")[2].partition(": ")[2], "\n".join(lines[3:])


@pytest.mark.parametrize(
    ("base", "message", "hint"),
    [
        ("oci:nowhere", "`@ROOT@/nowhere` is no OCI layout: it has no file `oci-layout`", "skopeo copy"),
        (
            "oci:.pyrun/images:bse",
            "`@ROOT@/.pyrun/images` has no image `bse`",
            "it has: registry.example.org/base:latest",
        ),
        ("archive:nowhere.tar", "there is no file `nowhere.tar`", "oci-archive:nowhere.tar"),
        ("archive:app", "`app` is no archive that can be read: ", "docker save"),
        ("archive:base", "there is no file `base`", ""),
    ],
)
def test_a_base_that_is_not_there_or_is_none_is_an_error_at_its_place(
    project: MakeProject, base: str, message: str, hint: str
) -> None:
    code, said, told = wrong(with_base(project), base)
    assert code == 1
    assert said.startswith(message)
    assert hint in told


def test_a_name_that_a_registry_does_not_have_is_an_error_at_its_place(
    project: MakeProject, old: RealRegistry
) -> None:
    code, said, _ = wrong(with_base(project), f"{old.host}/nobody/has:this")
    assert code == 1
    assert old.host in said
    assert "404" in said or "unknown" in said


def test_a_base_for_another_platform_is_an_error_at_its_place(project: MakeProject) -> None:
    one = with_base(project)
    layout = one.path("other")
    skopeo("copy", place(one, "base"), f"oci:{layout}:one")
    # Its config says another machine, and so all that leads to it has another digest.
    subprocess.run(["umoci", "config", "--architecture", "s390x", "--image", f"{layout}:one"], check=True)
    code, said, hint = wrong(one, "oci:other:one")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    assert (code, said) == (1, f"`oci:other:one` is for linux/s390x, and the image for linux/{machine}")
    assert hint == "  a base for that"


def test_a_damaged_base_is_an_error_at_its_place(project: MakeProject) -> None:
    one = with_base(project)
    skopeo("copy", place(one, "base"), f"oci:{one.path('bases')}:one")
    layer = json.loads(skopeo("inspect", "--raw", f"oci:{one.path('bases')}:one"))["layers"][0]
    path = one.path(f"bases/blobs/{layer['digest'].replace(':', '/')}")
    with open(path, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes((last[0] ^ 1,)))
    code, said, hint = wrong(one, "oci:bases:one")
    assert code == 1
    assert "damaged" in said
    assert hint


def test_a_look_reads_no_archive_that_was_not_read_before(project: MakeProject) -> None:
    one = with_base(project, "archive:base.tar")
    good(one, "base", "--save", "base.tar")
    store = f"{one.home}/.cache/pyrun/store/bases"
    before = sorted(os.listdir(store)) if os.path.isdir(store) else []
    for look in ("--dry-run", "--why"):
        assert one.run(look, "image").code == 0
    assert (sorted(os.listdir(store)) if os.path.isdir(store) else []) == before
    good(one, "image", "--no-load")
    assert "archives" in os.listdir(store)


def test_a_look_fetches_nothing_and_pins_nothing(project: MakeProject, old: RealRegistry) -> None:
    one = with_base(project)
    reference = pushed(one, old, "look/base")
    one.write("tasks.yml", one.read("tasks.yml") + APP.replace("@FROM@", reference).replace("\n    ", "\n"))
    lines = old.heard()
    for look in ("--dry-run", "--why"):
        assert one.run(look, "image").code == 0
    assert (old.heard(), one.exists("tasks.lock")) == (lines, False)
