"""What the engine that gets images runs on: images are made for that where nothing else is said.

An engine of this machine runs on what this machine is. One that is elsewhere is asked once, and the answer is
kept in the user's cache by the engine's address, so that a run that has nothing to do asks nobody; it is asked
anew when an image is given to it.
"""

import os

from runner.engine.whereabouts import candidates
from runner.errors import EngineError, PlanError
from runner.plan.platform import Platform
from runner.plan.platforms import parse_platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.engine.docker import Engine

_LINUX = "linux"
_FILE = "engine-platforms"
"""In the user's cache: a line for each engine, its platform and its address with a tab between."""
_MOST = 100
"""Engines that are remembered."""


class EnginePlatform:
    """What the engine of one call runs on.

    Args:
        environ: The caller's variables.
        flags: What the command line says.
        cache: The folder of this user's caches; None if the user has no home.
        here: What this machine is.
    """

    def __init__(
        self, environ: "Mapping[str, str]", flags: "Mapping[str, str]", cache: str | None, here: Platform
    ) -> None:
        self._environ = environ
        self._flags = flags
        self._file = "" if cache is None else f"{cache}/{_FILE}"
        self._here = near(here)
        self._known: Platform | None = None

    def get(self) -> Platform:
        """What images are made for where nothing is said; asks an engine only if none of that address is known."""
        if self._known is None:
            self._known = self._find()
        return self._known

    def _find(self) -> Platform:
        if not gets_images(self._flags):
            return self._here
        asked = self._flags.get("engine", "")
        try:
            found = candidates(self._environ, asked)
            if found[0].url.startswith("unix://"):
                return self._here
            known = self._recorded().get(found[0].url)
            if known is not None:
                return known
            from runner.engine.docker import find_engine  # noqa: PLC0415 - once for each engine

            engine = find_engine(self._environ, asked)
            if engine is None:
                return self._here
            try:
                return self.ask(engine)
            finally:
                engine.close()
        except EngineError:
            # That it is not there is told where it is needed.
            return self._here

    def ask(self, engine: "Engine") -> Platform:
        """What an engine runs on now; one that is elsewhere is asked."""
        if engine.local:
            return self._here
        try:
            self._known = parse_platform(engine.platform())
        except (EngineError, PlanError):
            # It does not say, or what it says is for no image that is known here.
            return self._here
        if self._recorded().get(str(engine)) != self._known:
            self._record(str(engine), self._known)
        return self._known

    def _recorded(self) -> dict[str, Platform]:
        found: dict[str, Platform] = {}
        if not self._file:
            return found
        try:
            with open(self._file, encoding="utf-8", errors="surrogateescape") as file:
                lines = file.read().splitlines()
        except OSError:
            return found
        for line in lines:
            text, tab, address = line.partition("\t")
            try:
                found.update({address: parse_platform(text)} if tab else {})
            except PlanError:
                continue
        return found

    def _record(self, address: str, platform: Platform) -> None:
        if not self._file:
            return
        known = {**self._recorded(), address: platform}
        lines = [f"{one}\t{where}\n" for where, one in list(known.items())[-_MOST:]]
        try:
            os.makedirs(os.path.dirname(self._file), exist_ok=True)
            new = f"{self._file}.{os.getpid()}"
            with open(new, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.writelines(lines)
            os.replace(new, self._file)
        except OSError:
            # Then it is asked again the next time.
            return


def near(here: Platform) -> Platform:
    """What an engine of this machine runs on: its containers are Linux, whatever the machine is."""
    return here if here.os == _LINUX else Platform(_LINUX, here.architecture, here.variant)


def gets_images(flags: "Mapping[str, str]") -> bool:
    """Whether images go to an engine."""
    if "load" in flags:
        return True
    return not any(name in flags for name in ("no-load", "save", "push"))
