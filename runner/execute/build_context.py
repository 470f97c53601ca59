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

_NAME = "Dockerfile"


class Context:
    """The files that an image is built of.

    Args:
        files: Path in the context and content, sorted, each with whether it may be executed.
        dockerfile: The Dockerfile's path among them.
        digest: Of all of it, and of the stage that is built, as hexadecimal digits.
    """

    def __init__(self, files: "list[tuple[str, bytes, bool]]", dockerfile: str, digest: str) -> None:
        self._files = files
        self.dockerfile = dockerfile
        self.digest = digest

    def archive(self) -> bytes:
        """A tar of the files, the same for the same files."""
        out = io.BytesIO()
        # An engine looks at the first 1,024 bytes to see what it is, and knows this format by them.
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for path, data, executable in self._files:
                member = tarfile.TarInfo(path)
                member.size, member.mode, member.mtime = len(data), 0o755 if executable else 0o644, 0
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
    files = [(path, tree.read(path) or b"", os.access(tree.path(path), os.X_OK)) for path in found.files]
    taken = {path for path, _, _ in files}
    name = _NAME
    while name in taken:
        name = f"{name}.pyrun"
    files.insert(0, (name, text, False))
    parts = tuple((path, digest_of(data).hex, executable) for path, data, executable in files)
    return Context(files, name, digest_of(canonical((parts, container.stage, container.platform))).hex[:32])


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
