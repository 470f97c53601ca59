"""What an action depends on, as one digest: its key.

The key covers what the action does (commands, interpreter, args, declared variables, working folder,
platform), the programs it plainly starts, the content and executable bit of its sources, and of each dep what
it made: the digests of its targets, or its own key where it has none. Not that a dep ran, and no times.
"""

from runner.digest import canonical, digest_of
from runner.model.record import plain
from runner.plan.step import essence, plain_variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.plan.action import Action
    from runner.plan.file_state import FileState
    from runner.plan.image_plan import ImagePlan

    Pieces = tuple[tuple[str, object], ...]
    """What a key is made of: what it is in words for people, and its value."""

STANDING = "engine and what it keeps between runs"
"""A piece that is no part of the key: what a result without target hangs on in the place where it was made."""
VERSION = 3
"""Counted up whenever the same declarations come to mean something else."""
_KEYS = {"base": "from"}
"""What a file calls the fields of an image that have other names here."""


def pieces(
    action: "Action",
    platform: str,
    tools: "Sequence[tuple[str, str]]",
    dep_digests: "Sequence[tuple[str, str]]",
    base_digest: "Sequence[tuple[str, object]]" = (),
    answers: "Sequence[tuple[str, str]]" = (),
    settings: "Mapping[str, str | None] | None" = None,
) -> "Pieces":
    """What an action depends on beside its sources.

    Args:
        action: The action.
        platform: Where it runs.
        tools: The programs it plainly starts: name, and path with stat as one text.
        dep_digests: For each dep its label and what it made.
        base_digest: For an image what it stands on, piece by piece.
        answers: What its conditions ask at their turn, and what the answer is now.
        settings: Variables that its callers have set, which win.
    """
    found: list[tuple[str, object]] = [("key version", VERSION), ("platform", platform)]
    if action.steps or action.last:
        found.append(("interpreter", action.interpreter))
    found += [(f"arg {name}", value) for name, value in action.values]
    found += [(f"command {number}", step) for number, step in enumerate(essence(action.steps), 1)]
    found += [(f"command {number} of finally", step) for number, step in enumerate(essence(action.last), 1)]
    container = action.container
    fixed: Sequence[tuple[str, object]] = action.env if container is None else plain_variables(container.env)
    variables: Sequence[tuple[str, object]] = (*fixed, *action.traits.pass_env)
    found += [(f"variable {name}", (settings or {}).get(name, value)) for name, value in variables]
    found += [(f"answer to {what}", value) for what, value in answers]
    found.append(("targets", tuple(target.text for target in action.targets or ())))
    found += [(f"program {name}", identity) for name, identity in tools]
    found += [(f"dep {label}", digest) for label, digest in dep_digests]
    if action.image is not None:
        found += image_pieces(action.image)
        found += base_digest
    if container is not None:
        found += container.pieces()
    return tuple(found)


def image_pieces(image: "ImagePlan") -> "Pieces":
    """What an image says by itself, each thing under a name by which people find it in the file."""
    found: list[tuple[str, object]] = []
    for name in image.FIELDS:
        value = getattr(image, name)
        if name == "copies":
            found += [(f"`copy` {number} of the image", copy.plain()) for number, copy in enumerate(value, 1)]
        elif name == "config":
            for key in value.FIELDS:
                inner = getattr(value, key)
                if key in {"env", "labels"}:
                    word = "variable" if key == "env" else "label"
                    found += [(f"{word} {one} of the image", plain(said)) for one, said in inner]
                    # Of two images with the same variables one may have them in another order.
                    found.append((f"order of {key} of the image", tuple(one for one, _ in inner)))
                else:
                    found.append((f"`{key.replace('_', '-')}` of the image", plain(inner)))
        else:
            found.append((f"`{_KEYS.get(name, name)}` of the image", plain(value)))
    return tuple(found)


def definition_digest(action: "Action") -> str:
    """What an action says by itself, as hexadecimal digits: nothing of files, programs or deps."""
    return digest_of(canonical((pieces(action, "", (), ()), action.dir))).hex


def key_of(found: "Pieces", sources: "Sequence[FileState]") -> str:
    """The key, as hexadecimal digits. Where a result is kept has no part in it."""
    pieces = tuple(piece for piece in found if piece[0] != STANDING)
    return digest_of(canonical((pieces, tuple(source.identity for source in sources)))).hex


def part_digests(found: "Pieces") -> tuple[tuple[str, str], ...]:
    """Each piece with a digest instead of its value, so that no value is kept."""
    return tuple((what, digest_of(canonical(value)).hex[:32]) for what, value in found)


def made_by(targets: "Sequence[FileState]") -> str:
    """What an action made, as one digest: the paths, bits and contents of its targets."""
    return digest_of(canonical(tuple(target.identity for target in targets))).hex
