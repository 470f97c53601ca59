"""`--shell`: an interactive shell in a container, with what its tasks see."""

from runner.errors import UsageError, did_you_mean
from runner.events import TaskFailed
from runner.location import Position
from runner.model.container import HOST, ContainerName
from runner.model.project import container_named
from runner.model.step import Command, Step
from runner.model.task import Task
from runner.model.template import Template
from runner.plan.bind import Binder, Invocation
from runner.plan.resolve import make_plan
from runner.ui.plain import PlainReporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.cli.session import Session
    from runner.events import Event

_SCRIPT = "command -v bash >/dev/null && exec bash; exec sh"


class _Told(PlainReporter):
    """Tells what is done for the shell, and not how it ended: who has left it knows."""

    def tell(self, event: "Event") -> None:
        """Tell an event."""
        if not isinstance(event, TaskFailed):
            super().tell(event)


def open_shell(session: "Session", flags: "Mapping[str, str]", level: int) -> int:
    """Open a shell in the container that a flag names; the exit status is the shell's.

    Args:
        session: The project.
        flags: What the command line says.
        level: How much is told.

    Raises:
        UsageError: There is no such container.
        PyrunError: It can't be started.
    """
    name = flags["shell"]
    known = tuple(one.name for head in session.project.heads for one in head.containers)
    if name == HOST or container_named(session.project, name, session.namespace) is None:
        hint = did_you_mean(name, known) or "containers are defined under `containers:`"
        raise UsageError(f"there is no container `{name}`", None, hint)
    at = Position(session.name, 1, 1)
    script = Command(Template((_SCRIPT,), at), None, True, None, (), False, (), at)
    step = Step((), (script,), at)
    task = Task(
        name="shell", usage="", description="", private=False, quiet=True, aliases=(), namespace=session.namespace,
        args=(), options=(), shared=(), deps=(), sources=None, targets=None, env=(), dir=None, steps=(step,),
        last=(), timeout=0, retries=0, confirm=None, secrets=(), pass_env=(), cache="", watch=False, spread=(),
        persistent=False, server=None, container=ContainerName(name, at), image=None, position=at,
    )  # fmt: skip
    invocation = Invocation(task, {}, (), {})
    binder = Binder(session.project, session.facts)
    plan = make_plan(session.project, [invocation], binder, session.facts)
    return session.work(plan, flags, _Told(level), [])
