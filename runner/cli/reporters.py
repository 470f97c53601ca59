"""Who shows what happens: chosen by `--output`, the variables of CI services, and whether there is a terminal."""

import os

from runner.errors import UsageError
from runner.ui.plain import NORMAL, STDERR, PlainReporter, write_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.ui.grouped import Marks

INTERLEAVED, GROUPED, PREFIXED, JSON, PLAIN = "interleaved", "grouped", "prefixed", "json", "plain"


def choose_reporter(
    form: str | None,
    level: int,
    total: int,
    top: str,
    environ: "Mapping[str, str]",
    name_of: "Callable[[str], str]",
) -> PlainReporter:
    """Who shows the work on a plan.

    Args:
        form: What `--output` says; None if it is not there.
        level: How much is told.
        total: How many tasks there are.
        top: The project's top folder, absolute.
        environ: The caller's variables.
        name_of: How the user would name a file, given relative to the top.

    Raises:
        UsageError: There is no such form.
    """
    if form not in {None, INTERLEAVED, GROUPED, PREFIXED, JSON, PLAIN}:
        hint = "it is one of `interleaved`, `grouped`, `prefixed`, `json` and `plain`"
        raise UsageError(f"there is no `--output={form}`", None, hint)
    ci = set_to(environ, "CI")
    if form is None and ci and total > 1:
        form = GROUPED
    reporter = _reporter(form, level, top, environ)
    reporter.name_of = name_of
    terminal = os.isatty(STDERR)
    reporter.always_sums_up = reporter.always_sums_up or ci or terminal
    live = terminal and not ci and form not in {JSON, PLAIN} and environ.get("TERM") != "dumb"
    if live and level >= NORMAL and total > 1:
        from runner.ui.progress import ProgressLine  # noqa: PLC0415 - on terminals only

        reporter.line = ProgressLine(total, STDERR, write_bytes)
    return reporter


def _reporter(form: str | None, level: int, top: str, environ: "Mapping[str, str]") -> PlainReporter:
    if form == GROUPED:
        from runner.ui.grouped import GroupedReporter  # noqa: PLC0415 - only what is shown this way

        return GroupedReporter(level, _marks(environ), f"{top}/.pyrun/logs")
    if form == PREFIXED:
        from runner.ui.prefixed import PrefixedReporter  # noqa: PLC0415

        return PrefixedReporter(level)
    if form == JSON:
        from runner.ui.json_lines import JsonReporter  # noqa: PLC0415

        return JsonReporter(level)
    return PlainReporter(level)


def _marks(environ: "Mapping[str, str]") -> "Marks":
    """The marks by which the log that is written to folds a group."""
    from runner.ui.grouped import github_marks, gitlab_marks, header  # noqa: PLC0415 - for groups only

    if set_to(environ, "GITHUB_ACTIONS"):
        return github_marks
    return gitlab_marks if set_to(environ, "GITLAB_CI") else header


def set_to(environ: "Mapping[str, str]", name: str) -> bool:
    """Whether a variable is there and says neither nothing nor `false`."""
    return environ.get(name, "").lower() not in {"", "false"}
