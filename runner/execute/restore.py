"""What actions have made, kept in the user's store and brought back from it instead of running them again.

Shared by all checkouts and git worktrees of a user. What is kept of an action is found under its key together with
its name; nothing of it is taken on trust: one thing that is odd, and it counts as not there.
"""

import os
import time

from runner.digest import Digest, canonical, digest_of
from runner.execute.bring_back import RefusedError, bring_back
from runner.execute.outputs import UnfitError, gather, own_paths, roots_in
from runner.plan.file_state import HERMETIC, SANDBOX, FileState
from runner.plan.result import Result
from runner.store.action_cache import ActionCache
from runner.store.blob_store import LIMIT, BlobStore
from runner.store.forgotten import forgotten_since
from runner.store.reapi import (
    ActionResult,
    Extra,
    Made,
    MalformedError,
    Metadata,
    Moment,
    OutputDirectory,
    OutputFile,
    OutputSymlink,
    decode,
    encode,
)
from runner.store.tree_message import Entries, check_path, checked, leads_out, read_tree, write_tree
from runner.system.copy_file import file_has
from runner.system.file_states import observe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runner.plan.action import Action

_SECOND = 1_000_000_000
"""Nanoseconds."""
_MILLISECOND = 1_000_000
"""Nanoseconds."""
_MOST_LINKS = 40
"""Links on the way to a file that are followed."""


def open_results(folder: str, top: str, size: int = 0, apart: str = "") -> "Results":
    """What is kept in a store, from the view of one project.

    Args:
        folder: The folder of the store, absolute; made when something is kept.
        top: The project's top folder, absolute.
        size: How many bytes it may take, or 0 for as many as usual.
        apart: The folder, relative to the top, in which targets lie instead of in the top folder; or empty.
    """
    blobs = BlobStore(folder, size or LIMIT)
    return Results(blobs, ActionCache(blobs), top, apart)


class Results:
    """What actions of a project have made, here or in another checkout.

    Args:
        blobs: The bytes.
        cache: What was made, by key.
        top: The project's top folder, absolute.
        apart: The folder, relative to the top, in which targets lie instead of in the top folder; or empty.
    """

    def __init__(self, blobs: BlobStore, cache: ActionCache, top: str, apart: str = "") -> None:
        self._blobs = blobs
        self._cache = cache
        self._project = top
        self._top = f"{top}/{apart}" if apart else top

    def find(self, action: "Action", key: str, made_in: str) -> Result | None:
        """What an action with this key has made. Changes nothing in the project.

        Args:
            action: The action.
            key: Its key, as hexadecimal digits.
            made_in: Where actions run now: what was made in the open does not count for a sandbox.

        Returns:
            None if it is not known, is damaged, or may not be brought here.
        """
        # What holds this project's own path is kept for this project alone, beside what others have.
        for name in (_name_of(action, key, os.path.realpath(self._project)), _name_of(action, key)):
            found = self._found(action, name, made_in)
            if found is not None:
                return found
        return None

    def _found(self, action: "Action", name: str, made_in: str) -> Result | None:
        """What is kept under a name, if it may be brought here."""
        message = self._cache.get(name)
        if message is None:
            return None
        try:
            made, when, milliseconds = _read_metadata(message)
            if made_in in {SANDBOX, HERMETIC} and made.how not in {SANDBOX, HERMETIC}:
                return None
            if made.only_in not in {"", os.path.realpath(self._project)}:
                return None
            if when <= forgotten_since(self._project, action.task):
                return None
            entries = self._read_entries(action, message)
        except MalformedError:
            return None
        links = tuple(entries.links.items())
        log = made.log.hex if made.log is not None else ""
        files = self._states(entries)
        return Result(name, files, links, tuple(entries.folders), log, milliseconds, made.how, made.only_in)

    def bring(self, action: "Action", result: Result, kept: "set[str]") -> bool:
        """Let an action's targets be what a result says, all of them.

        Args:
            action: The action.
            result: What to bring back.
            kept: Files that stay although they lie in a target folder.

        Returns:
            False if that can't be. Then nothing was changed, unless the system refused a change: what is there
            then counts for nothing.
        """
        try:
            os.makedirs(self._top, exist_ok=True)
            bring_back(self._top, self._blobs, action, result, kept)
        except (RefusedError, OSError):
            return False
        self._cache.used(result.key)
        return True

    def keep(
        self,
        action: "Action",
        key: str,
        targets: tuple[FileState, ...],
        log_path: str,
        milliseconds: int,
        made: str,
    ) -> str:
        """Keep what an action has made. Never fails.

        Args:
            action: The action.
            key: Its key, as hexadecimal digits.
            targets: The files of its targets, as they were just seen.
            log_path: The log of what it wrote, see `runner.system.task_log`; empty if there is none.
            milliseconds: How long it took.
            made: How, see `Result`.

        Returns:
            Empty, or why it can't be kept.
        """
        try:
            entries = gather(self._top, action, targets)
            search = _Search(self._texts(made))
            self._put_files(entries, search)
            log = self._put_log(log_path)
            only_in = os.path.realpath(self._project) if search.found else ""
            message = self._message(entries, Made(made, only_in, log), milliseconds)
            self._cache.put(_name_of(action, key, only_in), message)
            self._blobs.tidy()
        except UnfitError as error:
            return str(error)
        except UnicodeEncodeError as error:
            return f"the name {error.object!r} is no Unicode text"
        except OSError as error:
            return (
                f"{error.strerror or error}: {error.filename}"
                if error.filename
                else f"{error.strerror or error}"
            )
        return ""

    def replay(self, result: Result, put: "Callable[[int, bytes], None]") -> None:
        """Hand over what an action wrote when it ran, as far as it is still known.

        Args:
            result: What it has made.
            put: Takes the number of a stream, and bytes.

        Raises:
            BrokenPipeError: Nobody reads any more.
        """
        from runner.system.task_log import replay  # noqa: PLC0415 - where something was brought back only

        path = self._blobs.path(result.log) if result.log else ""
        if path and file_has(path, result.log):
            replay(path, put)

    def _texts(self, made: str) -> list[bytes]:
        """The texts that stand for this one project in what is made in it."""
        texts = {self._project, os.path.realpath(self._project)}
        if made == SANDBOX:
            from runner.system.fresh_tree import base_folder  # noqa: PLC0415 - for those who ask for one only

            texts.add(base_folder(self._project, os.path.dirname(self._blobs.folder)))
        return [text.encode("utf-8", "surrogateescape") for text in sorted(texts)]

    def _put_files(self, entries: Entries, search: "_Search") -> None:
        for path, (digest, _) in entries.files.items():
            search.begin()
            if not self._blobs.holds(digest, search.look):
                search.begin()
                if self._blobs.put_file(f"{self._top}/{path}", search.look) != digest:
                    raise UnfitError(f"{path} changed when all was done")

    def _put_log(self, path: str) -> Digest | None:
        """Keep what was written, if all of it is there."""
        if not path:
            return None
        from runner.system.task_log import packed  # noqa: PLC0415 - for tasks that have one only

        with packed(path) as single:
            return None if single is None else self._blobs.put_file(single)

    def _message(self, entries: Entries, extra: Made, milliseconds: int) -> ActionResult:
        """The message of what an action has left; its folders are kept on the way."""
        roots = roots_in(entries.folders)
        inside = tuple(f"{root}/" for root in roots)
        now = time.time_ns()
        return ActionResult(
            tuple(
                OutputFile(path, digest, executable)
                for path, (digest, executable) in sorted(entries.files.items())
                if not path.startswith(inside)
            ),
            tuple(OutputDirectory(root, self._blobs.put(write_tree(root, entries))) for root in roots),
            0,
            Metadata(
                Moment(now // _SECOND, now % _SECOND),
                (Extra(Made.KIND, encode(extra)),),
                Moment(milliseconds // 1000, milliseconds % 1000 * _MILLISECOND),
            ),
            tuple(
                OutputSymlink(path, text)
                for path, text in sorted(entries.links.items())
                if not path.startswith(inside)
            ),
        )

    def _read_entries(self, action: "Action", message: ActionResult) -> Entries:
        """What a result says was left, looked through.

        Raises:
            MalformedError: It is not what this action may leave, or not to be trusted.
        """
        found = Entries()
        targets = action.targets or ()
        own = set(own_paths(targets))
        for directory in message.directories:
            check_path(directory.path)
            if directory.path not in own:
                raise MalformedError(f"{directory.path!r} is no target folder")
            data = self._blobs.get(checked(directory.tree))
            if data is None:
                raise MalformedError(f"{directory.path!r} is not in the store any more")
            read_tree(directory.path, data, found)
        roots = [directory.path for directory in message.directories]
        if roots_in(roots) != sorted(roots):
            raise MalformedError("a target folder lies in another one")
        inside = tuple(f"{root}/" for root in roots)
        nodes: tuple[OutputFile | OutputSymlink, ...] = (*message.files, *message.symlinks)
        for node in nodes:
            check_path(node.path)
            if not any(target.matches(node.path) for target in targets):
                raise MalformedError(f"{node.path!r} is no target")
            if node.path in found.files or node.path in found.links or node.path.startswith(inside):
                raise MalformedError(f"{node.path!r} is there twice")
            if isinstance(node, OutputFile):
                found.files[node.path] = (checked(node.digest), node.executable)
            else:
                found.links[node.path] = node.target
        _check_tree(found)
        return found

    def _states(self, entries: Entries) -> tuple[FileState, ...]:
        """The files that will be seen: those that there are, and those that links lead to."""
        states = [
            FileState(path, "", executable, digest.hex, digest.size)
            for path, (digest, executable) in entries.files.items()
        ]
        for link in entries.links:
            path = _led_to(link, entries.links)
            if path in entries.files:
                digest, executable = entries.files[path]
                states.append(FileState(link, "", executable, digest.hex, digest.size))
            elif path and path not in entries.folders:
                states += [
                    FileState(link, "", one.executable, one.digest, one.size)
                    for one in observe(self._top, (path,), {})
                ]
        return tuple(sorted(states, key=lambda state: state.path))


class _Search:
    """A search for some texts in files.

    Attributes:
        found: Whether one was in any of them.
    """

    def __init__(self, texts: "Sequence[bytes]") -> None:
        self._texts = texts
        self._overlap = max(map(len, texts)) - 1
        self._tail = b""
        self.found = False

    def begin(self) -> None:
        """Another file begins."""
        self._tail = b""

    def look(self, data: bytes) -> None:
        """Look at the next piece of a file."""
        if not self.found:
            data = self._tail + data if self._tail else data
            self.found = any(text in data for text in self._texts)
            self._tail = data[-self._overlap :] if self._overlap else b""


def _name_of(action: "Action", key: str, only_in: str = "") -> str:
    """What a result is kept under: two tasks with one key may well differ in what nobody has declared."""
    return digest_of(canonical((key, action.id, only_in) if only_in else (key, action.id))).hex


def _read_metadata(message: ActionResult) -> tuple[Made, int, int]:
    """How a result was made, when in nanoseconds since 1970, and in how many milliseconds.

    Raises:
        MalformedError: It does not say.
    """
    metadata = message.metadata
    extra = metadata.extras[0] if metadata is not None and metadata.extras else None
    if metadata is None or metadata.completed is None or extra is None or extra.kind != Made.KIND:
        raise MalformedError("it does not say how it was made")
    if message.exit_code:
        raise MalformedError("it is of an action that failed")
    made = decode(Made, extra.value)
    if made.log is not None:
        checked(made.log)
    duration = metadata.duration or Moment(0, 0)
    milliseconds = max(0, duration.seconds * 1000 + duration.nanos // _MILLISECOND)
    return made, metadata.completed.seconds * _SECOND + metadata.completed.nanos, milliseconds


def _check_tree(entries: Entries) -> None:
    """Refuse links that may lead out, and what would have to lie in a file or link.

    Raises:
        MalformedError: There is such a one.
    """
    for path, text in entries.links.items():
        if leads_out(path, text):
            raise MalformedError(f"{path!r} may lead out of the project")
    known: set[str] = set()
    for path in (*entries.files, *entries.links, *entries.folders):
        folder = path.rpartition("/")[0]
        while folder and folder not in known:
            if folder in entries.files or folder in entries.links:
                raise MalformedError(f"{folder!r} is no folder")
            known.add(folder)
            folder = folder.rpartition("/")[0]


def _led_to(link: str, links: "dict[str, str]") -> str:
    """The path that a link leads to in the end, other links on the way followed; empty if they lead nowhere."""
    done: list[str] = []
    left = link.split("/")[::-1]
    followed = 0
    while left:
        name = left.pop()
        if name in {"", "."}:
            continue
        if name == "..":
            if not done:
                return ""
            done.pop()
            continue
        done.append(name)
        text = links.get("/".join(done))
        if text is not None:
            followed += 1
            if followed > _MOST_LINKS:
                return ""
            done.pop()
            left += text.split("/")[::-1]
    return "/".join(done)
