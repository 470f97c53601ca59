"""What git says has changed in a project since a revision, and what lay there then.

`git` is asked with names ended by NUL, so that no name is misread. It is told to write nothing and to start no
monitor of files; else it does as it always does, `GIT_*` variables of the caller included.
"""

import os

from runner.errors import PyrunError, UsageError
from runner.plan.affected import Changes
from runner.system.process import capture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Entry = tuple[str, str]
    """The mode of a file as git writes it, and the name of its content."""

_QUIET = ("-c", "core.fsmonitor=false", "-c", "diff.relative=false")
_UPSTREAMS = ("@{upstream}", "origin/HEAD", "origin/main", "origin/master", "main", "master")
"""Where a branch may have begun, the likelier first."""
_DEEPEN = (
    "`git fetch --deepen=100` brings more, `git fetch --unshallow` all; in a CI's checkout `fetch-depth: 0`"
)
_NOTHING = "000000"
"""The mode of what is not there."""


class Repository:
    """The git repository that a project lies in.

    Args:
        top: The project's top folder, absolute.
        environ: The caller's variables.

    Raises:
        UsageError: It lies in none, or git refuses it.
        RunError: There is no git.
    """

    def __init__(self, top: str, environ: "Mapping[str, str]") -> None:
        self._top = top
        self._environ = {**environ, "GIT_OPTIONAL_LOCKS": "0", "PWD": top}
        status, told = self._ask(
            "rev-parse", "--is-inside-work-tree", "--is-shallow-repository", "--show-prefix"
        )
        inside, shallow, prefix = (*told.split("\n", 2), "", "")[:3]
        if status or inside != "true":
            raise self._no_repository()
        self._shallow = shallow == "true"
        self._prefix = prefix.removesuffix("\n")

    def revision(self, named: str) -> tuple[str, str]:
        """The commit that `--since` means, and what to call it.

        Args:
            named: A revision, or empty for where the current branch and its upstream part.

        Raises:
            UsageError: There is none.
        """
        if not named:
            return self._parting()
        commit = "" if named.startswith("-") else self._commit(named)
        if commit:
            return commit, f"`{named}`"
        if self._shallow:
            raise UsageError(f"this clone is shallow, and git knows no commit `{named}` in it", None, _DEEPEN)
        raise UsageError(
            f"git knows no commit `{named}`",
            None,
            "a branch, a tag or a commit; `git fetch` brings what others have pushed",
        )

    def changes(self, commit: str) -> "tuple[Changes, dict[str, Entry]]":
        """The files of the project that were committed since a commit, or are changed, staged or untracked now.

        What git ignores is not among them.

        Returns:
            The files, and what those of them were in the commit that were there.

        Raises:
            PyrunError: Git fails.
        """
        found, gone = set(), set()
        before: dict[str, Entry] = {}
        # `git diff` would write the index anew, and lock it meanwhile.
        rows = self._list(
            "status", "--porcelain=v2", "-z", "--no-renames", "--untracked-files=all", "--", "."
        )
        for row in rows:
            kind, path, what, entry = _status(row)
            path = path.removeprefix(self._prefix)
            if kind == "?":
                path = self._shown(path)
            elif entry[0] != _NOTHING:
                before[path] = entry
            found.add(path)
            if "D" in what:
                gone.add(path)
        rows = self._list(
            "diff-tree",
            "-r",
            "-z",
            "--raw",
            "--no-abbrev",
            "--no-renames",
            "--relative",
            commit,
            "HEAD",
            "--",
        )
        for about, path in zip(rows[::2], rows[1::2], strict=False):
            old_mode, _, old, _, what = about[1:].split(" ")
            before.pop(path, None)
            if old_mode != _NOTHING:
                before[path] = (old_mode, old)
            found.add(path)
            if what == "D":
                gone.add(path)
        shown = {self._shown(path) for path in found}
        return Changes(shown, gone), before

    def _shown(self, path: str) -> str:
        """A path, with a `/` behind if a repository of its own lies there."""
        full = f"{self._top}/{path}".rstrip("/")
        return f"{path.rstrip('/')}/" if os.path.isdir(full) and not os.path.islink(full) else path

    def held(self, commit: str, folder: str) -> bool:
        """Whether there was a folder of the project in a commit."""
        path = f"{self._prefix}{folder}".rstrip("/")
        status, told = self._ask("cat-file", "-t", f"{commit}:{path}")
        return not status and told == "tree\n"

    def blob(self, thing: str) -> bytes | None:
        """The bytes of an object; None if git has them not."""
        status, data = self._capture("cat-file", "blob", thing)
        return None if status else data

    def _parting(self) -> tuple[str, str]:
        if not self._commit("HEAD"):
            raise UsageError(
                "this repository has no commit yet", None, "`--since` compares with one: commit first"
            )
        for name in _UPSTREAMS:
            if not self._commit(name):
                continue
            status, told = self._ask("merge-base", name, "HEAD")
            if not status:
                return told.strip(), f"where `{self._plainly(name)}` and the current branch part"
            if self._shallow:
                what = "this clone is shallow and does not reach back to where"
                raise UsageError(f"{what} `{self._plainly(name)}` and the current branch part", None, _DEEPEN)
            raise UsageError(
                f"`{self._plainly(name)}` and the current branch have no commit in common", None, _NAME_ONE
            )
        if self._shallow:
            raise UsageError(
                "this clone is shallow and has no upstream branch", None, f"{_DEEPEN}; or {_NAME_ONE}"
            )
        raise UsageError("git knows no upstream branch of the current one", None, _NAME_ONE)

    def _plainly(self, name: str) -> str:
        """A name such as `@{upstream}` as that of the branch that it stands for."""
        status, told = self._ask("rev-parse", "--abbrev-ref", name)
        return name if status or not told.strip() else told.strip()

    def _commit(self, named: str) -> str:
        """The commit that a revision names; empty if it names none."""
        status, told = self._ask("rev-parse", "--verify", "--quiet", f"{named}^{{commit}}")
        return "" if status else told.strip()

    def _list(self, *words: str) -> list[str]:
        status, told = self._ask(*words)
        if status:
            raise PyrunError(
                f"`git {words[0]}` failed with exit status {status}", None, "`git status` may say why"
            )
        return told.split("\0")[:-1]

    def _ask(self, *words: str) -> tuple[int, str]:
        status, data = self._capture(*words)
        return status, os.fsdecode(data)

    def _capture(self, *words: str) -> tuple[int, bytes]:
        return capture(("git", *_QUIET, *words), folder=self._top, environ=self._environ)

    def _no_repository(self) -> UsageError:
        folder = self._top
        while not os.path.lexists(f"{folder}/.git"):
            if folder == "/":
                return UsageError(
                    "`--since` asks git what has changed, and this is no git repository",
                    None,
                    "leave `--since` away",
                )
            folder = os.path.dirname(folder)
        return UsageError(
            f"git does not take `{folder}` for a repository", None, "`git status` there says why"
        )


def _status(row: str) -> "tuple[str, str, str, Entry]":
    """A row of `git status`: its kind, the path, what became of it, and what it is in HEAD."""
    if row.startswith("? "):
        return "?", row[2:], "", (_NOTHING, "")
    if row.startswith("u "):
        # `u XY sub m1 m2 m3 mW h1 h2 h3 path`; what HEAD has is the second side of the merge.
        fields = row.split(" ", 10)
        return "u", fields[10], fields[1], (fields[4], fields[8])
    # `1 XY sub mH mI mW hH hI path`
    fields = row.split(" ", 8)
    return "1", fields[8], fields[1], (fields[3], fields[6])


_NAME_ONE = "name a revision: `--since=REV`"
