"""Files that are there whole or not at all, also when the program is killed while it writes.

A file is written under a name nobody looks for and then renamed; what a killed run left of it is rubbish that
its owner may remove.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from typing import BinaryIO


@contextlib.contextmanager
def new_file(folder: str, prefix: str = "") -> Iterator[BinaryIO]:
    """A file to write in a folder; it is gone at the end unless it was renamed."""
    with open(os.path.join(folder, f"{prefix}{os.urandom(8).hex()}"), "xb") as file:
        try:
            yield file
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(file.name)


def rename(file: BinaryIO, path: str) -> None:
    """Gives a new file its place; what was there is replaced."""
    file.flush()
    os.replace(file.name, path)


class WholeFiles:
    """A folder of such files; those being written are in its folder `new`.

    Args:
        folder: Where it is; made when something is written.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def path(self, *names: str) -> str:
        """The path of a file or folder in it."""
        return "/".join((self._folder, *names))

    def make(self, *names: str) -> None:
        """Makes a folder in it, if it is not there."""
        os.makedirs(self.path(*names), exist_ok=True)

    def read(self, *names: str) -> bytes | None:
        """The bytes of a file, or None if there is none."""
        try:
            with open(self.path(*names), "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def names(self, *folder: str) -> list[str]:
        """The names in a folder, none if there is no such folder."""
        try:
            return os.listdir(self.path(*folder))
        except FileNotFoundError:
            return []

    @contextlib.contextmanager
    def new_file(self) -> Iterator[BinaryIO]:
        """A file to write, see the function of that name."""
        self.make("new")
        with new_file(self.path("new")) as file:
            yield file

    def replace(self, names: tuple[str, ...], data: bytes) -> None:
        """Lets a file have these bytes."""
        self.make(*names[:-1])
        with self.new_file() as file:
            file.write(data)
            rename(file, self.path(*names))

    @contextlib.contextmanager
    def locked(self, name: str, how: int) -> Iterator[None]:
        """While this lasts, the lock of that name is held, in one of the ways of `flock`.

        Raises:
            BlockingIOError: Somebody else has it and `how` says not to wait.
        """
        self.make()
        with open(self.path(name), "ab") as file:
            fcntl.flock(file, how)
            yield
