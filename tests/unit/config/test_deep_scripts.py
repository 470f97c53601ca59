"""Scripts nested without end are read, or refused where a value stands that can't be followed."""

import pytest

from runner.config.shell import parse_script
from runner.location import Position
from runner.model.template import PLAIN, Hole

NESTED = {
    "lists in braces": ("{ ", "echo ${x}; ", "} "),
    "lists in parentheses": ("( ", "echo ${x}", " )"),
    "conditions": ("if a; then ", "echo ${x}", "; fi"),
    "cases": ("case x in a) ", "echo ${x};; ", "esac;; "),
    "substitutions": ("$(", "echo ${x}", ")"),
    "quoted substitutions": ('"$(', "echo ${x}", ')"'),
    "arithmetic": ("$((", "${x}", "))"),
    "expansions": ("${y:-", "${x}", "}"),
    "expansions in quotes": ('"${y:-', "${x}", '}"'),
    "patterns": ("@(", "${x}", ")"),
    "backticks": ("`", "${x}", "`"),
}


@pytest.mark.parametrize("depth", [10, 1000, 20_000])
@pytest.mark.parametrize("name", NESTED)
def test_nesting_without_end_is_no_accident(name: str, depth: int) -> None:
    before, within, behind = NESTED[name]
    template = parse_script(before * depth + within + behind * depth, ("x",), Position("tasks.yml", 1, 1))
    hole = next(part for part in template.parts if isinstance(part, Hole))
    assert template.names() == ("x",)
    assert depth < 40 or hole.context == PLAIN or name in {"lists in braces", "conditions", "backticks"}
