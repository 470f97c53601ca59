"""The words by which commands are given to a shell, and what comes back over its connection."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runner.engine import shells
from runner.engine.shells import (
    FOLDER_FAILED,
    PREPARE,
    PROGRAM_FAILED,
    SEND,
    Ending,
    Frames,
    Note,
    command_text,
    quoted,
)

MARK = "0123456789abcdef0123456789abcdef"
PIECES = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [b"\0", b"\0" + MARK.encode()[:5], b"\0" + MARK.encode()[:-1], MARK.encode(), b" 0\0", b"\n"]
        ),
    ),
    max_size=8,
).map(b"".join)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Bytes in pieces, wherever they are cut."""
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


class Heard:
    """What was handed over, by the number of the stream."""

    def __init__(self) -> None:
        self.streams = {1: b"", 2: b""}

    def put(self, number: int, data: bytes) -> None:
        assert data
        self.streams[number] += data


@given(PIECES, PIECES, st.lists(st.integers(0, 400)), st.integers(0, 255), st.booleans())
def test_all_bytes_before_the_mark_are_the_command_s(
    out: bytes, err: bytes, places: list[int], status: int, left: bool
) -> None:
    # Nobody can guess it.
    assume(f"\0{MARK}".encode() not in out + b"|" + err)
    heard = Heard()
    ending = Ending(MARK, heard.put)
    end = f"\0{MARK} {status}{'+' if left else ''} 12\0".encode()
    for piece in cut(out + end, places):
        ending.take(1, piece)
    assert not ending.done
    for piece in cut(err + f"\0{MARK}\0".encode(), places):
        ending.take(2, piece)
    # What comes behind the mark is nobody's.
    ending.take(1, b"late")
    ending.take(2, b"late")
    assert (ending.done, ending.status, ending.left, ending.failing) == (True, status, left, "")
    assert heard.streams == {1: out, 2: err}


@given(PIECES, st.lists(st.integers(0, 400)))
def test_nothing_is_lost_where_no_mark_comes(out: bytes, places: list[int]) -> None:
    assume(f"\0{MARK}".encode() not in out)
    heard = Heard()
    ending = Ending(MARK, heard.put)
    for piece in cut(out, places):
        ending.take(1, piece)
    ending.end()
    assert (ending.done, ending.status, heard.streams) == (False, None, {1: out, 2: b""})


@given(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=300)), max_size=8),
    st.lists(st.integers(0, 900)),
)
def test_frames_are_taken_apart_wherever_they_are_cut(
    sent: list[tuple[int, bytes]], places: list[int]
) -> None:
    heard = Heard()
    frames = Frames(None)  # type: ignore[arg-type]  # nothing is received
    data = b"".join(bytes([number, 0, 0, 0]) + len(part).to_bytes(4, "big") + part for number, part in sent)
    for piece in cut(data, places):
        frames.feed(piece, heard.put)
    assert heard.streams == {
        number: b"".join(part for stream, part in sent if stream == number) for number in (1, 2)
    }


class LocalShell:
    """A shell of this machine that is told what one in a container is told."""

    def __init__(self, argv: list[str], folder: str) -> None:
        self.base = {"PATH": os.environ["PATH"], "GONE": "1", "pyrun": "x", "s": "kept", "p": "kept"}
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.base, cwd=folder,
            start_new_session=True,
        )  # fmt: skip
        self.turn = 0
        self.tell(f"{PREPARE}\n")

    def tell(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode("utf-8", "surrogateescape"))
        self.process.stdin.flush()

    def begin(self, words: list[str], folder: str, environ: dict[str, str]) -> "tuple[Ending, Heard, Note]":
        self.turn += 1
        note = Note("command.1", self.turn)
        heard = Heard()
        self.tell(command_text(words, folder, environ, self.base, note, MARK))
        return Ending(MARK, heard.put), heard, note

    def finish(self, ending: Ending) -> None:
        assert self.process.stdout is not None and self.process.stderr is not None  # noqa: PT018 - one fact
        for number, stream in ((1, self.process.stdout), (2, self.process.stderr)):
            while len(ending._seen) < number:  # noqa: SLF001 - one stream after the other
                ending.take(number, os.read(stream.fileno(), 65536))

    def run(self, script: str, **environ: str) -> tuple[int | None, str, str]:
        wanted = {**self.base, **environ}
        wanted.pop("GONE")
        ending, heard, _ = self.begin(["sh", "-c", script], "/", wanted)
        self.finish(ending)
        return ending.status, heard.streams[1].decode(), heard.streams[2].decode()

    def end(self) -> None:
        self.process.communicate()


SHELLS = [argv for argv in (["dash"], ["bash", "--posix"], ["busybox", "sh"]) if shutil.which(argv[0])]


@pytest.fixture(params=SHELLS, ids=lambda argv: str(argv[0]))
def shell(
    request: pytest.FixtureRequest, tmp_path: "os.PathLike[str]", monkeypatch: pytest.MonkeyPatch
) -> Iterator[LocalShell]:
    monkeypatch.setattr(shells, "FOLDER", os.fspath(tmp_path))
    one = LocalShell(request.param, os.fspath(tmp_path))
    yield one
    one.end()


@pytest.mark.parametrize("status", [0, 3, 126, 127, 255])
def test_the_status_is_the_command_s(shell: LocalShell, status: int) -> None:
    assert shell.run(f"printf out; printf err >&2; exit {status}") == (status, "out", "err")


def test_a_signal_ends_a_command_and_the_shell_says_nothing_of_it(shell: LocalShell) -> None:
    assert [shell.run(f"kill -{name} $$") for name in ("TERM", "KILL", "HUP", "INT", "SEGV")] == [
        (143, "", ""), (137, "", ""), (129, "", ""), (130, "", ""), (139, "", ""),
    ]  # fmt: skip


def test_variables_are_as_they_are_asked_for(shell: LocalShell) -> None:
    value = "a'b\"c\\d$x`y`\n\n z*\t"
    told = 'printf "%s|" "${GONE-gone}" "$V" "${OLDPWD-none}" "$PWD" "$s" "$p"'
    assert shell.run(told, V=value) == (0, f"gone|{value}|none|/|kept|kept|", "")
    # What one command gets is not there for the next.
    assert shell.run('printf %s "${V-gone} $s $p"') == (0, "gone kept kept", "")


def test_variables_that_no_shell_exports(shell: LocalShell) -> None:
    environ = {**shell.base, "A.B-C": "odd '", "UID": "77", "IFS": "x", "PPID": "5"}
    ending, heard, _ = shell.begin(["env", "-0"], "/", environ)
    shell.finish(ending)
    found = set(heard.streams[1].decode().split("\0"))
    assert {"A.B-C=odd '", "UID=77", "IFS=x", "PPID=5"} <= found
    assert shell.run("echo fine") == (0, "fine\n", "")


def test_scripts_and_variables_may_be_long(shell: LocalShell) -> None:
    script = "# " + "x" * 98 + "\n"
    assert shell.run(script * 2000 + "echo end") == (0, "end\n", "")
    many = {f"V{number}": "y" * 8000 for number in range(120)}
    assert shell.run("echo ${#V0} ${#V119}", **many) == (0, "8000 8000\n", "")


def test_a_command_that_can_t_begin(shell: LocalShell) -> None:
    ending, heard, _ = shell.begin(["sh", "-c", "echo never"], "/no/such/folder", shell.base)
    shell.finish(ending)
    assert (ending.status, ending.failing, heard.streams) == (1, FOLDER_FAILED, {1: b"", 2: b""})
    ending, heard, _ = shell.begin(["no-such-program", "-c", "x"], "/", shell.base)
    shell.finish(ending)
    assert (ending.status, ending.failing, heard.streams) == (127, PROGRAM_FAILED, {1: b"", 2: b""})


def test_what_was_left_running_is_noticed_if_it_may_still_write(shell: LocalShell) -> None:
    def left(script: str) -> bool:
        ending, heard, _ = shell.begin(["sh", "-c", script], "/", shell.base)
        shell.finish(ending)
        pid = int(heard.streams[1])
        os.kill(pid, signal.SIGKILL)
        assert not alive(pid)
        return ending.left

    redirected = f"{shells.FOLDER}/redirected"
    assert [
        left("sleep 300 & echo $!"),
        left("setsid sleep 300 >/dev/null & echo $!"),
        left(
            f"{{ : >{redirected}; exec sleep 300; }} >/dev/null 2>&1 & echo $!; until test -e {redirected}; do :; done"
        ),
    ] == [True, True, False]


def test_a_signal_waits_for_the_command_that_it_is_meant_for(shell: LocalShell) -> None:
    script = "trap 'echo told; exit 5' TERM; sleep 300 & wait"
    note = Note("command.1", 1)
    sender = subprocess.Popen(["sh", "-c", f"{SEND}\n{note.send(15)}"])
    ending, heard, begun = shell.begin(["sh", "-c", f"echo up; {script}"], "/", shell.base)
    shell.finish(ending)
    sender.wait()
    assert begun.path == note.path
    # The shell of the command may not have come to its trap yet.
    assert (ending.status, heard.streams[1].removeprefix(b"up\n")) in {(5, b"told\n"), (143, b"")}


@pytest.mark.parametrize("number", [2, 15])
def test_a_command_s_children_end_with_it(shell: LocalShell, number: int) -> None:
    script = "sleep 300 & echo $!; setsid sleep 300 & echo $!; sleep 300"
    ending, heard, note = shell.begin(["sh", "-c", script], "/", shell.base)
    assert shell.process.stdout is not None
    while heard.streams[1].count(b"\n") < 2:
        ending.take(1, os.read(shell.process.stdout.fileno(), 4096))
    subprocess.run(["sh", "-c", f"{SEND}\n{note.send(number)}"], check=True)
    shell.finish(ending)
    assert ending.status == 128 + number
    for pid in heard.streams[1].split():
        assert not alive(int(pid))


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not, nor one that is just ending."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(") ")[2][0] == "Z":
                    return False
        except OSError:
            return False
        time.sleep(0.01)
    return True


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_quoted_text_is_one_word(text: str) -> None:
    inner = quoted(text)
    assert inner[0] == inner[-1] == "'"
    assert inner[1:-1].replace("'\\''", "'") == text
