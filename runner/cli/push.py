"""Images to their registries. Imported only with `--push`."""

from runner.events import ImagePushed, ImagePushing
from runner.registry.push import Push, Pushed
from runner.registry.registries import Registries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.events import Reporter
    from runner.image.descriptor import Descriptor
    from runner.image.reference import Reference
    from runner.registry.push import Blobs


class Pusher:
    """Pushes the images of one call.

    Args:
        environ: The caller's variables: where credentials and proxies are, and which registries have no TLS.
        reporter: Who is told how far it is, and what was pushed.
        registries: Registries that are known already; those found here by default.
    """

    def __init__(
        self, environ: "Mapping[str, str]", reporter: "Reporter", registries: Registries | None = None
    ) -> None:
        self._registries = registries or Registries(environ)
        self._reporter = reporter

    def push(
        self,
        blobs: "Blobs",
        references: "Sequence[Reference]",
        image: "Descriptor",
        attached: "Sequence[Descriptor]" = (),
    ) -> None:
        """Push an image under all its names; those in one repository cost one upload.

        Args:
            blobs: What it is read from, such as the layout. Blobs that a registry has are not asked for.
            references: The names.
            image: Its manifest, or an index with its images.
            attached: Manifests with a `subject` to go with it.

        Raises:
            RunError: A registry does not take it. No tag of that repository names it then that did not before.
        """
        by_place: dict[tuple[str, str], list[Reference]] = {}
        for reference in references:
            source = reference.source
            by_place.setdefault((source.registry, source.path), []).append(reference)
        beside: dict[str, str] = {}
        for (registry, path), named in by_place.items():
            push = Push(
                self._registries.get(named[0].source), path, blobs, beside.get(registry, ""), self._tell
            )
            tags = list(dict.fromkeys(reference.tag for reference in named))
            self._told(named, image, push.run(image, tags, attached))
            beside.setdefault(registry, path)

    def _tell(self, done: int, total: int) -> None:
        self._reporter.tell(ImagePushing(done, total))

    def _told(self, named: "Sequence[Reference]", image: "Descriptor", done: Pushed) -> None:
        self._reporter.tell(
            ImagePushed(
                tuple(map(str, named)),
                str(image.digest),
                (done.blobs, done.sent),
                done.mounted,
                done.there,
                done.tags,
            )
        )
