"""`--verify`: an image made twice, as two other people would make it, and the first thing in which the two differ.

Each has a clean checkout of its own, in a folder of another name and length, with another home, time zone and
umask. Nothing that was made before is used, pyrun's own store and the caches of tools in the home least of all;
what a user has beside those, as tool-chains and credentials, is there. Container tasks see what they declare, in a
place of their own. Imported only with that flag.
"""

import os
import re

from runner.cli.arguments import Request, leading_flags, read_calls
from runner.cli.session import Session, confirmed
from runner.errors import RunError, UsageError
from runner.events import Noticed
from runner.image.compare import Difference, Side, first_difference
from runner.model.path import beneath, resolved
from runner.plan.affected import part_of
from runner.plan.image_plan import ARCHIVE, OCI
from runner.plan.pattern import Pattern, parse_pattern
from runner.store.oci_layout import OciLayout
from runner.store.run_locks import RunLocks
from runner.system.claimed_folder import claim, remove_folder, remove_left
from runner.system.clean_copy import copy_project, copy_repository, other_home
from runner.system.git import find_ignore
from runner.system.state_folder import make_state_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Protocol

    from runner.plan.action import Action, Plan, Sources
    from runner.plan.gitignore import Ignore
    from runner.ui.plain import PlainReporter

    class Call(Protocol):
        """A call of pyrun, as far as this asks it."""

        words: Sequence[str]

        def planned(self, session: Session, request: Request) -> "tuple[Plan, Plan]":
            """The plan of what was asked for: the whole, and the part that flags leave of it."""

        def reporter(self, session: Session, total: int, flags: "Mapping[str, str]") -> "PlainReporter":
            """Who shows the work."""


PLACES = (
    ("a", "UTC0", 0o022),
    ("another-place-whose-name-is-a-good-deal-longer", "<+0545>-05:45", 0o077),
)
"""The two places: how the folder is called, the time zone as POSIX has them, and the umask."""
_PROJECT = ".project"
"""A link in a place that leads to the project there."""
_NOT_WITH = ("watch", "resume", "audit", "sandbox", "force")
_NARROW = ("since", "shard")
"""Flags that leave a part of what was asked for: which one that is, is known already."""
_DROPPED = (
    "push", "save", "load", "attest", "annotate", "update", "output", "report", "profile", "dir", "file", *_NARROW,
)  # fmt: skip
"""Flags that are for what comes of the work, or that say what is said already."""
_WHERE = ("push", "save", "load")
_CACHES = {"XDG_CACHE_HOME": "", "GOCACHE": "/go-build", "CCACHE_DIR": "/ccache", "PIP_CACHE_DIR": "/pip"}
"""Variables that lead to what tools have made before, and where that is in a cache folder."""
_MOMENT = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}:[0-9]{2}:[0-9]{2}|1[0-9]{9}")


def verify(call: "Call", session: Session, request: Request, plan: "Plan", reporter: "PlainReporter") -> int:
    """Make the images of a plan twice and compare them; the exit status of what failed in that, or 0.

    Afterwards the session makes and ships no other images than those.

    Raises:
        UsageError: There is no image, or a flag does not go with it.
        RunError: Two images differ.
        PyrunError: They can't be made.
    """
    flags = request.flags
    _check(plan, flags)
    confirmed(plan, flags)
    base = f"{session.cache}/verify" if session.cache else f"{make_state_folder(session.top)}/verify"
    _end_left(base)
    remove_left(base)
    claimed: list[tuple[str, int]] = []
    places: list[_Place] = []
    try:
        for name, zone, umask in PLACES:
            claimed.append(claim(base, name))
            place = _Place(session, plan, claimed[-1][0], zone, umask)
            places.append(place)
            reporter.tell(Noticed(f"--verify makes it in {claimed[-1][0]}"))
            status = place.make(call, flags)
            if status:
                return status
        session.verified = _same(plan, places)
    finally:
        for folder, lock in claimed:
            remove_folder(folder)
            os.close(lock)
        remove_left(base)
    for name, digest in session.verified.items():
        reporter.tell(Noticed(f"{name} is the same twice: {digest}"))
    return 0


def _end_left(base: str) -> None:
    """End what killed runs have left running in their places."""
    try:
        names = os.listdir(base)
    except OSError:
        return
    for name in names:
        try:
            top = os.readlink(f"{base}/{name}/{_PROJECT}")
        except OSError:
            continue
        if os.path.isdir(top):
            RunLocks(top).end_left()


def goes_on(flags: "Mapping[str, str]") -> bool:
    """Whether something is to be done with images that were verified."""
    return any(name in flags for name in _WHERE)


def _check(plan: "Plan", flags: "Mapping[str, str]") -> None:
    if not any(action.image is not None for action in plan.actions):
        raise UsageError("`--verify` is for images, and none is asked for")
    other = next((name for name in _NOT_WITH if name in flags), "")
    if other:
        raise UsageError(f"`--verify` and `--{other}` do not go together", None, "use one after the other")


class _Place:
    """One of the two places.

    Args:
        session: The session in the project.
        plan: What is made.
        folder: The place's folder, empty.
        zone: Its time zone.
        umask: Its umask.

    Attributes:
        root: The place's folder.
        layout: Where its images are.
    """

    def __init__(self, session: Session, plan: "Plan", folder: str, zone: str, umask: int) -> None:
        self._session = session
        self._plan = plan
        self._zone = zone
        self._umask = umask
        self.root = folder
        self._top = ""

    @property
    def layout(self) -> OciLayout:
        """Where its images are."""
        return OciLayout.opened(f"{self._top}/.pyrun/images")

    def make(self, call: "Call", flags: "Mapping[str, str]") -> int:
        """Make the images; the exit status."""
        before = os.umask(self._umask)
        try:
            session = self._opened()
            own = {name: value for name, value in flags.items() if name not in _DROPPED}
            own |= {"no-load": "", "yes": ""}
            if "verbose" not in own:
                own["quiet"] = ""
            _, used = leading_flags(call.words)
            request = read_calls(
                call.words[used:], own, session.project, session.values_of, session.namespace
            )
            for name in _DROPPED:
                request.flags.pop(name, None)
            # For which platforms images are hangs on where they go.
            planned = {name: value for name, value in flags.items() if name not in _NARROW}
            _, plan = call.planned(session, Request(planned, request.calls))
            if any(name in flags for name in _NARROW):
                plan = part_of(plan, self._asked(plan))
            reporter = call.reporter(session, len(plan.actions), request.flags)
            try:
                return session.work(plan, request.flags, reporter, [session.here])
            finally:
                if session.containers is not None:
                    containers = [action.container for action in plan.actions if action.container is not None]
                    session.containers.remove_caches(containers)
        finally:
            os.umask(before)

    def _asked(self, plan: "Plan") -> "Sequence[str]":
        """What is asked for of a plan that was made here.

        Raises:
            RunError: Something of it is another thing here.
        """
        there = {action.id for action in plan.actions}
        for action in self._plan.actions:
            if action.id in self._plan.asked and action.id not in there:
                raise RunError(
                    f"`{action.label}` is not the same twice: a value of its args or options is another one in a "
                    "fresh checkout",
                    action.position,
                )
        return self._plan.asked

    def _opened(self) -> "_Apart":
        """The session in a fresh checkout."""
        session = self._session
        environ = self._environ()
        self._top = copy_repository(session.top, f"{self.root}/{os.path.basename(session.top)}", environ)
        os.symlink(self._top, f"{self.root}/{_PROJECT}")
        left = _left(session, self._plan)
        copy_project(session.top, self._top, left)
        for action in self._plan.actions:
            for base in action.image.bases if action.image is not None else ():
                if base.kind in {OCI, ARCHIVE} and base.path.startswith("../"):
                    self._lead_outside(base.path)
        here = os.path.relpath(session.here, session.top)
        here = self._top if here == "." or here.startswith("..") else f"{self._top}/{here}"
        os.makedirs(here, exist_ok=True)
        return _Apart(
            f"{self._top}/{session.name}", {**environ, "PWD": here}, here, self.root, alone=session.alone
        )

    def _lead_outside(self, path: str) -> None:
        """Let a path that leads out of the project lead to the same thing from here, where that is possible."""
        target = os.path.normpath(f"{self._top}/{path}")
        if target.startswith(f"{self.root}/") and not os.path.lexists(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.symlink(os.path.normpath(f"{self._session.top}/{path}"), target)

    def _environ(self) -> "Mapping[str, str]":
        environ = self._session.environ
        home = f"{self.root}/.home"
        other_home(environ.get("HOME", ""), home)
        caches = {
            name: f"{home}/.cache{path}"
            for name, path in _CACHES.items()
            if name in environ or name == "XDG_CACHE_HOME"
        }
        return {**environ, **caches, "HOME": home, "TZ": self._zone}


class _Apart(Session):
    """A session in a place of its own, with a store of its own."""

    def __init__(self, path: str, environ: "Mapping[str, str]", cwd: str, root: str, *, alone: bool) -> None:
        self._root = root
        super().__init__(path, environ, cwd, alone=alone)

    @property
    def store(self) -> str | None:
        """See `Session`."""
        return f"{self._root}/.store"


def _left(session: Session, plan: "Plan") -> "Callable[[str, bool], bool]":
    """What of a project somebody else would not get: what git ignores and no file names, and what tasks make."""
    ignore = find_ignore(session.top, session.facts.tree, session.environ)
    named = _named(session, plan)
    targets = [target for action in plan.actions for target in action.targets or ()]

    def left(path: str, is_folder: bool) -> bool:
        if _tracked(ignore, path, is_folder):
            return False
        if is_folder:
            made = any(target.literal_prefix == path and not target.has_wildcard for target in targets)
        else:
            made = any(target.matches(path) for target in targets)
        if made:
            return True
        ignored = ignore is not None and ignore.ignores(path, folder=is_folder)
        return ignored and not any(_reaches(one, path, is_folder) for one in named)

    return left


def _tracked(ignore: "Ignore | None", path: str, is_folder: bool) -> bool:
    if ignore is None:
        return False
    return ignore.tracks_beneath(path) if is_folder else ignore.tracks(path)


def _named(session: Session, plan: "Plan") -> "Sequence[Pattern]":
    """What the files of the project name, be it ignored by git or not."""
    texts = [
        resolved(beneath(head.folder, file.path)) for head in session.project.heads for file in head.env_files
    ]
    found: list[Pattern] = []
    for action in plan.actions:
        left: list[Sources] = [action.sources] if action.sources is not None else []
        while left:
            sources = left.pop()
            left += sources.more
            found += [pattern for pattern, _ in sources.patterns]
        if action.image is not None:
            texts += [base.path for base in action.image.bases if base.kind in {OCI, ARCHIVE}]
            found += [
                parse_pattern(source, copy.at) for copy in action.image.copies for source in copy.own_sources
            ]
    inside = [text for text in dict.fromkeys(texts) if not text.startswith(("/", ".."))]
    # What has a wildcard leaves out what git ignores.
    return [one for one in (*found, *map(parse_pattern, inside)) if not one.has_wildcard]


def _reaches(pattern: Pattern, path: str, is_folder: bool) -> bool:
    """Whether a pattern names a file, or may name something in a folder."""
    prefix = pattern.literal_prefix
    if not is_folder:
        return pattern.matches(path)
    return f"{prefix}/".startswith(f"{path}/") or f"{path}/".startswith(f"{prefix}/")


def _same(plan: "Plan", places: "Sequence[_Place]") -> "Mapping[str, str]":
    """The names of the images, each with its digest.

    Raises:
        RunError: Two differ.
    """
    one, other = (place.layout for place in places)
    found = {}
    for action in plan.actions:
        image = action.image
        if image is None or not image.tags:
            # What an index lists is looked at with that.
            continue
        name = f"{image.name}:{image.tags[0]}"
        sides = [Side(layout.find(name), layout.read, layout.chunks) for layout in (one, other)]
        difference = first_difference(*sides)
        if difference is not None:
            parts = {part for part, _ in image.parts}
            made = [one for one in plan.actions if one.id in parts] or [action]
            raise _differs(action, made, name, difference, places)
        found[name] = str(sides[0].head.digest)
    return found


def _differs(
    action: "Action", made: "Sequence[Action]", name: str, found: Difference, places: "Sequence[_Place]"
) -> RunError:
    at, where = action.position, ""
    copies = [copy for one in made if one.image is not None for copy in one.image.copies]
    to = found.words.removeprefix("pyrun copy to ")
    if found.words and to != found.words:
        copy = next((one for one in copies if one.to == to), None)
        where = f", in the layer of `copy` to `{to}`"
        if copy is not None:
            at = copy.at or at
            where += f", from `{copy.task}`" if copy.task else ""
    elif found.words:
        where = f", in the layer of `{found.words}`"
    return RunError(
        f"{name} is not the same twice: {found.what}{where}: {found.first} in the first, {found.second} in the "
        "second",
        at,
        _advice(found, places),
    )


def _advice(found: Difference, places: "Sequence[_Place]") -> str:
    if found.content is not None:
        for place, content in zip(places, found.content, strict=True):
            if f"/verify/{os.path.basename(place.root)}/".encode() in content:
                return "the folder in which it was made is in it: a flag such as `-trimpath` leaves that out"
        if all(_MOMENT.search(content) for content in found.content):
            return "a moment is in it: what the task writes must take none, or that of SOURCE_DATE_EPOCH"
    if found.what.startswith("the mode"):
        return "the umask was 022 in the first place and 077 in the second: give the `copy` a `mode`"
    return "what tasks write must not depend on folder, home, time zone, umask and moment, which differ"
