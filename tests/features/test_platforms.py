"""Images for several platforms: what is done for each, what once, and what becomes of it."""

import gzip
import io
import json
import os
import shutil
import subprocess
import tarfile
from typing import Any

import pytest

from tests.features.conftest import MakeProject, Project, Result

NO_ENGINE = {"DOCKER_HOST": "unix:///no-engine.sock"}
HERE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
OTHER = "arm64" if HERE == "amd64" else "amd64"
MINE, THEIRS = f"linux/{HERE}", f"linux/{OTHER}"
BOTH = f"{MINE},{THEIRS}"
APART = f".pyrun/platforms/linux-{OTHER}"
NAME = "registry.example.org/app"
TASKS = """
    tasks:
      fetch:
        source: [in.txt]
        target: got.txt
        run: tr a-z A-Z < in.txt > got.txt
      build:
        deps: [fetch]
        source: [main.txt]
        target: bin/app
        env: {ARCH: "${TARGETARCH}"}
        run: |
          mkdir -p bin
          cat got.txt main.txt > bin/app
          echo "for $ARCH" >> bin/app
      image:
        image: {name: registry.example.org/app, from: scratch, copy: [{task: build, to: /app/}]}
"""
FILES = {"tasks.yml": TASKS, "in.txt": "got\n", "main.txt": "main\n"}
TAG_HINT = "  letters, digits, `_`, `.` and `-`, at most 128, no `.` or `-` first\n"
FETCH = "fetch $ tr a-z A-Z < in.txt > got.txt\n"
BUILD = 'mkdir -p bin\n    cat got.txt main.txt > bin/app\n    echo "for $ARCH" >> bin/app\n'


def done(p: Project, *words: str, env: dict[str, str] | None = None) -> Result:
    """What came of a call that succeeds and finds no engine."""
    result = p.run(*words, env={**NO_ENGINE, **(env or {})})
    assert result.code == 0, result.stderr
    return result


def told(p: Project, *words: str) -> str:
    """What is told of a call, without the table of images at its end."""
    return done(p, *words).stderr.partition("\nIMAGE ")[0]


def ran(p: Project, *words: str) -> set[str]:
    """The labels of the tasks that ran in a call and are no images."""
    lines = done(p, *words, "--output", "json").stdout.splitlines()
    events = [json.loads(line) for line in lines]
    return {one["task"] for one in events if one["event"] == "command-started"}


def index_of(p: Project) -> dict[str, dict[str, Any]]:
    """What the project's layout lists, by name."""
    index = json.loads(p.read(".pyrun/images/index.json"))
    return {one["annotations"]["org.opencontainers.image.ref.name"]: one for one in index["manifests"]}


def blob(p: Project, digest: str) -> bytes:
    with open(p.path(f".pyrun/images/blobs/{digest.replace(':', '/')}"), "rb") as file:
        return file.read()


def images(p: Project, name: str = f"{NAME}:latest") -> dict[str, dict[str, str]]:
    """By platform the files of an image of the layout with what is in them; the platform is the config's, too."""
    head = index_of(p)[name]
    listed = [head]
    if head["mediaType"].endswith("index.v1+json"):
        listed = json.loads(blob(p, head["digest"]))["manifests"]
    found = {}
    for one in listed:
        manifest = json.loads(blob(p, one["digest"]))
        config = json.loads(blob(p, manifest["config"]["digest"]))
        platform = f"{config['os']}/{config['architecture']}"
        if "platform" in one:
            assert platform == f"{one['platform']['os']}/{one['platform']['architecture']}"
        files = {}
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob(p, layer["digest"])))) as tar:
                for member in tar:
                    if member.isfile():
                        data = tar.extractfile(member)
                        assert data is not None
                        files[member.name] = data.read().decode()
        found[platform] = files
    return found


def content(arch: str, main: str = "main\n") -> dict[str, str]:
    return {"app/app": f"GOT\n{main}for {arch}\n"}


def test_each_platform_gets_what_was_made_for_it_and_what_is_the_same_is_made_once(
    project: MakeProject,
) -> None:
    p = project(FILES)
    assert told(p, "image", "--platform", BOTH, "--jobs", "1") == (
        f"{FETCH}build $ {BUILD}build [{THEIRS}] $ {BUILD}"
    )
    assert images(p) == {MINE: content(HERE), THEIRS: content(OTHER)}
    # The checkout has what is for this machine.
    assert p.files() == ["bin/app", "got.txt", "in.txt", "main.txt", "tasks.yml"]
    assert p.read("bin/app") == content(HERE)["app/app"]


def test_the_table_says_what_the_images_are_for(project: MakeProject) -> None:
    p = project(FILES)
    table = done(p, "image", "--platform", BOTH).stderr.splitlines()[-3:]
    assert table[0].split() == ["IMAGE", "TAG", "DIGEST", "LAYERS", "SIZE", "UNPACKED", "PLATFORM"]
    digest = index_of(p)[f"{NAME}:latest"]["digest"]
    assert table[1].startswith(f"{NAME}  latest  {digest[:19]}  2 ")
    assert table[1].endswith(f"  {MINE}, {THEIRS}")
    assert table[2] == "in .pyrun/images"
    assert "PLATFORM" not in done(p, "image").stderr


def test_a_second_run_does_nothing_and_a_changed_file_is_for_all_platforms(project: MakeProject) -> None:
    p = project(FILES)
    done(p, "image", "--platform", BOTH)
    assert told(p, "image", "--platform", BOTH) == (
        "image: up to date (2 deps and the image as in the last run)\n"
    )
    p.write("main.txt", "other\n")
    assert ran(p, "image", "--platform", BOTH) == {"build", f"build [{THEIRS}]"}
    assert images(p) == {MINE: content(HERE, "other\n"), THEIRS: content(OTHER, "other\n")}


def test_the_order_of_platforms_is_the_order_in_the_index(project: MakeProject) -> None:
    p = project(FILES)
    done(p, "image", "--platform", f"{THEIRS},{MINE},{THEIRS}")
    assert list(images(p)) == [THEIRS, MINE]


def test_one_other_platform_is_a_plain_image_and_leaves_nothing_in_the_checkout(project: MakeProject) -> None:
    p = project(FILES)
    assert told(p, "image", "--platform", THEIRS, "--jobs", "1") == f"{FETCH}build [{THEIRS}] $ {BUILD}"
    assert images(p) == {THEIRS: content(OTHER)}
    assert index_of(p)[f"{NAME}:latest"]["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert p.files() == ["got.txt", "in.txt", "main.txt", "tasks.yml"]
    assert told(p, "image", "--platform", THEIRS) == (
        f"image [{THEIRS}]: up to date (1 dep and the image as in the last run)\n"
    )


def test_one_platform_that_is_this_machine_s_is_the_image_that_is_made_without_a_word(
    project: MakeProject,
) -> None:
    p = project(FILES)
    done(p, "image")
    digest = index_of(p)[f"{NAME}:latest"]["digest"]
    assert told(p, "image", "--platform", MINE) == (
        "image: up to date (1 dep and the image as in the last run)\n"
    )
    done(p, "image", "--platform", BOTH)
    listed = json.loads(blob(p, index_of(p)[f"{NAME}:latest"]["digest"]))["manifests"]
    # It is the very same one within the index.
    assert listed[0]["digest"] == digest


def test_an_image_s_own_platforms_count_where_it_is_saved(project: MakeProject) -> None:
    text = TASKS.replace("from: scratch,", f"from: scratch, platforms: [{MINE}, {THEIRS}],")
    p = project({**FILES, "tasks.yml": text})
    done(p, "image")
    assert list(images(p)) == [MINE]
    done(p, "image", "--save", "saved.tar")
    assert list(images(p)) == [MINE, THEIRS]
    done(p, "image", "--save", "saved.tar", "--platform", THEIRS)
    assert list(images(p)) == [THEIRS]


def test_a_saved_archive_has_all_images_and_one_for_who_takes_only_one(project: MakeProject) -> None:
    p = project(FILES)
    done(p, "image", "--platform", f"{THEIRS},{MINE}", "--save", "saved.tar")
    with tarfile.open(p.path("saved.tar")) as tar:

        def document(name: str) -> Any:
            data = tar.extractfile(name)
            assert data is not None
            return json.load(data)

        index = document("index.json")["manifests"]
        assert [one["digest"] for one in index] == [index_of(p)[f"{NAME}:latest"]["digest"]]
        (single,) = document("manifest.json")
        assert single["RepoTags"] == [f"{NAME}:latest"]
        # Who knows no index runs on what this machine is.
        assert document(single["Config"])["architecture"] == HERE
        listed = document(f"blobs/{index[0]['digest'].replace(':', '/')}")["manifests"]
        for one in listed:
            manifest = document(f"blobs/{one['digest'].replace(':', '/')}")
            for part in (manifest["config"], *manifest["layers"]):
                assert tar.getmember(f"blobs/{part['digest'].replace(':', '/')}").size == part["size"]
    with open(p.path("saved.tar"), "rb") as file:
        before = file.read()
    # Saved again from what stands in the layout, it is the same.
    p.remove("saved.tar")
    done(p, "image", "--platform", f"{THEIRS},{MINE}", "--save", "saved.tar")
    with open(p.path("saved.tar"), "rb") as file:
        assert file.read() == before


def test_other_programs_read_an_index_and_the_images_in_it(project: MakeProject) -> None:
    for program in ("skopeo", "umoci"):
        assert shutil.which(program), f"this test reads images with {program}: apt-get install {program}"
    p = project(FILES)
    done(p, "image", "--platform", BOTH, "--save", "saved.tar")

    def run(*argv: str) -> str:
        finished = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=p.root)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    raw = json.loads(run("skopeo", "inspect", "--raw", "oci-archive:saved.tar"))
    assert [one["platform"] for one in raw["manifests"]] == [
        {"architecture": HERE, "os": "linux"}, {"architecture": OTHER, "os": "linux"},
    ]  # fmt: skip
    for arch in (HERE, OTHER):
        for where in ("oci-archive:saved.tar", f"oci:.pyrun/images:{NAME}:latest"):
            found = json.loads(run("skopeo", "inspect", "--override-arch", arch, where))
            assert found["Architecture"] == arch
        run("skopeo", "copy", "-q", "--override-arch", arch, "oci-archive:saved.tar", f"oci:one-{arch}:x")
        run("umoci", "unpack", "--rootless", "--image", f"one-{arch}:x", f"unpacked-{arch}")
        assert p.read(f"unpacked-{arch}/rootfs/app/app") == content(arch)["app/app"]
    run("skopeo", "copy", "-q", "--all", "oci-archive:saved.tar", "dir:all")
    assert len([name for name in os.listdir(p.path("all")) if name.endswith(".manifest.json")]) == 2


def test_tags_of_the_command_line_replace_an_image_s_own(project: MakeProject) -> None:
    p = project({**FILES, "tasks.yml": TASKS.replace("from: scratch,", "from: scratch, tags: [own],")})
    done(p, "image", "--tag", "1.2, next")
    assert sorted(index_of(p)) == [f"{NAME}:1.2", f"{NAME}:next"]
    done(p, "image", "--platform", BOTH, "--tag", "both")
    assert list(images(p, f"{NAME}:both")) == [MINE, THEIRS]
    assert list(images(p, f"{NAME}:next")) == [MINE]


# What is done apart


def test_what_was_made_for_another_platform_comes_back_from_the_store(project: MakeProject) -> None:
    p = project(FILES)
    done(p, "image", "--platform", BOTH)
    shutil.rmtree(p.path(".pyrun"))
    shutil.rmtree(p.path("bin"))
    assert ran(p, "image", "--platform", BOTH) == set()
    assert images(p) == {MINE: content(HERE), THEIRS: content(OTHER)}
    assert (p.read("bin/app"), p.read(f"{APART}/bin/app")) == (
        content(HERE)["app/app"],
        content(OTHER)["app/app"],
    )
    # Gone from its folder alone, it comes back, too.
    p.remove(f"{APART}/bin/app")
    assert ran(p, "image", "--platform", BOTH) == set()
    assert p.read(f"{APART}/bin/app") == content(OTHER)["app/app"]


CHAIN = """
    tasks:
      gen:
        target: gen/
        run: |
          mkdir -p gen/deep
          for one in $(cat names); do echo "$one ${TARGETARCH}" > gen/deep/$one; done
        source: [names]
      list:
        deps: [gen]
        source: [gen/deep/a, "src/**"]
        target: ["out/*.txt", all]
        run: |
          mkdir -p out
          for one in gen/deep/*; do cp $one out/${one##*/}.txt; done
          cat src/* out/*.txt > all
          ln -s all link
      image:
        image: {name: app, from: scratch, copy: [{task: gen, to: /gen/}, {task: list, to: /list/}]}
"""


def test_folders_and_patterns_that_are_made_apart_hold_just_what_the_last_run_made(
    project: MakeProject,
) -> None:
    p = project(
        {"tasks.yml": CHAIN, "names": "a b\n", "src/s": "source\n", "gen/deep/mine": "of the checkout\n"}
    )
    done(p, "image", "--platform", THEIRS)
    expected = {
        "gen/deep/a": f"a {OTHER}\n",
        "gen/deep/b": f"b {OTHER}\n",
        "list/a.txt": f"a {OTHER}\n",
        "list/b.txt": f"b {OTHER}\n",
        "list/all": f"source\na {OTHER}\nb {OTHER}\n",
    }
    assert images(p, "app:latest") == {THEIRS: expected}
    p.write("names", "b c\n")
    done(p, "image", "--platform", THEIRS)
    assert set(images(p, "app:latest")[THEIRS]) == {
        "gen/deep/b", "gen/deep/c", "list/b.txt", "list/c.txt", "list/all",
    }  # fmt: skip
    assert p.files() == ["gen/deep/mine", "names", "src/s", "tasks.yml"]


def test_a_pattern_does_not_take_what_is_made_for_this_machine_for_a_source(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
                tasks:
                  gen: {target: gen/arch.txt, source: [in.txt], run: 'echo ${TARGETARCH} > gen/arch.txt'}
                  build:
                    deps: [gen]
                    source: ["**/*.txt"]
                    target: all
                    run: cat in.txt gen/*.txt > all
                  image: {image: {name: app, from: scratch, copy: [{task: build, to: /}]}}
            """,
            "in.txt": "in\n",
            "gen/keep": "",
        }
    )
    for _ in range(2):
        done(p, "image", "--platform", THEIRS)
        done(p, "image", "--platform", BOTH)
        assert images(p, "app:latest") == {
            MINE: {"all": f"in\n{HERE}\n"}, THEIRS: {"all": f"in\n{OTHER}\n"},
        }  # fmt: skip
        # What is made for one platform is nothing to the other one.
        assert ran(p, "image", "--platform", BOTH) == set()
        p.write("in.txt", "in\n")


def test_what_was_made_apart_is_forgotten_with_the_project(project: MakeProject) -> None:
    p = project(FILES)
    done(p, "image", "--platform", BOTH)
    done(p, "--clean")
    assert not p.exists(".pyrun/platforms")
    assert p.exists("bin/app")
    assert ran(p, "image", "--platform", BOTH) == {"fetch", "build", f"build [{THEIRS}]"}


def test_what_is_done_apart_sees_only_what_it_declares(project: MakeProject) -> None:
    text = TASKS.replace("source: [main.txt]", "source: [in.txt]").replace(
        "bin/app\n          echo", "bin/app || exit 1\n          echo"
    )
    p = project({**FILES, "tasks.yml": text})
    result = p.run("image", "--platform", THEIRS, "-q", env=NO_ENGINE)
    assert result.code == 1
    assert result.stderr == (
        "cat: main.txt: No such file or directory\n"
        f"pyrun: tasks.yml:6:3: `build [{THEIRS}]` failed with exit status 1 in its sandbox: mkdir -p bin\n"
        "  6 |   build:\n"
        "    |   ^^^^^\n"
        "  main.txt is not to be seen there; add what it reads to the task:\n"
        "    source: [main.txt]\n"
    )


def test_a_task_that_fails_for_one_platform_leaves_the_name_to_the_image_before(project: MakeProject) -> None:
    p = project(FILES)
    done(p, "image", "--platform", BOTH)
    digest = index_of(p)[f"{NAME}:latest"]["digest"]
    p.write("main.txt", "second\n")
    p.write(
        "tasks.yml",
        p.read("tasks.yml").replace("cat got.txt", f'[ "$ARCH" != {OTHER} ] || exit 3; cat got.txt'),
    )
    result = p.run("image", "--platform", BOTH, "--jobs", "1", "-q", env=NO_ENGINE)
    assert result.code == 3
    assert index_of(p)[f"{NAME}:latest"]["digest"] == digest
    assert images(p) == {MINE: content(HERE), THEIRS: content(OTHER)}
    p.write("tasks.yml", p.read("tasks.yml").replace("|| exit 3", "|| true"))
    done(p, "image", "--platform", BOTH)
    assert images(p) == {MINE: content(HERE, "second\n"), THEIRS: content(OTHER, "second\n")}


def test_several_images_for_several_platforms_keep_what_waits_for_its_index(project: MakeProject) -> None:
    text = TASKS.replace(
        "image:\n        image:", "image:\n        args: {which: {values: [a, b, c]}}\n        image:"
    )
    text = text.replace("registry.example.org/app,", '"registry.example.org/${which}",')
    p = project({**FILES, "tasks.yml": text})
    for main in ("one\n", "two\n"):
        p.write("main.txt", main)
        done(p, "image", "--all", "--platform", BOTH, "--jobs", "1")
        for which in "abc":
            found = images(p, f"registry.example.org/{which}:latest")
            assert found == {MINE: content(HERE, main), THEIRS: content(OTHER, main)}
    # What no image needs any more is gone.
    blobs = os.listdir(p.path(".pyrun/images/blobs/sha256"))
    assert len(blobs) == len({"index", "mine", "theirs", "config", "other config", "layer", "other layer"})


def test_what_is_gone_from_the_layout_is_made_again_and_nothing_else(project: MakeProject) -> None:
    p = project(FILES)
    done(p, "image", "--platform", BOTH)
    head = index_of(p)[f"{NAME}:latest"]["digest"]
    whole = images(p)
    listed = json.loads(blob(p, head))["manifests"]
    layer = json.loads(blob(p, listed[1]["digest"]))["layers"][0]["digest"]
    index = p.read(".pyrun/images/index.json")
    for name in (layer, listed[1]["digest"], head):
        p.remove(f".pyrun/images/blobs/{name.replace(':', '/')}")
        assert ran(p, "image", "--platform", BOTH) == set()
        assert (index_of(p)[f"{NAME}:latest"]["digest"], images(p)) == (head, whole)
    # As if a run had been killed before it gave the name.
    p.write(".pyrun/images/index.json", '{"schemaVersion": 2, "manifests": []}')
    done(p, "image", "--platform", BOTH)
    assert p.read(".pyrun/images/index.json") == index


@pytest.mark.parametrize("order", [("image", "other"), ("other", "image")])
def test_what_waits_for_its_index_is_not_taken_for_left_over(
    project: MakeProject, order: tuple[str, str]
) -> None:
    other = "  other: {image: {name: other, from: scratch, copy: [{source: other.txt, to: /}]}}\n"
    p = project({**FILES, "tasks.yml": f"{TASKS}    {other}", "other.txt": "first\n"})
    done(p, *order, "--platform", BOTH)
    # What is recorded of all images stands in the layout without a name, and one of them is made anew.
    p.write(".pyrun/images/index.json", '{"schemaVersion": 2, "manifests": []}')
    p.write("other.txt", "second\n")
    done(p, *order, "--platform", BOTH, "--jobs", "1")
    assert images(p) == {MINE: content(HERE), THEIRS: content(OTHER)}
    assert images(p, "other:latest") == {one: {"other.txt": "second\n"} for one in (MINE, THEIRS)}


def test_called_tasks_run_where_their_platform_is(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
                tasks:
                  plain: {source: [in.txt], target: plain.txt, run: cp in.txt plain.txt}
                  one: {source: [in.txt], target: one.txt, run: 'echo ${TARGETARCH} > one.txt'}
                  calls: {run: [{task: plain}, {task: one}]}
                  build:
                    deps: [calls]
                    target: out
                    run: cat plain.txt one.txt > out
                  image: {image: {name: app, from: scratch, copy: [{task: build, to: /}]}}
            """,
            "in.txt": "in\n",
        }
    )
    done(p, "image", "--platform", BOTH)
    assert images(p, "app:latest") == {MINE: {"out": f"in\n{HERE}\n"}, THEIRS: {"out": f"in\n{OTHER}\n"}}
    assert p.files() == ["in.txt", "one.txt", "out", "plain.txt", "tasks.yml"]


@pytest.mark.parametrize(
    "flags", [("--sandbox",), ("--audit", "--output", "json"), ("--jobs", "4"), ("--force",)]
)
def test_other_ways_to_run_make_the_same(project: MakeProject, flags: tuple[str, ...]) -> None:
    p = project(FILES)
    done(p, "image", "--platform", BOTH, *flags)
    assert images(p) == {MINE: content(HERE), THEIRS: content(OTHER)}
    assert p.read("bin/app") == content(HERE)["app/app"]


def test_a_secret_that_is_a_file_is_where_the_commands_find_it(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
                tasks:
                  build:
                    secrets: [{name: token, file: token, to: work/token}]
                    source: [work/in]
                    target: out
                    run: 'test "$(cat work/token)" = very-hidden-text && echo ${TARGETARCH} > out'
                  image: {image: {name: app, from: scratch, copy: [{task: build, to: /}]}}
            """,
            "token": "very-hidden-text\n",
            "work/in": "",
        }
    )
    done(p, "image", "--platform", BOTH)
    assert images(p, "app:latest") == {MINE: {"out": f"{HERE}\n"}, THEIRS: {"out": f"{OTHER}\n"}}


# Bases


def test_a_base_is_that_of_the_image_s_platform(project: MakeProject) -> None:
    base = project({**FILES, "tasks.yml": TASKS.replace("registry.example.org/app", "base")})
    done(base, "image", "--platform", BOTH)
    p = project(
        {
            "tasks.yml": "tasks: {image: {image: {name: app, from: 'oci:base:base:latest', copy: [{source: a, to: /}]}}}",
            "a": "a\n",
        }
    )
    shutil.copytree(base.path(".pyrun/images"), p.path("base"))
    done(p, "image", "--platform", BOTH)
    assert images(p, "app:latest") == {
        MINE: {**content(HERE), "a": "a\n"}, THEIRS: {**content(OTHER), "a": "a\n"},
    }  # fmt: skip
    result = p.run("image", "--platform", "linux/riscv64", "-q", env=NO_ENGINE)
    assert result.code == 1
    assert "has nothing for linux/riscv64" in result.stderr
    assert f"it has: {MINE}, {THEIRS}" in result.stderr


# Looking


def test_a_look_tells_what_is_done_for_which_platform(project: MakeProject) -> None:
    p = project(FILES)
    assert done(p, "--graph", "image", "--platform", BOTH).stdout == (
        f"image\n├─ image [{MINE}]\n│  └─ build\n│     └─ fetch\n"
        f"└─ image [{THEIRS}]\n   └─ build [{THEIRS}]\n      └─ fetch\n"
    )
    nodes = json.loads(done(p, "--graph=json", "image", "--platform", BOTH).stdout)["nodes"]
    assert {one["label"]: one["platform"] for one in nodes if one["platform"]} == {
        f"build [{THEIRS}]": THEIRS
    }
    assert {one["label"]: one["image"] for one in nodes if one["image"]} == {
        "image": {"name": NAME, "tags": ["latest"], "platforms": [MINE, THEIRS]},
        f"image [{MINE}]": {"name": NAME, "tags": [], "platforms": [MINE]},
        f"image [{THEIRS}]": {"name": NAME, "tags": [], "platforms": [THEIRS]},
    }
    dry = done(p, "--dry-run", "image", "--platform", BOTH).stdout
    assert dry.splitlines()[-2:] == [
        f"image: is decided when `image [{MINE}]` is done",
        f"  image {NAME}:latest for {MINE} and {THEIRS}",
    ]
    assert f"  copy {APART}/bin/app to /app/\n" in dry
    assert not p.exists(".pyrun")


def test_why_reaches_from_the_index_to_the_file(project: MakeProject) -> None:
    p = project(FILES)
    done(p, "image", "--platform", THEIRS)
    p.write("main.txt", "other\n")
    lines = done(p, "--why", "image", "--platform", THEIRS).stdout.splitlines()
    assert any(line.strip() == "source main.txt changed" for line in lines), lines


def test_events_say_what_an_image_is_for(project: MakeProject) -> None:
    p = project(FILES)
    lines = done(p, "image", "--platform", BOTH, "--output", "json").stdout.splitlines()
    found = [one for line in lines if (one := json.loads(line))["event"] == "image"]
    assert found[-1]["task"] == "image"
    assert {one["task"]: (one["references"], one["platforms"]) for one in found} == {
        f"image [{MINE}]": ([], [MINE]),
        f"image [{THEIRS}]": ([], [THEIRS]),
        "image": ([f"{NAME}:latest"], [MINE, THEIRS]),
    }


# What is refused, before anything runs


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--platform", "arm64"), "`--platform arm64`: `arm64` is no platform\n  such as `linux/arm64`\n"),
        (
            ("--platform", "linux/amd64,linux/x86_64"),
            "`--platform linux/amd64,linux/x86_64`: `linux/x86_64` is no platform\n  such as `linux/amd64`\n",
        ),
        (("--platform", ""), "`--platform `: `` is no platform\n  such as `linux/arm64`\n"),
        (("--tag", "a,,b"), "`--tag a,,b` has an empty tag\n  such as `--tag 1.2,latest`\n"),
        (
            ("--tag", "a b"),
            f"`a b` in `{NAME}:a b` cannot be a tag\n{TAG_HINT}",
        ),
        (
            ("--tag", "v" * 129, "--platform", BOTH),
            f"`{'v' * 129}` in `{NAME}:{'v' * 129}` cannot be a tag\n{TAG_HINT}",
        ),
    ],
)
def test_wrong_words_are_refused_before_anything_runs(
    project: MakeProject, flags: tuple[str, ...], message: str
) -> None:
    p = project(FILES)
    assert p.run("image", *flags, env=NO_ENGINE) == Result("", f"pyrun: {message}", 2)
    assert p.files() == ["in.txt", "main.txt", "tasks.yml"]


def test_names_and_platforms_of_the_file_are_refused_where_they_stand(project: MakeProject) -> None:
    p = project(
        {**FILES, "tasks.yml": TASKS.replace("registry.example.org/app,", "registry.example.org/App,")}
    )
    result = p.run("image", env=NO_ENGINE)
    assert result.code == 2
    assert result.stderr == (
        "pyrun: tasks.yml:15:3: `registry.example.org/App:latest` cannot be the name of an image\n"
        "  15 |   image:\n"
        "     |   ^^^^^\n"
        "  names of images are lower case: `registry.example.org/app:latest`\n"
    )
    p.write(
        "tasks.yml",
        p.read("tasks.yml").replace("/App, from: scratch,", "/app, from: scratch, platforms: [arm64],"),
    )
    result = p.run("image", env=NO_ENGINE)
    assert result.code == 2
    assert "`arm64` is no platform" in result.stderr
    assert p.run("--validate") == Result("", result.stderr, 2)
    assert p.files() == ["in.txt", "main.txt", "tasks.yml"]


@pytest.mark.parametrize("flag", ["--platform", "--tag"])
def test_flags_of_images_go_with_images_only(project: MakeProject, flag: str) -> None:
    p = project(FILES)
    assert p.run("build", flag, "linux/arm64") == Result(
        "", f"pyrun: `{flag}` is for images, and none is asked for\n", 2
    )
