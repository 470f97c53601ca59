"""The containers of a plan, as one call of pyrun sees them: which engine, whose variables, who is told."""

from runner.engine.docker import open_engine
from runner.events import Noticed
from runner.execute.container_facts import ContainerFacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.cli.session import Session
    from runner.engine.docker import Engine
    from runner.plan.action import Plan
    from runner.ui.plain import PlainReporter


def container_facts(
    session: "Session",
    plan: "Plan",
    flags: "Mapping[str, str]",
    reporter: "PlainReporter",
    *,
    inert: bool,
) -> ContainerFacts:
    """What is known of the containers of a plan.

    Args:
        session: The call.
        plan: The plan.
        flags: What the command line says.
        reporter: Who is told what takes long.
        inert: Whether nothing may be changed.
    """
    actions = {action.id: action for action in plan.actions}

    def open_it() -> "Engine":
        return open_engine(session.environ, flags.get("engine", ""))

    def reference_of(name: str) -> str:
        image = actions[name].image
        assert image is not None
        return f"{image.name}:{image.tags[0]}"

    facts = ContainerFacts(
        open_it, session.top, session.cache, session.environ, session.environ_of,
        lambda text: reporter.tell(Noticed(text)), reference_of, inert=inert,
    )  # fmt: skip
    if "sandbox" in flags:
        facts.copy_only()
    return facts
