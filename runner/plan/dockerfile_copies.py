"""What a Dockerfile needs: files of its context, other images, and what a builder must be able to do.

Only the stages count that the wanted one is made of, as BuildKit has it. What can't be told for sure, as a name
with a variable in it that the base may set, stands for the whole context: more than needed never makes an image
that is out of date, less would.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runner.errors import PlanError, nearest
from runner.location import Position
from runner.plan.dockerfile_text import DockerfileText, Instruction, expanded, split_words

BUILDKIT, SESSION = "buildkit", "session"
"""What a builder must have: BuildKit, and a client that hands over secrets or an agent while it builds."""
_COPIES = ("COPY", "ADD")
_OF_RUN = ("--mount", "--network", "--security")
_OF_COPY = ("--chmod", "--link", "--parents", "--exclude", "--checksum", "--keep-git-dir")
"""Flags that only BuildKit knows."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A file, a folder or a pattern of the context.

    Args:
        path: Relative to the context, with `*`, `?` and `[…]`; empty for everything.
        line: Where in the Dockerfile.
    """

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class DockerfileNeeds:
    """What a Dockerfile needs.

    Args:
        copied: What of the context.
        bases: The images that it stands on and copies from.
        builder: What a builder must have, each with the words for what needs it.
        secrets: The names of the secrets that its commands mount.
        ssh: Whether they mount an agent of ssh.
    """

    copied: tuple[Copied, ...]
    bases: tuple[str, ...]
    builder: tuple[tuple[str, str], ...]
    secrets: tuple[str, ...]
    ssh: bool

    @property
    def everything(self) -> Copied | None:
        """The first that stands for the whole context, if one does."""
        return next((one for one in self.copied if not one.path), None)


def dockerfile_needs(
    text: DockerfileText,
    stage: str,
    args: Mapping[str, str],
    automatic: Mapping[str, str],
    at: Position | None,
) -> DockerfileNeeds:
    """What a Dockerfile needs to make a stage.

    Args:
        text: The Dockerfile.
        stage: The stage's name or number; empty for the last.
        args: Build arguments.
        automatic: Those that a builder gives by itself, such as `TARGETARCH`.
        at: Where the stage is named, for errors.

    Raises:
        PlanError: There is no such stage.
    """
    reader = _Reader(text, args, automatic)
    wanted = reader.find(stage)
    if wanted is None:
        names = tuple(one.name for one in reader.stages if one.name)
        near = nearest(stage, names)
        hint = f"did you mean `{near}`?" if near else f"it has: {', '.join(names)}" if names else ""
        raise PlanError(f"the Dockerfile has no stage `{stage}`", at, hint)
    if text.foreign:
        # Another reader may take anything for anything.
        return DockerfileNeeds((Copied("", 1),), (), ((BUILDKIT, "the `# syntax=` line"),), (), ssh=False)
    reader.read(wanted)
    return DockerfileNeeds(
        tuple(dict.fromkeys(reader.copied)),
        tuple(dict.fromkeys(reader.bases)),
        tuple(dict.fromkeys(reader.builder)),
        tuple(dict.fromkeys(reader.secrets)),
        reader.ssh,
    )


@dataclass(slots=True)
class _Stage:
    """A stage.

    Args:
        name: In lower case, or empty.
        start: Its `FROM`.
        steps: What follows.
        env: Its variables when it is done; None before it was read.
    """

    name: str
    start: Instruction
    steps: list[Instruction]
    env: dict[str, str | None] | None = None


class _Reader:
    """Reads the stages that one is made of."""

    def __init__(self, text: DockerfileText, args: Mapping[str, str], automatic: Mapping[str, str]) -> None:
        self._escape = text.escape
        self._args = args
        self._automatic = automatic
        self._first: list[Instruction] = []
        self.stages: list[_Stage] = []
        self.copied: list[Copied] = []
        self.bases: list[str] = []
        self.builder: list[tuple[str, str]] = []
        self.secrets: list[str] = []
        self.ssh = False
        for one in text.instructions:
            if one.name == "FROM":
                words = one.words
                named = len(words) > 2 and words[1].upper() == "AS"
                self.stages.append(_Stage(words[2].lower() if named else "", one, []))
            elif self.stages:
                self.stages[-1].steps.append(one)
            else:
                self._first.append(one)
        self._shared: dict[str, str | None] = dict(automatic)
        for one in self._first:
            if one.name == "ARG":
                self._declare(one, self._shared, {}, shared={})

    def find(self, stage: str) -> int | None:
        """The number of a stage, the last one for an empty name."""
        if not stage:
            return len(self.stages) - 1 if self.stages else None
        return self._stage(stage, len(self.stages))

    def _stage(self, name: str, before: int) -> int | None:
        """The number of a stage in front of another one."""
        for number in reversed(range(before)):
            if self.stages[number].name == name.lower():
                return number
        return int(name) if name.isascii() and name.isdigit() and int(name) < before else None

    def read(self, number: int) -> dict[str, str | None]:
        """Note what a stage and all that it is made of need; the variables that it leaves."""
        stage = self.stages[number]
        if stage.env is not None:
            return stage.env
        stage.env = {}
        base = expanded(next(iter(stage.start.words), ""), self._shared, self._escape)
        env = dict(self._origin(base, number) or {})
        declared: dict[str, str | None] = {}
        for one in stage.steps:
            if one.name == "ARG":
                self._declare(one, declared, env, shared=self._shared)
            elif one.name == "ENV":
                env |= self._set(one, {**declared, **env})
            else:
                self._take(one, number, {**declared, **env})
        stage.env = env
        return env

    def _origin(self, base: str | None, number: int) -> dict[str, str | None] | None:
        """Read what a stage comes from, if that is another one; else it is noted as an image."""
        if base is None:
            # It may be any stage before.
            for other in range(number):
                self.read(other)
            return None
        other_number = self._stage(base, number)
        if other_number is not None:
            return self.read(other_number)
        if base and base != "scratch":
            self.bases.append(base)
        return None

    def _declare(
        self,
        one: Instruction,
        known: dict[str, str | None],
        env: Mapping[str, str | None],
        *,
        shared: Mapping[str, str | None],
    ) -> None:
        """Take an `ARG` into what is known."""
        for word in split_words(one.text, self._escape):
            name, given, default = word.partition("=")
            if name in self._args:
                known[name] = self._args[name]
            elif given:
                known[name] = expanded(default, {**known, **env}, self._escape)
            elif name in shared:
                known[name] = shared[name]
            else:
                known[name] = self._automatic.get(name)

    def _set(self, one: Instruction, known: dict[str, str | None]) -> dict[str, str | None]:
        """What an `ENV` sets."""
        words = split_words(one.text, self._escape)
        if words and "=" not in words[0]:
            name, *rest = one.text.split(None, 1)
            return {name: expanded(rest[0], known, self._escape) if rest else None}
        pairs = (word.partition("=") for word in words)
        return {name: expanded(value, known, self._escape) for name, _, value in pairs}

    def _take(self, one: Instruction, number: int, known: dict[str, str | None]) -> None:
        """Note what any other instruction needs."""
        # What an `ONBUILD` says happens where another Dockerfile stands on this one: maybe a stage below.
        one = one.inner
        name, flags, words, listed = one.name, one.flags, one.words, one.listed is not None
        if name in _COPIES:
            self._copy(one, flags, words, known, number, listed=listed)
        elif name == "RUN":
            self._run(one, flags, number, known)
        only = {"RUN": _OF_RUN, "COPY": _OF_COPY, "ADD": _OF_COPY}.get(name, ())
        for flag in flags:
            if flag.partition("=")[0] in only:
                self._needs(BUILDKIT, f"{name} {flag.partition('=')[0]}", one)
        if one.heredocs:
            self._needs(BUILDKIT, f"{name} <<{one.heredocs[0]}", one)

    def _needs(self, what: str, words: str, one: Instruction) -> None:
        self.builder.append((what, f"`{words}` in line {one.line} of the Dockerfile"))

    def _copy(
        self,
        one: Instruction,
        flags: tuple[str, ...],
        words: tuple[str, ...],
        known: dict[str, str | None],
        number: int,
        *,
        listed: bool,
    ) -> None:
        origin = next((flag.partition("=")[2] for flag in flags if flag.startswith("--from=")), "")
        if origin:
            self._origin(expanded(origin, known, self._escape), number)
            return
        for word in words[:-1]:
            if "://" in word or word.startswith("git@") or (one.heredocs and not listed and "<<" in word):
                continue
            # Builders don't agree on what an escape means in front of a wildcard.
            path = None if self._escape in word else expanded(word, known, self._escape)
            self.copied.append(Copied("" if path is None else _clean(path), one.line))

    def _run(
        self, one: Instruction, flags: tuple[str, ...], number: int, known: dict[str, str | None]
    ) -> None:
        for flag in flags:
            name, _, text = flag.partition("=")
            if name != "--mount":
                continue
            options = dict(_options(text))
            kind = options.get("type", "bind")
            origin = options.get("from", "")
            if kind in {"secret", "ssh"}:
                self._needs(SESSION, f"RUN --mount=type={kind}", one)
                self.ssh = self.ssh or kind == "ssh"
                if kind == "secret":
                    path = options.get("target", options.get("dst", options.get("destination", "")))
                    self.secrets.append(options.get("id") or path.rpartition("/")[2])
            elif origin:
                self._origin(expanded(origin, known, self._escape), number)
            elif kind == "bind":
                source = expanded(options.get("source", options.get("src", "")), known, self._escape)
                self.copied.append(Copied(_clean(source or ""), one.line))


def _options(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(","):
        name, _, value = part.partition("=")
        yield name.strip().lower(), value.strip()


def _clean(path: str) -> str:
    """A path of the context as the builder takes it: what leads above it, begins at it."""
    names: list[str] = []
    for name in path.split("/"):
        if name == "..":
            names = names[:-1]
        elif name not in {"", "."}:
            names.append(name)
    return "/".join(names)
