"""What an engine gives back is not trusted: nothing lands elsewhere, and what is broken is refused."""

import io
import os
import tarfile
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from runner.errors import EngineError
from runner.execute.copies import Copies
from runner.plan.pattern import parse_pattern

Entry = tuple[str, bytes, str]
"""A name, a type, and the content or where it leads."""
FILE, LINK, HARD, FOLDER = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
Take = Callable[..., Any]


def packed(*entries: Entry) -> bytes:
    """A tar as it is said, sensible or not."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, text in entries:
            member = tarfile.TarInfo(name)
            member.type, member.mode = kind, 0o6755
            if kind == FILE:
                member.size = len(text)
                tar.addfile(member, io.BytesIO(text.encode()))
            else:
                member.linkname = text
                tar.addfile(member)
    return archive.getvalue()


class FakeEngine:
    """Gives tars by the path that is asked for, in pieces of odd sizes."""

    def __init__(self, tars: dict[str, bytes]) -> None:
        self.tars = tars
        self.asked: list[str] = []

    def get(self, _container: str, path: str) -> Iterator[bytes] | None:
        self.asked.append(path)
        data = self.tars.get(path)
        return None if data is None else (data[at : at + 777] for at in range(0, len(data), 777))


@pytest.fixture
def top(tmp_path: "os.PathLike[str]") -> str:
    folder = f"{os.path.realpath(tmp_path)}/top"
    os.makedirs(f"{folder}/out")
    with open(f"{folder}/out/old", "w") as file:
        file.write("old")
    return folder


@pytest.fixture
def take(top: str) -> Take:
    """Takes targets out of what an engine gives for them."""

    def one(tars: dict[str, bytes], *targets: str) -> Any:
        action = SimpleNamespace(
            id="a",
            label="a",
            position=None,
            apart="",
            written=tuple(parse_pattern(text) for text in targets or ("out",)),
            container=SimpleNamespace(workdir="/src"),
            maybe=(),
            traits=SimpleNamespace(tusk=False),
        )
        plan: Any = SimpleNamespace(actions=(action,))
        none: Any = None
        copies = Copies(plan, top, f"{top}/../trees", none, lambda _: (), {})
        engine = FakeEngine({f"/src/{path}".rstrip("/"): data for path, data in tars.items()})
        warm: Any = SimpleNamespace(engine=engine, id="box")
        outcome = copies.take_out(warm, action)  # type: ignore[arg-type]
        return outcome, engine.asked

    return one


def everything(top: str) -> dict[str, str]:
    """All files beside the trees, and where links lead."""
    found = {}
    for folder, folders, names in os.walk(os.path.dirname(top)):
        for name in (*names, *folders):
            path = f"{folder}/{name}"
            if os.path.islink(path):
                found[os.path.relpath(path, top)] = os.readlink(path)
            elif os.path.isfile(path) and ".pyrun" not in path:
                with open(path) as file:
                    found[os.path.relpath(path, top)] = file.read()
    return found


WHOLE = packed(("out", FOLDER, ""), ("out/x", FILE, "x" * 2000), ("out/y", FILE, "y"))


@pytest.mark.parametrize(
    ("tar", "why"),
    [
        (packed(("out", FOLDER, ""), ("out/../../evil", FILE, "e")), "a file that was not asked for"),
        (packed(("/out/evil", FILE, "e")), "a file that was not asked for: /out/evil"),
        (packed(("other", FILE, "e")), "a file that was not asked for: other"),
        (packed(("out/l", LINK, "../../evil")), "out/l is a link to ../../evil, which is not in the project"),
        (packed(("out/l", LINK, "/etc/passwd")), "out/l is a link to /etc/passwd"),
        (packed(("out/l", LINK, "a/../../../evil")), "out/l is a link to a/../../../evil"),
        (packed(("out/l", LINK, "."), ("out/l/evil", FILE, "e")), "a link and what lies behind it: out/l"),
        (packed(("out/l", LINK, "."), ("out/l", FOLDER, "")), "a link and what lies behind it: out/l"),
        (packed(("out/l", LINK, "."), ("out/l/l/m", LINK, "../../..")), "a link and what lies behind it"),
        (packed(("out/h", HARD, "../../etc/passwd")), "a file that was not asked for: ../../etc/passwd"),
        (packed(("out/h", HARD, "/etc/passwd")), "a file that was not asked for: /etc/passwd"),
        (packed(("out/x", FILE, "1"), ("out/x", FILE, "2")), "two files of one name: out/x"),
        (packed(("out/x", FILE, "1"), ("out/./x", LINK, "y")), "two files of one name: out/x"),
        (packed(("out/d", tarfile.CHRTYPE, "")), "out/d is neither file nor folder nor link"),
        (packed(("out/d", tarfile.BLKTYPE, "")), "out/d is neither file nor folder nor link"),
        (packed(("out/d", tarfile.FIFOTYPE, "")), "out/d is neither file nor folder nor link"),
        (b"", "what is no whole archive: "),
        (b"nonsense" * 512, "what is no whole archive: "),
        (WHOLE[:1500], "what is no whole archive: unexpected end of data"),
        (WHOLE[:3072], "what is no whole archive: it breaks off"),
        (WHOLE[:3272], "what is no whole archive: it breaks off"),
        (WHOLE[:3072] + b"z" * 4096, "what is no whole archive: it breaks off"),
    ],
)
def test_what_is_not_to_be_trusted_is_refused_and_changes_nothing(
    take: Take, top: str, tar: bytes, why: str
) -> None:
    before = everything(top)
    with pytest.raises(EngineError) as caught:
        take({"out": tar})
    assert why in caught.value.message
    assert everything(top) == before
    assert os.listdir(f"{top}/../trees") in ([], [".lock"])


def test_targets_land_in_their_places_with_no_more_rights_than_files_have(take: Take, top: str) -> None:
    tar = packed(
        ("out", FOLDER, ""),
        ("out/x", FILE, "x"),
        ("out/near", LINK, "x"),
        ("out/whole", LINK, "/src/out/x"),
        ("out/hard", HARD, "out/x"),
    )
    assert take({"out": tar}) == (None, ["/src/out"])
    assert everything(top) == {
        "out/old": "old", "out/x": "x", "out/hard": "x", "out/near": "x", "out/whole": "x",
    }  # fmt: skip
    assert os.stat(f"{top}/out/x").st_mode & 0o7777 == 0o755


def test_what_lies_in_another_target_is_asked_for_once(take: Take, top: str) -> None:
    tar = packed(("out", FOLDER, ""), ("out/a", FILE, "a"), ("out/b.o", FILE, "b"))
    assert take({"out": tar}, "out", "out/a", "out/*.o", "gone/*.o") == (None, ["/src/out", "/src/gone"])
    assert everything(top) == {"out/old": "old", "out/a": "a", "out/b.o": "b"}


def test_a_hard_link_to_what_is_no_target_is_got_by_its_own_name(take: Take, top: str) -> None:
    tars = {
        "": packed(("src", FOLDER, ""), ("src/a.tmp", FILE, "a"), ("src/b.o", HARD, "src/a.tmp")),
        "b.o": packed(("b.o", FILE, "a")),
    }
    assert take(tars, "*.o") == (None, ["/src", "/src/b.o"])
    assert everything(top) == {"out/old": "old", "b.o": "a"}


def test_a_hard_link_that_stays_one_when_asked_for_by_name_is_missing_and_not_asked_for_again(
    take: Take, top: str
) -> None:
    tars = {"out": packed(("out/b", HARD, "out/c")), "out/b": packed(("b", HARD, "b"))}
    with pytest.raises(EngineError, match="a link to itself"):
        take(tars)
    assert everything(top) == {"out/old": "old"}
