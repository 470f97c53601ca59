"""Templates and values to text."""

from runner.plan.quote import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.model.template import Template

    Value = str | tuple[str, ...]
    """What a name stands for: a text, or the words of a list."""


def fill(
    template: "Template", values: "Mapping[str, Value]", unknown: "Callable[[str], str] | None" = None
) -> str:
    """The text of a template.

    Args:
        template: The text with holes.
        values: What the names stand for.
        unknown: What a name that is not among them stands for; without it such a name is left as it stands.

    Raises:
        PlanError: A value can't be written where its hole stands.
    """
    parts = template.parts
    if len(parts) == 1 and isinstance(parts[0], str):
        return parts[0]
    out = []
    for part in parts:
        if isinstance(part, str):
            out.append(part)
            continue
        value = values.get(part.name)
        if value is None:
            out.append(unknown(part.name) if unknown is not None else "${" + part.name + "}")
        else:
            out.append(write(value, part))
    return "".join(out)
