"""`runner: true`: pyrun itself in an image that has a Python for it, without an engine."""

import json
import os
import subprocess
import sys

import pytest

from tests.features.conftest import MakeProject, Project

TASKS = """
    tasks:
      build: {source: root/, target: out, run: echo built >out}
      base:
        image: {name: base, from: scratch, copy: {source: root/, to: /}, env: @ENV@}
      image:
        deps: [build]
        image: {name: "app:1", from: "oci:.pyrun/images:base:latest", runner: true, copy: {task: build, to: /}}
      empty:
        image: {name: "app:1", from: scratch, runner: true}
    """


def with_base(project: MakeProject, *programs: str, env: str = "{}") -> Project:
    """A project with a base that has some programs."""
    p = project({"tasks.yml": TASKS.replace("@ENV@", env), "root/etc/hostname": "x\n"})
    for program in programs:
        p.script(f"root/{program}", "#!/bin/sh\n")
    # Two images in one layout would be each other's base.
    result = p.run("--no-load", "--quiet", "base")
    assert result.code == 0, result
    return p


def unpacked(p: Project) -> str:
    """The folder in which the image is unpacked by somebody else."""
    image = f"{p.path('.pyrun/images')}:app:1"
    subprocess.run(
        ["umoci", "unpack", "--rootless", "--image", image, p.path("all")], check=True, capture_output=True
    )
    return p.path("all/rootfs")


def test_it_is_in_the_image_with_the_interpreter_of_its_base(project: MakeProject) -> None:
    p = with_base(project, "usr/bin/python3", "usr/lib/python3.12/os.py")
    assert p.run("--no-load", "--quiet", "image").code == 0
    top = unpacked(p)
    with open(f"{top}/usr/local/bin/pyrun") as file:
        assert file.readline() == "#!/usr/bin/python3 -I\n"
    assert os.path.exists(f"{top}/out")
    # It runs from there, with another Python as well.
    script = f"{top}/usr/local/bin/pyrun"
    with open(script) as file:
        text = file.read().replace("/usr/local/lib/pyrun", f"{top}/usr/local/lib/pyrun")
    p.write("tasks/tasks.yml", "tasks: {hello: {run: echo hello}}\n")
    p.write("script.py", text)
    done = subprocess.run(
        [os.path.realpath(sys.executable), "-I", "-S", p.path("script.py"), "hello"],
        cwd=p.path("tasks"), capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("hello\n", 0), done.stderr


def test_the_same_twice_is_up_to_date_and_the_same(project: MakeProject) -> None:
    p = with_base(project, "usr/local/bin/python3", "usr/local/lib/python3.11/os.py")
    assert p.run("--no-load", "--quiet", "image").code == 0
    before = p.read(".pyrun/images/index.json")
    assert p.run("--no-load", "image").stderr.startswith("image: up to date")
    assert p.run("--no-load", "--force", "--quiet", "image").code == 0
    names = [one["digest"] for one in json.loads(before)["manifests"]]
    assert [one["digest"] for one in json.loads(p.read(".pyrun/images/index.json"))["manifests"]] == names


def test_its_command_is_where_the_image_looks_for_programs(project: MakeProject) -> None:
    p = with_base(project, "opt/bin/python3", "opt/lib/python3.13/os.py", env="{PATH: /opt/bin}")
    assert p.run("--no-load", "--quiet", "image").code == 0
    assert os.access(f"{unpacked(p)}/opt/bin/pyrun", os.X_OK)


@pytest.mark.parametrize(
    ("programs", "words"),
    [
        ((), "has no Python"),
        (("usr/bin/python3", "usr/lib/python3.9/os.py"), "has Python 3.9"),
        (("usr/bin/python3",), "has one whose version nobody knows"),
        (("usr/bin/python", "opt/python3"), "has no Python"),
    ],
)
def test_a_base_without_one_is_an_error_before_anything_runs(
    project: MakeProject, programs: tuple[str, ...], words: str
) -> None:
    p = with_base(project, *programs)
    result = p.run("--no-load", "image")
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr == (
        "pyrun: tasks.yml:7:34: `runner: true` needs Python 3.11 or newer, and "
        f"`from: oci:.pyrun/images:base:latest` {words}\n"
        '  7 |     image: {name: "app:1", from: "oci:.pyrun/images:base:latest", runner: true, copy: {task: build, to: /}}\n'
        f"    | {' ' * 33}{'^' * 31}\n"
        "  a base that has it on its PATH, such as `python:3.13-slim`\n"
    )
    assert not p.exists("out")


def test_nothing_has_none(project: MakeProject) -> None:
    p = with_base(project)
    result = p.run("--no-load", "empty")
    assert "and `from: scratch` has no Python" in result.stderr
    assert result.code == 2
