"""`--annotate`: the revision, the repository and the time on the image, and none of that without the flag."""

import json
import os
import subprocess
from typing import Any

import pytest

from tests.features.conftest import MakeProject, Project

NAME = "registry.example.org/app"
PREFIX = "org.opencontainers.image"
FILES = {
    "tasks.yml": """
        tasks:
          image:
            image: {name: registry.example.org/app, from: scratch, copy: [{source: a, to: /}]}
        """,
    "a": "1\n",
    ".gitignore": ".pyrun\n*.tar\n",
}


@pytest.fixture
def p(project: MakeProject) -> Project:
    made = project(FILES)
    git(made, "init", "-q", "-b", "main")
    git(made, "remote", "add", "origin", "https://user:t0ken@git.example.org/team/app.git")
    commit(made)
    return made


def git(p: Project, *words: str) -> str:
    env = {**p.environ(), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", *who, *words], cwd=p.root, env=env, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(p: Project) -> str:
    git(p, "add", "-A")
    git(p, "commit", "-q", "--allow-empty", "-m", "x")
    return git(p, "rev-parse", "HEAD")


def made(
    p: Project, *words: str, env: dict[str, str] | None = None
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Digest, manifest and config of the image."""
    result = p.run("image", "--no-load", *words, env=env)
    assert (result.stdout, result.code) == ("", 0), result
    index = json.loads(p.read(".pyrun/images/index.json"))
    (digest,) = (entry["digest"] for entry in index["manifests"])
    manifest = blob(p, digest)
    return digest, manifest, blob(p, manifest["config"]["digest"]) if "config" in manifest else {}


def blob(p: Project, digest: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(p.read(f".pyrun/images/blobs/{digest.replace(':', '/')}"))
    return found


def test_without_the_flag_nothing_of_it_is_there_and_a_commit_changes_nothing(p: Project) -> None:
    first = made(p)
    assert "annotations" not in first[1]
    assert "Labels" not in first[2]["config"]
    commit(p)
    assert made(p, "--force")[0] == first[0]


def test_manifest_and_labels_say_revision_source_and_time(p: Project) -> None:
    revision = git(p, "rev-parse", "HEAD")
    _, manifest, config = made(p, "--annotate", env={"SOURCE_DATE_EPOCH": "86400"})
    assert manifest["annotations"] == {
        f"{PREFIX}.created": "1970-01-02T00:00:00Z",
        f"{PREFIX}.revision": revision,
        f"{PREFIX}.source": "https://git.example.org/team/app.git",
    }
    assert config["config"]["Labels"] == manifest["annotations"]
    assert "t0ken" not in json.dumps([manifest, config])


def test_the_time_is_that_of_the_making_and_the_files_keep_theirs(p: Project) -> None:
    _, manifest, config = made(p, "--annotate")
    assert manifest["annotations"][f"{PREFIX}.created"] > "2020"
    assert config["created"] == "1970-01-01T00:00:00Z"


def test_it_is_made_once_a_revision(p: Project) -> None:
    first = made(p, "--annotate")
    assert made(p, "--annotate") == first
    revision = commit(p)
    second = made(p, "--annotate")
    assert second[1]["annotations"][f"{PREFIX}.revision"] == revision
    assert second[1]["layers"] == first[1]["layers"]
    assert "annotations" not in made(p)[1]


def test_the_index_of_several_platforms_says_it_too(p: Project) -> None:
    env = {"SOURCE_DATE_EPOCH": "5"}
    _, index, _ = made(p, "--annotate", "--platform", "linux/amd64,linux/arm64", env=env)
    said = index["annotations"]
    assert said[f"{PREFIX}.revision"] == git(p, "rev-parse", "HEAD")
    assert [blob(p, one["digest"])["annotations"] for one in index["manifests"]] == [said, said]


def test_changed_files_are_not_the_commits(p: Project) -> None:
    revision = git(p, "rev-parse", "HEAD")
    p.write("a", "2\n")
    assert made(p, "--annotate")[1]["annotations"][f"{PREFIX}.revision"] == f"{revision}-dirty"


def test_labels_of_the_file_stay(p: Project) -> None:
    text = p.read("tasks.yml").replace("from: scratch", f"from: scratch, labels: {{{PREFIX}.source: ours}}")
    p.write("tasks.yml", text)
    _, manifest, config = made(p, "--annotate")
    assert config["config"]["Labels"][f"{PREFIX}.source"] == "ours"
    assert manifest["annotations"][f"{PREFIX}.source"] == "https://git.example.org/team/app.git"


def test_the_remote_of_the_branch_counts_and_a_folder_is_none(p: Project) -> None:
    git(p, "remote", "add", "fork", "git@git.example.org:me/app.git")
    git(p, "config", "branch.main.remote", "fork")
    source = f"{PREFIX}.source"
    assert made(p, "--annotate")[1]["annotations"][source] == "ssh://git@git.example.org/me/app.git"
    git(p, "remote", "set-url", "fork", p.root)
    assert source not in made(p, "--annotate")[1]["annotations"]


def test_skopeo_shows_the_labels(p: Project) -> None:
    made(p, "--annotate")
    done = subprocess.run(
        ["skopeo", "inspect", f"oci:{p.path('.pyrun/images')}:{NAME}:latest"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["Labels"][f"{PREFIX}.revision"] == git(p, "rev-parse", "HEAD")


def test_without_a_commit_there_is_nothing_to_write(project: MakeProject) -> None:
    p = project(FILES)
    told = (
        "pyrun: `--annotate` writes the git revision on the image, and there is none\n"
        "  commit first; without `--annotate` the image says nothing of where it comes from\n"
    )
    assert p.run("image", "--annotate", "--no-load")[1:] == (told, 2)
    git(p, "init", "-q")
    assert p.run("image", "--annotate", "--no-load")[1:] == (told, 2)


def test_why_says_that_the_revision_is_another(p: Project) -> None:
    made(p, "--annotate")
    commit(p)
    told = p.run("image", "--annotate", "--why").stdout
    assert "\n  the revision that `--annotate` writes changed\n" in told
