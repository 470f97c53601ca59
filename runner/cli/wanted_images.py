"""What the command line wants of images: `--platform`, `--tag`, and for what they are made if it says nothing."""

from runner.errors import PlanError, UsageError
from runner.plan.platforms import WantedImages, parse_platforms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.plan.platform import Platform

_EXPORTS = ("push", "save")


def wanted_images(flags: "Mapping[str, str]", usual: "Callable[[], Platform]") -> WantedImages:
    """What is wanted of images beside what files say.

    Args:
        flags: What the command line says.
        usual: Gives what the engine runs on that gets them.

    Raises:
        UsageError: A flag says no platform, or no tag.
    """
    return WantedImages(
        _platforms(flags["platform"]) if "platform" in flags else (),
        _tags(flags["tag"]) if "tag" in flags else (),
        any(name in flags for name in _EXPORTS),
        usual,
    )


def _platforms(written: str) -> "tuple[Platform, ...]":
    try:
        return parse_platforms((one, None) for one in written.split(","))
    except PlanError as error:
        raise UsageError(f"`--platform {written}`: {error.message}", None, error.hint) from None


def _tags(written: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(one.strip() for one in written.split(",")))
    if not all(found):
        raise UsageError(f"`--tag {written}` has an empty tag", None, "such as `--tag 1.2,latest`")
    return found
