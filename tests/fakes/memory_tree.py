"""A `runner.plan.facts.Tree` that is a dictionary, and remembers what it was asked."""

from collections.abc import Mapping

from runner.plan.facts import FILE, FOLDER, LINK_TO_FOLDER, OTHER


class MemoryTree:
    """Files by their path; folders are there because a file is in them.

    Args:
        files: Content by path relative to the top folder.
        links: What a symbolic link at a path leads to, as a path relative to the top folder.
        others: Paths of things that are neither file nor folder.
    """

    def __init__(
        self, files: Mapping[str, bytes], links: Mapping[str, str] | None = None, others: tuple[str, ...] = ()
    ) -> None:
        self._files = dict(files)
        self._links = dict(links or {})
        self._folders: dict[str, dict[str, str]] = {"": {}}
        for path in self._files:
            self._place(path, FILE)
        for path in others:
            self._place(path, OTHER)
        for path in self._links:
            self._place(path, OTHER)
        for path, end in self._links.items():
            kind = LINK_TO_FOLDER if end in self._folders else FILE if end in self._files else OTHER
            self._place(path, kind)
        self.listed: list[str] = []
        """Each folder that `names` was asked for, in order."""
        self.opened: list[str] = []
        """Each path that `read` was asked for, in order."""

    def _place(self, path: str, kind: str) -> None:
        folder, _, name = path.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = {}
            self._place(folder, FOLDER)
        self._folders[folder][name] = kind

    def _followed(self, path: str) -> str:
        """The path with the links on its way replaced by what they lead to."""
        done = ""
        for name in path.split("/"):
            done = f"{done}/{name}" if done else name
            done = self._links.get(done, done)
        return done

    def names(self, folder: str) -> Mapping[str, str] | None:
        """See `Tree.names`."""
        self.listed.append(folder)
        return self._folders.get(self._followed(folder))

    def read(self, path: str) -> bytes | None:
        """See `Tree.read`."""
        self.opened.append(path)
        return self._files.get(self._followed(path))
