"""An image task's values filled in."""

from runner.errors import PlanError
from runner.model.path import beneath, resolved
from runner.plan.expand import fill
from runner.plan.image_plan import (
    GZIP,
    SCRATCH,
    BasePlan,
    BaseVariable,
    ConfigPlan,
    CopyPlan,
    DockerfilePlan,
    Healthcheck,
    ImagePlan,
    name_and_tags,
    shell_form,
)
from runner.plan.pattern import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from runner.model.image import Copy, Dockerfile, Image
    from runner.model.image import Healthcheck as HealthcheckModel
    from runner.model.template import Template
    from runner.plan.expand import Value
    from runner.plan.pattern import Pattern
    from runner.plan.platform import Platform

    Variable = str | tuple[str | BaseVariable, ...]
    Variables = tuple[tuple[str, Variable], ...]


def plan_image(
    image: "Image",
    values: "Mapping[str, Value]",
    platform: "Platform",
    copied: "Sequence[tuple[str, tuple[Pattern, ...]] | None]",
    base_of: "Callable[[Template, str], BasePlan]",
    folder: str = "",
    tags: tuple[str, ...] = (),
) -> ImagePlan:
    """The image that an image task makes with these values.

    Args:
        image: What the task says.
        values: What its templates may name.
        platform: What it is for.
        copied: For each `copy` the label and the targets of the task it takes, or None.
        base_of: The image that a text names, as it is written and with its values.
        folder: The folder of the task's file, relative to the top.
        tags: The tags that it is to have instead of its own; none for those.

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

    name, tags = name_and_tags(text(image.name), tuple(text(tag) for tag in image.tags), tags)
    base, dockerfile = BasePlan(SCRATCH), None
    if image.dockerfile is None:
        base = base_of(image.base, text(image.base))
    else:
        dockerfile = _dockerfile(image.dockerfile, values, folder)
    env = tuple((text(key), late_value(value, values)) for key, value in image.env)
    config = ConfigPlan(
        workdir=_workdir(base, text(image.workdir)),
        env=_above(base.env, env),
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
        _copy(copy, values, source, base_of, folder) for copy, source in zip(image.copy, copied, strict=True)
    )
    return ImagePlan(
        name, tags, base, copies, config, platform, tuple(text(script) for script in image.run),
        image.runner, image.compression or GZIP, dockerfile,
    )  # fmt: skip


def _workdir(base: BasePlan, written: str) -> str:
    """The working folder of an image, whose base may be a container with one of its own."""
    brought = base.container.workdir if base.container is not None else ""
    if written.startswith("/") or not brought:
        return written
    return f"{brought.rstrip('/')}/{written}" if written else brought


def _above(brought: "Variables", own: "Variables") -> "Variables":
    """The variables of an image above those of the container that it stands on."""
    known = dict(brought)

    def parts(value: "Variable") -> "Iterator[str | BaseVariable]":
        for part in (value,) if isinstance(value, str) else value:
            if isinstance(part, str) or part.name not in known:
                yield part
            else:
                found = known[part.name]
                yield from (found,) if isinstance(found, str) else found

    laid = {**known, **{name: tuple(parts(value)) for name, value in own}}
    return tuple(
        (name, "".join(map(str, value)) if all(isinstance(part, str) for part in value) else value)
        for name, value in laid.items()
    )


def _dockerfile(one: "Dockerfile", values: "Mapping[str, Value]", folder: str) -> DockerfilePlan:
    path = resolved(beneath(folder, fill(one.path, values)))
    context = path.rpartition("/")[0]
    if one.context is not None:
        context = resolved(beneath(folder, fill(one.context, values)))
    for what, found in (("dockerfile", path), ("context", context)):
        if found.startswith(("/", "../")) or found == "..":
            raise PlanError(
                f"`{what}` leads to `{found}`, outside the project's folder", one.position, "a path below it"
            )
    return DockerfilePlan(
        path,
        "" if one.stage is None else fill(one.stage, values),
        "" if context == "." else context,
        tuple((fill(name, values), fill(value, values)) for name, value in one.build_args),
        one.position,
    )


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
    base_of: "Callable[[Template, str], BasePlan]",
    folder: str,
) -> CopyPlan:
    base = None if copy.base is None else base_of(copy.base, fill(copy.base, values))
    if source is None:
        label = ""
        paths: tuple[str, ...] = ()
        if copy.source is not None:
            path = fill(copy.source, values)
            paths = (path if base is not None else _beneath(folder, path),)
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
        base=base,
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
