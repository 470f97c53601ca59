"""What this call has looked at and said: all that the next one like it must find the same to answer alike.

Whoever in this package asks the disk something that an answer may hang on notes the path here. Starting a process
ends it all: what that does is not known. Imported by every start, so it imports nothing.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Becoming = Callable[[str, Sequence[str], str, Mapping[str, str]], None]


class Witness:
    """What one call has looked at and said.

    Attributes:
        whole: Whether nothing has happened that can't be told.
        paths: Absolute paths whose stat decides whether anything was changed, as they were looked at.
        empty: Folders that must hold nothing.
        told: What was written: descriptors and bytes, in order.
        becoming: Called when this process is about to become another program: its path, its words, its folder
            and its variables.
    """

    __slots__ = ("becoming", "empty", "paths", "told", "whole")

    def __init__(self) -> None:
        self.whole = True
        self.paths: list[str] = []
        self.empty: list[str] = []
        self.told: list[tuple[int, bytes]] = []
        self.becoming: Becoming | None = None

    def spoil(self) -> None:
        """Something has happened that can't be told: this call bears witness no more."""
        self.whole = False
        self.paths.clear()
        self.empty.clear()
        self.told.clear()

    def saw(self, path: str) -> None:
        """A path was looked at, there or not."""
        if self.whole:
            self.paths.append(path)

    def saw_all(self, top: str, paths: "Iterable[str]") -> None:
        """Paths were looked at, all below one folder."""
        if self.whole:
            self.paths += [f"{top}/{path}" for path in paths]

    def saw_empty(self, folder: str) -> None:
        """A folder was found with nothing in it, or missing."""
        if self.whole:
            self.empty.append(folder)

    def said(self, number: int, data: bytes) -> None:
        """Something was written to a descriptor."""
        if self.whole:
            self.told.append((number, data))


WITNESS = Witness()
"""That of this process."""
