"""The search for secrets in images, put together. Imported only where there are secrets."""

from runner.events import Noticed
from runner.execute.search_secrets import SecretSearch
from runner.image.needles import SHORTEST, Needles
from runner.store.searched import SearchedBlobs, mark_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.events import Reporter


def secret_search(
    values: "Sequence[tuple[str, bytes, bool]]", layout: str, cache: str | None, reporter: "Reporter"
) -> SecretSearch:
    """What looks for these secrets in the images of a layout; which of them it can't look for is told.

    Args:
        values: Of each secret its name, its value, and whether that is the content of a file.
        layout: The layout's folder.
        cache: The folder of this user's caches, or None.
        reporter: Who is told.
    """
    needles = Needles(values)
    if needles.short:
        several = len(needles.short) > 1
        names = ", ".join(f"`{name}`" for name in needles.short)
        what = f"secrets {names} are" if several else f"secret {names} is"
        reporter.tell(
            Noticed(f"the {what} not looked for in images: shorter than {SHORTEST} bytes, it may be any word")
        )
    return SecretSearch(needles, SearchedBlobs(layout, mark_of(cache, needles.material())))
