"""The task graph as a Dockerfile: shown and written by `--dockerfile`, and built with by `--builder docker`."""

import os

from runner.errors import EngineError, PlanError, UsageError
from runner.execute.inputs import Inputs
from runner.image.content import WHOLE, secret_in
from runner.image.dockerfile import MARK, dockerfile_text, dockerignore_text
from runner.image.full_name import full_name
from runner.plan.action import Action, Limits, Plan, Traits
from runner.plan.image_plan import SCRATCH, BasePlan, ConfigPlan, DockerfilePlan, ImagePlan
from runner.plan.pattern import parse_pattern
from runner.plan.stage import SourceFile
from runner.plan.stages import stages_of
from runner.store.lock_file import read_pins
from runner.store.whole_file import new_file, rename

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runner.cli.session import Session
    from runner.engine.docker import Engine
    from runner.plan.image_plan import CopyPlan
    from runner.plan.stage import Stages
    from runner.ui.plain import PlainReporter

_NAME, _IGNORE = "Dockerfile", ".dockerignore"


def show_dockerfile(session: "Session", plan: "Plan", flags: "Mapping[str, str]") -> str:
    """The Dockerfile of the images of a plan; with a folder named, what is to be told of its being written there.

    Raises:
        PlanError: Something can't be done by a Dockerfile.
        UsageError: No image is asked for, or the folder has files that pyrun did not write.
    """
    images = _asked_images(plan)
    if not images:
        raise UsageError(
            "`--dockerfile` shows how images are made, and none is asked for",
            None,
            "name an image task: `pyrun --dockerfile image NAME`",
        )
    stages = _compiled(session, plan, images, new_inputs(session), _recorded(session.top))
    actions = {action.id: action for action in plan.actions}
    folder = flags["dockerfile"]
    where = os.path.normpath(os.path.join(session.cwd, folder)) if folder else session.top
    file = os.path.relpath(os.path.join(where, _NAME), session.top)
    words = [f"from {session.name}; `pyrun --dockerfile` makes it anew, so change that instead"]
    lists = {part: one.image for one in plan.actions if one.image is not None for part, _ in one.image.parts}
    for action, stage in stages.targets:
        image = actions[action].image
        assert image is not None
        option = "" if file == _NAME else f"--file {file} "
        if image.platform != session.facts.platform():
            option += f"--platform {image.platform} "
        tag = lists.get(action, image).tags[0]
        words.append(f"docker build {option}--target {stage} --tag {image.name}:{tag} .")
    text = dockerfile_text(stages, words)
    if not folder:
        return text
    ignore = dockerignore_text(stages.files)
    files = {_NAME: text, _IGNORE: ignore}
    if where != session.top:
        # What a builder is sent is the project's top folder, and by this name it knows which file it belongs to.
        files[f"{_NAME}{_IGNORE}"] = ignore
    _write(where, files, session.name_of)
    shown = [session.name_of(os.path.relpath(os.path.join(where, name), session.top)) for name in files]
    return f"{' and '.join([', '.join(shown[:-1]), shown[-1]])} written\n"


def new_inputs(session: "Session") -> Inputs:
    """The files of the project."""
    from runner.system.git import find_ignore  # noqa: PLC0415 - beside its only use

    tree = session.facts.tree
    return Inputs(tree, lambda: find_ignore(session.top, tree, session.environ))


def built_by_docker(
    session: "Session", plan: "Plan", flags: "Mapping[str, str]", reporter: "PlainReporter"
) -> "Plan":
    """The plan in which images that a Dockerfile is to make are made by one, and nothing else is done for them.

    Such an image hangs on the text of its Dockerfile and on the files that this copies. What its task says under
    `deps` and does not copy comes before it as ever.

    Args:
        session: The project.
        plan: The plan.
        flags: What the command line says.
        reporter: Who is told what names of images have come to stand for.

    Raises:
        PlanError: Something can't be done by a Dockerfile.
        RunError: A registry does not say what a name stands for.
        UsageError: `--builder` names none.
    """
    builder = flags.get("builder", "")
    if builder not in {"", "docker", "layers"}:
        raise UsageError(
            f"there is no `--builder {builder}`", None, "`--builder layers` or `--builder docker`"
        )
    inputs = new_inputs(session)
    pinned = _settled(session, flags, reporter)
    actions = {action.id: action for action in plan.actions}
    for action in plan.actions:
        image = action.image
        if image is None or image.dockerfile is not None or image.parts:
            continue
        if image.run and builder == "layers":
            raise PlanError(
                f"`{action.label}` runs commands in its image, which only an engine can",
                action.position,
                "leave `--builder layers` out",
            )
        if image.run or builder == "docker":
            stages = _compiled(session, plan, [action.id], inputs, pinned)
            actions[action.id] = _by_dockerfile(action, image, stages, actions)
    found: dict[str, Action] = {}
    left = list(plan.asked)
    while left:
        name = left.pop()
        if name not in found:
            found[name] = actions[name]
            left += (*found[name].deps, *found[name].calls)
    kept = tuple(actions[action.id] for action in plan.actions if action.id in found)
    return Plan(kept, plan.asked, tuple(name for name in plan.called if name in found))


def _by_dockerfile(
    action: "Action", image: "ImagePlan", stages: "Stages", actions: "Mapping[str, Action]"
) -> "Action":
    """The action that makes an image by a Dockerfile of its own graph."""
    words = "for one image; `pyrun --dockerfile` shows it"
    stage = stages.of(action.id)
    made = DockerfilePlan("", stage, "", (), action.position, dockerfile_text(stages, [words]), stages.files)
    bases = {base.made_by for base in image.bases if base.made_by}
    deps = tuple(name for name in action.deps if name not in {*action.image_deps, *bases})
    within = _below(action, actions)
    confirm = dict.fromkeys(text for one in within for text in one.limits.confirm)
    secrets = {secret.name: secret for one in within for secret in one.traits.secrets}
    fields = {name: getattr(action, name) for name in action.FIELDS}
    traits = {name: getattr(action.traits, name) for name in action.traits.FIELDS}
    plain = ImagePlan(
        image.name, image.tags, BasePlan(SCRATCH), (), ConfigPlan(labels=image.config.labels), image.platform,
        (), False, image.compression, made,
    )  # fmt: skip
    return Action(**{
        **fields,
        "image": plain,
        "image_deps": (),
        "deps": deps,
        "own_deps": tuple(name for name in action.own_deps if name in deps),
        "limits": Limits(action.limits.timeout, action.limits.retries, tuple(confirm)),
        "traits": Traits(**{**traits, "secrets": tuple(secrets.values())}),
    })  # fmt: skip


def _below(action: "Action", actions: "Mapping[str, Action]") -> "list[Action]":
    """An action and all that it needs or calls."""
    found: dict[str, Action] = {}
    left = [action]
    while left:
        one = left.pop()
        if one.id not in found:
            found[one.id] = one
            left += [actions[name] for name in (*one.deps, *one.calls)]
    return list(found.values())


def _recorded(top: str) -> "Callable[[str], str]":
    """Gives a reference the digest that it stands for, where `tasks.lock` has one; nobody is asked."""
    pins: dict[str, str] | None = None

    def pinned(written: str) -> str:
        nonlocal pins
        if "@" in written:
            return written
        if pins is None:
            pins = read_pins(top)
        digest = pins.get(full_name(written), "")
        return f"{written}@{digest}" if digest else written

    return pinned


def _settled(
    session: "Session", flags: "Mapping[str, str]", reporter: "PlainReporter"
) -> "Callable[[str], str]":
    """Gives a reference the digest that it stands for from now on; what only the engine knows stays as it is."""
    engines: list[Engine | None] = []

    def look(name: str) -> "Mapping[str, object] | None":
        if not engines:
            from runner.engine.docker import find_engine  # noqa: PLC0415 - for names that are new only

            try:
                engines.append(find_engine(session.environ, flags.get("engine", "")))
            except EngineError:
                # That it is missing is told when it is to build.
                engines.append(None)
        engine = engines[0]
        return engine.image(name) if engine is not None else None

    def pinned(written: str) -> str:
        pins = session.pins(flags, reporter, inert=session.facts.inert)
        digest = pins.digest_beside(written, None, look)
        return f"{written}@{digest}" if digest and "@" not in written else written

    return pinned


def _compiled(
    session: "Session", plan: "Plan", images: "Sequence[str]", inputs: Inputs, pinned: "Callable[[str], str]"
) -> "Stages":
    """The stages that make some images of a plan.

    Args:
        session: The project.
        plan: The plan.
        images: The ids of the actions that make the images.
        inputs: The files of the project.
        pinned: Gives a reference the digest that it stands for.

    Raises:
        PlanError: Something can't be done by a Dockerfile.
    """
    top = os.path.realpath(inputs.tree.top)
    known: dict[str, tuple[SourceFile, ...]] = {}

    def files(action: "Action") -> "Sequence[SourceFile]":
        if action.id not in known:
            known[action.id] = tuple(_source(inputs, top, path, action) for path in inputs.present(action))
            for copy in action.image.copies if action.image is not None else ():
                _check_secrets(copy, known[action.id], top)
        return known[action.id]

    def links(source: str) -> "Sequence[str]":
        return [state.path for state in inputs.links(source, made=False)]

    name = session.project.head.name
    machine = str(session.facts.platform())
    return stages_of(plan, images, files, links, pinned, project=name, machine=machine)


def _asked_images(plan: "Plan") -> list[str]:
    """The ids of the images that are asked for: by name, or by a task that only puts others in order."""
    actions = {action.id: action for action in plan.actions}
    found: dict[str, None] = {}
    seen: set[str] = set()
    left = list(reversed(plan.asked))
    while left:
        name = left.pop()
        if name in seen:
            continue
        seen.add(name)
        action = actions[name]
        if action.image is not None:
            # Of an index, the images that it lists.
            found |= dict.fromkeys([part for part, _ in action.image.parts] or [name])
        elif action.sources is None and action.targets is None:
            left += reversed((*action.deps, *action.calls))
    return list(found)


def _source(inputs: Inputs, top: str, path: str, action: "Action") -> SourceFile:
    """A file of the project; a builder follows no link of the context, so what it leads to is what is copied."""
    full = inputs.tree.path(path)
    real = os.path.realpath(full)
    if not real.startswith(f"{top}/"):
        raise PlanError(
            f"`{path}` leads to a file outside the project's folder, and a Dockerfile copies none of those",
            action.position,
            "let the project have the file itself",
        )
    try:
        executable = bool(os.stat(real).st_mode & 0o100)
    except OSError as error:
        raise PlanError(f"`{path}` can't be read: {error.strerror}", action.position) from None
    return SourceFile(path, real[len(top) + 1 :], executable)


def _check_secrets(copy: "CopyPlan", files: "Sequence[SourceFile]", top: str) -> None:
    """Refuse files of the project that should not ship, unless the copy names them.

    Raises:
        PlanError: There is one.
    """
    patterns = [parse_pattern(source, copy.at) for source in copy.own_sources]
    named = {pattern.literal_prefix for pattern in patterns if not pattern.has_wildcard}
    for file in files:
        if file.path in named or not any(pattern.matches(file.path) for pattern in patterns):
            continue
        try:
            with open(f"{top}/{file.source}", "rb") as opened:
                content = opened.read(WHOLE + 1)
        except OSError as error:
            raise PlanError(f"`{file.path}` can't be read: {error.strerror}", copy.at) from None
        why = secret_in(file.path, content if len(content) <= WHOLE else None)
        if why:
            raise PlanError(
                f"`{file.path}` would be in the image for all to read: {why}",
                copy.at,
                f"leave it out of what is copied; if it must be there, name it: `{{source: {file.path}, to: …}}`",
            )


def _write(folder: str, files: "Mapping[str, str]", name_of: "Callable[[str], str]") -> None:
    """Write files into a folder, which is made if it is not there.

    Raises:
        UsageError: One is there that pyrun did not write; then none is written.
    """
    for name in files:
        path = os.path.join(folder, name)
        if os.path.lexists(path) and not _is_ours(path):
            raise UsageError(
                f"`{name_of(path)}` is there already, and pyrun did not write it",
                None,
                "name another folder: `--dockerfile=FOLDER`",
            )
    os.makedirs(folder, exist_ok=True)
    for name, text in files.items():
        with new_file(folder, f".{name}.") as file:
            file.write(text.encode())
            rename(file, os.path.join(folder, name))


def _is_ours(path: str) -> bool:
    """Whether a file begins as those do that are written here."""
    if os.path.islink(path):
        return False
    try:
        with open(path, "rb") as file:
            return file.read(len(MARK)) == MARK.encode()
    except OSError:
        return False
