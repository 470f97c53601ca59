"""`--sandbox` and `--audit`: the places where a run's commands do their work, and what is shown of them."""

from runner.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.events import Reporter
    from runner.execute.container_facts import ContainerFacts
    from runner.execute.inputs import Inputs
    from runner.execute.places import Places
    from runner.execute.verdict import Judge
    from runner.plan.action import Plan


def open_places(
    top: str,
    cache: str | None,
    environ: "Mapping[str, str]",
    plan: "Plan",
    flags: "Mapping[str, str]",
    inputs: "Inputs",
    judge: "Judge",
    reporter: "Reporter",
    facts: "ContainerFacts | None" = None,
) -> "Places | None":
    """The places that the flags ask for; None if commands run simply in the project.

    Args:
        top: The project's top folder, absolute.
        cache: The folder of this user's caches; None if the user has no home.
        environ: The caller's variables.
        plan: What is to be done.
        flags: What the command line says.
        inputs: The files of the project.
        judge: Says what must run.
        reporter: Who is told.
        facts: What is known of the containers of the plan, or None if it has none.

    Raises:
        RunError: There is nothing by which commands could be looked at.
        UsageError: The flags ask for both.
    """
    if "sandbox" in flags and "audit" in flags:
        raise UsageError(
            "`--sandbox` and `--audit` do not go together: an audit looks at tasks in the open",
            None,
            "use one after the other",
        )
    places: Places | None = None
    if "sandbox" in flags:
        from runner.execute.sandbox import Sandbox  # noqa: PLC0415 - only for this
        from runner.system.fresh_tree import base_folder  # noqa: PLC0415

        places = Sandbox(plan, top, base_folder(top, cache), inputs, judge.targets_of, reporter)
    if "audit" in flags:
        from runner.execute.audit import Audit  # noqa: PLC0415 - only for this

        places = Audit(plan, top, inputs, judge.targets_of, environ)
    if "sandbox" not in flags and any(action.platform for action in plan.actions):
        from runner.execute.apart import ApartPlaces  # noqa: PLC0415 - few images are for other platforms
        from runner.execute.sandbox import Sandbox  # noqa: PLC0415
        from runner.system.fresh_tree import base_folder  # noqa: PLC0415

        trees = Sandbox(plan, top, base_folder(top, cache), inputs, judge.targets_of, reporter)
        places = ApartPlaces(places, trees)
    if facts is None:
        return places
    from runner.execute.container import Containers  # noqa: PLC0415 - only for these
    from runner.execute.copies import Copies  # noqa: PLC0415
    from runner.system.fresh_tree import base_folder  # noqa: PLC0415
    from runner.system.this_run import has_ended, this_run  # noqa: PLC0415

    files = Copies(plan, top, base_folder(top, cache), inputs, judge.targets_of, environ)
    return Containers(plan, facts, places, files=files, reporter=reporter, run=this_run(), dead=has_ended)


def show_places(places: "Places | None") -> None:
    """Write what an audit found to stdout."""
    from runner.execute.apart import ApartPlaces  # noqa: PLC0415 - only for this
    from runner.execute.audit import Audit  # noqa: PLC0415
    from runner.execute.container import Containers  # noqa: PLC0415

    if isinstance(places, Containers):
        places = places.inner
    if isinstance(places, ApartPlaces):
        places = places.inner
    if isinstance(places, Audit):
        from runner.ui.audit import audit_text  # noqa: PLC0415
        from runner.ui.plain import write_text  # noqa: PLC0415

        write_text(1, audit_text(places.findings))
