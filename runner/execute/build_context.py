"""What a container's Dockerfile is built of: itself, and the files that it copies."""

import io
import os
import tarfile

from runner.digest import canonical, digest_of
from runner.errors import RunError
from runner.model.path import beneath, resolved
from runner.plan.dockerfile_copies import copied_patterns
from runner.plan.pattern import parse_pattern
from runner.plan.select import select
from runner.system.tree import DiskTree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.model.container import Container

_NAME = ".pyrun.Dockerfile"
"""What a Dockerfile is called there that lies elsewhere."""
_LINK, _EXECUTABLE, _PLAIN = "link", "executable", "plain"


class Context:
    """The files that an image is built of.

    Args:
        files: Path in the context, content, and what it is; of a link, the content is where it leads.
        dockerfile: The Dockerfile's path among them.
        digest: Of all of it, and of the stage that is built, as hexadecimal digits.
    """

    def __init__(self, files: "list[tuple[str, bytes, str]]", dockerfile: str, digest: str) -> None:
        self._files = files
        self.dockerfile = dockerfile
        self.digest = digest

    def archive(self) -> bytes:
        """A tar of the files, the same for the same files."""
        out = io.BytesIO()
        # An engine looks at the first 1,024 bytes to see what it is, and knows this format by them.
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for path, data, kind in self._files:
                member = tarfile.TarInfo(path)
                member.mode, member.mtime = 0o755 if kind == _EXECUTABLE else 0o644, 0
                if kind == _LINK:
                    member.type, member.linkname = tarfile.SYMTYPE, os.fsdecode(data)
                    tar.addfile(member)
                    continue
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        return out.getvalue()


def read_context(top: str, container: "Container") -> Context:
    """What a container's Dockerfile is built of.

    Args:
        top: The project's top folder, absolute.
        container: The container.

    Raises:
        RunError: A file can't be read, or the Dockerfile copies what is not there.
    """
    written = resolved(beneath(container.folder, container.dockerfile))
    text = _read(top, written, container)
    folder = written.rpartition("/")[0]
    if container.context:
        folder = resolved(beneath(container.folder, container.context))
    tree = DiskTree(os.path.normpath(os.path.join(top, folder)))
    patterns = tuple(
        parse_pattern(pattern, container.position)
        for pattern in copied_patterns(text.decode("utf-8", "replace"))
    )
    found = select(tree, patterns, ignore=None)
    if found.unmatched:
        raise RunError(
            f"`{container.dockerfile}` copies `{found.unmatched[0].text}`, and there is no such file in "
            f"`{folder or '.'}`",
            container.position,
            "name the folder that it copies from: `context:`",
        )
    files = [_file(tree, path) for path in found.files]
    # The engine copies it with all else, if all is copied; so it goes by its own name where it has one there.
    name = written.removeprefix(f"{folder}/") if folder else written
    if name.startswith(("/", "..")) or os.path.normpath(os.path.join(folder, name)) != written:
        name = _NAME
    files = [(name, text, _PLAIN), *(one for one in files if one[0] != name)]
    parts = tuple((path, digest_of(data).hex, kind) for path, data, kind in files)
    return Context(files, name, digest_of(canonical((parts, container.stage, container.platform))).hex[:32])


def _file(tree: DiskTree, path: str) -> "tuple[str, bytes, str]":
    """A file of the context: its path, its content, and what it is."""
    where = tree.path(path)
    if os.path.islink(where):
        return path, os.fsencode(os.readlink(where)), _LINK
    return path, tree.read(path) or b"", _EXECUTABLE if os.access(where, os.X_OK) else _PLAIN


def _read(top: str, path: str, container: "Container") -> bytes:
    try:
        with open(os.path.join(top, path), "rb") as file:
            return file.read()
    except OSError as error:
        raise RunError(
            f"the Dockerfile `{container.dockerfile}` of the container `{container.name}` can't be read: "
            f"{error.strerror}",
            container.position,
        ) from None
