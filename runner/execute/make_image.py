"""The image that a container's commands run in: got, or made by a `setup` or by a Dockerfile, once for all.

Works in a thread of its own, and writes nothing to the user itself.
"""

import os
from contextlib import suppress

from runner.errors import EngineError, RunError
from runner.execute.container_facts import CERTIFICATES
from runner.execute.copies import put_certificates
from runner.execute.warm import Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.engine.containers import ContainerEngine, Spec
    from runner.execute.container_facts import ContainerFacts
    from runner.plan.container_plan import ContainerPlan

    Tell = Callable[[Job, ContainerPlan, str, bytes], None]

_KEPT = (
    "Cmd",
    "Entrypoint",
    "Env",
    "ExposedPorts",
    "Healthcheck",
    "StopSignal",
    "User",
    "Volumes",
    "WorkingDir",
)


def make_image(
    engine: "ContainerEngine",
    facts: "ContainerFacts",
    plan: "ContainerPlan",
    labels: "Mapping[str, str]",
    job: Job,
    tell: "Tell",
    create: "Callable[[Spec], str]",
) -> str:
    """The reference or the id of the image, which is there when this returns.

    Args:
        engine: Where.
        facts: What is known of it.
        plan: The container.
        labels: What is written on containers that are needed for it.
        job: The thread's.
        tell: Told of commands, and of what they write.
        create: Makes a container that does not outlive the run.

    Raises:
        EngineError: It can't be got.
        RunError: A command fails.
    """
    one = plan.definition
    if one.dockerfile and facts.base(plan) is None:
        _build(facts, plan, job, tell)
        facts.look_again(plan)
    base = facts.base(plan)
    if base is None:
        raise EngineError(
            f"the image `{facts.base_reference(plan)}` of the container `{plan.name}` is not in the engine at "
            f"{engine.shown}",
            one.position,
            "it is given to the engine that DOCKER_HOST or `--engine` names, unless `--no-load` is given",
        )
    if not one.setup:
        # Its name may stand for another image a moment later.
        return base.id
    reference = facts.reference(plan)
    if engine.image(reference) is None:
        _set_up(engine, facts, plan, base.id, reference, labels, job, tell, create)
    return reference


def _build(facts: "ContainerFacts", plan: "ContainerPlan", job: Job, tell: "Tell") -> None:
    """Build the image by its Dockerfile."""
    from runner.engine.containers import SETUP_LABEL  # noqa: PLC0415 - for containers only
    from runner.engine.image_build import Build, FailedStepError, ImageBuild  # noqa: PLC0415

    one = plan.definition
    context = facts.context(one)
    tell(job, plan, f"build {one.dockerfile}", b"")
    build = Build(
        context.archive, context.name, one.stage, (facts.base_reference(plan),), tuple(facts.proxies().items()),
        ((SETUP_LABEL, facts.recipe(plan)),), one.platform, hidden=context.hidden, needs=context.needs.builder,
    )  # fmt: skip

    def told(step: str, data: bytes) -> None:
        tell(job, plan, "" if data else step, data)

    try:
        ImageBuild(facts.engine, facts.caller, build, told).run()
    except FailedStepError as error:
        raise RunError(
            f"the Dockerfile of the container `{plan.name}` failed with exit status {error.status}: "
            f"{error.message}",
            one.position,
            "",
            error.status,
        ) from None
    except EngineError as error:
        raise EngineError(f"the container `{plan.name}`: {error.message}", one.position, error.hint) from None


def _set_up(
    engine: "ContainerEngine",
    facts: "ContainerFacts",
    plan: "ContainerPlan",
    base: str,
    reference: str,
    labels: "Mapping[str, str]",
    job: Job,
    tell: "Tell",
    create: "Callable[[Spec], str]",
) -> None:
    """Run the commands of a `setup` and keep what they leave as an image."""
    from runner.engine.containers import SETUP_LABEL, Spec  # noqa: PLC0415 - for containers only
    from runner.engine.shells import Ending, Frames, quoted  # noqa: PLC0415

    one = plan.definition
    mark = os.urandom(16).hex()
    # All on one stream, since an engine keeps no order between two.
    lines = ["set -e", "exec 2>&1"]
    for script in one.setup:
        lines += [f"printf '\\000{mark[::-1]}\\000'", f"sh -c {quoted(script)}"]
    lines.append("rm -rf /.pyrun 2>/dev/null || :")
    told = f"printf '\\000{mark} %s\\000' $?; printf '\\000{mark}\\000' >&2"
    # It ends when nobody is connected to it any longer, so that nothing outlives a pyrun that was killed.
    # What passes from the caller comes over the connection: what a container begins with is the image's, too.
    whole = f"{{ sh -c {quoted(chr(10).join(lines))} </dev/null; {told}; }}"
    script = f'read -r line; eval "$line"; {whole} & while read -r line; do :; done'
    spec = Spec(
        base, ("sh", "-c", script), (), "0", "/", (), (), (), one.network
        if one.network != "none" else "", (), (), one.platform, 0, 0, False, tuple(labels.items()), True, True,
    )  # fmt: skip
    container = create(spec)
    try:
        put_certificates(engine, container, facts.certificates(), CERTIFICATES)
        connection = engine.attach(container, stdin=True)
        engine.start(container)
        connection.sendall(f"{exports(facts.passing())}\n".encode("utf-8", "surrogateescape"))
        written = Written(plan, mark[::-1], lambda shown, data: tell(job, plan, shown, data))
        ending = Ending(mark, written.take)
        frames = Frames(connection)
        while frames.receive(ending.take) and not ending.done:
            frames.wait()
        written.end()
        status = ending.status
        if not ending.done or status is None:
            ending.end()
            raise EngineError(
                f"the setup of the container `{plan.name}` was not done to its end: its container has ended, and "
                "nobody here told it to",
                one.position,
                "was it or its engine stopped from outside?",
            )
        if status:
            failed = one.setup[max(written.number, 0)]
            raise RunError(
                f"the setup of the container `{plan.name}` failed with exit status {status}: "
                f"{failed.strip().partition(chr(10))[0]}",
                one.position,
                "",
                status,
            )
        repository, _, tag = reference.rpartition(":")
        config = {name: value for name, value in engine.config_of(base).items() if name in _KEPT and value}
        config["Labels"] = {SETUP_LABEL: tag}
        engine.commit(container, repository, tag, config)
        connection.close()
    finally:
        # Where the engine does not answer any more, the next run removes it.
        with suppress(EngineError):
            engine.remove(container)


def exports(variables: "Mapping[str, str]") -> str:
    """A line of shell text that sets variables, which hold no newline; `:` for none."""
    from runner.engine.shells import quoted  # noqa: PLC0415 - for containers only

    plain = [f"{name}={quoted(value)}" for name, value in variables.items() if "\n" not in value]
    return f"export {' '.join(plain)}" if plain else ":"


class Written:
    """What the commands of a setup write: output, and in between which of them begins.

    Args:
        plan: The container.
        mark: What stands between two zero bytes where the next command begins.
        tell: Told of each command, and of what it writes.

    Attributes:
        number: Which command runs; below zero before the first.
    """

    def __init__(self, plan: "ContainerPlan", mark: str, tell: "Callable[[str, bytes], None]") -> None:
        self._setup = plan.definition.setup
        self._mark = f"\0{mark}\0".encode()
        self._tell = tell
        self._held = b""
        self.number = -1

    def take(self, _: int, data: bytes) -> None:
        """Take what was written."""
        first, *others = (self._held + data).split(self._mark)
        self._put(first, last=not others)
        for number, piece in enumerate(others, 1):
            self.number += 1
            self._tell(self._setup[self.number].strip(), b"")
            self._put(piece, last=number == len(others))

    def end(self) -> None:
        """Nothing more comes."""
        if self._held:
            self._tell("", self._held)
        self._held = b""

    def _put(self, data: bytes, *, last: bool) -> None:
        """Tell output; of the last, what may be the beginning of a mark waits."""
        self._held = b""
        at = data.rfind(b"\0") if last else -1
        # A mark that is cut off has one zero byte at its beginning, and none behind.
        if at >= 0 and self._mark.startswith(data[at:]):
            data, self._held = data[:at], data[at:]
        if data:
            self._tell("", data)
