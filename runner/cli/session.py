"""One call of pyrun: the file, its project, and the one place where ports meet what fulfils them."""

import os

from runner.errors import PyrunError, UsageError
from runner.model.project import head_of
from runner.plan.param_values import allowed_values
from runner.store.model_cache import load_model, save_model
from runner.system.environment import HostFacts, cache_folder, cores, find_upwards
from runner.system.file_states import signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.cli.images import ProjectImages
    from runner.events import ImageReady
    from runner.execute.inputs import Inputs
    from runner.execute.verdict import Judge
    from runner.location import Position
    from runner.model.param import Param
    from runner.model.project import Project
    from runner.model.task import Task
    from runner.plan.action import Action, Plan
    from runner.plan.bind import Draft
    from runner.plan.expand import Value
    from runner.plan.file_state import FileState
    from runner.plan.gitignore import Ignore
    from runner.store.build_log import BuildLog
    from runner.ui.plain import PlainReporter

FILE_NAMES = ("tasks.yml", "tasks.yaml", "tusk.yml", "tusk.yaml")
"""What is looked for in each folder, the first one first."""


class Session:
    """A project as this call sees it.

    Args:
        path: The file, absolute.
        environ: The caller's variables.
        cwd: The current folder, absolute, as the user named it.
        here: The folder in which the user wants to be; None for the current one.
    """

    def __init__(self, path: str, environ: "Mapping[str, str]", cwd: str, here: str | None = None) -> None:
        self.path = path
        # A file that is named by a flag stands for itself: no short names in the folders of what it includes.
        self.environ = environ
        self.cwd = cwd
        self.here = cwd if here is None else here
        self.top, self.name = os.path.split(path)
        self.facts = HostFacts(self.top, environ)
        self.cache = cache_folder(environ)
        self.fresh = False
        self.alone = False
        self.project = self._load()

    def _load(self) -> "Project":
        """The model of the file: kept from before, or read.

        Raises:
            FileError: Something is wrong with the file.
        """
        known = load_model(self.cache, self.path) if self.cache is not None else None
        if known is not None:
            return known
        from runner.config.decode import decode  # noqa: PLC0415 - YAML is read only when the file is new
        from runner.system.asked_files import AskedFiles  # noqa: PLC0415

        seen = signature(self.path)
        try:
            with open(self.path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise UsageError(f"`{self.path}` can't be read: {error.strerror}") from None
        files = AskedFiles(self.facts.tree)
        project = decode(data, self.name, files)
        self.fresh = True
        if self.cache is not None:
            save_model(self.cache, self.path, project, seen, files.seen)
        return project

    def notices(self) -> str:
        """What the writer of the files should know, as text; empty if that is nothing."""
        notices = [notice for head in self.project.heads for notice in head.notices]
        if not notices:
            return ""
        from runner.ui.errors import render  # noqa: PLC0415 - only where there is something to tell

        return "".join(
            render(PyrunError(f"warning: {one.text}", one.position, one.hint), self.line_of, self.name_of)
            for one in notices
        )

    def includes(self, path: str) -> bool:
        """Whether a file, absolute, is one of those that the project includes."""
        return any(os.path.normpath(f"{self.top}/{head.file}") == path for head in self.project.heads[1:])

    @property
    def namespace(self) -> str:
        """The namespace of the file in whose folder the user is, empty for the top's."""
        found, deepest = "", len(self.top)
        if self.alone:
            return found
        for head in self.project.heads[1:]:
            folder = os.path.normpath(f"{self.top}/{head.folder}")
            if not folder.startswith(f"{self.top}/") or not f"{self.here}/".startswith(f"{folder}/"):
                continue
            if len(folder) > deepest:
                found, deepest = head.namespace, len(folder)
            elif len(folder) == deepest:
                # Two files in one folder: neither has the short names.
                found = ""
        return found

    def values_of(self, draft: "Draft") -> tuple[str, ...] | None:
        """The values that the last arg of a call may have; None if it is not enumerated."""
        args = draft.task.args
        if not args or not args[-1].enumerated:
            return None
        return self.allowed(args[-1], dict(zip((p.name for p in args), draft.args, strict=False)), draft.task)

    def allowed(self, param: "Param", earlier: "Mapping[str, Value]", task: "Task") -> tuple[str, ...] | None:
        """The values that a param may have; None for any, and where they hang on something not yet given."""
        folder = head_of(self.project, task).folder
        if any(
            template.names() for template in (*(param.values or ()), *((param.glob,) if param.glob else ()))
        ):
            known = {**self.facts.platform_names(), **earlier}
            names = {
                name
                for template in (*(param.values or ()), param.glob)
                if template
                for name in template.names()
            }
            return allowed_values(param, known, self.facts.tree, folder) if names <= set(known) else None
        return allowed_values(param, {}, self.facts.tree, folder)

    def work(self, plan: "Plan", flags: "Mapping[str, str]", reporter: "PlainReporter") -> int:
        """Do the work of a plan; the exit status.

        Raises:
            PyrunError: Something that pyrun itself found wrong.
        """
        from runner.execute.loop import Loop, Settings  # noqa: PLC0415 - not needed for a look
        from runner.store.build_log import BuildLog  # noqa: PLC0415

        images = LazyImages(self, flags, reporter)
        images.check(plan)
        inputs, judge, log = self._judge(plan, images, flags, BuildLog(self.top))
        inputs.check(plan)
        if "yes" not in flags and any(action.limits.confirm for action in plan.actions):
            from runner.cli.confirm import confirm  # noqa: PLC0415 - few tasks ask

            confirm(plan)
        settings = Settings(self.top, self.environ_of, jobs(flags), "silent" in flags)
        status = Loop(plan, settings, judge, log, images, reporter).run()
        if reporter.images:
            images.show(plan, reporter)
        return status

    def environ_of(self, action: "Action", namespace: str) -> "Mapping[str, str]":
        """The variables of an action's commands as the tasks of a namespace get them, without others' secrets."""
        heads = self.project.heads
        head = next((one for one in heads if one.namespace == namespace), heads[0])
        environ = self.facts.variables.of(head)
        if not heads[0].secrets:
            return environ
        from runner.system.secrets import environ_with  # noqa: PLC0415 - few projects have any

        return environ_with(environ, heads[0].secrets, action.traits.secrets, self.top)

    def look_ahead(self, plan: "Plan", flags: "Mapping[str, str]", reporter: "PlainReporter") -> str:
        """What would run, as far as that is known before anything runs. Writes nothing.

        Raises:
            PlanError: A source matches nothing.
            UsageError: A flag does not go with the plan.
        """
        from runner.execute.look_ahead import look_ahead  # noqa: PLC0415 - for a look only
        from runner.store.build_log import BuildLog  # noqa: PLC0415
        from runner.ui.dry_run import DryRun  # noqa: PLC0415

        images = LazyImages(self, flags, reporter)
        images.check(plan)
        inputs, judge, _ = self._judge(plan, images, flags, BuildLog(self.top))
        inputs.check(plan)
        variables = self.variables_of if "verbose" in flags else None
        return DryRun(plan, look_ahead(plan, judge), self.name_of, variables).text()

    def variables_of(self, action: "Action") -> "list[tuple[str, str, str]]":
        """The variables that files set for an action: each with its value and where that stands."""
        heads = self.project.heads
        head = next((one for one in heads if one.namespace == action.traits.namespace), heads[0])
        hidden = set(heads[0].secrets)
        return [
            (name, "(secret)" if name in hidden else value, place)
            for name, value, place in self.facts.variables.from_files(head)
        ]

    def _judge(
        self, plan: "Plan", images: "LazyImages", flags: "Mapping[str, str]", log: "BuildLog"
    ) -> "tuple[Inputs, Judge, BuildLog]":
        from runner.execute.inputs import Inputs  # noqa: PLC0415 - not needed for lists and help
        from runner.execute.verdict import Judge  # noqa: PLC0415
        from runner.system.programs import ProgramIdentities  # noqa: PLC0415

        tree = self.facts.tree
        inputs = Inputs(tree, self._find_ignore)
        platform = str(self.facts.platform())
        programs = ProgramIdentities(self.top)
        needed = frozenset(name for action in plan.actions for name in (*action.deps, *action.calls))
        judge = Judge(
            inputs, log, programs, images, platform, self.environ_of, needed, force="force" in flags
        )
        return inputs, judge, log

    def _find_ignore(self) -> "Ignore | None":
        """What git ignores in the project."""
        from runner.system.git import find_ignore  # noqa: PLC0415 - for patterns only

        return find_ignore(self.top, self.facts.tree, self.environ)

    def line_of(self, at: "Position") -> str | None:
        """The text of the line where something stands."""
        data = self.facts.tree.read(at.path)
        return line_of(data, at)

    def name_of(self, path: str) -> str:
        """How the user would name a file of the project from the current folder."""
        full = os.path.join(self.top, path)
        shown = os.path.relpath(full, self.cwd)
        return shown if len(shown) < len(full) else full


class LazyImages:
    """Images, loaded when the first one is needed: most calls make none.

    Args:
        session: The project.
        flags: What the command line says.
        reporter: Who is told.
    """

    def __init__(self, session: Session, flags: "Mapping[str, str]", reporter: "PlainReporter") -> None:
        self._session = session
        self._flags = flags
        self._reporter = reporter
        self._images: ProjectImages | None = None

    def _get(self) -> "ProjectImages":
        if self._images is None:
            from runner.cli.images import ProjectImages  # noqa: PLC0415 - see the class

            session, flags = self._session, self._flags
            load = True if "load" in flags else False if "no-load" in flags else None
            archive = os.path.join(session.cwd, flags["save"]) if "save" in flags else ""
            self._images = ProjectImages(
                session.top, session.environ, load, archive, epoch(session.environ), self._reporter
            )
        return self._images

    def check(self, plan: "Plan") -> None:
        """Refuse flags for images that do not go with a plan.

        Raises:
            UsageError: They do not.
        """
        count = sum(action.image is not None for action in plan.actions)
        used = [name for name in ("save", "load", "no-load") if name in self._flags]
        if used and not count:
            raise UsageError(f"`--{used[0]}` is for images, and none is asked for")
        if "save" in used:
            path = os.path.join(self._session.cwd, self._flags["save"])
            if not self._flags["save"] or (os.path.lexists(path) and not _plain_file(path)):
                raise UsageError(
                    f"`--save {self._flags['save']}` is no file that can be replaced", None, "name a new file"
                )
        if "save" in used and count > 1:
            raise UsageError(
                f"`--save` takes one image, and {count} are asked for", None, "save them one by one"
            )

    def base_digest(self, action: "Action") -> str:
        """See `runner.execute.ports.Images`."""
        image = action.image
        base = "" if image is None or image.base.kind == "scratch" else self._get().base_digest(action)
        return f"{base} {epoch(self._session.environ)}"

    def make(
        self, action: "Action", copies: "Sequence[Sequence[FileState]]"
    ) -> "tuple[ImageReady, FileState]":
        """See `runner.execute.ports.Images`."""
        return self._get().make(action, copies)

    def ready(self, action: "Action", recorded: "Sequence[FileState]", why: str) -> "ImageReady | None":
        """See `runner.execute.ports.Images`."""
        from runner.engine.whereabouts import may_answer  # noqa: PLC0415 - for images only
        from runner.events import ImageReady  # noqa: PLC0415
        from runner.store.recorded_image import stands_whole  # noqa: PLC0415

        if len(recorded) != 1:
            return None
        state = recorded[0]
        references = tuple(state.path.split(" "))
        if not stands_whole(f"{self._session.top}/.pyrun/images", references, state.digest):
            return None
        loaded = ""
        if "save" in self._flags or "load" in self._flags or may_answer(self._session.environ):
            loaded = self._get().ship(references)
        count, size, unpacked = map(int, state.signature.split(" "))
        digest = f"sha256:{state.digest}"
        return ImageReady(
            action.label, references, digest, (count, count), size, unpacked, loaded, skipped=True, why=why
        )

    def show(self, plan: "Plan", reporter: "PlainReporter") -> None:
        """Tell which images are ready, beside the size of the tool-chain that built each."""
        from runner.system.toolchain import go_size  # noqa: PLC0415 - for images only
        from runner.ui.listing import image_table  # noqa: PLC0415

        session = self._session
        actions = {action.id: action for action in plan.actions}
        sizes = {}
        for action in plan.actions:
            if action.image is not None and _uses_go(action, actions):
                found = go_size(session.environ, session.cache)
                if found is not None:
                    sizes[action.label] = found
        if "quiet" not in self._flags and "silent" not in self._flags:
            where = session.name_of(".pyrun/images")
            engines = dict.fromkeys(image.loaded for image in reporter.images if image.loaded)
            loaded = "".join(f", and loaded into the engine at {engine}" for engine in engines)
            saved = f", and saved to {self._flags['save']}" if "save" in self._flags else ""
            reporter.write(f"\n{image_table(reporter.images, sizes)}in {where}{saved}{loaded}\n")


def _plain_file(path: str) -> bool:
    """Whether a path is a file itself: no folder, no device, no link."""
    return os.path.isfile(path) and not os.path.islink(path)


def _uses_go(action: "Action", actions: "Mapping[str, Action]") -> bool:
    """Whether a task that an image copies from starts `go`."""
    return any("go" in script.programs for dep in action.deps for script in actions[dep].scripts)


def epoch(environ: "Mapping[str, str]") -> int:
    """The time of all files of an image, in seconds since 1970: SOURCE_DATE_EPOCH or 0.

    Raises:
        UsageError: SOURCE_DATE_EPOCH is no whole number.
    """
    written = environ.get("SOURCE_DATE_EPOCH", "")
    if written and not (written.isascii() and written.isdigit()):
        raise UsageError(
            f"SOURCE_DATE_EPOCH is `{written}`", None, "it must be whole seconds since 1970, or not set"
        )
    return int(written or 0)


def jobs(flags: "Mapping[str, str]") -> int:
    """How many actions may run side by side.

    Raises:
        UsageError: `--jobs` is no number above 0.
    """
    if "jobs" not in flags:
        return cores()
    text = flags["jobs"]
    if not (text.isascii() and text.isdigit() and int(text)):
        raise UsageError(f"`--jobs {text}` is no number above 0")
    return int(text)


def line_of(data: bytes | None, at: "Position") -> str | None:
    """The line of a file's bytes where something stands."""
    if data is None:
        return None
    rows = data.decode("utf-8-sig", "replace").splitlines()
    return rows[at.line - 1] if 0 < at.line <= len(rows) else None


def find_file(flags: "Mapping[str, str]", cwd: str) -> str | None:
    """The file that flags and the current folder lead to, absolute; None if there is none.

    Raises:
        UsageError: `--dir` or `--file` names something that is not there.
    """
    folder = cwd
    if "dir" in flags:
        folder = os.path.normpath(os.path.join(cwd, flags["dir"]))
        if not os.path.isdir(folder):
            raise UsageError(f"there is no folder `{flags['dir']}`")
    if "file" in flags:
        path = os.path.normpath(os.path.join(folder, flags["file"]))
        if not os.path.isfile(path):
            raise UsageError(f"there is no file `{flags['file']}`")
        return path
    return find_upwards(folder, FILE_NAMES)


def open_session(flags: "Mapping[str, str]", environ: "Mapping[str, str]", cwd: str) -> Session | None:
    """The project that flags and the current folder lead to; None if there is none.

    It is the outermost file that includes the nearest one, directly or through others; a file that is named
    by a flag stands for itself.

    Raises:
        UsageError: `--dir` or `--file` names something that is not there.
        FileError: Something is wrong with the file.
    """
    path = find_file(flags, cwd)
    if path is None:
        return None
    here = os.path.normpath(os.path.join(cwd, flags["dir"])) if "dir" in flags else cwd
    if "file" in flags:
        session = Session(path, environ, cwd, here)
        session.alone = True
        return session
    return _outermost(path, environ, cwd, here) or Session(path, environ, cwd, here)


def _outermost(path: str, environ: "Mapping[str, str]", cwd: str, here: str) -> Session | None:
    """The project of the outermost file that includes a file, or None.

    Raises:
        FileError: A file above is wrong, may include it, and is not itself included by one that does.
    """
    found: Session | None = None
    wrong: OuterFileError | None = None
    folder = os.path.dirname(path)
    while folder != "/":
        above = find_upwards(os.path.dirname(folder), FILE_NAMES)
        if above is None:
            break
        try:
            outer = Session(above, environ, cwd, here)
        except PyrunError as error:
            # By itself it may lack what the file that includes it has.
            wrong = wrong or (OuterFileError(error, above) if _may_include(above) else None)
        else:
            found = outer if outer.includes(path) else found
        folder = os.path.dirname(above)
    if found is None and wrong is not None:
        raise wrong
    return found


def _may_include(path: str) -> bool:
    """Whether a file that can't be understood speaks of including others."""
    with open(path, "rb") as file:
        return b"include" in file.read()


class OuterFileError(PyrunError):
    """Something is wrong with a file above the nearest one.

    Args:
        error: What.
        path: The file, absolute.
    """

    def __init__(self, error: PyrunError, path: str) -> None:
        super().__init__(error.message, error.at, error.hint)
        self.error = error
        self.path = path
        self.status = error.status


def failure_of(error: OSError) -> PyrunError:
    """What the system refused, as an error of ours."""
    what = f": {error.filename}" if error.filename else ""
    return PyrunError(f"{error.strerror or error}{what}")
