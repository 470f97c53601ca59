"""What would run, as text: the steps of each action, with what is known only when their turn comes marked."""

from runner.model.when import COMMAND, ENVIRONMENT
from runner.plan.origin import DEFAULT, GIVEN, VARIABLE
from runner.plan.step import Called, Guarded, Script, Setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runner.location import Position
    from runner.plan.action import Action, Plan
    from runner.plan.container_plan import Value as Variable
    from runner.plan.origin import Origin
    from runner.plan.step import PlanStep, Question


_DEEPEST = 200
"""Columns of the deepest step that is shown."""


class DryRun:
    """Writes down a plan.

    Args:
        plan: The plan.
        words: For each action what is known already of whether it must run.
        name_of: How the user would name a file.
        variables: With the variables that files set for an action, and where each does; None to leave out where
            values and variables come from.
    """

    def __init__(
        self,
        plan: "Plan",
        words: "Mapping[str, str]",
        name_of: "Callable[[str], str]",
        variables: "Callable[[Action], Sequence[tuple[str, str, str]]] | None",
    ) -> None:
        self._plan = plan
        self._actions = {action.id: action for action in plan.actions}
        self._words = words
        self._name_of = name_of
        self._variables = variables

    def text(self) -> str:
        """What would run, in an order in which it could."""
        lines: list[str] = []
        for action in self._plan.scheduled:
            lines.append(f"{action.label}: {self._words[action.id]}")
            lines += self._action(action, "  ")
        text = "".join(f"{line}\n" for line in lines)
        for late in {late for action in self._plan.actions for late, _, _ in action.addresses}:
            # Which port that is, is known when the server runs.
            text = text.replace(late, f"${{{late.strip('@')}}}")
        return text

    def _action(self, action: "Action", indent: str) -> list[str]:
        container = action.container
        lines = [] if container is None else [f"{indent}in the container {container.name}"]
        lines += self._origins(action, indent)
        if self._variables is None:
            lines += [f"{indent}{name}={_value(value)}" for name, value in _fixed(action)]
        lines += self._steps(action.steps, indent)
        lines += self._last(action.last, indent)
        image = action.image
        if image is not None:
            made_of = str(image.base)
            if image.dockerfile is not None:
                stage = f", stage {image.dockerfile.stage}" if image.dockerfile.stage else ""
                made_of = f"{image.dockerfile.path or 'the tasks'}{stage}"
            tags = f":{', '.join(image.tags)}" if image.tags else ""
            if image.parts:
                lines.append(
                    f"{indent}image {image.name}{tags} for {' and '.join(map(str, image.platforms))}"
                )
                return lines
            lines.append(f"{indent}image {image.name}{tags} from {made_of}")
            if image.dockerfile is not None:
                lines += [
                    f"{indent}build argument {name}={value}" for name, value in image.dockerfile.build_args
                ]
            for copy in image.copies:
                origin = f" of {copy.base}" if copy.base is not None else ""
                lines.append(f"{indent}copy {', '.join(copy.sources)}{origin} to {copy.to}")
            lines += [f"{indent}run {line}" for script in image.run for line in script.rstrip().splitlines()]
        return lines

    def _origins(self, action: "Action", indent: str) -> list[str]:
        """Where values and variables come from, if that is wanted."""
        if self._variables is None:
            return []
        source = action.provenance
        values = dict(action.values)
        lines = []
        for name, origin in source.values:
            value = values.get(name, "")
            shown = " ".join(value) if isinstance(value, tuple) else value
            lines.append(f"{indent}{name}: {shown or '(empty)'}, {self._origin(origin)}")
        lines += [f"{indent}{name}={value}, {place}" for name, value, place in self._variables(action)]
        places = dict(source.env)
        own = dict(() if action.container is None else action.container.definition.env)
        for name, variable in _fixed(action):
            at = places.get(name)
            if at is None and name in own:
                at = own[name].position
            where = (
                f"env, {self._place(at)}"
                if at is not None
                else "a value, for an interpreter that is no shell"
            )
            lines.append(f"{indent}{name}={_value(variable)}, {where}")
        return lines

    def _origin(self, origin: "Origin") -> str:
        if origin.kind == GIVEN:
            return f"given by {self._place(origin.at)}" if origin.at is not None else "given"
        if origin.kind == VARIABLE:
            return f"variable {origin.detail}"
        if origin.kind == DEFAULT and origin.at is not None:
            return f"default, {self._place(origin.at)}"
        return "given by nothing"

    def _place(self, at: "Position") -> str:
        return f"{self._name_of(at.path)}:{at.line}"

    def _steps(self, steps: "Sequence[PlanStep]", indent: str) -> list[str]:
        lines: list[str] = []
        for step in steps:
            if isinstance(step, Script):
                lines.append(_script(step, indent))
            elif isinstance(step, Setting):
                lines += self._setting(step, indent)
            elif isinstance(step, Called):
                lines += self._called(self._actions[step.id], indent)
            elif isinstance(step, Guarded):
                lines.append(f"{indent}when {' and '.join(map(_item, step.when))}:")
                lines += self._steps(step.steps, f"{indent}  ")
            else:
                lines.append(f"{indent}task {step.label}:" if step.label else f"{indent}task:")
                lines += [f"{indent}  {name}={_value(value)}" for name, value in step.env]
                lines += self._steps(step.steps, f"{indent}  ")
                lines += self._last(step.last, f"{indent}  ")
        return lines

    def _last(self, last: "Sequence[PlanStep]", indent: str) -> list[str]:
        return [f"{indent}finally:", *self._steps(last, f"{indent}  ")] if last else []

    def _setting(self, step: Setting, indent: str) -> list[str]:
        where = f", set-environment, {self._place(step.position)}" if self._variables is not None else ""
        return [
            f"{indent}unset {name}{where}" if value is None else f"{indent}set {name}={value}{where}"
            for name, value in step.variables
        ]

    def _called(self, action: "Action", indent: str) -> list[str]:
        if len(indent) > _DEEPEST:
            return [f"{indent}task {action.label}: …"]
        words = self._words.get(action.id, "")
        up_to_date = f" {words}" if words.startswith("up to date") else ""
        return [f"{indent}task {action.label}:{up_to_date}", *self._action(action, f"{indent}  ")]


def _fixed(action: "Action") -> "Sequence[tuple[str, Variable]]":
    """The fixed variables of an action, those of its container among them."""
    return action.env if action.container is None else action.container.env


def _value(value: "Variable") -> str:
    """A variable's value; in it the variables of an image by their names."""
    if isinstance(value, str):
        return value
    return "".join(part if isinstance(part, str) else f"${{{part.name}}}" for part in value)


def _script(script: Script, indent: str) -> str:
    folder = f"({script.dir}) " if script.dir else ""
    text = script.text.rstrip("\n").replace("\n", f"\n{indent}  ")
    return f"{indent}{folder}$ {text}"


def _item(item: "Sequence[Question]") -> str:
    """An item of a condition: any of its questions."""
    return " or ".join(map(_question, item))


def _question(question: "Question") -> str:
    values = ["not set" if value is None else value.strip() for value in question.values]
    if question.kind == ENVIRONMENT:
        return f"{question.name} is {' or '.join(value or 'empty' for value in values)}"
    if question.kind == COMMAND:
        return f"the command {' or '.join(f'`{value}`' for value in values)} succeeds"
    verb = "is there" if question.kind == "exists" else "is not there"
    return f"{' or '.join(values)} {verb}"
