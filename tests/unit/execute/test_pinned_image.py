"""Which of an engine's images a container begins with, by what its name is pinned to."""

from collections.abc import Sequence
from typing import Any

import pytest

from runner.engine.image_facts import registry_digests
from runner.errors import EngineError
from runner.execute.pinned_image import PinnedImages
from runner.location import Position
from runner.model.container import Container, bare_container

ONE, TWO = (f"sha256:{digit * 64}" for digit in "12")
NAME = "registry.example.org/tools:1"
REPOSITORY = "registry.example.org/tools"


class Engine:
    """An engine in memory.

    Args:
        has: What it has, by name.
        registry: What it can pull, by name.
    """

    def __init__(self, has: dict[str, dict[str, Any]], registry: dict[str, dict[str, Any]]) -> None:
        self.has = has
        self.registry = registry
        self.pulled: list[tuple[str, str]] = []

    def pull(self, name: str, platform: str) -> None:
        """Get an image."""
        self.pulled.append((name, platform))
        if name not in self.registry:
            raise EngineError("no such image")
        self.has[name] = self.registry[name]

    def tag(self, image: str, name: str) -> None:
        """Give an image a name."""
        self.has[name] = next(one for one in self.has.values() if one["Id"] == image)


class FakePins:
    """What names stand for, in memory.

    Args:
        pin: What the one name stands for, or empty.
        now: What its registry says.
        moving: Whether `--update` was given.
        locked: Whether `--locked` was given.
    """

    def __init__(self, pin: str = "", now: str = ONE, *, moving: bool = False, locked: bool = False) -> None:
        self.pin = pin
        self.now = now
        self.moving = moving
        self.locked = locked

    def known(self, written: str) -> str:
        """What it is pinned to."""
        assert "@" not in written
        return self.pin

    def digest(self, written: str, at: Position | None) -> str:
        """What it is pinned to from now on."""
        del written, at
        if self.moving or not self.pin:
            self.pin = self.now
        return self.pin

    def digest_in_engine(
        self, written: str, at: Position | None, image: str, have: Sequence[str], *, pulled: bool
    ) -> str:
        """The same for what an engine has."""
        del image, pulled
        return self.digest(written, at) if have else ""


def document(name: str, *digests: str, architecture: str = "amd64") -> dict[str, Any]:
    """What an engine says of an image."""
    told = [f"{REPOSITORY}@{digest}" for digest in digests]
    return {"Id": f"id-{name}", "RepoDigests": told, "Os": "linux", "Architecture": architecture}


def container(platform: str = "", name: str = NAME) -> Container:
    """A container that begins with an image by its name."""
    one = bare_container(name, Position("tasks.yml", 2, 3))
    one.platform = platform
    return one


def found(engine: Engine, pins: FakePins, one: Container, *, inert: bool = False) -> str:
    """What the engine calls the image; empty for none."""
    images = PinnedImages(pins, engine.has.get, engine.pull, engine.tag, lambda _: None, inert=inert)
    image = images.find(one)
    return "" if image is None else str(image["Id"])


def test_the_pinned_image_counts_and_the_name_does_not() -> None:
    old, new = document("old", ONE), document("new", TWO)
    engine = Engine({NAME: new, f"{REPOSITORY}@{TWO}": new}, {f"{REPOSITORY}@{ONE}": old})
    assert found(engine, FakePins(ONE), container()) == "id-old"
    assert engine.pulled == [(f"{REPOSITORY}@{ONE}", "")]
    # The name is somebody's.
    assert engine.has[NAME] is new
    assert found(engine, FakePins(ONE), container()) == "id-old"
    assert len(engine.pulled) == 1


def test_what_was_pulled_by_digest_gets_the_name_if_nobody_has_it() -> None:
    old = document("old", ONE)
    engine = Engine({}, {f"{REPOSITORY}@{ONE}": old})
    assert found(engine, FakePins(ONE), container()) == "id-old"
    assert engine.has[NAME] is old


def test_an_image_for_another_platform_is_pulled_again_for_that() -> None:
    here, there = document("here", ONE), document("there", ONE, architecture="arm64")
    exact = f"{REPOSITORY}@{ONE}"
    engine = Engine({NAME: here, exact: here}, {exact: there})
    assert found(engine, FakePins(ONE), container("linux/amd64")) == "id-here"
    assert found(engine, FakePins(ONE), container("linux/arm64")) == "id-there"
    assert engine.pulled == [(exact, "linux/arm64")]


def test_a_look_pulls_nothing() -> None:
    new = document("new", TWO)
    engine = Engine({NAME: new}, {})
    assert found(engine, FakePins(ONE), container(), inert=True) == ""
    assert found(Engine({}, {}), FakePins(), container(), inert=True) == ""
    assert engine.pulled == []


def test_a_new_name_is_pulled_by_its_name_and_by_its_digest_where_that_is_settled_first() -> None:
    one = document("one", ONE)
    registry = {NAME: one, f"{REPOSITORY}@{ONE}": one}
    engine = Engine({}, dict(registry))
    assert found(engine, FakePins(), container()) == "id-one"
    assert engine.pulled == [(NAME, "")]
    for pins in (FakePins(TWO, ONE, moving=True), FakePins(locked=True)):
        engine = Engine({}, dict(registry))
        assert found(engine, pins, container()) == "id-one"
        assert engine.pulled == [(f"{REPOSITORY}@{ONE}", "")]


def test_a_name_with_a_digest_is_taken_as_it_is() -> None:
    exact = f"{NAME}@{ONE}"
    engine = Engine({}, {exact: document("one", ONE)})
    assert found(engine, FakePins(TWO, moving=True), container(name=exact)) == "id-one"
    assert list(engine.has) == [exact]


@pytest.mark.parametrize(
    ("pin", "message"),
    [
        ("", f"the image `{NAME}` of the container `{NAME}` is not there: no such image"),
        (
            ONE,
            f"the image `{NAME}` of the container `{NAME}` is not there as tasks.lock has it, {ONE[:19]}: no such image",
        ),
    ],
)
def test_what_cannot_be_pulled_is_told_where_it_stands(pin: str, message: str) -> None:
    one = container()
    with pytest.raises(EngineError) as caught:
        found(Engine({}, {}), FakePins(pin), one)
    assert (caught.value.message, caught.value.at) == (message, one.position)


def test_digests_of_another_name_are_not_this_ones() -> None:
    told = {"RepoDigests": [f"alpine@{ONE}", f"docker.io/library/alpine@{TWO}", f"localhost/alpine@{ONE}"]}
    assert registry_digests(told, "alpine:3") == (ONE, TWO)
    assert registry_digests(told, "localhost/alpine") == (ONE,)
    assert registry_digests(told, "docker.io/alpine/alpine") == ()
    assert registry_digests({"RepoDigests": None}, "alpine") == ()
