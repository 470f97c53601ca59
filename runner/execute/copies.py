"""Files into containers and back: what an action may see as a tar, what it has made as another.

What comes back is not trusted: nothing of it is put anywhere but below the folder that it belongs in.
"""

import io
import os
import tarfile
import tempfile
from hashlib import sha256
from stat import S_ISLNK

from runner.errors import EngineError, RunError
from runner.execute.input_root import input_root, invoke_files
from runner.execute.outputs import roots_in
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
        self._put_files: dict[str, _Put] = {}

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
        put = self._put_files[action.id] = _Put(action.apart)
        put.note(states)
        more = [path for path in invoke_files(action) if os.path.isfile(f"{self._top}/{path}")]
        files = [(state.path, state.executable) for state in states]
        files += [(path, False) for path in more if path not in put.known]
        self._put(engine, container, action.container.workdir, files, user, list(_folders(action)), put)

    def put_new(self, warm: "Warm", action: "Action", sources: "Sequence[FileState]") -> None:
        """Put what an action may see since something that it has called is done."""
        assert action.container is not None
        put = self._put_files.setdefault(action.id, _Put(action.apart))
        states = put.note(self.states(action, sources))
        files = [(state.path, state.executable) for state in states]
        self._put(warm.engine, warm.id, action.container.workdir, files, warm.user, [], put)

    def _put(
        self,
        engine: "ContainerEngine",
        container: str,
        workdir: str,
        files: "Sequence[tuple[str, bool]]",
        user: "User",
        folders: "Sequence[str]",
        put: "_Put",
    ) -> None:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as archive:
            with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
                writer = _TreeWriter(tar, self._top, workdir.lstrip("/"), user, put)
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
        assert action.container is not None
        files: dict[str, bytes] = {}
        for secret in action.traits.secrets:
            if secret.to and (copies or secret.to.startswith(("/", "~"))):
                path = place(secret.to)
                files[path] = read_secret(secret, self._caller, self._top)
                if copies:
                    workdir = action.container.workdir.rstrip("/")
                    put = self._put_files.setdefault(action.id, _Put(action.apart))
                    put.secrets.add(path.removeprefix(f"{workdir}/"))
        if files:
            put_files(engine, container, files, user, 0o600)

    def take_out(self, warm: "Warm", action: "Action") -> "Outcome | None":
        """Put the targets of an action in their places; None if all are there.

        What was only put into the container stays as the project has it.

        Raises:
            EngineError: The engine does not give them, or what it gives is not to be trusted.
        """
        assert action.container is not None
        workdir = action.container.workdir
        tree = FreshTree(self._top, self._base, action.label, action.apart)
        try:
            put = self._put_files.get(action.id) or _Put()
            extractor = _Extractor(tree, action, workdir, put)
            prefixes = {target.literal_prefix.rstrip("/") for target in action.written}
            left = [""] if "" in prefixes else roots_in(prefixes)
            while left:
                root = left.pop()
                stream = warm.engine.get(warm.id, f"{workdir}/{root}".rstrip("/") or "/")
                if stream is not None:
                    # Of a hard link whose other name is no target, the content is got by its own name.
                    left += extractor.take(root, stream)
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

    def proposed(self, action: "Action", outcome: "Outcome", told: bytes) -> "Outcome":
        """What came of a failed action, with the sources that it seems to lack.

        Args:
            action: The action.
            outcome: What came of it.
            told: What its commands wrote last.
        """
        from runner.execute.lacking import lacking  # noqa: PLC0415 - only when something failed

        assert action.container is not None
        put = self._put_files.get(action.id) or _Put()
        there = set(put.known)
        for path in put.known:
            while path := path.rpartition("/")[0]:
                there.add(path)
        return lacking(
            action, outcome, told, top=self._top, root=action.container.workdir, has=there.__contains__,
            tree=self._inputs.tree, place="container",
        )  # fmt: skip


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


class _Put:
    """What was put into the tree of an action.

    Args:
        apart: The folder of the project whose files lie in the tree as if they were in the top folder, or empty.

    Attributes:
        known: What counts for a key of each file, by its path.
        links: What stands in those that are links.
        secrets: The paths of secrets, which never come out.
    """

    __slots__ = ("_apart", "known", "links", "secrets")

    def __init__(self, apart: str = "") -> None:
        self._apart = f"{apart}/" if apart else ""
        self.known: dict[str, tuple[str, bool, str]] = {}
        self.links: dict[str, str] = {}
        self.secrets: set[str] = set()

    def place(self, path: str) -> str:
        """Where a file of the project lies in the tree."""
        return path.removeprefix(self._apart)

    def note(self, states: "Sequence[FileState]") -> "list[FileState]":
        """These files are put there; those come back that are not there as they are."""
        new = []
        for state in states:
            place = self.place(state.path)
            seen = (place, *state.identity[1:])
            if self.known.get(place) != seen:
                self.known[place] = seen
                new.append(state)
        return new


class _TreeWriter:
    """A tree of the project's files in a tar."""

    def __init__(self, tar: tarfile.TarFile, top: str, root: str, user: "User", put: _Put) -> None:
        self._tar = tar
        self._top = top
        self._root = root
        self._user = user
        self._put = put
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
        full, place = f"{self._top}/{path}", self._put.place(path)
        self.folder(place.rpartition("/")[0])
        self._put.links.pop(place, None)
        try:
            link = os.readlink(full) if S_ISLNK(os.lstat(full).st_mode) else ""
            if link and self._stays(path, link):
                member = self._member(place, 0o777)
                member.type, member.linkname = tarfile.SYMTYPE, link
                self._put.links[place] = link
                self._tar.addfile(member)
                return
            with open(full, "rb") as file:
                member = self._member(place, 0o755 if executable else 0o644)
                member.size = os.fstat(file.fileno()).st_size
                self._tar.addfile(member, file)
        except FileNotFoundError:
            return
        except OSError as error:
            raise OSError(error.errno, error.strerror or "it changed while it was read", path) from None

    def _stays(self, path: str, link: str) -> bool:
        """Whether a link leads to another file that is put there too, and by the way that is written in it."""
        other = os.path.normpath(os.path.join(os.path.dirname(path), link))
        return (
            not link.startswith("/")
            and self._put.place(other) in self._put.known
            and os.path.samefile(f"{self._top}/{other}", f"{self._top}/{path}")
        )

    def _member(self, path: str, mode: int) -> tarfile.TarInfo:
        member = tarfile.TarInfo(f"{self._root}/{path}".strip("/"))
        member.mode, member.mtime = mode, _TIME
        member.uid, member.gid = self._user.number, self._user.group
        return member


class _Member(tarfile.TarInfo):
    """What is in a tar, which is at its end where it says so, and nowhere else."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> "_Member":
        """The next one.

        Raises:
            tarfile.HeaderError: There is none, since the end was told.
            tarfile.ReadError: There is none for another reason.
        """
        try:
            return super().fromtarfile(tar)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"it breaks off: {error}") from None


class _Extractor:
    """Takes targets out of tars and puts them in a tree.

    Args:
        tree: The tree.
        action: Whose targets they are.
        workdir: Where the project is in the container.
        put: What was put there.
    """

    def __init__(self, tree: FreshTree, action: "Action", workdir: str, put: _Put) -> None:
        self._tree = tree
        self._action = action
        self._targets = action.written
        self._workdir = workdir.rstrip("/")
        self._put = put
        self._taken: set[str] = set()
        self._links: set[str] = set()

    def take(self, root: str, stream: "Iterator[bytes]") -> "list[str]":
        """Take what comes; the paths of what must be asked for by its own name come back.

        Args:
            root: What was asked for, relative to the project's top.
            stream: The tar.

        Raises:
            EngineError: What comes is no tar, or would be put elsewhere, or is nothing that a target can be.
        """
        above = root.rpartition("/")[0]
        again: list[str] = []
        try:
            with tarfile.open(
                fileobj=_Reader(stream),
                mode="r|",
                encoding="utf-8",
                errors="surrogateescape",
                tarinfo=_Member,
            ) as tar:
                for member in tar:
                    path = _path_of(member.name, root, above)
                    if path is None:
                        raise self._refused(f"a file that was not asked for: {member.name}")
                    if member.isdir():
                        self._folder(path)
                    elif self._wanted(path):
                        again += self._take(tar, member, path, root)
        except tarfile.TarError as error:
            raise self._refused(f"what is no whole archive: {error}") from None
        return again

    def _wanted(self, path: str) -> bool:
        return path not in self._put.secrets and any(
            target.matches(path) or target.literal_prefix == path for target in self._targets
        )

    def _folder(self, path: str) -> None:
        inside = any(_within(path, target.literal_prefix) for target in self._targets)
        if path and (inside or self._wanted(path)):
            self._check_way(f"{path}/")
            os.makedirs(f"{self._tree.root}/{path}", exist_ok=True)

    def _check_way(self, path: str) -> None:
        """Refuse what would be put somewhere by a link that came before."""
        while "/" in path:
            path = path.rpartition("/")[0]
            if path in self._links:
                raise self._refused(f"a link and what lies behind it: {path}")

    def _take(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str, root: str) -> "list[str]":
        """Take what is no folder; what must be asked for by its own name comes back."""
        if path in self._taken:
            raise self._refused(f"two files of one name: {path}")
        self._check_way(path)
        full = f"{self._tree.root}/{path}"
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if member.islnk():
            other = _path_of(member.linkname, root, root.rpartition("/")[0])
            if other is None:
                raise self._refused(f"a file that was not asked for: {member.linkname}")
            if path in (other, root):
                raise self._refused(f"a link to itself: {path}")
            if other not in self._taken:
                return [path]
            os.link(f"{self._tree.root}/{other}", full, follow_symlinks=False)
            if other in self._links:
                self._links.add(path)
        elif member.issym():
            self._link(member.linkname, path, full)
        elif member.isfile():
            source = tar.extractfile(member)
            assert source is not None
            self._file(source, member.mode, path, full)
        else:
            raise self._unfit(f"{path} is neither file nor folder nor link")
        self._taken.add(path)
        return []

    def _link(self, text: str, path: str, full: str) -> None:
        link = text
        if link.startswith(f"{self._workdir}/"):
            link = os.path.relpath(link[len(self._workdir) + 1 :], os.path.dirname(path) or ".")
        if leads_out(path, link):
            raise self._unfit(f"{path} is a link to {text}, which is not in the project")
        os.symlink(link, full)
        self._links.add(path)
        if self._put.links.get(path) == link:
            self._tree.leave_behind(path)

    def _file(self, source: "IO[bytes]", mode: int, path: str, full: str) -> None:
        known = self._put.known.get(path) if path not in self._put.links else None
        hashed = sha256() if known is not None else None
        with open(full, "xb") as file:
            while chunk := source.read(_BUFFER):
                file.write(chunk)
                if hashed is not None:
                    hashed.update(chunk)
            os.fchmod(file.fileno(), mode & 0o777)
        if hashed is not None and known == (path, bool(mode & 0o100), hashed.hexdigest()):
            self._tree.leave_behind(path)

    def _refused(self, what: str) -> EngineError:
        return EngineError(f"the engine gave back {what}", self._action.position)

    def _unfit(self, what: str) -> EngineError:
        return EngineError(f"of the targets of `{self._action.label}` {what}", self._action.position)


def _path_of(name: str, root: str, above: str) -> str | None:
    """The path in the project of something in a tar; None if it is not beneath what was asked for."""
    names = name.split("/")
    if name.startswith("/") or ".." in names:
        return None
    if not root:
        # The first name is that of the project's folder.
        names = names[1:]
    path = resolved("/".join(one for one in (above, *names) if one))
    return path if _within(path, root) else None


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


def _within(path: str, root: str) -> bool:
    return not root or path == root or path.startswith(f"{root}/")


def _folders(action: "Action") -> "Iterator[str]":
    """The folders that an action finds: those it works in, and those above its targets."""
    for written in dict.fromkeys((action.dir, *(script.dir for script in action.scripts))):
        path = resolved(written)
        if not path.startswith(("/", "../")) and path != "..":
            yield path
    for target in action.written:
        prefix = target.literal_prefix
        yield prefix if target.has_wildcard else os.path.dirname(prefix)
