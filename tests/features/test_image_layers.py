"""What a `copy` puts into an image, as other programs read it: umoci unpacks, skopeo tells."""

import json
import os
import shutil
import stat
import subprocess
from typing import Any

import pytest

from tests.features.conftest import MakeProject, Project

NAME = "registry.example.org/app:latest"


def unpacked(one: Project, name: str = NAME) -> dict[str, str]:
    """All that is in an image: mode and content of a file, `-> TARGET` of a link, the mode of a folder."""
    bundle = f"{one.told}/bundle"
    shutil.rmtree(bundle, ignore_errors=True)
    argv = ["umoci", "unpack", "--rootless", "--image", f"{one.path('.pyrun/images')}:{name}", bundle]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = {}
    for folder, folders, files in os.walk(f"{bundle}/rootfs"):
        for name_ in (*folders, *files):
            path = f"{folder}/{name_}"
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                what = f"-> {os.readlink(path)}"
            elif stat.S_ISDIR(mode):
                what = f"{stat.S_IMODE(mode):o}"
            else:
                with open(path, encoding="utf-8") as file:
                    what = f"{stat.S_IMODE(mode):o} {file.read()}"
            found[os.path.relpath(path, f"{bundle}/rootfs")] = what
    return dict(sorted(found.items()))


def raw(one: Project, name: str = NAME) -> dict[str, Any]:
    argv = ["skopeo", "inspect", "--raw", f"oci:{one.path('.pyrun/images')}:{name}"]
    found: dict[str, Any] = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)
    return found


def good(one: Project, *argv: str) -> str:
    done = one.run(*argv)
    assert done.code == 0, done.stderr
    return done.stderr


FOLDER = """
    tasks:
      image:
        image:
          name: registry.example.org/app
          from: scratch
          copy: [{source: site, to: /srv/site}]
"""


def test_links_in_a_copied_folder_stay_links_wherever_they_lead(project: MakeProject) -> None:
    one = project({"tasks.yml": FOLDER, "site/v1/index.html": "hello\n"})
    for target, name in (
        ("v1", "now"),
        ("nowhere", "dangling"),
        ("v1/index.html", "index.html"),
        ("/etc", "v1/etc"),
    ):
        os.symlink(target, one.path(f"site/{name}"))
    good(one, "image", "--no-load")
    assert unpacked(one) == {
        "srv": "755",
        "srv/site": "755",
        "srv/site/dangling": "-> nowhere",
        "srv/site/index.html": "-> v1/index.html",
        "srv/site/now": "-> v1",
        "srv/site/v1": "755",
        "srv/site/v1/etc": "-> /etc",
        "srv/site/v1/index.html": "644 hello\n",
    }
    assert "up to date" in good(one, "image", "--no-load")
    os.unlink(one.path("site/now"))
    os.symlink("v2", one.path("site/now"))
    assert one.run("--why", "image").stdout.splitlines()[1:] == ["  links that are copied changed"]
    good(one, "image", "--no-load")
    assert unpacked(one)["srv/site/now"] == "-> v2"


def test_links_in_what_a_task_makes_stay_links(project: MakeProject) -> None:
    one = project(
        {
            "tasks.yml": """
            tasks:
              build:
                source: [in]
                target: out/
                run: |
                  mkdir -p out/lib
                  cp in out/lib/libz.so.1
                  ln -sfn libz.so.1 out/lib/libz.so
                  ln -sfn lib out/lib64
              image:
                image:
                  name: registry.example.org/app
                  from: scratch
                  copy: [{task: build, to: /opt/}]
            """,
            "in": "library\n",
        }
    )
    good(one, "image", "--no-load")
    wanted = {
        "opt": "755",
        "opt/lib": "755",
        "opt/lib/libz.so": "-> libz.so.1",
        "opt/lib/libz.so.1": "644 library\n",
        "opt/lib64": "-> lib",
    }
    assert unpacked(one) == wanted
    assert "image: up to date" in good(one, "image", "--no-load")


def test_a_link_that_is_named_or_that_a_pattern_matches_is_copied_for_what_it_leads_to(
    project: MakeProject,
) -> None:
    one = project(
        {
            "tasks.yml": """
            tasks:
              image:
                image:
                  name: registry.example.org/app
                  from: scratch
                  copy:
                    - {source: conf/now.conf, to: /etc/}
                    - {source: "conf/*.conf", to: /all/}
            """,
            "conf/v1.conf": "one\n",
        }
    )
    os.symlink("v1.conf", one.path("conf/now.conf"))
    good(one, "image", "--no-load")
    assert unpacked(one) == {
        "all": "755",
        "all/now.conf": "644 one\n",
        "all/v1.conf": "644 one\n",
        "etc": "755",
        "etc/now.conf": "644 one\n",
    }


def test_names_that_are_long_strange_or_no_text_arrive_as_they_are(project: MakeProject) -> None:
    one = project({"tasks.yml": FOLDER.replace("site", "files")})
    names = ["n" * 200, "grüße", "new\nline", "a b", "-rf", "\udcff\udcfe", "d" * 90 + "/" + "e" * 120]
    for name in names:
        one.write(f"files/{name}", "x")
    good(one, "image", "--no-load")
    found = unpacked(one)
    assert {path.removeprefix("srv/files/") for path, what in found.items() if what == "644 x"} == set(names)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        (".env", "PASSWORD=x\n", "it sets variables, secrets among them, as a rule"),
        ("tls/server.pem", "-----BEGIN PRIVATE KEY-----\nMIIE\n", "it holds a private key"),
        (".npmrc", "//registry.example.org/:_authToken=x\n", "it holds credentials"),
    ],
)
def test_what_should_not_ship_ships_only_by_its_name(
    project: MakeProject, name: str, content: str, why: str
) -> None:
    one = project({"tasks.yml": FOLDER, "site/index.html": "", f"site/{name}": content})
    for _ in range(2):
        done = one.run("image", "--no-load")
        assert (done.code, done.stdout) == (2, "")
        assert done.stderr == (
            f"pyrun: tasks.yml:6:14: `site/{name}` would be in the image for all to read: {why}\n"
            "  6 |       copy: [{source: site, to: /srv/site}]\n"
            "    |              ^\n"
            f"  leave it out of what is copied; if it must be there, name it: `{{source: site/{name}, to: "
            f"/srv/site/{name}}}`\n"
        )
    one.write("tasks.yml", one.read("tasks.yml").replace("{source: site,", f"{{source: site/{name},"))
    good(one, "image", "--no-load")


def test_git_itself_never_ships_with_a_folder(project: MakeProject) -> None:
    one = project({"tasks.yml": FOLDER, "site/index.html": "", "site/sub/.git": "gitdir: x\n"})
    one.write("site/.git/config", "[core]\n")
    good(one, "image", "--no-load")
    assert list(unpacked(one)) == ["srv", "srv/site", "srv/site/index.html"]


def test_a_program_for_another_system_is_an_error_that_names_its_task(project: MakeProject) -> None:
    one = project(
        {
            "tasks.yml": """
            tasks:
              build:
                source: [make]
                target: bin/app
                run: mkdir -p bin && ./make >bin/app && chmod +x bin/app
              image:
                image:
                  name: registry.example.org/app
                  from: scratch
                  copy: [{task: build, to: /app/}]
            """
        }
    )
    # The beginning of a program for a mainframe: nobody runs these tests there.
    one.script("make", r"""
        #!/bin/sh
        printf '\177ELF\2\2\1\0\0\0\0\0\0\0\0\0\0\2\0\26'
        """)  # fmt: skip
    done = one.run("image", "--no-load")
    assert done.code == 1
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    platform = f"linux/{machine}"
    assert done.stderr.endswith(
        "pyrun: tasks.yml:10:14: `bin/app` is built for linux/s390x, and the image is for "
        f"{platform}: `build` makes it\n"
        "  10 |       copy: [{task: build, to: /app/}]\n"
        "     |              ^\n"
        f'  build it for {platform}, in Go by `env: {{GOOS: "${{TARGETOS}}", GOARCH: "${{TARGETARCH}}"}}` at '
        "`build`; with "
        "`mode: 0644` it is copied as it is, as no program\n"
    )
    one.write("tasks.yml", one.read("tasks.yml").replace("to: /app/}", "to: /app/, mode: '0644'}"))
    good(one, "image", "--no-load")


PACKED = """
    tasks:
      image:
        image:
          name: registry.example.org/app
          from: scratch
          compression: {kind}
          copy: [{{source: site, to: /srv/site}}]
"""


def test_zstd_is_read_by_others_and_gives_the_same_bytes_twice(project: MakeProject) -> None:
    digests = set()
    for _ in range(2):
        one = project({"tasks.yml": PACKED.format(kind="zstd"), "site/index.html": "hello " * 1000})
        good(one, "image", "--no-load")
        found = raw(one)
        (layer,) = found["layers"]
        assert layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+zstd"
        digests.add(layer["digest"])
        # It unpacks the layer and packs it again.
        argv = ["skopeo", "copy", "--insecure-policy", "--dest-decompress"]
        place = f"oci:{one.path('.pyrun/images')}:{NAME}"
        subprocess.run([*argv, place, f"dir:{one.told}/dir"], capture_output=True, check=True)
        with open(f"{one.told}/dir/manifest.json", encoding="utf-8") as file:
            (plain,) = json.load(file)["layers"]
        with open(f"{one.told}/dir/{plain['digest'].partition(':')[2]}", "rb") as file:
            assert b"hello hello" in file.read()
    assert len(digests) == 1


def test_what_changes_more_often_lies_higher(project: MakeProject) -> None:
    one = project(
        {
            "tasks.yml": """
            tasks:
              build: {source: [in], target: out, run: cp in out}
              tools:
                image: {name: registry.example.org/tools, from: scratch, copy: [{source: tool, to: /}]}
              image:
                image:
                  name: registry.example.org/app
                  from: scratch
                  copy:
                    - {task: build, to: /app/}
                    - {source: conf, to: /app/}
                    - {from: "oci:.pyrun/images:registry.example.org/tools:latest", source: /tool, to: /bin/}
            """,
            "in": "1\n",
            "conf": "2\n",
            "tool": "3\n",
        }
    )
    good(one, "tools", "--no-load")
    good(one, "image", "--no-load")
    before = [layer["digest"] for layer in raw(one)["layers"]]
    one.write("in", "other\n")
    good(one, "image", "--no-load")
    after = [layer["digest"] for layer in raw(one)["layers"]]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, True, False]
    assert unpacked(one) == {
        "app": "755",
        "app/conf": "644 2\n",
        "app/out": "644 other\n",
        "bin": "755",
        "bin/tool": "644 3\n",
    }
