"""What a Dockerfile is built of is what it copies, and all that counts of it."""

import io
import os
import tarfile

import pytest

from runner.errors import PlanError
from runner.execute.build_context import HIDDEN, BuildContext, MissingError, read_context
from runner.location import Position
from runner.system.tree import DiskTree

AT = Position("tasks.yml", 3, 5)


@pytest.fixture
def top(tmp_path: os.PathLike[str]) -> str:
    return os.fspath(tmp_path)


def write(top: str, *paths: str, text: str = "x\n") -> None:
    for path in paths:
        os.makedirs(os.path.dirname(f"{top}/{path}"), exist_ok=True)
        with open(f"{top}/{path}", "w") as file:
            file.write(text)


def read(top: str, text: str, folder: str = "", dockerfile: str = "", ignore: str = "") -> BuildContext:
    """The context of a Dockerfile of this text, in the folder if nothing else is said."""
    dockerfile = dockerfile or (f"{folder}/Dockerfile" if folder else "Dockerfile")
    write(top, dockerfile, text=f"FROM scratch\n{text}\n")
    if ignore:
        write(top, f"{folder}/.dockerignore" if folder else ".dockerignore", text=ignore)
    return read_context(DiskTree(top), dockerfile, folder, "", {}, {}, AT)


def archived(context: BuildContext) -> dict[str, tarfile.TarInfo]:
    """The entries of a context's tar, in order."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(context.archive()))) as archive:
        return {member.name: member for member in archive}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("COPY a.txt /x", ["a.txt"]),
        ("COPY d /x", ["d/b.txt", "d/e/c.bin", "d/e/d.txt"]),
        ("COPY d/e/../b.txt /x", ["d/b.txt"]),
        ("COPY *.txt /x", ["a.txt"]),
        ("COPY d/*/*.txt /x", ["d/e/d.txt"]),
        ("COPY d/[ab]* /x", ["d/b.txt"]),
        ("COPY d/[^a]* /x", ["d/b.txt", "d/e/c.bin", "d/e/d.txt"]),
        ("COPY d/?.txt /x", ["d/b.txt"]),
        ("COPY --parents **/*.txt /x/", ["a.txt", "d/b.txt", "d/e/d.txt"]),
        ("RUN make", []),
    ],
)
def test_it_is_what_is_copied(top: str, text: str, found: list[str]) -> None:
    write(top, "a.txt", "d/b.txt", "d/e/c.bin", "d/e/d.txt")
    context = read(top, text)
    assert list(context.paths) == found
    assert list(archived(context)) == [HIDDEN, *found]


def test_of_all_of_it_pyruns_own_state_is_left_out(top: str) -> None:
    write(top, "a", ".git/HEAD", ".pyrun/log", "sub/.pyrun/log", ".dotted")
    assert list(read(top, "COPY . /x").paths) == [".dotted", ".git/HEAD", "Dockerfile", "a", "sub"]


def test_what_is_ignored_is_left_out_and_may_be_taken_in_again(top: str) -> None:
    write(top, "a", "b/c", "b/keep/d", "node_modules/x/y")
    context = read(top, "COPY . /x", ignore="b\n!b/keep\nnode_modules\nDockerfile*\n")
    assert list(context.paths) == [".dockerignore", "a", "b/keep/d"]


def test_a_file_beside_the_dockerfile_says_what_it_ignores_itself(top: str) -> None:
    write(top, "a", "b")
    write(top, "build/Dockerfile.dockerignore", text="b\nbuild\n")
    context = read(top, "COPY . /x", dockerfile="build/Dockerfile", ignore="a\n")
    assert list(context.paths) == [".dockerignore", "a"]


def test_a_dockerfile_that_is_copied_too_goes_by_its_own_name(top: str) -> None:
    write(top, "a")
    context = read(top, "COPY . /x")
    assert (context.name, context.hidden, list(archived(context))) == (
        "Dockerfile",
        False,
        ["Dockerfile", "a"],
    )


@pytest.mark.parametrize("text", ["COPY . /x", "COPY * /x", "COPY .pyrun* a /x"])
def test_one_that_is_not_must_not_be_seen_by_what_copies_all(top: str, text: str) -> None:
    write(top, "a", ".pyrunrc")
    context = read(top, text, ignore="Dockerfile\n")
    assert (context.name, context.hidden) == (HIDDEN, True)
    with tarfile.open(fileobj=io.BytesIO(b"".join(context.archive()))) as archive:
        told = archive.extractfile(".dockerignore")
        assert told is not None
        assert told.read() == b".pyrun.Dockerfile\n.dockerignore\n"


def test_links_are_links_and_what_they_lead_to_comes_along(top: str) -> None:
    write(top, "real/a", "real/b", "d/own")
    os.symlink("real", f"{top}/linked")
    os.symlink("../real/b", f"{top}/d/b")
    os.symlink("nowhere", f"{top}/d/broken")
    assert list(read(top, "COPY linked/a /x").paths) == ["linked", "real/a"]
    context = read(top, "COPY d /x")
    assert list(context.paths) == ["d/b", "d/broken", "d/own"]
    assert {name: one.linkname for name, one in archived(context).items() if one.issym()} == {
        "d/b": "../real/b", "d/broken": "nowhere",
    }  # fmt: skip
    assert context.files() == ("d/own",)
    assert [state.path for state in context.others()] == ["d/b", "d/broken"]


def test_a_link_above_the_context_leads_nowhere_else(top: str) -> None:
    write(top, "secret", "sub/a", "sub/secret")
    os.symlink("../../secret", f"{top}/sub/up")
    assert list(read(top, "COPY up /x", folder="sub").paths) == ["secret", "up"]


def test_links_in_a_circle_end(top: str) -> None:
    os.symlink("b", f"{top}/a")
    os.symlink("a", f"{top}/b")
    with pytest.raises(MissingError):
        read(top, "COPY a /x")


def test_a_folder_that_holds_nothing_is_copied_too(top: str) -> None:
    os.makedirs(f"{top}/d/empty")
    write(top, "d/a")
    context = read(top, "COPY d /x")
    assert list(context.paths) == ["d/a", "d/empty"]
    assert archived(context)["d/empty"].isdir()
    assert (context.files(), [state.path for state in context.others()]) == (("d/a",), ["d/empty"])


def test_modes_are_two_and_times_are_none(top: str) -> None:
    write(top, "a", "b")
    os.chmod(f"{top}/a", 0o664)
    os.chmod(f"{top}/b", 0o700)
    found = archived(read(top, "COPY a b /x/"))
    assert [(found[name].mode, found[name].mtime, found[name].uid) for name in "ab"] == [
        (0o644, 0, 0), (0o755, 0, 0),
    ]  # fmt: skip


def test_all_that_counts_is_in_the_digest(top: str) -> None:
    write(top, "d/a", "d/b", "other")
    seen = {read(top, "COPY d /x").digest()}

    def changed() -> None:
        found = read(top, "COPY d /x").digest()
        assert found not in seen
        seen.add(found)

    write(top, "other", text="y")
    assert read(top, "COPY d /x").digest() in seen
    write(top, "d/a", text="y")
    changed()
    os.chmod(f"{top}/d/a", 0o755)
    changed()
    os.rename(f"{top}/d/b", f"{top}/d/c")
    changed()
    os.symlink("a", f"{top}/d/l")
    changed()
    os.unlink(f"{top}/d/l")
    os.symlink("c", f"{top}/d/l")
    changed()
    os.mkdir(f"{top}/d/e")
    changed()
    assert read(top, "COPY d /y").digest() not in seen
    assert read(top, "COPY d /x").digest("stage") not in seen


@pytest.mark.parametrize(
    ("text", "ignore", "message", "pattern"),
    [
        ("COPY no /x", "", "`Dockerfile` copies `no` in line 2, and there is no such file in `.`", "no"),
        ("COPY a\nCOPY d/*.x a /x", "", "`Dockerfile` copies `d/*.x` in line 3, and there is no such file in `.`", "d/**"),
        ("COPY a /x", "a\n", "`Dockerfile` copies `a` in line 2, and `.dockerignore` leaves that out", "a"),
        ("COPY d /x", "d\n", "`Dockerfile` copies `d` in line 2, and `.dockerignore` leaves that out", "d"),
    ],
)  # fmt: skip
def test_what_is_missing_is_told(top: str, text: str, ignore: str, message: str, pattern: str) -> None:
    write(top, "a", "d/b")
    with pytest.raises(MissingError) as caught:
        read(top, text, ignore=ignore)
    assert (caught.value.message, caught.value.at, caught.value.pattern) == (message, AT, pattern)


def test_a_dockerfile_that_is_missing_is_told(top: str) -> None:
    with pytest.raises(PlanError, match="there is no Dockerfile `sub/Dockerfile`"):
        read_context(DiskTree(top), "sub/Dockerfile", "sub", "", {}, {}, AT)
