"""Images, loaded when the first one is needed: most calls make none."""

import os
import time

from runner.errors import PlanError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from runner.cli.attest import Attester
    from runner.cli.bases import Bases
    from runner.cli.engine_platform import EnginePlatform
    from runner.cli.images import ProjectImages
    from runner.digest import Digest
    from runner.events import ImageReady
    from runner.execute.ports import ImageWork, Log
    from runner.execute.search_secrets import SecretSearch
    from runner.plan.action import Action, Plan
    from runner.plan.file_state import FileState
    from runner.plan.image_plan import BasePlan, ImagePlan
    from runner.plan.platform import Platform
    from runner.ui.plain import PlainReporter

FLAGS = ("push", "save", "load", "no-load", "tag", "platform", "builder", "verify", "attest", "annotate")
"""The flags that are for images only."""
_WORD = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_TAG = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
_LONGEST_NAME, _LONGEST_TAG = 255, 128

_PIECES = (
    "dataclasses", "hashlib", "threading", "deflate", "tarfile", "runner.image.tar", "runner.image.image_config",
    "runner.image.layer", "runner.execute.build_image", "runner.store.oci_layout", "runner.cli.layers",
    "runner.cli.sinks", "runner.cli.images",
)  # fmt: skip
"""What makes an image, each piece behind those that it needs."""


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
        secrets: Gives the secrets that are at hand: name, value, and whether that is the content of a file.
        bases: Gives what images stand on.
        platform: Gives what the engine runs on that gets them.

    Attributes:
        verified: Names of images, each with the digest that `--verify` has found.
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
        secrets: "Callable[[], Sequence[tuple[str, bytes, bool]]]",
        bases: "Callable[[], Bases]",
        platform: "Callable[[], EnginePlatform]",
    ) -> None:
        self._platform = platform
        self._actions: dict[str, Action] = {}
        self._waiting: set[str] = set()
        self._open_bases = bases
        self._secrets = secrets
        self._top = top
        self._environ = environ
        self._cwd = cwd
        self._cache = cache
        self._name_of = name_of
        self._flags = flags
        self._reporter = reporter
        self._images: ProjectImages | None = None
        self._known_bases: Bases | None = None
        self._known_checkout: tuple[str, str] | None = None
        self._attester: Attester | None = None
        self.verified: Mapping[str, str] = {}

    def _get(self) -> "ProjectImages":
        if self._images is None:
            from runner.cli.images import ProjectImages  # noqa: PLC0415 - see the class
            from runner.cli.sinks import Sinks  # noqa: PLC0415

            archive = os.path.join(self._cwd, self._flags["save"]) if "save" in self._flags else ""
            sinks = Sinks(self._environ, self._flags, archive, self._reporter, self._platform())
            self._images = ProjectImages(
                self._top,
                self._bases(),
                sinks,
                epoch(self._environ),
                self._search(),
                self._annotations if "annotate" in self._flags else tuple,
                self._attester,
                # What `--annotate` writes is not the same twice.
                {} if "annotate" in self._flags else self.verified,
                self._waiting,
                self._parts,
            )
        return self._images

    def follow(
        self,
        plan: "Plan",
        log: "Log",
        file: str,
        sources: "Callable[[Action], Sequence[FileState]]",
        container_image: "Callable[[Action], str]",
    ) -> None:
        """Attest the images that are made and shipped from now on, see `runner.cli.attest.Attester`."""
        from runner.cli.attest import Attester  # noqa: PLC0415 - with `--attest` only
        from runner.system.checkout import find_checkout  # noqa: PLC0415

        def base_digest(base: "BasePlan", platform: "Platform") -> "Digest | None":
            opened = self._bases().open(base)
            return None if opened is None else opened.image(base.tag, platform)[0].digest

        self._attester = Attester(
            plan,
            log,
            file,
            lambda: find_checkout(self._top, self._environ),
            epoch(self._environ),
            sources,
            base_digest,
            container_image,
        )

    def _parts(self, action: "Action") -> "Sequence[Action]":
        """The actions that make the images of an index, in its order."""
        parts = action.image.parts if action.image is not None else ()
        return [self._actions[name] for name, _ in parts]

    def _annotations(self) -> "Sequence[tuple[str, str]]":
        """What `--annotate` writes on an image that is made now."""
        from runner.image.annotations import annotations  # noqa: PLC0415 - with `--annotate` only

        revision, source = self._checkout()
        moment = epoch(self._environ) if self._environ.get("SOURCE_DATE_EPOCH") else int(time.time())
        return annotations(revision, source, moment)

    def _search(self) -> "SecretSearch | None":
        """What looks for secrets in images; None where there are none."""
        values = self._secrets()
        if not values:
            return None
        from runner.cli.secret_search import secret_search  # noqa: PLC0415 - few projects have any

        return secret_search(values, f"{self._top}/.pyrun/images", self._cache, self._reporter)

    def _bases(self) -> "Bases":
        if self._known_bases is None:
            self._known_bases = self._open_bases()
        return self._known_bases

    def ahead(self) -> "Iterator[None]":
        """See `runner.execute.ports.Images`: what makes images is loaded piece by piece."""
        from importlib import import_module  # noqa: PLC0415 - while something else is waited for

        for name in _PIECES:
            import_module(name)
            yield

    def check(self, plan: "Plan") -> None:
        """Refuse flags for images that do not go with a plan.

        Raises:
            UsageError: They do not.
        """
        self._actions = {action.id: action for action in plan.actions}
        # What an index lists has no tags, and is no image of its own.
        count = sum(action.image is not None and bool(action.image.tags) for action in plan.actions)
        used = [name for name in FLAGS if name in self._flags]
        if used and not count:
            raise UsageError(f"`--{used[0]}` is for images, and none is asked for")
        if "update" in self._flags and not count and not any(action.container for action in plan.actions):
            raise UsageError("`--update` is for images and containers, and none is asked for")
        for action in plan.actions:
            if action.image is not None:
                self._check_names(action, action.image)
                self._check_builder(action, action.image)
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

    def _check_builder(self, action: "Action", image: "ImagePlan") -> None:
        """Refuse the layers builder for what a Dockerfile makes."""
        one = image.dockerfile
        if one is not None and self._flags.get("builder") == "layers":
            raise UsageError(
                f"`--builder layers` can't make `{action.label}`: the Dockerfile `{one.path}` says how it is made",
                None,
                "leave `--builder` out, or say `from` and `copy` in the place of `dockerfile`",
            )

    def check_bases(self, plan: "Plan") -> None:
        """Refuse an image that is to have pyrun in it on a base without Python, before anything runs.

        Raises:
            PyrunError: It is one, or can't be read.
        """
        for action in plan.actions:
            image = action.image
            # What a container is made of may have to be made first; that is looked at when its turn comes.
            if image is not None and image.runner and image.base.container is None:
                from runner.cli.runner_files import base_python  # noqa: PLC0415 - few images have it

                base_python(image, self._bases().open(image.base), self._bases().store)

    def _check_names(self, action: "Action", image: "ImagePlan") -> None:
        """Refuse names that no image can have, and to push one that names no registry.

        It would go where only Docker's own images are.
        """
        for tag in image.tags:
            name = f"{image.name}:{tag}"
            if _is_plain_name(image.name, tag):
                continue
            from runner.image.reference import parse_reference  # noqa: PLC0415 - few names are not plain

            try:
                parse_reference(name)
            except PlanError as error:
                error.at = None if "tag" in self._flags else action.position
                raise
        if "push" in self._flags and "/" not in image.name:
            raise UsageError(
                f"`--push` does not know where to: `{image.name}` of `{action.label}` names no registry",
                None,
                f"`name: registry.example.org/{image.name}`, or `docker.io/USER/{image.name}`",
            )

    def base_digest(self, action: "Action") -> "Sequence[tuple[str, object]]":
        """See `runner.execute.ports.Images`."""
        image = action.image
        bases = image.bases if image is not None else ()
        found: list[tuple[str, object]] = [
            (f"the base image {base}", self._bases().identity(base))
            for base in bases
            if image is not None and base.kind != "scratch"
        ]
        found.append(("SOURCE_DATE_EPOCH", epoch(self._environ)))
        if image is not None and image.runner:
            from runner.system.own_files import own_identity  # noqa: PLC0415 - few images have it

            found.append(("pyrun itself", own_identity()))
        if "annotate" in self._flags:
            found.append(("the revision that `--annotate` writes", self._checkout()))
        return found

    def _checkout(self) -> "tuple[str, str]":
        """The revision of the checkout and where its source is, for `--annotate`; asked once.

        Raises:
            UsageError: It has none.
        """
        if self._known_checkout is None:
            from runner.system.checkout import find_checkout  # noqa: PLC0415 - with `--annotate` only

            found = find_checkout(self._top, self._environ)
            if found is None:
                raise UsageError(
                    "`--annotate` writes the git revision on the image, and there is none",
                    None,
                    "commit first; without `--annotate` the image says nothing of where it comes from",
                )
            self._known_checkout = found
        return self._known_checkout

    def make(
        self, action: "Action", copies: "Sequence[Sequence[FileState]]"
    ) -> "tuple[ImageReady, FileState]":
        """See `runner.execute.ports.Images`."""
        if action.image is not None and action.image.parts:
            return self._get().join(action, [state for states in copies for state in states])
        return self._get().make(action, copies)

    def work(self, action: "Action") -> "ImageWork | None":
        """See `runner.execute.ports.Images`."""
        if action.image is None or action.image.dockerfile is None:
            return None
        return self._get().work(action)

    def ready(self, action: "Action", recorded: "Sequence[FileState]", why: str) -> "ImageReady | None":
        """See `runner.execute.ports.Images`."""
        from runner.engine.whereabouts import may_answer  # noqa: PLC0415 - for images only
        from runner.events import ImageReady  # noqa: PLC0415
        from runner.store.recorded_image import stands_whole  # noqa: PLC0415

        if len(recorded) != 1:
            return None
        if "update" in self._flags and action.image is not None and action.image.dockerfile is not None:
            # Only its builder finds out whether what it stands on is another one now.
            return None
        state = recorded[0]
        references = tuple(filter(None, state.path.split(" ")))
        if not stands_whole(f"{self._top}/.pyrun/images", references, state.digest):
            return None
        loaded = ""
        asked = self._flags.get("engine", "")
        image = action.image
        if image is not None and not image.tags:
            # The index that lists it ships it.
            self._waiting.add(action.id)
        elif any(name in self._flags for name in ("save", "load", "push", "attest")) or (
            "no-load" not in self._flags and may_answer(self._environ, asked)
        ):
            loaded = self._get().ship(action, references)
        count, size, unpacked = map(int, state.signature.split(" "))
        digest = f"sha256:{state.digest}"
        platforms = tuple(map(str, image.platforms)) if image is not None else ()
        if image is not None:
            self._waiting.difference_update(part for part, _ in image.parts)
        return ImageReady(
            action.label, references, digest, (count, count), size, unpacked, loaded, skipped=True, why=why,
            platforms=platforms,
        )  # fmt: skip

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
            pushed = ", and pushed" if "push" in self._flags else ""
            table = image_table(reporter.images, sizes, platforms="platform" in self._flags)
            reporter.write(f"\n{table}in {where}{saved}{pushed}{loaded}\n")


def _is_plain_name(name: str, tag: str) -> bool:
    """Whether a repository and a tag are plainly what they may be, so that nobody need look closer."""
    parts = name.split("/")
    words = [word for part in parts for word in part.replace(".", "-").split("-")]
    return (
        len(name) < _LONGEST_NAME
        and all(word and _WORD.issuperset(word) for word in words)
        and len(tag) < _LONGEST_TAG
        and _TAG.issuperset(tag)
        and tag[:1].isalnum()
    )


def _plain_file(path: str) -> bool:
    """Whether a path is a file itself: no folder, no device, no link."""
    return os.path.isfile(path) and not os.path.islink(path)


def _uses_go(action: "Action", actions: "Mapping[str, Action]") -> bool:
    """Whether a task that an image copies from starts `go`."""
    if action.image is not None and action.image.parts:
        return any(_uses_go(actions[part], actions) for part in action.deps)
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
