"""What the names of images stand for in this project: by `tasks.lock`, or found out at their registries once.

A name that `tasks.lock` holds is never looked up again: whatever its registry says by now, and whether it can be
reached at all, it stands for the same. With `--update` the names that the work uses are looked up anew. With
`--locked` a name that is not there is an error; with both flags so is one that stands for something else by now,
and nothing is written.

Nothing of registries is imported before one is asked.
"""

import _thread

from runner.errors import PlanError, PyrunError, RunError
from runner.image.full_name import by_digest, full_name
from runner.store.lock_file import NAME, read_pins, save_pins
from runner.store.unpinned import is_unpinned, note_unpinned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from runner.image.descriptor import Descriptor
    from runner.image.reference import Source
    from runner.location import Position
    from runner.registry.registries import Registries

_SHORT = len("sha256:") + 12
"""Characters of a digest that people are shown."""


class Pins:
    """What the names of images stand for. May be used by several threads.

    Args:
        top: The project's top folder, absolute.
        flags: What the command line says.
        tell: Told of new and changed lines.
        registries: Gives the registries of this call.
        inert: Whether nothing may be asked of anybody, or written.
    """

    def __init__(
        self,
        top: str,
        flags: "Mapping[str, str]",
        tell: "Callable[[str], None]",
        registries: "Callable[[], Registries]",
        *,
        inert: bool,
    ) -> None:
        self._top = top
        self._update = "update" in flags and not inert
        self._locked = "locked" in flags
        self._tell = tell
        self._registries = registries
        self._inert = inert
        self._recorded: dict[str, str] | None = None
        self._settled: dict[str, str] = {}
        self._lock = _thread.allocate_lock()

    @property
    def moving(self) -> bool:
        """Whether names may come to stand for something else: then what is recorded does not count yet."""
        return self._update

    @property
    def locked(self) -> bool:
        """Whether nothing may be written down."""
        return self._locked

    def known(self, written: str) -> str:
        """The digest that a name stands for, as `sha256:…`; empty if that is still to be found out.

        Args:
            written: As the file has it; one with a digest stands for that.

        Raises:
            FileError: `tasks.lock` says something else than names and digests.
        """
        if "@" in written:
            return written.partition("@")[2]
        with self._lock:
            name = full_name(written)
            return self._settled.get(name) or self._read().get(name, "")

    def pinned(self, written: str) -> str:
        """A name with the digest that it stands for behind it, as Dockerfiles take it; as it is without one.

        Raises:
            FileError: `tasks.lock` says something else than names and digests.
        """
        digest = self.known(written)
        return f"{written}@{digest}" if digest and "@" not in written else written

    def digest(self, written: str, at: "Position | None") -> str:
        """The digest that a name stands for from now on, as `sha256:…`: of a manifest, or of an index.

        It is in `tasks.lock` when this returns, if that can be written. Where nothing may be asked it is empty
        for a name that is not there.

        Args:
            written: As the file has it; one with a digest stands for that.
            at: Where it stands.

        Raises:
            FileError: `tasks.lock` says something else than names and digests.
            PlanError: It is no name of an image; or `--locked` does not let it be found out.
            RunError: The registry does not tell it.
        """
        if "@" in written:
            return _source(written, at).digest
        with self._lock:
            settled = self._before(full_name(written))
            if settled is not None:
                return settled
            self._check_locked(written, at)
            return self._settle(written, at, self._asked(written, at))

    def digest_in_engine(
        self, written: str, at: "Position | None", image: str, have: "Sequence[str]", *, pulled: bool
    ) -> str:
        """The same for a name under which an engine has an image; empty if only the engine knows that one.

        A new name stands for what the engine has, if its registry has that too.

        Args:
            written: As the file has it, without a digest.
            at: Where it stands.
            image: What the engine calls its image.
            have: The digests that it keeps beside it for this name. Some engines have one for every image,
                whether a registry knows it or not.
            pulled: Whether it was pulled just now.

        Raises:
            FileError: `tasks.lock` says something else than names and digests.
            PlanError: It is no name of an image; or `--locked` does not let it be used.
            RunError: With `--update`, the registry does not tell it.
        """
        with self._lock:
            name = full_name(written)
            settled = self._before(name)
            if settled is not None:
                return settled
            if not have or (not self._update and is_unpinned(self._top, name, image)):
                return self._local(written, at)
            self._check_locked(written, at)
            if pulled and len(have) == 1:
                return self._settle(written, at, have[0])
            try:
                found = self._shared(written, at, have)
            except RunError as error:
                if self._update:
                    raise
                self._tell(f"{name} is not pinned in {NAME}: {error.message}")
                note_unpinned(self._top, name, image, asked=False)
                return ""
            if found:
                return self._settle(written, at, found)
            note_unpinned(self._top, name, image)
            return self._local(written, at)

    def digest_beside(
        self, written: str, at: "Position | None", look: "Callable[[str], Mapping[str, Any] | None]"
    ) -> str | None:
        """The same beside an engine: what that has by a name which is not pinned yet is what the name stands for.

        Args:
            written: As the file has it; one with a digest stands for that.
            at: Where it stands.
            look: What the engine says of its image by a name; None if it has none, or there is no engine.

        Returns:
            None if only the engine knows the image. Empty where nothing may be asked that would tell.

        Raises:
            PyrunError: As above.
        """
        if "@" not in written and (self._update or not self.known(written)):
            found = look(written)
            if found is not None:
                from runner.engine.image_facts import registry_digests  # noqa: PLC0415 - for engines only

                have = registry_digests(found, written)
                image = str(found.get("Id", ""))
                return self.digest_in_engine(written, at, image, have, pulled=False) or None
        return self.digest(written, at)

    def _before(self, name: str) -> str | None:
        """What a name stands for if that is settled, or may not be found out; None if it is to be found out."""
        if name in self._settled:
            return self._settled[name]
        known = self._read().get(name, "")
        return known if self._inert or (known and not self._update) else None

    def _check_locked(self, written: str, at: "Position | None") -> None:
        if self._locked and not self._update:
            raise PlanError(
                f"`{written}` is not in {NAME}, and `--locked` was given",
                at,
                f"the same without `--locked` adds it; then keep {NAME} in git",
            )

    def _local(self, written: str, at: "Position | None") -> str:
        """An image is used that no registry knows: nothing is written down."""
        if self._locked:
            raise PlanError(
                f"only the engine knows the image `{written}`, and `--locked` wants one that {NAME} holds",
                at,
                "push it to a registry, or go without `--locked`",
            )
        return ""

    def _settle(self, written: str, at: "Position | None", found: str) -> str:
        """What a name stands for from now on, after something was found out."""
        name = full_name(written)
        known = self._read().get(name, "")
        if found != known:
            if self._locked:
                was = f"stands for {known[:_SHORT]} in {NAME}" if known else f"is not in {NAME}"
                raise PlanError(
                    f"`{written}` {was}, and for {found[:_SHORT]} at its registry",
                    at,
                    f"`--update` without `--locked` writes that to {NAME}",
                )
            found = self._record(name, found, known)
        self._settled[name] = found
        return found

    def _record(self, name: str, found: str, known: str) -> str:
        """Write down what a name stands for; what the file says then, which another pyrun may have written."""
        try:
            self._recorded = save_pins(self._top, {name: found}, replace=self._update)
        except OSError as error:
            why = error.strerror or str(error)
            if self._update:
                raise RunError(f"`{NAME}` can't be written: {why}") from None
            self._tell(f"{NAME} can't be written ({why}): {name} may stand for something else the next time")
            return found
        taken = self._recorded[name]
        before = f", it was {known[:_SHORT]}" if known else ""
        self._tell(f"{NAME}: {name} stands for {taken[:_SHORT]} from now on{before}")
        return taken

    def _shared(self, written: str, at: "Position | None", have: "Sequence[str]") -> str:
        """What a name that an engine has stands for: what the registry has of that; empty if it has nothing.

        Raises:
            RunError: The registry can't be asked, or with `--update` says no.
        """
        from runner.image.media_type import INDEX  # noqa: PLC0415 - a name is looked up only once
        from runner.registry.refusal import RefusedError  # noqa: PLC0415

        try:
            now = self._asked(written, at)
            if self._update or now in have:
                return now
        except RefusedError:
            if self._update and self._read().get(full_name(written)):
                raise
        shared = ""
        for digest in have:
            try:
                found = self._resolved(by_digest(written, digest), at)
            except RefusedError:
                continue
            if not shared or found.media_type == INDEX:
                shared = digest
        return shared

    def _asked(self, written: str, at: "Position | None") -> str:
        """What the registry says."""
        try:
            return str(self._resolved(written, at).digest)
        except PyrunError as error:
            error.at = error.at or at
            raise

    def _resolved(self, written: str, at: "Position | None") -> "Descriptor":
        return self._registries().image(_source(written, at)).resolve()

    def _read(self) -> dict[str, str]:
        if self._recorded is None:
            self._recorded = read_pins(self._top)
        return self._recorded


def _source(written: str, at: "Position | None") -> "Source":
    """What a name is to a registry, refused where it is none."""
    from runner.image.reference import parse_source  # noqa: PLC0415 - a name is looked up only once

    try:
        return parse_source(written)
    except PlanError as error:
        error.at = at
        raise
