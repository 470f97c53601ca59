"""`--attest`: what an image is made of and how it was made, written down and attached to it.

An image is attested once: what says how it was made is not written anew when it is only shipped again. Imported
only with that flag.
"""

from runner import __version__
from runner.digest import Digest
from runner.image import media_type, provenance
from runner.image.attachment import EMPTY, PREDICATE, SBOM, STATEMENT, Attachment
from runner.image.base_tree import Listing, Merged, contents
from runner.image.descriptor import Descriptor
from runner.image.image_config import parse_config
from runner.image.index import parse_index
from runner.image.manifest import Manifest, parse_manifest
from runner.image.provenance import RESTORED, RUN, UP_TO_DATE, Material, Step
from runner.plan.file_state import RESTORED as FROM_STORE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from runner.execute.ports import Log
    from runner.execute.search_secrets import SecretSearch
    from runner.plan.action import Action, Plan
    from runner.plan.file_state import FileState, LogEntry
    from runner.plan.image_plan import BasePlan, ImagePlan
    from runner.plan.platform import Platform
    from runner.store.oci_layout import OciLayout

_KINDS = {SBOM, STATEMENT}


class Attester:
    """Attests the images of one call.

    Args:
        plan: What is done, as it was before anything of it was done.
        log: What ran last.
        file: The project's file.
        checkout: Gives the commit and the repository's address, or None.
        epoch: The time of the images' files, in seconds since 1970.
        sources: Gives the files that an action reads.
        base_digest: Gives the digest of a base's manifest for a platform, or None.
        container_image: Gives what an engine calls the image of an action's container, or empty.
    """

    def __init__(
        self,
        plan: "Plan",
        log: "Log",
        file: str,
        checkout: "Callable[[], tuple[str, str] | None]",
        epoch: int,
        sources: "Callable[[Action], Sequence[FileState]]",
        base_digest: "Callable[[BasePlan, Platform], Digest | None]",
        container_image: "Callable[[Action], str]",
    ) -> None:
        self._actions = {action.id: action for action in plan.actions}
        self._log = log
        self._file = file
        self._checkout = checkout
        self._epoch = epoch
        self._sources = sources
        self._base_digest = base_digest
        self._container_image = container_image
        # What was recorded before this call: what is recorded otherwise later was made by it.
        self._before = {name: _moment(log.entry(name)) for name in self._actions}

    def attest(
        self,
        layout: "OciLayout",
        action: "Action",
        image: "ImagePlan",
        head: Descriptor,
        search: "SecretSearch | None",
        *,
        made_now: bool,
    ) -> "tuple[Descriptor, ...]":
        """What is attached to an image, or to each image of an index, made where it is missing.

        Args:
            layout: Where the image is.
            action: What made it.
            image: What that was to make.
            head: Points to its manifest, or to an index.
            search: Looks for secrets in what is attached, or None.
            made_now: Whether it was made just now, which is not on record yet.

        Raises:
            RunError: A secret is in it, or a layer can't be read.
        """
        if head.media_type == media_type.INDEX:
            parts = parse_index(layout.read(head)).manifests
            found = [self.attest(layout, action, image, one, search, made_now=made_now) for one in parts]
            return tuple(one for attached in found for one in attached)
        known = layout.attached(head.digest)
        if {one.artifact for one in known} >= _KINDS:
            return known
        with layout.held():
            return self._made(layout, action, image, head, search, made_now=made_now)

    def _made(
        self,
        layout: "OciLayout",
        action: "Action",
        image: "ImagePlan",
        head: Descriptor,
        search: "SecretSearch | None",
        *,
        made_now: bool,
    ) -> "tuple[Descriptor, ...]":
        made = []
        for attachment in self._documents(layout, action, image, head, made_now):
            if search is not None:
                what = "its bill of materials" if attachment.kind == SBOM else "its provenance"
                search.text(image.name, what, attachment.data, action.position)
            descriptor, manifest = attachment.manifest(head)
            layout.write((EMPTY,))
            layout.write((attachment.data,))
            layout.write((manifest,))
            made.append(descriptor)
        layout.attach(head.digest, made)
        return tuple(made)

    def _documents(
        self,
        layout: "OciLayout",
        action: "Action",
        image: "ImagePlan",
        head: Descriptor,
        made_now: bool,
    ) -> "Iterator[Attachment]":
        from runner.image.inventory import inventory  # noqa: PLC0415 - for an image that is not attested yet
        from runner.image.sbom import bill_of_materials  # noqa: PLC0415

        manifest = parse_manifest(layout.read(head))
        config = parse_config(layout.read(manifest.config))
        listing = _listing(layout, manifest)
        found = inventory(listing, _contents(layout, manifest, listing))
        created = config.created or "1970-01-01T00:00:00Z"
        bill = bill_of_materials(found, image.name, head.digest, config.platform, created, __version__)
        yield Attachment(SBOM, bill)
        yield Attachment(
            STATEMENT,
            self._provenance(action, image, head, config.platform, made_now),
            ((PREDICATE, provenance.PREDICATE),),
        )

    def _provenance(
        self,
        action: "Action",
        image: "ImagePlan",
        head: Descriptor,
        platform: "Platform",
        made_now: bool,
    ) -> bytes:
        needed = self._needed(action)
        steps = [self._step(one) for one in needed]
        found = _moment(self._log.entry(action.id))
        one = image.dockerfile
        own = Step(
            action.label,
            RUN if made_now or found != self._before[action.id] else UP_TO_DATE,
            "docker" if one is not None else "layers",
            image.run if one is None or not one.text else (one.text,),
            sources=_materials(self._sources(action)),
        )
        values = {name: value if isinstance(value, str) else list(value) for name, value in action.values}
        return provenance.provenance(
            [(f"{image.name}:{tag}", head.digest) for tag in image.tags],
            parameters={"file": self._file, "task": action.task, "args": values, "platform": str(platform)},
            internal={"SOURCE_DATE_EPOCH": self._epoch},
            materials=[*self._commit(), *self._images(image, platform), *self._containers(needed)],
            steps=[*steps, own],
            version=__version__,
        )

    def _needed(self, action: "Action") -> "list[Action]":
        """All that an image needs, in the order of the plan."""
        seen: set[str] = set()
        left = [*action.deps, *action.calls]
        while left:
            name = left.pop()
            if name not in seen and name in self._actions:
                seen.add(name)
                left += (*self._actions[name].deps, *self._actions[name].calls)
        return [one for one in self._actions.values() if one.id in seen]

    def _step(self, action: "Action") -> Step:
        entry = self._log.entry(action.id)
        counts = entry if entry is not None and entry.counts else None
        result, made = RUN, ""
        if counts is not None:
            made = counts.made.removesuffix(FROM_STORE)
            restored = made != counts.made
            same = _moment(counts) == self._before[action.id]
            result = UP_TO_DATE if same else RESTORED if restored else RUN
        place = ""
        if action.container is not None:
            one = action.container.definition
            place = one.name if one.name == one.base or not one.base else f"{one.name} ({one.base})"
        return Step(
            action.label,
            result,
            made,
            tuple(" ".join(script.argv) if script.argv else script.text for script in action.scripts),
            place,
            action.env,
            _materials(counts.sources if counts is not None else ()),
            _materials(counts.targets if counts is not None and action.image is None else ()),
        )

    def _commit(self) -> "Iterator[Material]":
        found = self._checkout()
        if found is None:
            return
        revision, address = found
        commit = revision.removesuffix("-dirty")
        name = "checkout" if commit == revision else "checkout, with changes that are not committed"
        yield Material(name, "gitCommit", commit, f"git+{address}@{commit}" if address else "")

    def _images(self, image: "ImagePlan", platform: "Platform") -> "Iterator[Material]":
        seen: set[str] = set()
        for base in image.bases:
            digest = self._base_digest(base, platform)
            if digest is not None and str(base) not in seen:
                seen.add(str(base))
                yield Material(str(base), digest.algorithm, digest.hex)

    def _containers(self, actions: "Sequence[Action]") -> "Iterator[Material]":
        seen: set[str] = set()
        for action in actions:
            if action.container is None or action.container.name in seen:
                continue
            seen.add(action.container.name)
            algorithm, _, digits = self._container_image(action).partition(":")
            if algorithm == Digest.algorithm:
                one = action.container.definition
                yield Material(f"container {one.name}", algorithm, digits)


def _moment(entry: "LogEntry | None") -> tuple[object, ...]:
    """What tells one run of an action from another."""
    return () if entry is None else (entry.key, entry.when, entry.milliseconds, entry.made)


def _materials(states: "Sequence[FileState]") -> tuple[Material, ...]:
    return tuple(Material(state.path, Digest.algorithm, state.digest) for state in states)


def _listing(layout: "OciLayout", manifest: Manifest) -> Listing:
    merged = Merged()
    for layer in manifest.layers:
        merged.apply(layer.media_type, layout.chunks(layer.digest))
    return merged.listing()


def _contents(
    layout: "OciLayout", manifest: Manifest, listing: Listing
) -> "Iterator[tuple[str, Iterator[bytes]]]":
    """The files that say what is installed, of each layer those that no other layer hides."""
    from runner.image.inventory import wanted  # noqa: PLC0415 - for an image that is not attested yet

    by_layer: dict[int, dict[str, list[str]]] = {}
    for path, file in wanted(listing):
        if file.layer >= 0:
            by_layer.setdefault(file.layer, {}).setdefault(file.path, []).append(path)
    for number, paths in by_layer.items():
        layer = manifest.layers[number]
        for inner, chunks in contents(layer.media_type, layout.chunks(layer.digest), set(paths)):
            # Other names of the same file say the same.
            yield paths[inner][0], chunks
