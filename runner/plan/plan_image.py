"""An image task's values filled in."""

from runner.errors import PlanError
from runner.plan.expand import fill
from runner.plan.image_plan import (
    BaseVariable,
    ConfigPlan,
    CopyPlan,
    Healthcheck,
    ImagePlan,
    base_plan,
    name_and_tags,
    shell_form,
)
from runner.plan.pattern import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.model.image import Copy, Image
    from runner.model.image import Healthcheck as HealthcheckModel
    from runner.model.template import Template
    from runner.plan.expand import Value
    from runner.plan.facts import Facts
    from runner.plan.pattern import Pattern


def plan_image(
    image: "Image",
    values: "Mapping[str, Value]",
    facts: "Facts",
    copied: "Sequence[tuple[str, tuple[Pattern, ...]] | None]",
    folder: str = "",
) -> ImagePlan:
    """The image that an image task makes with these values.

    Args:
        image: What the task says.
        values: What its templates may name.
        facts: How to ask about the world.
        copied: For each `copy` the label and the targets of the task it takes, or None.
        folder: The folder of the task's file, relative to the top.

    Raises:
        PlanError: A copy of a task without target, a base that is none, a name that can't be filled in.
    """

    def text(template: "Template | None") -> str:
        return "" if template is None else fill(template, values)

    def words(templates: "Sequence[Template] | None", shell: bool) -> tuple[str, ...] | None:
        if templates is None:
            return None
        found = tuple(fill(template, values) for template in templates)
        return shell_form(found[0]) if shell and found else found

    name, tags = name_and_tags(text(image.name), tuple(text(tag) for tag in image.tags))
    config = ConfigPlan(
        workdir=text(image.workdir),
        env=tuple((text(key), late_value(value, values)) for key, value in image.env),
        labels=tuple((text(key), text(value)) for key, value in image.labels),
        user=text(image.user),
        expose=tuple(text(port) for port in image.expose),
        volumes=tuple(text(folder) for folder in image.volumes),
        stop_signal=text(image.stop_signal),
        healthcheck=_health(image.healthcheck, values),
        entrypoint=words(image.entrypoint, image.entrypoint_shell),
        cmd=words(image.cmd, image.cmd_shell),
    )
    copies = tuple(
        _copy(copy, values, source, folder) for copy, source in zip(image.copy, copied, strict=True)
    )
    base = base_plan(text(image.base), image.base.position, folder)
    return ImagePlan(name, tags, base, copies, config, facts.platform())


def late_value(template: "Template", values: "Mapping[str, Value]") -> str | tuple[str | BaseVariable, ...]:
    """The value of a variable in an image or a container; an unknown name is a variable of what that stands on."""
    if all(isinstance(part, str) or part.name in values for part in template.parts):
        return fill(template, values)
    return tuple(
        part
        if isinstance(part, str)
        else str(values[part.name])
        if part.name in values
        else BaseVariable(part.name)
        for part in template.parts
    )


def _copy(
    copy: "Copy",
    values: "Mapping[str, Value]",
    source: "tuple[str, tuple[Pattern, ...]] | None",
    folder: str,
) -> CopyPlan:
    if source is None:
        label = ""
        paths: tuple[str, ...] = ()
        if copy.source is not None:
            paths = (_beneath(folder, fill(copy.source, values)),)
    else:
        label, targets = source
        paths = tuple(_beneath(target.base, target.text) for target in targets)
        if not paths:
            raise PlanError(
                f"`{label}` has no `target`, so there is nothing to copy from it",
                copy.position,
                "say under its `target` what it writes",
            )
    user, _, group = copy.owner.partition(":")
    return CopyPlan(
        fill(copy.to, values),
        paths,
        mode=int(copy.mode, 8) if copy.mode else None,
        owner=(int(user or 0), int(group or user or 0)),
        task=label,
        at=copy.position,
    )


def _beneath(folder: str, pattern: str) -> str:
    """A pattern that is relative to a folder, relative to the top."""
    return f"{escape(folder)}/{pattern}" if folder else pattern


def _health(check: "HealthcheckModel | None", values: "Mapping[str, Value]") -> Healthcheck | None:
    if check is None:
        return None
    words = tuple(fill(word, values) for word in check.test)
    if words == ("none",) and check.shell:
        test: tuple[str, ...] = ("NONE",)
    else:
        test = ("CMD-SHELL" if check.shell else "CMD", *words)
    return Healthcheck(test, check.interval, check.timeout, check.start_period, check.retries)
