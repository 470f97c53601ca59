"""Files into containers and back: what an action may see as a tar, what it has made as another.

What comes back is not trusted: nothing of it is put anywhere but below the folder that it belongs in.
"""

import io
import os
import tarfile
import tempfile
from stat import S_ISLNK

from runner.errors import EngineError, RunError
from runner.execute.input_root import input_root, invoke_files
from runner.execute.take_out import take_out
from runner.model.path import resolved
from runner.store.tree_message import leads_out
from runner.system.fresh_tree import FreshTree
from runner.system.secrets import read_secret
from runner.system.state_folder import make_state_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import IO

    from runner.engine.containers import ContainerEngine
    from runner.execute.container_facts import User
    from runner.execute.inputs import Inputs
    from runner.execute.outcome import Outcome
    from runner.execute.warm import Warm
    from runner.plan.action import Action, Plan
    from runner.plan.file_state import FileState

_TIME = 946_684_800
"""When all copied files were changed last, so that a container is the same every time: the year 2000."""
_IN_MEMORY = 1 << 24
"""Bytes of an archive that is not written to a file."""
_BUFFER = 1 << 20


class Copies:
    """Brings files of a project into containers, and targets back.

    Args:
        plan: The plan.
        top: The project's top folder, absolute.
        base: Where trees are made, see `runner.system.fresh_tree.base_folder`.
        inputs: The files of the project.
        targets_of: What an action of this run has left, by its id.
        caller: The caller's variables.
    """

    def __init__(
        self,
        plan: "Plan",
        top: str,
        base: str,
        inputs: "Inputs",
        targets_of: "Callable[[str], Sequence[FileState]]",
        caller: "Mapping[str, str]",
    ) -> None:
        self._actions = {action.id: action for action in plan.actions}
        self._top = top
        self._base = base
        self._inputs = inputs
        self._targets_of = targets_of
        self._caller = caller
        self._known: dict[str, dict[str, tuple[str, bool, str]]] = {}
        self._users: dict[str, User] = {}

    def token(self) -> str:
        """A text in a file of the project by which a container can tell that it sees this very folder."""
        path = f"{make_state_folder(self._top)}/seen"
        try:
            with open(path, encoding="ascii") as file:
                found = file.read().strip()
            if found:
                return found
        except (OSError, ValueError):
            pass
        text = os.urandom(16).hex()
        new = f"{path}.{os.getpid()}"
        with open(new, "w", encoding="ascii") as file:
            file.write(f"{text}\n")
        os.replace(new, path)
        return text

    def states(self, action: "Action", sources: "Sequence[FileState]") -> "tuple[FileState, ...]":
        """The files that an action may see."""
        return input_root(
            action, self._actions, self._inputs.sources(action, tuple(sources)), self._targets_of
        )

    def put_tree(
        self,
        engine: "ContainerEngine",
        container: str,
        action: "Action",
        user: "User",
        states: "Sequence[FileState]",
    ) -> None:
        """Put what an action may see into its container, which has not begun yet."""
        assert action.container is not None
        self._known[action.id] = {state.path: state.identity for state in states}
        self._users[action.id] = user
        more = [path for path in invoke_files(action) if os.path.isfile(f"{self._top}/{path}")]
        files = [(state.path, state.executable) for state in states]
        files += [(path, False) for path in more if path not in self._known[action.id]]
        self._put(engine, container, action.container.workdir, files, user, list(_folders(action)))

    def put_new(self, warm: "Warm", action: "Action", sources: "Sequence[FileState]") -> None:
        """Put what an action may see since something that it has called is done."""
        assert action.container is not None
        known = self._known.setdefault(action.id, {})
        states = [one for one in self.states(action, sources) if known.get(one.path) != one.identity]
        known.update((state.path, state.identity) for state in states)
        files = [(state.path, state.executable) for state in states]
        self._put(warm.engine, warm.id, action.container.workdir, files, warm.user, [])

    def _put(
        self,
        engine: "ContainerEngine",
        container: str,
        workdir: str,
        files: "Sequence[tuple[str, bool]]",
        user: "User",
        folders: "Sequence[str]",
    ) -> None:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as archive:
            with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
                writer = _TreeWriter(tar, self._top, workdir.lstrip("/"), user, {path for path, _ in files})
                writer.folder("")
                for folder in folders:
                    writer.folder(folder)
                for path, executable in files:
                    writer.file(path, executable=executable)
            archive.seek(0)
            engine.put(container, "/", iter(lambda: archive.read(_BUFFER), b""))

    def put_secrets(
        self,
        engine: "ContainerEngine",
        container: str,
        action: "Action",
        user: "User",
        place: "Callable[[str], str]",
        *,
        copies: bool,
    ) -> None:
        """Put the secrets of an action that are files where its commands find them; only they can read them."""
        files: dict[str, bytes] = {}
        for secret in action.traits.secrets:
            if secret.to and (copies or secret.to.startswith(("/", "~"))):
                files[place(secret.to)] = read_secret(secret, self._caller, self._top)
        if files:
            put_files(engine, container, files, user, 0o600)

    def take_out(self, warm: "Warm", action: "Action") -> "Outcome | None":
        """Put the targets of an action in their places; None if all are there.

        Raises:
            EngineError: The engine does not give them.
        """
        assert action.container is not None
        tree = FreshTree(self._top, self._base, action.label)
        try:
            roots = {
                target.literal_prefix
                if not target.has_wildcard
                else target.literal_prefix.rstrip("/"): target
                for target in action.targets or ()
            }
            for root in roots:
                stream = warm.engine.get(warm.id, f"{action.container.workdir}/{root}".rstrip("/"))
                if stream is not None:
                    _Extractor(tree.root, root, action, action.container.workdir).take(stream)
            return take_out(action, tree)
        except OSError as error:
            what = f": {error.filename}" if error.filename else ""
            failed = RunError(
                f"the targets of `{action.label}` can't be taken out of its container: "
                f"{error.strerror or error}{what}",
                action.position,
            )
            from runner.execute.outcome import Outcome  # noqa: PLC0415 - only when something failed

            return Outcome(failed.status, action.label, "", failed)
        finally:
            tree.remove()


def put_certificates(engine: "ContainerEngine", container: str, paths: "Sequence[str]", folder: str) -> None:
    """Put the caller's files of certificates into a container that has not begun yet, by their numbers."""
    files = {}
    for number, path in enumerate(paths):
        try:
            with open(path, "rb") as file:
                files[f"{folder}/{number}.pem"] = file.read()
        except OSError:
            # What the caller can't read either is of no use.
            continue
    if files:
        put_files(engine, container, files, None, 0o644)


def put_files(
    engine: "ContainerEngine", container: str, files: "Mapping[str, bytes]", user: "User | None", mode: int
) -> None:
    """Put some small files into a container, and the folders above them where they are missing."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, data in files.items():
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size, member.mode, member.mtime = len(data), mode, _TIME
            if user is not None:
                member.uid, member.gid = user.number, user.group
            tar.addfile(member, io.BytesIO(data))
    engine.put(container, "/", archive.getvalue())


class _TreeWriter:
    """A tree of the project's files in a tar."""

    def __init__(self, tar: tarfile.TarFile, top: str, root: str, user: "User", inside: "set[str]") -> None:
        self._tar = tar
        self._top = top
        self._root = root
        self._user = user
        self._inside = inside
        self._folders: set[str] = set()

    def folder(self, path: str) -> None:
        """Add a folder, and those above it."""
        names = [name for name in path.split("/") if name]
        for count in range(len(names) + 1):
            one = "/".join(names[:count])
            if one not in self._folders:
                self._folders.add(one)
                member = self._member(one, 0o755)
                member.type = tarfile.DIRTYPE
                self._tar.addfile(member)

    def file(self, path: str, *, executable: bool) -> None:
        """Add a file; one that is gone is left out. A link to another file that is there stays one."""
        full = f"{self._top}/{path}"
        self.folder(path.rpartition("/")[0])
        try:
            link = os.readlink(full) if S_ISLNK(os.lstat(full).st_mode) else ""
            other = os.path.normpath(os.path.join(os.path.dirname(path), link)) if link else ""
            if other in self._inside and not link.startswith("/"):
                member = self._member(path, 0o777)
                member.type, member.linkname = tarfile.SYMTYPE, link
                self._tar.addfile(member)
                return
            with open(full, "rb") as file:
                member = self._member(path, 0o755 if executable else 0o644)
                member.size = os.fstat(file.fileno()).st_size
                self._tar.addfile(member, file)
        except FileNotFoundError:
            return

    def _member(self, path: str, mode: int) -> tarfile.TarInfo:
        member = tarfile.TarInfo(f"{self._root}/{path}".rstrip("/"))
        member.mode, member.mtime = mode, _TIME
        member.uid, member.gid = self._user.number, self._user.group
        return member


class _Extractor:
    """Takes targets out of a tar and puts them in a tree.

    Args:
        tree: The folder that stands for the project's top.
        root: What was asked for, relative to that.
        action: Whose targets they are.
        workdir: Where the project is in the container.
    """

    def __init__(self, tree: str, root: str, action: "Action", workdir: str) -> None:
        self._tree = tree
        self._root = root
        self._action = action
        self._workdir = workdir

    def take(self, stream: "Iterator[bytes]") -> None:
        """Take what comes.

        Raises:
            EngineError: What comes is no tar, or would be put elsewhere.
        """
        above = self._root.rpartition("/")[0]
        targets = self._action.targets or ()
        try:
            with tarfile.open(fileobj=_Reader(stream), mode="r|") as tar:
                for member in tar:
                    names = member.name.split("/")
                    if not self._root:
                        names = names[1:]
                    path = resolved("/".join(one for one in (above, *names) if one))
                    if ".." in names or member.name.startswith("/") or not _within(path, self._root):
                        raise EngineError(f"the engine gave a file that was not asked for: {member.name}")
                    wanted = any(target.matches(path) or target.literal_prefix == path for target in targets)
                    if wanted or member.isdir():
                        self._put(tar, member, path, wanted=wanted)
        except tarfile.TarError as error:
            raise EngineError(f"what the engine gave back is no archive: {error}") from None

    def _put(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str, *, wanted: bool) -> None:
        full = f"{self._tree}/{path}"
        if member.isdir():
            inside = any(_within(path, target.literal_prefix) for target in self._action.targets or ())
            if wanted or inside:
                os.makedirs(full, exist_ok=True)
            return
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if member.issym():
            link = member.linkname
            if link.startswith(f"{self._workdir}/"):
                link = os.path.relpath(link[len(self._workdir) + 1 :], os.path.dirname(path) or ".")
            if leads_out(path, link):
                raise EngineError(
                    f"the target {path} is a link to {member.linkname}, which is not in the project",
                    self._action.position,
                )
            os.symlink(link, full)
        elif member.islnk():
            above = self._root.rpartition("/")[0]
            other = resolved("/".join(one for one in (above, member.linkname) if one))
            if not _within(other, self._root):
                raise EngineError(f"the engine gave a file that was not asked for: {member.linkname}")
            os.link(f"{self._tree}/{other}", full, follow_symlinks=False)
        elif member.isfile():
            source = tar.extractfile(member)
            assert source is not None
            with open(full, "xb") as file:
                _pour(source, file)
                os.fchmod(file.fileno(), 0o755 if member.mode & 0o100 else 0o644)


class _Reader(io.RawIOBase):
    """Pieces as a file to read."""

    def __init__(self, pieces: "Iterable[bytes]") -> None:
        self._pieces = iter(pieces)
        self._left = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """So many bytes, fewer at the end only."""
        found = [self._left]
        total = len(self._left)
        while size < 0 or total < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            found.append(piece)
            total += len(piece)
        data = b"".join(found)
        if size < 0:
            self._left = b""
            return data
        self._left = data[size:]
        return data[:size]


def _pour(source: "IO[bytes]", target: "IO[bytes]") -> None:
    while chunk := source.read(_BUFFER):
        target.write(chunk)


def _within(path: str, root: str) -> bool:
    return not root or path == root or path.startswith(f"{root}/")


def _folders(action: "Action") -> "Iterator[str]":
    """The folders that an action finds: those it works in, and those above its targets."""
    for written in dict.fromkeys((action.dir, *(script.dir for script in action.scripts))):
        path = resolved(written)
        if not path.startswith(("/", "../")) and path != "..":
            yield path
    for target in action.targets or ():
        prefix = target.literal_prefix
        yield prefix if target.has_wildcard else os.path.dirname(prefix)
