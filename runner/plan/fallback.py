"""What an arg or option is where nobody gives it a value: the first of its defaults whose conditions hold."""

from runner.errors import RunError
from runner.model.param import BOOL, LIST
from runner.plan.condition import holds_now, settle
from runner.plan.expand import fill
from runner.plan.origin import DEFAULT, Origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.model.param import Default, Param
    from runner.model.project import Head
    from runner.plan.expand import Value
    from runner.plan.facts import Facts

_BOOLS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
"""How a file may write a bool beside `true` and `false`."""


class Fallback:
    """Works out defaults.

    Args:
        facts: How to ask about the world.
    """

    def __init__(self, facts: "Facts") -> None:
        self._facts = facts

    def value(
        self, param: "Param", seen: "Mapping[str, Value]", head: "Head"
    ) -> "tuple[Value, Origin] | None":
        """The first default that holds, and where it stands; None if none does.

        Where only a command could tell, and nothing may run now, the value says so in words.

        Args:
            param: The arg or option.
            seen: The values of those before it.
            head: What its file says of the interpreter, and where the file is.

        Raises:
            RunError: A default's command failed.
        """
        for default in param.defaults:
            left = settle(default.when, seen, self._facts.platform().os, head.folder)
            if left is None:
                continue
            holds = holds_now(left, self._facts, head)
            if holds is False:
                continue
            origin = Origin(DEFAULT, "", default.position)
            if holds is None:
                text: Value = "<known when it runs: the condition of a default is a command>"
            else:
                text = self._text(param, default, seen, head)
            return ((text,) if param.type == LIST and isinstance(text, str) else text), origin
        return None

    def _text(self, param: "Param", default: "Default", seen: "Mapping[str, Value]", head: "Head") -> "Value":
        if default.command is not None:
            return self._output(param, fill(default.command, seen), default, head)
        texts = tuple(fill(template, seen) for template in default.value or ())
        if param.type == LIST:
            return texts
        text = texts[0] if texts else ""
        return _BOOLS.get(text.lower(), text.lower()) if param.type == BOOL else text

    def _output(self, param: "Param", script: str, default: "Default", head: "Head") -> str:
        try:
            found = self._facts.output((*head.interpreter, script), head.folder, head)
        except RunError as error:
            raise RunError(
                f"the default of `{param.name}` can't be worked out: {error.message}",
                default.command.position if default.command is not None else default.position,
                error.hint,
            ) from None
        return f"<output of `{script.strip()}`>" if found is None else found
