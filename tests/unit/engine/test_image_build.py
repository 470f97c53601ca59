"""What builders tell is told by step, whichever way it comes."""

import pytest

from runner.engine.buildkit_trace import Vertex, Written
from runner.engine.image_build import Steps, _Plain

Told = list[tuple[str, bytes]]


def steps() -> tuple[Steps, Told]:
    told: Told = []
    return Steps(lambda name, data: told.append((name, data))), told


def vertex(digest: str, name: str, *, started: bool = True, cached: bool = False) -> Vertex:
    return Vertex(digest, name, started=started, completed=cached, cached=cached, error="")


def test_a_step_is_told_when_it_begins_and_when_it_goes_on_behind_another() -> None:
    found, told = steps()
    events: tuple[Vertex | Written, ...] = (
        vertex("1", "[internal] load remote build context"),
        vertex("2", "[a 1/3] FROM docker.io/library/x:1"),
        vertex("3", "[a 2/3] RUN one", started=False),
        vertex("3", "[a 2/3] RUN one"),
        vertex("3", "[a 2/3] RUN one"),
        Written("3", b"x\n"),
        vertex("4", "[b 2/2] RUN two"),
        Written("3", b"y\n"),
        Written("4", b"z\n"),
        vertex("5", "[a 3/3] COPY x y", cached=True),
        Written("1", b"no\n"),
        Written("9", b"no\n"),
    )
    for event in events:
        found.take(event)
    one, two = "[a 2/3] RUN one", "[b 2/2] RUN two"
    assert told == [
        (one, b""), (one, b"x\n"), (two, b""), (one, b""), (one, b"y\n"), (two, b""), (two, b"z\n"),
    ]  # fmt: skip


def test_a_plain_client_says_with_the_name_if_there_was_nothing_to_do() -> None:
    found, told = steps()
    last: list[str] = []
    plain = _Plain(found)
    plain.take(
        [b"#1 [internal] load context", b"#1 DONE 0.0s", b"", b"#5 [2/4] RUN one", b"#5 sha256:ab"], last
    )
    plain.take([b"#5 0.126 x", b"#5 0.127 no newline#5 DONE 0.4s", b""], last)
    plain.take([b"#6 [3/4] RUN two", b"#6 sha256:cd", b"#6 CACHED", b"#7 [4/4] RUN three"], last)
    plain.take(
        [b"#7 ERROR: exit code: 3", b"------", b" > [4/4] RUN three:", b"------", b"exit code: 3"], last
    )
    assert told == [
        ("[2/4] RUN one", b""),
        ("[2/4] RUN one", b"x\n"),
        ("[2/4] RUN one", b"no newline"),
        ("[4/4] RUN three", b""),
    ]
    assert last == ["exit code: 3"]


def test_the_old_builder_says_next_if_there_was_nothing_to_do() -> None:
    found, told = steps()
    for text in (
        "Step 1/4 : FROM x", "\n", " ---> 28908df550d3\n",
        "Step 2/4 : RUN one", "\n", " ---> Using cache\n", " ---> 28908df550d3\n",
        "Step 3/4 : RUN two", "\n", " ---> Running in 28908df550d3\n", "x\n", "\x1b[91my\n\x1b[0m",
        "Removing intermediate container 28908df550d3\n", " ---> 28908df550d3\n",
        "Step 4/4 : CMD z", "\n", " ---> Running in 28908df550d3\n",
        "Successfully built 28908df550d3\n", "Successfully tagged x:1\n",
    ):  # fmt: skip
        found.stream(text)
    assert told == [
        ("Step 3/4 : RUN two", b""),
        ("Step 3/4 : RUN two", b"x\n"),
        ("Step 3/4 : RUN two", b"y\n"),
        ("Step 4/4 : CMD z", b""),
    ]


@pytest.mark.parametrize("many", ["", "[1/2] "])
def test_podman_says_it_not_at_all(many: str) -> None:
    found, told = steps()
    for text in (
        f"{many}STEP 1/2: FROM x\n", f"{many}STEP 2/2: RUN one\n", "x\n", f"{many}COMMIT y\n", "--> 28908df550d\n",
        "28908df550d328908df550d328908df550d328908df550d328908df550d3abcd\n",
    ):  # fmt: skip
        found.stream(text)
    assert told == [(f"{many}STEP 2/2: RUN one", b""), (f"{many}STEP 2/2: RUN one", b"x\n")]
