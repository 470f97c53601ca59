"""In which place each invocation of a plan runs: the host, or a container by its name.

From what the command line wants, what a task says, what an image task says for all that it copies, and what the
top of a file says, in this order.
"""

from runner.errors import PlanError
from runner.model.container import HOST, ContainerName
from runner.model.project import container_named, head_named, unknown_container_hint
from runner.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runner.model.container import Container
    from runner.model.project import Project
    from runner.model.task import Task


class WantedPlace(Record):
    """What is wanted of places beside what files say.

    Args:
        asked: What `--in` names: HOST, a container's name or an image's reference; empty for nothing.
        inside: The container that pyrun itself runs in, so that its tasks run in place; empty for none.
    """

    FIELDS = ("asked", "inside")
    __slots__ = FIELDS

    def __init__(self, asked: str = "", inside: str = "") -> None:
        self.asked = asked
        self.inside = inside


class PlaceFinder:
    """Finds the places of a plan's invocations.

    Args:
        project: The tasks.
        wanted: What is wanted beside what files say, if anything is.
    """

    def __init__(self, project: "Project", wanted: WantedPlace | None) -> None:
        self._project = project
        self._wanted = WantedPlace() if wanted is None else wanted

    def find(
        self,
        tasks: "Mapping[str, Task]",
        copied: "Mapping[str, Sequence[str]]",
        needs: "Callable[[str], Sequence[str]]",
        labels: "Mapping[str, str]",
    ) -> "dict[str, Container]":
        """The container of each invocation that runs in one.

        Args:
            tasks: The task of each invocation, by id.
            copied: For each image task's invocation the ids of what it copies.
            needs: What an invocation depends on or calls.
            labels: What people call each.

        Raises:
            PlanError: Two image tasks want one invocation in two places, or a name is none.
        """
        self._check_asked(tasks)
        given = self._given(tasks, copied, needs, labels)
        found: dict[str, Container] = {}
        for name, task in tasks.items():
            if task.image is not None:
                continue
            container = self._container(task, given.get(name))
            if container is not None:
                found[name] = container
        return found

    def _check_asked(self, tasks: "Mapping[str, Task]") -> None:
        """See to it that what `--in` names is there, also where every task names a container itself."""
        asked = self._wanted.asked
        if not asked or asked == HOST:
            return
        seen = dict.fromkeys(task.namespace for task in tasks.values())
        if not any(container_named(self._project, asked, namespace) is not None for namespace in seen):
            raise self._unknown(asked, next(iter(seen), ""))

    def _given(
        self,
        tasks: "Mapping[str, Task]",
        copied: "Mapping[str, Sequence[str]]",
        needs: "Callable[[str], Sequence[str]]",
        labels: "Mapping[str, str]",
    ) -> "dict[str, tuple[ContainerName, str]]":
        """What image tasks say of what they copy, and of all that those need; and in which file."""
        given: dict[str, tuple[ContainerName, str]] = {}
        giver: dict[str, str] = {}
        for image, task in tasks.items():
            if task.image is None or task.container is None:
                continue
            # An item that copies files of the project, or of an image, has no id.
            left = [name for name in copied[image] if name]
            seen = set()
            while left:
                name = left.pop()
                if name in seen or tasks[name].image is not None:
                    continue
                seen.add(name)
                left += needs(name)
                if tasks[name].container is not None or self._asked_away(tasks[name]):
                    continue
                known = given.setdefault(name, (task.container, task.namespace))
                giver.setdefault(name, image)
                if not self._same(known, (task.container, task.namespace)):
                    first, second = known[0].text, task.container.text
                    other = " another" if first == second else ""
                    raise PlanError(
                        f"`{labels[name]}` would run in `{first}` for `{labels[giver[name]]}` and in{other} "
                        f"`{second}` for `{labels[image]}`",
                        task.container.position,
                        f"say `container:` at the task `{tasks[name].name}` itself",
                    )
        return given

    def _same(self, one: "tuple[ContainerName, str]", other: "tuple[ContainerName, str]") -> bool:
        """Whether two names, each in the file of its namespace, stand for one place."""
        if one[0].text == other[0].text and one[0].is_reference:
            return True
        return self._named(*one) == self._named(*other)

    def _asked_away(self, task: "Task") -> bool:
        """Whether `--in` decides about a task that names no container."""
        asked = self._wanted.asked
        # An image as it comes has nothing that the host could run.
        return bool(asked) and not (asked == HOST and task.persistent and not task.steps and not task.last)

    def _container(self, task: "Task", given: "tuple[ContainerName, str] | None") -> "Container | None":
        """The container of a task; None for the host."""
        asked = self._wanted.asked
        away = self._asked_away(task)
        if away and asked == HOST:
            return None
        if task.container is not None:
            return self._named(task.container, task.namespace)
        if away:
            found = container_named(self._project, asked, task.namespace)
            if found is None:
                raise self._unknown(asked, task.namespace)
            return None if asked == self._wanted.inside else found
        written = given or self._default(task.namespace)
        return None if written is None else self._named(*written)

    def _default(self, namespace: str) -> "tuple[ContainerName, str] | None":
        """What the top of a file says, or else that of a file that includes it; and which file that is."""
        while True:
            head = head_named(self._project, namespace)
            if head.container is not None:
                return head.container, namespace
            if not namespace:
                return None
            namespace = namespace.rpartition(":")[0]

    def _named(self, name: "ContainerName", namespace: str) -> "Container | None":
        if name.text in {HOST, self._wanted.inside}:
            return None
        found = container_named(self._project, name.text, namespace)
        if found is None:
            raise self._unknown(name.text, namespace, name)
        return found

    def _unknown(self, text: str, namespace: str, name: "ContainerName | None" = None) -> PlanError:
        """What is wrong when no container that a file sees has a name."""
        hint = unknown_container_hint(text, self._project.heads, namespace)
        return PlanError(f"there is no container `{text}`", None if name is None else name.position, hint)
