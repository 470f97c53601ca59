"""What is written on an image of where it comes from, by the names of the OCI image specification.

The manifest has it as annotations, where registries and their clients look. An engine keeps no annotations of what
it loads and pulls, and who asks it sees labels alone, so that the config has the same as labels. Labels that the
file gives the image stay.
"""

from collections.abc import Sequence
from typing import TypeVar

from runner.image.image_config import timestamp
from runner.model.record import Record
from runner.plan.image_plan import ImagePlan

_Plan = TypeVar("_Plan", bound=Record)
_PREFIX = "org.opencontainers.image"
CREATED = f"{_PREFIX}.created"
REVISION = f"{_PREFIX}.revision"
SOURCE = f"{_PREFIX}.source"


def annotations(revision: str, source: str, moment: int) -> tuple[tuple[str, str], ...]:
    """Names and texts.

    Args:
        revision: The commit, with `-dirty` behind it if the files are not its own.
        source: The address of the repository, or empty.
        moment: When the image is made, in seconds since 1970.

    Raises:
        PlanError: The moment has no date.
    """
    found = [(CREATED, timestamp(moment)), (REVISION, revision)]
    return (*found, (SOURCE, source)) if source else tuple(found)


def labelled(image: ImagePlan, said: Sequence[tuple[str, str]]) -> ImagePlan:
    """The image with these as labels, too."""
    if not said:
        return image
    own = dict(image.config.labels)
    labels = (*image.config.labels, *((name, text) for name, text in said if name not in own))
    config = _with(image.config, "labels", labels)
    return _with(image, "config", config)


def _with(record: _Plan, name: str, value: object) -> _Plan:
    fields = {field: getattr(record, field) for field in record.FIELDS}
    return type(record)(**{**fields, name: value})
