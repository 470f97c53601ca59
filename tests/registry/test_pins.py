"""What a name stands for that an engine has an image by: some engines keep digests that no registry knows."""

import os
from collections.abc import Mapping
from typing import NamedTuple

import pytest

from runner.cli.pins import Pins
from runner.errors import PlanError, RunError
from runner.image.full_name import full_name
from runner.location import Position
from runner.registry.registries import Registries
from runner.store.lock_file import read_pins
from tests.registry.images import ARM64, HASTY, make_image, make_index
from tests.registry.small_registry import CUT, SmallRegistry
from tests.registry.test_tasks_lock import keep

AT = Position("tasks.yml", 3, 5)
NOBODYS = f"sha256:{'9' * 64}"


class Known(NamedTuple):
    """A name in a registry.

    Args:
        name: The name.
        image: The digest of the image for one platform.
        whole: That of the index, which the name stands for.
    """

    name: str
    image: str
    whole: str


def known(small: SmallRegistry, folder: "os.PathLike[str]") -> Known:
    """A name that a registry has an index by."""
    one, other = (
        make_image(f"{os.fspath(folder)}/layout", 1),
        make_image(f"{os.fspath(folder)}/layout", 2, platform=ARM64),
    )
    index = make_index(one.layout, one.descriptor, other.descriptor)
    keep(small, other, "a/b", "other")
    keep(small, one, "a/b", "1", index)
    return Known(f"{small.host}/a/b:1", str(one.descriptor.digest), str(index.digest))


def opened(
    top: "os.PathLike[str]",
    flags: Mapping[str, str] | None = None,
    heard: list[str] | None = None,
    *,
    inert: bool = False,
) -> Pins:
    """What names stand for in a folder, as a call of pyrun finds it."""
    registries = Registries({}, HASTY)
    told = [] if heard is None else heard
    return Pins(os.fspath(top), flags or {}, told.append, lambda: registries, inert=inert)


def test_of_several_digests_that_counts_which_the_name_has_at_its_registry(
    small: SmallRegistry, tmp_path: "os.PathLike[str]"
) -> None:
    one = known(small, tmp_path)
    have = (one.image, NOBODYS, one.whole)
    assert opened(tmp_path).digest_in_engine(one.name, AT, "id", have, pulled=True) == one.whole
    assert read_pins(os.fspath(tmp_path)) == {one.name: one.whole}


@pytest.mark.parametrize("turned", [False, True])
def test_an_old_image_is_pinned_by_its_index_while_the_registry_has_it(
    small: SmallRegistry, tmp_path: "os.PathLike[str]", *, turned: bool
) -> None:
    one = known(small, tmp_path)
    keep(small, make_image(f"{os.fspath(tmp_path)}/new", 3), "a/b", "1")
    have = (one.whole, one.image) if turned else (one.image, one.whole)
    assert opened(tmp_path).digest_in_engine(one.name, AT, "id", have, pulled=False) == one.whole


def test_one_digest_of_what_was_pulled_just_now_is_taken_without_a_question(
    small: SmallRegistry, tmp_path: "os.PathLike[str]"
) -> None:
    name = f"{small.host}/a/b:1"
    assert opened(tmp_path).digest_in_engine(name, AT, "id", (NOBODYS,), pulled=True) == NOBODYS
    assert small.requests == []


def test_an_image_that_no_registry_knows_is_asked_about_once(
    small: SmallRegistry, tmp_path: "os.PathLike[str]"
) -> None:
    one = known(small, tmp_path)
    for image, questions in (("id1", 2), ("id1", 0), ("id2", 2), ("id2", 0)):
        small.requests.clear()
        assert opened(tmp_path).digest_in_engine(one.name, AT, image, (NOBODYS,), pulled=False) == ""
        assert len(small.asked("GET", "/manifests/")) == questions
    assert read_pins(os.fspath(tmp_path)) == {}
    refused = opened(tmp_path, {"locked": ""})
    with pytest.raises(PlanError, match=r"^only the engine knows the image "):
        refused.digest_in_engine(one.name, AT, "id2", (NOBODYS,), pulled=False)


def test_a_name_that_no_registry_has_is_the_engines_own_even_with_update(
    small: SmallRegistry, tmp_path: "os.PathLike[str]"
) -> None:
    name = f"{small.host}/a/none:1"
    for flags in ({}, {"update": ""}):
        assert opened(tmp_path, flags).digest_in_engine(name, AT, "id", (NOBODYS,), pulled=False) == ""
    # Unless it was pinned: then the registry had it once.
    with open(f"{os.fspath(tmp_path)}/tasks.lock", "w", encoding="utf-8") as file:
        file.write(f"{name} {NOBODYS}\n")
    with pytest.raises(RunError, match="404 Not Found"):
        opened(tmp_path, {"update": ""}).digest_in_engine(name, AT, "id", (NOBODYS,), pulled=False)


def test_a_registry_that_does_not_answer_leaves_the_name_as_it_is_and_that_is_told(
    small: SmallRegistry, tmp_path: "os.PathLike[str]"
) -> None:
    one = known(small, tmp_path)
    small.instead = lambda _: CUT
    heard: list[str] = []
    assert opened(tmp_path, {}, heard).digest_in_engine(one.name, AT, "id", (one.whole,), pulled=False) == ""
    assert len(heard) == 1
    assert heard[0].startswith(f"{one.name} is not pinned in tasks.lock: ")
    with pytest.raises(RunError):
        opened(tmp_path, {"update": ""}).digest_in_engine(one.name, AT, "id", (one.whole,), pulled=False)
    assert read_pins(os.fspath(tmp_path)) == {}
    # It may answer the next time, and is asked again the next day, or for another image.
    small.instead = lambda _: None
    assert opened(tmp_path, {}, heard).digest_in_engine(one.name, AT, "id", (one.whole,), pulled=False) == ""
    assert len(heard) == 1
    with open(f"{os.fspath(tmp_path)}/.pyrun/unpinned", "r+", encoding="utf-8") as file:
        name, image, until = file.read().split()
        file.seek(0)
        file.write(f"{name} {image} {int(until) - 24 * 60 * 60}\n")
    assert opened(tmp_path).digest_in_engine(one.name, AT, "id", (one.whole,), pulled=False) == one.whole


def test_a_look_knows_what_is_written_down_and_no_more(
    small: SmallRegistry, tmp_path: "os.PathLike[str]"
) -> None:
    one = known(small, tmp_path)
    look = opened(tmp_path, {"update": ""}, inert=True)
    assert look.digest(one.name, AT) == look.known(one.name) == ""
    assert look.digest_in_engine(one.name, AT, "id", (one.whole,), pulled=False) == ""
    assert look.pinned(one.name) == one.name
    opened(tmp_path).digest(one.name, AT)
    small.requests.clear()
    look = opened(tmp_path, {"update": ""}, inert=True)
    assert look.digest(one.name, AT) == look.known(one.name) == one.whole
    assert look.pinned(one.name) == f"{one.name}@{one.whole}"
    assert (look.moving, small.requests) == (False, [])


def test_a_name_with_a_digest_stands_for_that(tmp_path: "os.PathLike[str]") -> None:
    pins = opened(tmp_path, {"update": "", "locked": ""})
    assert pins.digest(f"alpine:3@{NOBODYS}", AT) == pins.known(f"alpine@{NOBODYS}") == NOBODYS
    assert pins.pinned(f"alpine:3@{NOBODYS}") == f"alpine:3@{NOBODYS}"
    with pytest.raises(PlanError, match="is no digest that is known here") as caught:
        pins.digest("alpine@sha256:12", AT)
    assert caught.value.at == AT


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("alpine", "docker.io/library/alpine:latest"),
        ("team/tool:1", "docker.io/team/tool:1"),
        ("index.docker.io/alpine:3", "docker.io/library/alpine:3"),
        ("localhost/a:1", "localhost/a:1"),
        ("127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b:latest"),
        ("registry.example.org/a.b/c_d:1.2-3", "registry.example.org/a.b/c_d:1.2-3"),
    ],
)
def test_names_are_spelled_out_as_docker_reads_them(written: str, full: str) -> None:
    assert full_name(written) == full
    assert full_name(full) == full
