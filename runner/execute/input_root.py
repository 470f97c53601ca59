"""What an action may see of a project: its sources, and the targets of what it depends on.

The same list of files whoever makes a tree of it: a sandbox, a container's copy, a remote execution service.
Knows nothing of how that is done, and touches no file.
"""

from runner.model.path import resolved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runner.plan.action import Action
    from runner.plan.file_state import FileState

_INVOKE = ("--search-root=", "--collection=")
"""What `runner.plan.invoke_words` says of where a task of Invoke stands."""


def input_root(
    action: "Action",
    actions: "Mapping[str, Action]",
    sources: "Sequence[FileState]",
    targets_of: "Callable[[str], Sequence[FileState]]",
) -> "tuple[FileState, ...]":
    """The files that an action may see, sorted by path, each once.

    Those are its sources, those of called tasks that are part of it among them, and the targets of its deps and
    of what it has called. What has no target is looked through to its own deps; what has one is the end of the
    look. A file that is both a source and a target counts as the target, which is the newer one.

    Args:
        action: The action.
        actions: All of the plan, by id.
        sources: Its sources, as they were found at its turn.
        targets_of: What an action of this run has left, by its id; nothing if it has not had its turn.
    """
    found = {state.path: state for state in sources}
    for name in providers(action, actions):
        found.update((state.path, state) for state in targets_of(name))
    return tuple(found[path] for path in sorted(found))


def providers(action: "Action", actions: "Mapping[str, Action]") -> "list[str]":
    """The ids of the actions whose targets an action may see."""
    found: list[str] = []
    seen = {action.id}
    left = [*reversed((*action.deps, *action.calls))]
    while left:
        name = left.pop()
        if name in seen:
            continue
        seen.add(name)
        other = actions[name]
        if other.image is not None:
            # An image is no file of the project.
            continue
        if other.targets is not None:
            found.append(name)
        else:
            left += reversed((*other.deps, *other.calls))
    return found


def invoke_files(action: "Action") -> "list[str]":
    """The files in which an action's tasks of Invoke may stand: who asks for such a task declares its file."""
    found = []
    for script in action.scripts:
        flags = dict(word.split("=", 1) for word in script.argv if word.startswith(_INVOKE))
        if len(flags) == len(_INVOKE):
            root, module = (flags[name[:-1]] for name in _INVOKE)
            path = resolved(f"{script.dir}/{root}/{module}" if script.dir else f"{root}/{module}")
            found += [f"{path}.py", f"{path}/__init__.py"]
    return found
