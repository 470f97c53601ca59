"""From words to exit status: the one place that catches errors and says how the program ends."""

import os
import sys
from time import time_ns

from runner.cli.arguments import (
    CLEANING,
    FLAGS,
    SETUP,
    SHAPES,
    Request,
    leading_flags,
    read_calls,
    trailing_place,
)
from runner.cli.find_project import OuterFileError, find_file, open_session
from runner.cli.session import Session, failure_of, jobs
from runner.errors import PyrunError, UsageError
from runner.plan.bind import Binder
from runner.plan.resolve import make_plan
from runner.system.stop_signals import FIRST
from runner.system.witness import WITNESS
from runner.ui.plain import NORMAL, QUIET, SILENT, VERBOSE, PlainReporter, write_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.model.task import Task
    from runner.plan.action import Plan
    from runner.plan.facts import Facts
    from runner.system.past_facts import NotedFacts

_INTERRUPTED, _BROKEN_PIPE = 130, 141
_LOOKS = ("dockerfile", "dry-run", "graph", "why")
"""The flags with which a plan is only looked at."""
_RESUMING = ("--resume", "--pyrun-resume", "--")
"""Words in front of the first task that need not be kept to resume a run again."""
_REPEATABLE = frozenset(
    ("all", "dir", "file", "in", "jobs", "keep-going", "list", "quiet", "silent", "verbose", "yes")
)
"""The flags with which a call that has found nothing to do may be answered again in the same way."""
_NEEDS_TASK = {
    "dockerfile": "shows how images are made",
    "graph": "shows what a task needs",
    "why": "says why a task runs",
    "since": "takes what changes reach of the tasks asked for",
    "shard": "takes a part of the tasks asked for",
}
"""The flags that are about what is asked for, with what they do."""


def main(words: "Sequence[str] | None" = None) -> int:
    """Do what the command line says.

    Args:
        words: The command line without the program's name; by default this process's own.

    Returns:
        The exit status.
    """
    began = time_ns()
    _open_standard_files()
    call = _Call(sys.argv[1:] if words is None else words)
    if words is None and os.getpid() != FIRST:
        call.began = began
    try:
        if call.words and call.words[0].startswith("--pyrun-complete="):
            call.repeatable = True
            status = _complete(call.words)
        else:
            status = call.run()
        if status == 0:
            call.keep()
        return status  # noqa: TRY300 - all of it may fail in the same ways
    except PyrunError as error:
        return call.tell(error)
    except BrokenPipeError:
        return _BROKEN_PIPE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:
        return call.tell(failure_of(error))


class _Call:
    def __init__(self, words: "Sequence[str]") -> None:
        self.words = words
        self.session: Session | None = None
        self.silent = False
        self.began = 0
        self.repeatable = False

    def keep(self, program: bytes = b"") -> None:
        """Keep what was answered, so that the next call like this one may do the same at once.

        Args:
            program: What this process is about to become, see `runner.cli.recording`.
        """
        if self.began and self.repeatable and WITNESS.whole:
            from runner.cli.recording import record  # noqa: PLC0415 - only where there is something to keep

            record(self.words, self.began, program)

    def become(self, path: str, words: "Sequence[str]", folder: str, environ: "Mapping[str, str]") -> None:
        """This process is about to become another program."""
        session = self.session
        heads = session.project.heads if session is not None else ()
        if session is None or any(session.facts.variables.from_files(head) for head in heads):
            # What stands in a file of variables may be a secret, and is kept nowhere else.
            return
        from runner.cli.recording import becoming  # noqa: PLC0415 - see `keep`

        self.keep(becoming(path, words, folder, environ, os.environ))

    def run(self) -> int:
        """Read the words, then look or work."""
        flags, used = leading_flags(self.words)
        self.silent = "silent" in flags
        words = self.words[used:]
        if "resume" in flags and not words:
            flags, words = self.words_before(flags)
        shown = _without_project(flags, words)
        if shown is not None:
            _show(shown)
            return 0
        request = self.request(words, flags)
        self.silent = "silent" in request.flags
        behind = [name for name in SETUP if name in request.flags]
        if behind:
            raise UsageError(f"`--{behind[0]}` goes with no task", None, f"`pyrun --{behind[0]}` does it")
        if "help" in request.flags:
            self.show_help(request)
            return 0
        # A wrong number is told whatever else is asked for.
        jobs(request.flags)
        session = self.needed_session()
        if (session.fresh or "validate" in request.flags) and level(request.flags) >= NORMAL:
            write_text(2, session.notices())
        if any(name in request.flags for name in CLEANING):
            from runner.cli.clean import clean  # noqa: PLC0415 - only for this

            _show_told(clean(session, request), request.flags)
            return 0
        if "shell" in request.flags:
            from runner.cli.shell import open_shell  # noqa: PLC0415 - only for this

            if request.calls:
                asked = request.calls[0].task.name
                raise UsageError(f"`--shell` opens a shell and runs nothing, and `{asked}` is asked for")
            return open_shell(session, request.flags, level(request.flags))
        shown = self.look(session, request)
        if shown is not None:
            _show(shown)
            return 0
        return self.plan(session, request)

    def words_before(self, flags: "dict[str, str]") -> "tuple[dict[str, str], Sequence[str]]":
        """The flags and words of the run that is resumed, with what is said now before what was said then.

        Raises:
            UsageError: There is none.
        """
        from runner.store.last_run import load_run  # noqa: PLC0415 - only for this

        self.open(flags)
        found = load_run(self.needed_session().top)
        if found is None:
            raise UsageError(
                "there is nothing to resume", None, "the last run here succeeded, or never came to its end"
            )
        here, *words = found[0]
        before, used = leading_flags(words)
        # Of two flags of one name the last one counts; what ends the flags stands behind all of them.
        own = [word for word in (*words[:used], *self.words) if word not in _RESUMING]
        self.words = [*own, "--", *words[used:]]
        flags = {**before, **flags, "dir": here}
        flags.pop("file", "")
        if "file" in before:
            flags["file"] = before["file"]
        return flags, words[used:]

    def look(self, session: Session, request: Request) -> str | None:
        """What is shown of the project itself; None if something is to be planned."""
        if "validate" in request.flags:
            session.check()
            count = len(session.project.names())
            shown = session.name_of(session.name)
            return f"{shown} is valid: {'1 task' if count == 1 else f'{count} tasks'}\n"
        needy = next((name for name in _NEEDS_TASK if name in request.flags), "")
        if needy and not request.calls:
            does = _NEEDS_TASK[needy]
            raise UsageError(f"`--{needy}` {does}, and none is named", None, f"`pyrun --{needy} TASK`")
        if "list" in request.flags or not request.calls:
            self.repeatable = not session.fresh and _REPEATABLE.issuperset(request.flags)
            return self.listing(session, request.flags.get("list", ""))
        return None

    def plan(self, session: Session, request: Request) -> int:
        """Plan what was asked for; show that, or do it."""
        flags = request.flags
        looks = session.facts.inert = any(name in flags for name in _LOOKS)
        if not looks and "verify" not in flags and _watches(request):
            from runner.cli.watch import watch  # noqa: PLC0415 - only for this

            return watch(self, request)
        whole, plan = self.planned(session, request)
        if not plan.asked and whole.asked and flags.get("graph") != "json":
            return 0
        if "graph" in flags:
            _show(self.graph(session, plan, flags["graph"]))
            return 0
        reporter = self.reporter(session, len(plan.actions), flags)
        if "why" in flags:
            _show(session.why(plan, flags, reporter))
            return 0
        if "dockerfile" in flags:
            from runner.cli.dockerfile import show_dockerfile  # noqa: PLC0415 - only for this

            text = show_dockerfile(session, plan, flags)
            if flags["dockerfile"]:
                _show_told(text, flags)
            else:
                _show(text)
            return 0
        if "dry-run" in flags:
            _show(session.look_ahead(plan, flags, reporter))
            return 0
        if "verify" in flags:
            from runner.cli.verify import goes_on, verify  # noqa: PLC0415 - only for this

            status = verify(self, session, request, plan, reporter)
            if status or not goes_on(flags):
                return status
            # What follows is done as ever.
            del flags["verify"]
        if not session.fresh and type(reporter) is PlainReporter and _REPEATABLE.issuperset(flags):
            self.repeatable = True
            WITNESS.becoming = self.become
        return session.work(plan, flags, reporter, [session.here, *self.words])

    def planned(self, session: Session, request: Request) -> "tuple[Plan, Plan]":
        """The plan of what was asked for: the whole, and the part that flags leave of it."""
        flags = request.flags
        facts: Facts = session.facts
        noted = None
        if "since" in flags:
            from runner.system.past_facts import NotedFacts  # noqa: PLC0415 - only for this

            facts = noted = NotedFacts(session.facts)
        binder = Binder(session.project, facts)
        for draft in request.calls:
            binder.take_shared(draft)
        invocations = [found for draft in request.calls for found in binder.bind(draft)]
        place, images = session.wanted_place(flags), session.wanted_images(flags)
        plan = make_plan(session.project, invocations, binder, facts, place, images)
        part = plan
        if "since" in flags or "shard" in flags:
            part = self.narrowed(session, plan, request, noted)
        by_docker = "builder" in flags or any(one.image is not None and one.image.run for one in part.actions)
        if by_docker and not ("graph" in flags or "dockerfile" in flags):
            from runner.cli.dockerfile import built_by_docker  # noqa: PLC0415 - few images are

            part = built_by_docker(session, part, flags, PlainReporter(level(flags)))
        return plan, part

    def reporter(self, session: Session, total: int, flags: "Mapping[str, str]") -> PlainReporter:
        """Who shows the work on a plan of so many tasks."""
        several = total > 1 and (os.environ.get("CI") or os.isatty(2))
        if "output" not in flags and not several:
            reporter = PlainReporter(level(flags))
            reporter.name_of = session.name_of
            return reporter
        from runner.cli.reporters import choose_reporter  # noqa: PLC0415 - only where something is chosen

        form = flags.get("output")
        return choose_reporter(form, level(flags), total, session.top, os.environ, session.name_of)

    def listing(self, session: Session, form: str) -> str:
        """The tasks, for people or for programs."""
        if form not in {"", "json"}:
            raise UsageError(f"there is no `--list={form}`", None, "`--list` or `--list=json`")
        if form:
            from runner.ui.listing_json import tasks_as_json  # noqa: PLC0415 - only for this

            names = session.project.names()
            tasks = [task for name in names if (task := session.project.task(name)) is not None]
            return tasks_as_json(session.project, {task.name: self.values(session, task) for task in tasks})
        from runner.ui.listing import task_list  # noqa: PLC0415 - only for this

        return task_list(session.project)

    def narrowed(
        self, session: Session, plan: "Plan", request: Request, noted: "NotedFacts | None"
    ) -> "Plan":
        """The part of a plan that `--since` and `--shard` leave; which that is, is told."""
        from runner.cli.narrow import narrow  # noqa: PLC0415 - only for this

        part = narrow(session, plan, request, noted)
        told = level(request.flags)
        if told >= VERBOSE or (told >= NORMAL and part.nothing):
            lines = [part.taken] * (told >= VERBOSE) + [part.nothing]
            write_text(2, "".join(f"pyrun: {line}\n" for line in lines if line))
        return part.plan

    def graph(self, session: Session, plan: "Plan", form: str) -> str:
        """What needs what."""
        if form == "json":
            from runner.store.build_log import BuildLog  # noqa: PLC0415 - only for this
            from runner.ui.graph_json import graph_as_json  # noqa: PLC0415

            return graph_as_json(plan, session.project.head.name, BuildLog(session.top).durations())
        if form not in {"", "tree"}:
            hint = "`--graph` shows a tree, `--graph=json` is for other programs"
            raise UsageError(f"there is no `--graph={form}`", None, hint)
        from runner.ui.graph_tree import graph_tree  # noqa: PLC0415 - only for this

        return graph_tree(plan)

    def values(self, session: Session, task: "Task") -> "dict[str, tuple[str, ...]]":
        """The values that a task's args and options may have, of those that are enumerated."""
        return {
            param.name: found
            for param in (*task.args, *task.shared, *task.options)
            if param.enumerated and (found := session.allowed(param, {}, task)) is not None
        }

    def read(self) -> "tuple[Request, Session | None]":
        """What the words ask for and the project they lead to; nothing is done."""
        flags, used = leading_flags(self.words)
        return self.request(self.words[used:], flags), self.session

    def request(self, words: "Sequence[str]", flags: "dict[str, str]") -> Request:
        """The calls, read against the file that the flags lead to."""
        behind = trailing_place(words)
        if not behind:
            self.open(flags)
            return self.calls(words, flags)
        # Whether a `--file` behind a task is ours or the task's own option, its own file says.
        try:
            self.open(flags)
            request = self.calls(words, flags)
            elsewhere = {name for name in behind if request.flags.get(name) != flags.get(name)}
        except PyrunError:
            elsewhere = set(behind)
        if not elsewhere:
            return request
        self.open({**flags, **{name: behind[name] for name in elsewhere}})
        return self.calls(words, flags)

    def open(self, flags: "Mapping[str, str]") -> None:
        """Read the file, if there is one."""
        self.session = open_session(flags, os.environ, _current_folder())

    def calls(self, words: "Sequence[str]", flags: "dict[str, str]") -> Request:
        """What the words ask for."""
        if not words:
            return Request(flags, [])
        session = self.needed_session()
        return read_calls(words, flags, session.project, session.values_of, session.namespace)

    def needed_session(self) -> Session:
        """The project.

        Raises:
            UsageError: There is none.
        """
        if self.session is None:
            raise UsageError(
                "there is no tasks.yml in this folder or one above it",
                None,
                "go to a project, or name the file: `pyrun --file FILE`",
            )
        return self.session

    def show_help(self, request: Request) -> None:
        """Help for the tasks named, or for pyrun itself."""
        from runner.ui.listing import general_help, task_help  # noqa: PLC0415 - only for this

        for draft in request.calls:
            session = self.needed_session()
            _show(task_help(draft.task, self.values(session, draft.task)))
        if not request.calls:
            flags = [(name, letter, SHAPES[kind], text) for name, (kind, letter, text) in FLAGS.items()]
            _show(general_help(flags, self.session.project if self.session is not None else None))

    def tell(self, error: PyrunError) -> int:
        """Let the user read an error; its exit status."""
        if not self.silent:
            from runner.ui.errors import render  # noqa: PLC0415 - only when something is wrong

            session = self.session
            if session is not None:
                text = render(error, session.line_of, session.name_of)
            else:
                text = self.render_early(error)
            try:
                write_text(2, text)
            except OSError:
                return error.status
        return error.status

    def render_early(self, error: PyrunError) -> str:
        """The text of an error that was found before there was a project: in the file itself, or in the words."""
        from runner.cli.session import line_of  # noqa: PLC0415 - only when something is wrong
        from runner.ui.errors import render  # noqa: PLC0415

        cwd = "/"
        try:
            cwd = _current_folder()
            flags, used = leading_flags(self.words)
            path = find_file({**flags, **trailing_place(self.words[used:])}, cwd)
            if isinstance(error, OuterFileError):
                path, error = error.path, error.error
        except (PyrunError, OSError):
            path = None
        if path is None:
            return render(error, lambda _: None, lambda name: name)
        top = os.path.dirname(path)

        def data_of(name: str) -> bytes:
            try:
                with open(os.path.join(top, name), "rb") as file:
                    return file.read()
            except OSError:
                return b""

        return render(
            error,
            lambda at: line_of(data_of(at.path), at),
            lambda name: os.path.relpath(os.path.join(top, name), cwd),
        )


def _without_project(flags: "dict[str, str]", words: "Sequence[str]") -> str | None:
    """What flags show or do that have nothing to do with a project; None if there is none of them."""
    if "version" in flags:
        from runner import __version__  # noqa: PLC0415 - only for this

        return f"pyrun {__version__}\n"
    if "schema" in flags:
        from runner.system.schema_file import read_schema  # noqa: PLC0415 - only for this

        return read_schema()
    if any(name in flags for name in SETUP):
        from runner.cli.setup import set_up  # noqa: PLC0415 - only for this

        return set_up(flags, words, os.environ, _current_folder())
    return None


def _watches(request: Request) -> bool:
    """Whether the work begins anew whenever something changes: by a flag, or by a task that is asked for."""
    return "watch" in request.flags or any(draft.task.watch for draft in request.calls)


def _complete(words: "Sequence[str]") -> int:
    """Tell a shell what may stand next; whatever is wrong, it gets no text that it did not ask for."""
    from runner.cli.completion import answer  # noqa: PLC0415 - only for this

    try:
        _show(answer(words, lambda typed: _Call(typed).read()))
    except (PyrunError, OSError, ValueError, RecursionError):
        return 1
    return 0


def _open_standard_files() -> None:
    """Where a caller closed stdin, stdout or stderr, let nothing else take their numbers."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def level(flags: "Mapping[str, str]") -> int:
    """How much is told."""
    if "silent" in flags:
        return SILENT
    if "quiet" in flags:
        return QUIET
    return VERBOSE if "verbose" in flags else NORMAL


def _current_folder() -> str:
    """The current folder as the user's shell names it, links kept.

    Raises:
        UsageError: It is gone.
    """
    named = os.environ.get("PWD", "")
    try:
        here = os.getcwd()
        if named.startswith("/") and os.path.samefile(named, here):
            return os.path.normpath(named)
    except FileNotFoundError:
        pass
    else:
        return here
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise UsageError("the current folder is gone", None, "go to one that is there") from None


def _show_told(text: str, flags: "Mapping[str, str]") -> None:
    """Tell what was done, on stderr: nobody asked for text."""
    if level(flags) >= NORMAL:
        write_text(2, text)


def _show(text: str) -> None:
    """Write what was asked to be shown."""
    WITNESS.said(1, text.encode("utf-8", "surrogateescape"))
    write_text(1, text)
