"""The containers of a plan, as one call of pyrun sees them: which engine, whose variables, who is told."""

from runner.engine.docker import open_engine
from runner.events import Noticed
from runner.execute.container_facts import ContainerFacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.cli.pins import Pins
    from runner.engine.docker import Engine
    from runner.plan.action import Action, Plan
    from runner.ui.plain import PlainReporter


def container_facts(
    top: str,
    cache: str | None,
    environ: "Mapping[str, str]",
    environ_of: "Callable[[Action, str], Mapping[str, str]]",
    plan: "Plan",
    flags: "Mapping[str, str]",
    reporter: "PlainReporter",
    pins: "Callable[[], Pins]",
    *,
    inert: bool,
) -> ContainerFacts:
    """What is known of the containers of a plan.

    Args:
        top: The project's top folder, absolute.
        cache: The folder of this user's caches; None if the user has no home.
        environ: The caller's variables.
        environ_of: The variables of an action's commands on the host, its secrets among them.
        plan: The plan.
        flags: What the command line says.
        reporter: Who is told what takes long.
        pins: Gives what the names of images stand for.
        inert: Whether nothing may be changed.
    """
    actions = {action.id: action for action in plan.actions}

    def open_it() -> "Engine":
        return open_engine(environ, flags.get("engine", ""))

    def reference_of(name: str) -> str:
        image = actions[name].image
        assert image is not None
        return f"{image.name}:{image.tags[0]}"

    facts = ContainerFacts(
        open_it, top, cache, environ, environ_of,
        lambda text: reporter.tell(Noticed(text)), reference_of, pins, inert=inert,
    )  # fmt: skip
    if "sandbox" in flags:
        facts.copy_only()
    if "verify" in flags:
        facts.stay_apart()
    return facts


def remove_all(environ: "Mapping[str, str]", asked: str) -> str:
    """Remove all that pyrun has made in an engine; what that was, in a line.

    Args:
        environ: The caller's variables.
        asked: What `--engine` says.

    Raises:
        EngineError: None answers, or it does not remove something.
    """
    from runner.engine.containers import ContainerEngine  # noqa: PLC0415 - the SDK takes long to load

    found = open_engine(environ, asked)
    engine = ContainerEngine(found.url, found.shown)
    counts = []
    for what, names, remove in (
        ("container", [one for one, _, _ in engine.labelled()], engine.remove),
        ("network", [one for one, _ in engine.networks()], engine.remove_network),
        ("volume", engine.volumes(), engine.remove_volume),
        ("image", engine.made_images(), engine.remove_image),
    ):
        for name in names:
            remove(name)
        if names:
            counts.append(f"1 {what}" if len(names) == 1 else f"{len(names)} {what}s")
    removed = " and ".join([", ".join(counts[:-1]), counts[-1]] if len(counts) > 1 else counts)
    return f"pyrun: removed {removed or 'nothing'} from the engine at {found.shown}\n"
