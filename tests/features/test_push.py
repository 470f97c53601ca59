"""`--push`: an image gets to its registry, whole or not at all, and what is told of it."""

import hashlib
import json
import signal
import threading
from collections.abc import Iterator

import pytest

from tests.features.conftest import MakeProject, Project, until
from tests.registry.small_registry import Reply, Request, SmallRegistry, refusal

FILES = {
    "tasks.yml": """
        tasks:
          build: {source: [in.txt], target: out.txt, run: cp in.txt out.txt, quiet: true}
          image:
            image:
              name: HOST/team/app
              tags: ["1", latest]
              from: scratch
              copy: [{task: build, to: /app/}]
              cmd: [/app/out.txt]
    """,
    "in.txt": "hello\n",
}


@pytest.fixture
def registry() -> Iterator[SmallRegistry]:
    """A registry that does as it is told."""
    with SmallRegistry() as found:
        yield found


def made(project: MakeProject, registry: SmallRegistry) -> Project:
    """A project whose image goes to that registry."""
    return project({name: text.replace("HOST", registry.host) for name, text in FILES.items()})


def told(text: str, registry: SmallRegistry) -> str:
    """What was told, with the registry as HOST, digests as DIGEST, and blanks put together."""
    out = text.replace(registry.host, "HOST")
    for _, name in registry.manifests:
        out = out.replace(name[:19], "DIGEST") if name.startswith("sha256:") else out
    return "\n".join(" ".join(line.split()) for line in out.splitlines())


def test_an_image_is_pushed_under_all_its_names(project: MakeProject, registry: SmallRegistry) -> None:
    p = made(project, registry)
    result = p.run("image", "--push")
    assert result.code == 0
    sizes = sum(len(data) for data in registry.blobs.values())
    layer = min(len(data) for data in registry.blobs.values())
    table = (
        "\nIMAGE TAG DIGEST LAYERS SIZE UNPACKED\n"
        f"HOST/team/app 1 DIGEST 1 {layer} B 2.56 kB\n"
        f"HOST/team/app latest DIGEST 1 {layer} B 2.56 kB\n"
        "in .pyrun/images, and pushed"
    )
    assert told(result.stderr, registry) == (
        f"pushed HOST/team/app:1 HOST/team/app:latest: 2 blobs sent, {sizes} B\n{table}"
    )
    (digest,) = {name for _, name in registry.manifests if name.startswith("sha256:")}
    _, data = registry.manifests["team/app", "1"]
    assert registry.manifests["team/app", "latest"][1] == data
    assert digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    registry.requests.clear()
    again = p.run("image", "--push")
    assert again.code == 0
    assert told(again.stderr, registry) == (
        "pushed HOST/team/app:1 HOST/team/app:latest: it was there\n"
        f"image: up to date (1 dep and the image as in the last run)\n{table}"
    )
    # Whether it has a registry without TLS, and whether each tag is right.
    assert [request.method for request in registry.requests] == ["GET", "HEAD", "HEAD"]
    p.write("in.txt", "other\n")
    changed = p.run("image", "--push", "-q")
    assert (changed.code, changed.stderr) == (0, "")
    assert registry.manifests["team/app", "1"][1] != data


def test_other_programs_are_told_of_it(project: MakeProject, registry: SmallRegistry) -> None:
    p = made(project, registry)
    result = p.run("image", "--push", "--output=json")
    (event,) = [
        row for line in result.stdout.splitlines() if (row := json.loads(line))["event"] == "image-pushed"
    ]
    assert event == {
        "event": "image-pushed",
        "references": [f"{registry.host}/team/app:1", f"{registry.host}/team/app:latest"],
        "digest": next(name for _, name in registry.manifests if name.startswith("sha256:")),
        "blobsSent": 2,
        "bytesSent": sum(len(data) for data in registry.blobs.values()),
        "blobsMounted": 0,
        "blobsThere": 0,
    }


def test_a_name_without_a_registry_is_not_pushed(project: MakeProject) -> None:
    p = project({name: text.replace("HOST/team/", "") for name, text in FILES.items()})
    result = p.run("image", "--push")
    assert (result.code, result.stdout) == (2, "")
    assert result.stderr == (
        "pyrun: `--push` does not know where to: `app` of `image` names no registry\n"
        "  `name: registry.example.org/app`, or `docker.io/USER/app`\n"
    )
    assert not p.exists("out.txt")


def test_a_registry_that_says_no_fails_the_task(project: MakeProject, registry: SmallRegistry) -> None:
    registry.instead = lambda request: (
        refusal(403, "DENIED", "not for you") if request.method == "POST" else None
    )
    p = made(project, registry)
    result = p.run("image", "--push")
    assert result.code == 1
    assert told(result.stderr, registry) == (
        "pyrun: `HOST` says of `team/app`: 403 Forbidden: DENIED: not for you\n"
        "`docker login HOST` or `podman login HOST` keeps user and password"
    )
    assert registry.manifests == {}
    # What was built stays, and the next call pushes it.
    registry.instead = lambda _: None
    again = p.run("image", "--push", "-q")
    assert (again.code, again.stderr) == (0, "")
    assert ("team/app", "latest") in registry.manifests


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_a_push_that_is_stopped_leaves_no_tag(
    project: MakeProject, registry: SmallRegistry, number: signal.Signals, code: int
) -> None:
    reached = threading.Event()
    go_on = threading.Event()

    def wait(request: Request) -> Reply | None:
        if request.method == "PUT" and "/uploads/" in request.path:
            reached.set()
            go_on.wait()
        return None

    registry.instead = wait
    p = made(project, registry)
    running = p.start("image", "--push")
    until(reached.is_set, "a blob is on its way")
    running.signal(number)
    assert running.result().code == code
    go_on.set()
    assert not any(name in {"1", "latest"} for _, name in registry.manifests)
    registry.instead = lambda _: None
    assert p.run("image", "--push", "-q").code == 0
    assert ("team/app", "latest") in registry.manifests
