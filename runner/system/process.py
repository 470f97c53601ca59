"""Starting and ending processes.

`subprocess` is not used: importing it costs a start more than all the rest of it. Every process is the leader
of a group of its own, so that a signal reaches all that it started in it.
"""

import errno
import os

from runner.errors import NOT_EXECUTABLE, NOT_FOUND, RunError
from runner.system.programs import find_program
from runner.system.witness import WITNESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping, Sequence

    from runner.system.guard import Guard
else:
    # `signal` would bring `enum` along, at a sixth of a whole start.
    import _signal as signal

_IGNORED_BY_PYTHON = tuple(
    number for name in ("SIGPIPE", "SIGXFSZ") if (number := getattr(signal, name, None)) is not None
)
"""What the interpreter ignores for itself, which no program that it starts expects."""
_RESET = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGCHLD,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
    *_IGNORED_BY_PYTHON,
)


_PR_SET_PDEATHSIG = 1
"""As `linux/prctl.h` has it."""
_DYING: "dict[int, Callable[[], None]]" = {}
"""What the children of a process call first, looked up once."""


_FEW = 3
"""Commands that are forked: starting a guard for them would take longer than it saves."""
_STARTED = [0]
_GUARDS: "list[Guard]" = []
"""The guard of commands that were not forked, if there are such."""
AWAITED: set[int] = set()
"""The processes started here that somebody still wants to know the end of."""


class Process:
    """A process that was started.

    While one of these is there and has not told how it ended, its status is nobody else's to take.

    Attributes:
        pid: Its number, which is its group's too.
        stopped: Whether the last look found it stopped, as by Ctrl-Z.
    """

    __slots__ = ("_awaited", "pid", "stopped")

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.stopped = False
        self._awaited = True
        AWAITED.add(pid)

    def __del__(self) -> None:
        self._let_go()

    def poll(self) -> int | None:
        """Its exit status if it has ended, as a shell would give it, else None."""
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
        except ChildProcessError:
            self._let_go()
            return 0
        self.stopped = bool(pid) and os.WIFSTOPPED(status)
        if self.stopped or not pid:
            return None
        self._let_go()
        return exit_status(status)

    def wait(self) -> int:
        """Its exit status, once it has ended."""
        _, status = os.waitpid(self.pid, 0)
        self._let_go()
        return exit_status(status)

    def kill(self) -> None:
        """End it and all below it at once, what has left its group too."""
        # What stands still starts nothing more while it is looked for what has left its group.
        self.signal(signal.SIGSTOP)
        below = descendants(self.pid)
        self.signal(signal.SIGKILL)
        kill_left(below)

    def below(self) -> tuple[tuple[int, str], ...]:
        """The processes below it, see `descendants`."""
        return descendants(self.pid)

    def _let_go(self, awaited: set[int] = AWAITED, guards: "list[Guard]" = _GUARDS) -> None:
        """Its number may be another's from now on; while the interpreter ends, globals are gone already."""
        if self._awaited:
            self._awaited = False
            awaited.discard(self.pid)
            for guard in guards:
                guard.remove(self.pid)

    def signal(self, number: int) -> None:
        """Send a signal to its group; nothing happens if there is none left."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            pass


def exit_status(status: int) -> int:
    """The status of `waitpid` as a shell gives it: 128 and the number for one that a signal ended."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _dying() -> "Callable[[], None]":
    """What a child calls so that it is told to end when this process is killed; only Linux can do that."""
    parent = os.getpid()
    if parent in _DYING:
        return _DYING[parent]
    try:
        # `ctypes` itself would cost a start five times as much as this part of it.
        import _ctypes  # noqa: PLC0415

        prctl = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")  # type: ignore[arg-type]  # all that is loaded
    except (ImportError, AttributeError, OSError):
        return _nothing

    def tell() -> None:
        _ctypes.call_function(prctl, (_PR_SET_PDEATHSIG, int(signal.SIGTERM)))
        if os.getppid() != parent:
            os._exit(NOT_FOUND)

    _DYING[parent] = tell
    return tell


def _nothing() -> None:
    """Do nothing."""


def start(
    argv: "Sequence[str]",
    *,
    folder: str,
    environ: "Mapping[str, str]",
    files: tuple[int, int, int],
    terminal: int | None = None,
) -> Process:
    """Start a program.

    Args:
        argv: Its name and words; the name is looked up on the PATH of `environ`.
        folder: Its working folder, absolute.
        environ: All its variables.
        files: What its stdin, stdout and stderr are.
        terminal: The terminal whose foreground it is to be, if any.

    Raises:
        RunError: It is not there (127), can't be executed (126), or its folder is not there (1).
    """
    WITNESS.spoil()
    path = _executable(argv[0], environ, folder)
    if (
        terminal is None
        and _many_started()
        and all(fd > 2 or fd == number for number, fd in enumerate(files))
    ):
        return Process(_spawned(path, argv, folder, environ, files))
    dying = _dying()
    reader, writer = os.pipe()
    everything = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if not pid:
            _become(path, argv, folder, environ, files, terminal, writer, dying)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, everything)
    os.close(writer)
    try:
        # Both sides set the group, so that it is there whichever comes first.
        os.setpgid(pid, pid)
    except (PermissionError, ProcessLookupError):
        pass
    with os.fdopen(reader, "rb", buffering=0) as errors:
        told = errors.read()
    if told:
        os.waitpid(pid, 0)
        what, _, number = told.decode().partition(" ")
        raise _start_error(what, int(number), argv[0], folder)
    return Process(pid)


def end_guard() -> None:
    """What commands left running is left on purpose: nobody is told to end when this process does."""
    while _GUARDS:
        _GUARDS.pop().end()


def _many_started() -> bool:
    """Whether so many commands were started that the quick way to start them is worth its guard."""
    _STARTED[0] += 1
    if _GUARDS and _GUARDS[0].ours:
        return True
    if _STARTED[0] <= _FEW:
        return False
    from runner.system.guard import Guard  # noqa: PLC0415 - most runs start one command or none

    try:
        _GUARDS[:] = [Guard()]
    except OSError:
        return False
    return True


def _spawned(
    path: str,
    argv: "Sequence[str]",
    folder: str,
    environ: "Mapping[str, str]",
    files: tuple[int, int, int],
) -> int:
    """The number of a program that was started the quick way: no copy of this process is made for it.

    Raises:
        RunError: It can't be executed, or its folder can't be entered.
    """
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            os.chdir(folder)
        except OSError as error:
            raise _start_error("folder", error.errno or 0, argv[0], folder) from None
        try:
            pid = os.posix_spawn(
                path,
                list(argv),
                environ,
                file_actions=[(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(files)],
                setpgroup=0,
                setsigmask=(),
                setsigdef=_RESET,
            )
        except OSError as error:
            raise _start_error("program", error.errno or 0, argv[0], folder) from None
        except (ValueError, TypeError):
            raise _start_error("program", errno.EINVAL, argv[0], folder) from None
        finally:
            os.fchdir(here)
    finally:
        os.close(here)
    _GUARDS[0].add(pid)
    return pid


def capture(argv: "Sequence[str]", *, folder: str, environ: "Mapping[str, str]") -> tuple[int, bytes]:
    """Run a program to its end, with nothing to read and its stderr unseen.

    Args:
        argv: Its name and words.
        folder: Its working folder, absolute.
        environ: All its variables.

    Returns:
        Its exit status, and what it wrote to its stdout.

    Raises:
        RunError: See `start`.
    """
    reader, writer = os.pipe()
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    process = None
    try:
        process = start(argv, folder=folder, environ=environ, files=(null, writer, null))
        os.close(writer)
        writer = -1
        chunks = []
        while chunk := os.read(reader, 65536):
            chunks.append(chunk)
        status = process.wait()
        process = None
        return status, b"".join(chunks)
    finally:
        if process is not None:
            # Ctrl-C: the program is in a group of its own, and nobody else would tell it.
            process.signal(signal.SIGKILL)
        for number in (reader, writer, null):
            if number >= 0:
                os.close(number)


def replace(
    argv: "Sequence[str]", *, folder: str, environ: "Mapping[str, str]", reset: "Sequence[int]"
) -> RunError:
    """Become another program; return only if that fails, with the reason.

    Args:
        argv: Its name and words.
        folder: Its working folder, absolute.
        environ: All its variables.
        reset: Signals that were handled here and get back what they do by default.
    """
    try:
        path = _executable(argv[0], environ, folder)
    except RunError as error:
        return error
    if WITNESS.becoming is not None:
        WITNESS.becoming(path, argv, folder, environ)
    try:
        os.chdir(folder)
    except OSError as error:
        return _start_error("folder", error.errno or 0, argv[0], folder)
    for number in (*reset, *_IGNORED_BY_PYTHON):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execve(path, list(argv), environ)  # noqa: S606 - that is what this is for
    except OSError as error:
        return _start_error("program", error.errno or 0, argv[0], folder)


def _become(
    path: str,
    argv: "Sequence[str]",
    folder: str,
    environ: "Mapping[str, str]",
    files: tuple[int, int, int],
    terminal: int | None,
    writer: int,
    dying: "Callable[[], None]",
) -> None:
    """In the child: turn into the program, or tell why not. Never returns."""
    what = "program"
    try:
        os.setpgid(0, 0)
        dying()
        if terminal is not None:
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            os.tcsetpgrp(terminal, os.getpid())
        for number in _RESET:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        # Out of the way first, in case one of them is itself 0, 1 or 2.
        moved = [os.dup(fd) for fd in files]
        for number, fd in enumerate(moved):
            os.dup2(fd, number)
        for fd in moved:
            if fd > 2:
                os.close(fd)
        what = "folder"
        os.chdir(folder)
        what = "program"
        os.execve(path, list(argv), environ)  # noqa: S606 - that is what this is for
    except OSError as error:
        os.write(writer, f"{what} {error.errno}".encode())
    except BaseException:  # noqa: BLE001 - a forked copy must not go on as its parent, whatever happened
        os.write(writer, f"{what} {errno.EINVAL}".encode())
    finally:
        os._exit(NOT_FOUND)


def _executable(name: str, environ: "Mapping[str, str]", folder: str) -> str:
    path = find_program(name, environ, folder)
    if path is None:
        raise RunError(f"`{name}` is not found", None, "is it installed, and on PATH?", status=NOT_FOUND)
    return path


def _start_error(what: str, number: int, name: str, folder: str) -> RunError:
    reason = os.strerror(number)
    if what == "folder":
        return RunError(f"the working folder `{folder}` can't be entered: {reason}", None, "make it first")
    status = NOT_FOUND if number == errno.ENOENT else NOT_EXECUTABLE
    hint = "a script's arguments and variables are too long together" if number == errno.E2BIG else ""
    return RunError(f"`{name}` can't be executed: {reason}", None, hint, status=status)


def descendants(pid: int) -> tuple[tuple[int, str], ...]:
    """The processes below one, with the time each was started, so that a number used again is noticed.

    Empty where the system has no `/proc`.
    """
    parents: dict[int, list[tuple[int, str]]] = {}
    try:
        numbers = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return ()
    for number in numbers:
        found = _stat(int(number))
        if found is not None:
            parents.setdefault(found[0], []).append((int(number), found[1]))
    out: list[tuple[int, str]] = []
    wave = [pid]
    while wave:
        wave_children = [child for parent in wave for child in parents.get(parent, ())]
        out += wave_children
        wave = [child for child, _ in wave_children]
    return tuple(out)


def members(group: int) -> tuple[tuple[int, str], ...]:
    """The processes of a group, with the time each was started; empty where the system has no `/proc`."""
    try:
        os.killpg(group, 0)
        numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return ()
    return tuple(
        (number, found[1])
        for number in numbers
        if _group(number) == group and (found := _stat(number)) is not None
    )


def started(pid: int) -> str:
    """When a process was started, in the system's own unit; empty if it is gone or the system does not tell."""
    found = _stat(pid)
    return found[1] if found is not None else ""


def ancestors() -> frozenset[int]:
    """The processes above this one, as far as the system tells."""
    found: set[int] = set()
    pid = os.getppid()
    while pid > 1 and pid not in found:
        found.add(pid)
        above = _stat(pid)
        pid = above[0] if above is not None else 0
    return frozenset(found)


def holders(path: str) -> tuple[tuple[int, str], ...]:
    """The processes that have a file open to read and write, with the time each was started.

    Those of others are not seen, and none where the system has no `/proc`.
    """
    try:
        wanted = os.stat(path)
        numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return ()
    return tuple(
        (pid, found[1])
        for pid in numbers
        if pid != os.getpid() and _has_open(pid, wanted) and (found := _stat(pid)) is not None
    )


def _has_open(pid: int, wanted: os.stat_result) -> bool:
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    for name in names:
        try:
            if os.path.samestat(os.stat(f"{folder}/{name}"), wanted) and _writes(pid, name):
                return True
        except OSError:
            continue
    return False


def _writes(pid: int, number: str) -> bool:
    """Whether a process has an open file to read and write, and not only to look into it."""
    with open(f"/proc/{pid}/fdinfo/{number}", "rb", buffering=0) as file:
        rows = dict(row.split(b":", 1) for row in file.read().splitlines() if b":" in row)
    return int(rows.get(b"flags", b"0"), 8) & os.O_ACCMODE == os.O_RDWR


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def still_there(processes: "Sequence[tuple[int, str]]") -> "list[tuple[int, str]]":
    """Those of some processes that have not ended."""
    return [(pid, started) for pid, started in processes if (found := _stat(pid)) and found[1] == started]


def signal_strays(processes: "Sequence[tuple[int, str]]", groups: "Sequence[int]", number: int) -> None:
    """Send a signal to those of some processes that are in none of some groups."""
    for pid, _ in still_there(processes):
        try:
            if os.getpgid(pid) not in groups:
                os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def kill_left(processes: "Sequence[tuple[int, str]]") -> None:
    """End at once those of some processes that have not ended."""
    for pid, _ in still_there(processes):
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def _stat(pid: int) -> tuple[int, str] | None:
    """The parent of a process and the time it was started; None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            text = file.read()
    except OSError:
        return None
    fields = text[text.rfind(b")") + 2 :].split()
    return (int(fields[1]), fields[19].decode()) if fields[0] not in {b"Z", b"X"} else None
