"""What identifies a base image now, as far as a look at a small file tells it.

This is asked at every run of an image task that is up to date, so it loads none of the code that reads images.
Where it can't tell, those who can read images say why.
"""

from runner.model.codec import read_json
from runner.store.recorded_image import REFERENCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


def layout_digest(folder: str, tag: str) -> str:
    """The digest (`sha256:…`) of what a tag names in an OCI layout; empty if that can't be told.

    Args:
        folder: The layout's, absolute.
        tag: A whole name, the end of one behind a colon, or empty for the only image.
    """
    try:
        with open(f"{folder}/index.json", "rb", buffering=0) as file:
            return _digest(read_json(file.read().decode())["manifests"], tag)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""


def recorded_digest(path: str, tag: str, signature: str) -> str:
    """The same of what is remembered of an archive; empty also if that is not as it was when it was read.

    Args:
        path: Where it is remembered.
        tag: As above.
        signature: What was seen of the archive just now.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            found = read_json(file.read().decode())
        return _digest(found["entries"], tag) if found["signature"] == signature else ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""


def _digest(entries: "Sequence[Mapping[str, Any]]", tag: str) -> str:
    named = [(str(entry.get("annotations", {}).get(REFERENCE, "")), entry["digest"]) for entry in entries]
    fitting = {digest for name, digest in named if not tag or name == tag}
    fitting = fitting or {
        digest for name, digest in named if name.rpartition("/")[2].rpartition(":")[2] == tag
    }
    found = fitting.pop() if len(fitting) == 1 else ""
    return found if isinstance(found, str) else ""
