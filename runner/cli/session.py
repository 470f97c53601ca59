"""One call of pyrun: the file, its project, and the one place where ports meet what fulfils them."""

import os

from runner.errors import Faults, PyrunError, UsageError
from runner.model.path import beneath, resolved
from runner.model.project import head_named, head_of
from runner.plan.file_state import HOST, SANDBOX
from runner.plan.param_values import allowed_values
from runner.store.model_cache import load_model, save_model
from runner.system.environment import HostFacts, cache_folder, cores
from runner.system.file_states import signature
from runner.system.witness import WITNESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runner.cli.bases import Bases
    from runner.cli.engine_platform import EnginePlatform
    from runner.cli.lazy_images import LazyImages
    from runner.cli.pins import Pins
    from runner.execute.container_facts import ContainerFacts
    from runner.execute.inputs import Inputs
    from runner.execute.loop import Loop
    from runner.execute.places import Places
    from runner.execute.ports import Results
    from runner.execute.surroundings import Settings
    from runner.execute.verdict import Judge
    from runner.location import Position
    from runner.model.param import Param
    from runner.model.project import Project
    from runner.model.task import Task
    from runner.plan.action import Action, Plan
    from runner.plan.bind import Draft
    from runner.plan.expand import Value
    from runner.plan.gitignore import Ignore
    from runner.plan.place import WantedPlace
    from runner.plan.platforms import WantedImages
    from runner.registry.registries import Registries
    from runner.store.build_log import BuildLog
    from runner.ui.plain import PlainReporter


class Session:
    """A project as this call sees it.

    Args:
        path: The file, absolute.
        environ: The caller's variables.
        cwd: The current folder, absolute, as the user named it.
        here: The folder in which the user wants to be; None for the current one.
        alone: Whether the file was named by a flag: then it stands for itself, and there are no short names in
            the folders of what it includes.

    Attributes:
        verified: Names of images, each with the digest that `--verify` has found.
    """

    def __init__(
        self,
        path: str,
        environ: "Mapping[str, str]",
        cwd: str,
        here: str | None = None,
        *,
        alone: bool = False,
    ) -> None:
        self.path = path
        self.environ = environ
        self.cwd = cwd
        self.here = cwd if here is None else here
        self.top, self.name = os.path.split(path)
        self.facts = HostFacts(self.top, environ)
        self.cache = cache_folder(environ)
        self.fresh = False
        self.alone = alone
        self.verified: Mapping[str, str] = {}
        self.containers: ContainerFacts | None = None
        self.apart = False
        self._engine_platform: EnginePlatform | None = None
        self._pins: Pins | None = None
        self._registries: Registries | None = None
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

    def check(self) -> None:
        """Look for what is wrong though each file is right by itself.

        Raises:
            Faults: A call that can't be, tasks that go in circles, files of variables that are not there.
        """
        from runner.plan.validate import faults_of  # noqa: PLC0415 - only for this
        from runner.store.lock_file import read_pins  # noqa: PLC0415

        faults = list(faults_of(self.project, self.facts))
        try:
            read_pins(self.top)
        except PyrunError as error:
            faults.append(error)
        for head in self.project.heads:
            try:
                self.facts.variables.of(head)
            except PyrunError as error:
                faults.append(error)
        if faults:
            raise Faults(tuple(faults))

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

    def work(
        self, plan: "Plan", flags: "Mapping[str, str]", reporter: "PlainReporter", words: "Sequence[str]"
    ) -> int:
        """Do the work of a plan; the exit status.

        Args:
            plan: The plan.
            flags: What the command line says.
            reporter: Who is told.
            words: The folder in which the user is, and the command line: by them the work is taken up again.

        Raises:
            PyrunError: Something that pyrun itself found wrong.
        """
        from runner.execute.loop import Loop  # noqa: PLC0415 - not needed for a look
        from runner.store.build_log import BuildLog  # noqa: PLC0415
        from runner.store.run_locks import RunLocks  # noqa: PLC0415

        images, inputs, judge, log = self.looked_at(plan, flags, reporter, BuildLog(self.top))
        places = self.places(plan, flags, inputs, judge, reporter)
        images.check_bases(plan)
        confirmed(plan, flags)
        settings = self.settings(flags)
        done = self._done_before() if "resume" in flags else {}
        WITNESS.saw(f"{self.top}/.pyrun/resume")
        if self.containers is not None or any(action.image is not None for action in plan.actions):
            # An engine is not among the files that are looked at.
            WITNESS.spoil()
        try:
            # What there was to resume: from now on this is the last run.
            os.unlink(f"{self.top}/.pyrun/resume")
        except OSError:
            pass
        locks = RunLocks(self.top)
        loop = Loop(plan, settings, judge, log, images, locks, self.results, done, reporter, places)
        try:
            status = loop.run()
        finally:
            self._keep_run(plan, loop, words)
            if self._registries is not None:
                self._registries.stop()
            if "audit" in flags and flags.get("output") != "json":
                from runner.cli.places import show_places  # noqa: PLC0415 - only for this

                show_places(places)
        if reporter.images:
            images.show(plan, reporter)
        return status

    def places(
        self,
        plan: "Plan",
        flags: "Mapping[str, str]",
        inputs: "Inputs",
        judge: "Judge",
        reporter: "PlainReporter",
    ) -> "Places | None":
        """Where the commands of a plan run; None for simply in the project."""
        if self.containers is None and "sandbox" not in flags and "audit" not in flags and not self.apart:
            return None
        from runner.cli.places import open_places  # noqa: PLC0415 - only for these

        return open_places(
            self.top, self.cache, self.environ, plan, flags, inputs, judge, reporter, self.containers
        )

    def wanted_place(self, flags: "Mapping[str, str]") -> "WantedPlace | None":
        """What is wanted of places beside what the files say; None if nothing is."""
        asked, inside = flags.get("in", ""), self.environ.get("PYRUN_CONTAINER", "")
        if not asked and not inside:
            return None
        from runner.plan.place import WantedPlace  # noqa: PLC0415 - most calls want nothing

        return WantedPlace(asked, inside)

    def wanted_images(self, flags: "Mapping[str, str]") -> "Callable[[], WantedImages]":
        """Gives what is wanted of images beside what files say; asked where a plan has any."""

        def find() -> "WantedImages":
            from runner.cli.wanted_images import wanted_images  # noqa: PLC0415 - most plans have no image

            return wanted_images(flags, self.engine_platform(flags).get)

        return find

    def engine_platform(self, flags: "Mapping[str, str]") -> "EnginePlatform":
        """What the engine runs on that gets images."""
        if self._engine_platform is None:
            from runner.cli.engine_platform import EnginePlatform  # noqa: PLC0415 - most plans have no image

            self._engine_platform = EnginePlatform(self.environ, flags, self.cache, self.facts.platform())
        return self._engine_platform

    def settings(self, flags: "Mapping[str, str]") -> "Settings":
        """How the flags say to work."""
        from runner.execute.surroundings import Settings  # noqa: PLC0415 - not needed for a look

        return Settings(self.top, self.environ_of, jobs(flags), "silent" in flags, "keep-going" in flags)

    @property
    def store(self) -> str | None:
        """The folder of what was made before, absolute; None if the user has no home and the file names none."""
        folder = self.project.head.store[0]
        if folder == "~" or folder.startswith("~/"):
            folder = self.environ.get("HOME", "") + folder[1:]
        if folder:
            # A folder of our own, so that emptying it takes nothing of anybody else's along.
            return f"{resolved(beneath(self.top, folder))}/pyrun-store"
        return None if self.cache is None else f"{self.cache}/store"

    def looked_at(
        self,
        plan: "Plan",
        flags: "Mapping[str, str]",
        reporter: "PlainReporter",
        log: "BuildLog",
        *,
        watched: bool = False,
    ) -> "tuple[LazyImages, Inputs, Judge, BuildLog]":
        """What the work on a plan needs to look at its files, its flags and sources checked.

        Raises:
            PlanError: A source matches nothing.
            UsageError: A flag does not go with the plan.
        """
        if watched:
            # Somebody may have written in `tasks.lock` since the last look.
            self._pins = None
        images = self._images(plan, flags, reporter)
        self._find_containers(plan, flags, reporter)
        inputs, judge, log = self._judge(plan, images, flags, log, watched=watched)
        inputs.check(plan)
        if "attest" in flags:
            images.follow(plan, log, self.name, lambda action: judge.verdict(action).sources, self._image_of)
        return images, inputs, judge, log

    def _image_of(self, action: "Action") -> str:
        """What the engine calls the image that an action's container begins with; empty if that is not known."""
        if action.container is None or self.containers is None:
            return ""
        found = self.containers.base(action.container)
        return "" if found is None else found.id

    def results(self) -> "Results | None":
        """What was made before, of all checkouts of this user; None if that is not kept."""
        folder = self.store
        if folder is None:
            return None
        from runner.execute.restore import open_results  # noqa: PLC0415 - for tasks with targets only

        size = self.project.head.store[1]
        found = open_results(folder, self.top, size)
        if not self.apart:
            return found
        from runner.execute.apart import ApartResults  # noqa: PLC0415 - few images are for other platforms

        return ApartResults(found, lambda apart: open_results(folder, self.top, size, apart))

    def _done_before(self) -> "dict[str, str]":
        """What the run that is resumed has done: ids, and digests of what those actions say."""
        from runner.store.last_run import load_run  # noqa: PLC0415 - only for this

        found = load_run(self.top)
        return {} if found is None else found[1]

    def _keep_run(self, plan: "Plan", loop: "Loop", words: "Sequence[str]") -> None:
        """Write down what there is to resume, if there is anything."""
        if not (loop.failed or loop.stopping.caught):
            return
        from runner.plan.action_key import definition_digest  # noqa: PLC0415 - when something failed
        from runner.store.last_run import save_run  # noqa: PLC0415

        actions = {action.id: action for action in plan.actions}
        judge = loop.judge
        done = {name: f"{definition_digest(actions[name])} {judge.made_of(name)}" for name in loop.succeeded}
        try:
            save_run(self.top, words, done)
        except OSError:
            # What failed is told anyway; that it can't be taken up again is found out then.
            return

    def environ_of(self, action: "Action", namespace: str) -> "Mapping[str, str]":
        """The variables of an action's commands as the tasks of a namespace get them, without others' secrets."""
        environ = self.facts.variables.of(head_named(self.project, namespace))
        secrets = self.project.head.secrets
        if not secrets:
            return environ
        from runner.system.secrets import environ_with  # noqa: PLC0415 - few projects have any

        return environ_with(environ, secrets, action.traits.secrets, self.top)

    def secret_values(self) -> "Sequence[tuple[str, bytes, bool]]":
        """Of each secret of any task that is at hand its name, its value, and whether that is a file's content."""
        project = self.project
        if not project.head.secrets:
            return ()
        from runner.system.secrets import secret_values  # noqa: PLC0415 - few projects have any

        tasks = [task for name in project.names() if (task := project.task(name)) is not None]
        declared = [
            (secret, self.facts.variables.of(head_of(project, task)))
            for task in tasks
            for secret in task.secrets
        ]
        return secret_values(declared, self.environ, self.top)

    def look_ahead(self, plan: "Plan", flags: "Mapping[str, str]", reporter: "PlainReporter") -> str:
        """What would run, as far as that is known before anything runs. Writes nothing.

        Raises:
            PlanError: A source matches nothing, or a file of variables that must be there is not.
            UsageError: A flag does not go with the plan.
        """
        from runner.execute.look_ahead import look_ahead  # noqa: PLC0415 - for a look only
        from runner.store.build_log import BuildLog  # noqa: PLC0415
        from runner.ui.dry_run import DryRun  # noqa: PLC0415

        images = self._images(plan, flags, reporter, inert=True)
        self._find_containers(plan, flags, reporter, inert=True)
        inputs, judge, _ = self._judge(plan, images, flags, BuildLog(self.top))
        inputs.check(plan)
        for namespace in {action.traits.namespace for action in plan.actions}:
            self.facts.variables.of(head_named(self.project, namespace))
        variables = self.variables_of if "verbose" in flags else None
        return DryRun(plan, look_ahead(plan, judge, self.results), self.name_of, variables).text()

    def why(self, plan: "Plan", flags: "Mapping[str, str]", reporter: "PlainReporter") -> str:
        """Why each action of a plan would run or need not, from the records. Writes nothing.

        Raises:
            PlanError: A source matches nothing.
            UsageError: A flag does not go with the plan.
        """
        from runner.execute.why import explain  # noqa: PLC0415 - for a look only
        from runner.store.build_log import BuildLog  # noqa: PLC0415
        from runner.ui.why import why_text  # noqa: PLC0415

        images = self._images(plan, flags, reporter, inert=True)
        self._find_containers(plan, flags, reporter, inert=True)
        inputs, judge, _ = self._judge(plan, images, flags, BuildLog(self.top))
        inputs.check(plan)
        return why_text(plan, explain(plan, judge, self.results))

    def variables_of(self, action: "Action") -> "list[tuple[str, str, str]]":
        """The variables that files set for an action: each with its value and where that stands."""
        head = head_named(self.project, action.traits.namespace)
        hidden = set(self.project.head.secrets)
        return [
            (name, "(secret)" if name in hidden else value, place)
            for name, value, place in self.facts.variables.from_files(head)
        ]

    def _images(
        self, plan: "Plan", flags: "Mapping[str, str]", reporter: "PlainReporter", *, inert: bool = False
    ) -> "LazyImages":
        """Where the plan's images are made, its flags checked."""
        from runner.cli.lazy_images import LazyImages  # noqa: PLC0415 - not needed for lists and help

        images = LazyImages(
            self.top, self.environ, self.cwd, self.cache, self.name_of, flags, reporter, self.secret_values,
            lambda: self._bases(plan, flags, reporter, inert=inert), lambda: self.engine_platform(flags),
        )  # fmt: skip
        images.verified = self.verified
        images.check(plan)
        return images

    def _bases(
        self, plan: "Plan", flags: "Mapping[str, str]", reporter: "PlainReporter", *, inert: bool
    ) -> "Bases":
        """What the plan's images stand on."""
        from runner.cli.bases import Bases  # noqa: PLC0415 - for images with a base only

        def containers() -> "ContainerFacts":
            return self.containers or self._container_facts(plan, flags, reporter, inert=inert)

        return Bases(
            self.top, self.store or f"{self.top}/.pyrun/store", self.project.head.store[1], self.environ,
            flags.get("engine", ""), reporter, lambda: self.pins(flags, reporter, inert=inert), self.registries,
            containers, inert=inert,
        )  # fmt: skip

    def pins(self, flags: "Mapping[str, str]", reporter: "PlainReporter", *, inert: bool) -> "Pins":
        """What the names of images stand for."""
        if self._pins is None:
            from runner.cli.pins import Pins  # noqa: PLC0415 - for images only
            from runner.events import Noticed  # noqa: PLC0415

            self._pins = Pins(
                self.top, flags, lambda text: reporter.tell(Noticed(text)), self.registries, inert=inert
            )
        return self._pins

    def registries(self) -> "Registries":
        """The registries of this call."""
        if self._registries is None:
            from runner.registry.registries import Registries  # noqa: PLC0415 - when one is asked

            self._registries = Registries(self.environ)
        return self._registries

    def _find_containers(
        self, plan: "Plan", flags: "Mapping[str, str]", reporter: "PlainReporter", *, inert: bool = False
    ) -> None:
        """Find out about the containers of a plan, if it has any."""
        if any(action.container is not None for action in plan.actions):
            self.containers = self._container_facts(plan, flags, reporter, inert=inert)

    def _container_facts(
        self, plan: "Plan", flags: "Mapping[str, str]", reporter: "PlainReporter", *, inert: bool
    ) -> "ContainerFacts":
        from runner.cli.containers import container_facts  # noqa: PLC0415 - for plans with containers only

        return container_facts(
            self.top, self.cache, self.environ, self.environ_of, plan, flags, reporter,
            lambda: self.pins(flags, reporter, inert=inert), inert=inert,
        )  # fmt: skip

    def _judge(
        self,
        plan: "Plan",
        images: "LazyImages",
        flags: "Mapping[str, str]",
        log: "BuildLog",
        *,
        watched: bool = False,
    ) -> "tuple[Inputs, Judge, BuildLog]":
        from runner.execute.inputs import Inputs  # noqa: PLC0415 - not needed for lists and help
        from runner.execute.verdict import Judge  # noqa: PLC0415
        from runner.system.programs import ProgramIdentities  # noqa: PLC0415

        self.apart = any(action.platform for action in plan.actions)
        # Before any folder is read: what is recorded later than that is taken in together with the folders.
        log.refresh()
        tree = self.facts.tree
        tree.forget()
        inputs = Inputs(tree, self._find_ignore)
        platform = str(self.facts.platform())
        programs = ProgramIdentities(self.top)
        needed = frozenset(name for action in plan.actions for name in (*action.deps, *action.calls))
        if watched:
            # What anything depends on decides whether it runs again.
            needed = frozenset(action.id for action in plan.actions)
        force = "force" in flags or "audit" in flags
        made_in = SANDBOX if "sandbox" in flags else HOST
        judge = Judge(
            inputs, log, programs, images, platform, self.environ_of, needed, force, self.containers, made_in
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


def confirmed(plan: "Plan", flags: "Mapping[str, str]") -> None:
    """Ask what the tasks of a plan want to be asked, unless a flag has answered already.

    Raises:
        RunError: An answer is not yes, or there is no terminal to ask at.
    """
    if "yes" not in flags and any(action.limits.confirm for action in plan.actions):
        from runner.cli.confirm import confirm  # noqa: PLC0415 - few tasks ask

        confirm(plan)


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


def failure_of(error: OSError) -> PyrunError:
    """What the system refused, as an error of ours."""
    what = f": {error.filename}" if error.filename else ""
    return PyrunError(f"{error.strerror or error}{what}")
