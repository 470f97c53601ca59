"""Images, loaded when the first one is needed: most calls make none."""

import os

from runner.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runner.cli.images import ProjectImages
    from runner.events import ImageReady
    from runner.plan.action import Action, Plan
    from runner.plan.file_state import FileState
    from runner.ui.plain import PlainReporter


class LazyImages:
    """Images, loaded when the first one is needed: most calls make none.

    Args:
        top: The project's top folder, absolute.
        environ: The caller's variables.
        cwd: The current folder, absolute.
        cache: The user's cache folder, or None.
        name_of: How the user would name a file of the project.
        flags: What the command line says.
        reporter: Who is told.
    """

    def __init__(
        self,
        top: str,
        environ: "Mapping[str, str]",
        cwd: str,
        cache: str | None,
        name_of: "Callable[[str], str]",
        flags: "Mapping[str, str]",
        reporter: "PlainReporter",
    ) -> None:
        self._top = top
        self._environ = environ
        self._cwd = cwd
        self._cache = cache
        self._name_of = name_of
        self._flags = flags
        self._reporter = reporter
        self._images: ProjectImages | None = None

    def _get(self) -> "ProjectImages":
        if self._images is None:
            from runner.cli.images import ProjectImages  # noqa: PLC0415 - see the class

            flags = self._flags
            load = True if "load" in flags else False if "no-load" in flags else None
            archive = os.path.join(self._cwd, flags["save"]) if "save" in flags else ""
            self._images = ProjectImages(
                self._top,
                self._environ,
                load,
                archive,
                epoch(self._environ),
                self._reporter,
                flags.get("engine", ""),
            )
        return self._images

    def check(self, plan: "Plan") -> None:
        """Refuse flags for images that do not go with a plan.

        Raises:
            UsageError: They do not.
        """
        count = sum(action.image is not None for action in plan.actions)
        used = [name for name in ("save", "load", "no-load") if name in self._flags]
        if used and not count:
            raise UsageError(f"`--{used[0]}` is for images, and none is asked for")
        if "save" in used:
            path = os.path.join(self._cwd, self._flags["save"])
            if not self._flags["save"] or (os.path.lexists(path) and not _plain_file(path)):
                raise UsageError(
                    f"`--save {self._flags['save']}` is no file that can be replaced", None, "name a new file"
                )
        if "save" in used and count > 1:
            raise UsageError(
                f"`--save` takes one image, and {count} are asked for", None, "save them one by one"
            )

    def base_digest(self, action: "Action") -> str:
        """See `runner.execute.ports.Images`."""
        image = action.image
        base = "" if image is None or image.base.kind == "scratch" else self._get().base_digest(action)
        return f"{base} {epoch(self._environ)}"

    def make(
        self, action: "Action", copies: "Sequence[Sequence[FileState]]"
    ) -> "tuple[ImageReady, FileState]":
        """See `runner.execute.ports.Images`."""
        return self._get().make(action, copies)

    def ready(self, action: "Action", recorded: "Sequence[FileState]", why: str) -> "ImageReady | None":
        """See `runner.execute.ports.Images`."""
        from runner.engine.whereabouts import may_answer  # noqa: PLC0415 - for images only
        from runner.events import ImageReady  # noqa: PLC0415
        from runner.store.recorded_image import stands_whole  # noqa: PLC0415

        if len(recorded) != 1:
            return None
        state = recorded[0]
        references = tuple(state.path.split(" "))
        if not stands_whole(f"{self._top}/.pyrun/images", references, state.digest):
            return None
        loaded = ""
        asked = self._flags.get("engine", "")
        if "save" in self._flags or "load" in self._flags or may_answer(self._environ, asked):
            loaded = self._get().ship(references)
        count, size, unpacked = map(int, state.signature.split(" "))
        digest = f"sha256:{state.digest}"
        return ImageReady(
            action.label, references, digest, (count, count), size, unpacked, loaded, skipped=True, why=why
        )

    def show(self, plan: "Plan", reporter: "PlainReporter") -> None:
        """Tell which images are ready, beside the size of the tool-chain that built each."""
        from runner.system.toolchain import go_size  # noqa: PLC0415 - for images only
        from runner.ui.listing import image_table  # noqa: PLC0415

        actions = {action.id: action for action in plan.actions}
        sizes = {}
        for action in plan.actions:
            if action.image is not None and _uses_go(action, actions):
                found = go_size(self._environ, self._cache)
                if found is not None:
                    sizes[action.label] = found
        if "quiet" not in self._flags and "silent" not in self._flags:
            where = self._name_of(".pyrun/images")
            engines = dict.fromkeys(image.loaded for image in reporter.images if image.loaded)
            loaded = "".join(f", and loaded into the engine at {engine}" for engine in engines)
            saved = f", and saved to {self._flags['save']}" if "save" in self._flags else ""
            reporter.write(f"\n{image_table(reporter.images, sizes)}in {where}{saved}{loaded}\n")


def _plain_file(path: str) -> bool:
    """Whether a path is a file itself: no folder, no device, no link."""
    return os.path.isfile(path) and not os.path.islink(path)


def _uses_go(action: "Action", actions: "Mapping[str, Action]") -> bool:
    """Whether a task that an image copies from starts `go`."""
    return any("go" in script.programs for dep in action.deps for script in actions[dep].scripts)


def epoch(environ: "Mapping[str, str]") -> int:
    """The time of all files of an image, in seconds since 1970: SOURCE_DATE_EPOCH or 0.

    Raises:
        UsageError: SOURCE_DATE_EPOCH is no whole number.
    """
    written = environ.get("SOURCE_DATE_EPOCH", "")
    if written and not (written.isascii() and written.isdigit()):
        raise UsageError(
            f"SOURCE_DATE_EPOCH is `{written}`", None, "it must be whole seconds since 1970, or not set"
        )
    return int(written or 0)
