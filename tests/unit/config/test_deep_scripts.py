"""Scripts nested without end are read, or refused where a value stands that can't be followed."""

import pytest

from runner.config.decode import decode
from runner.errors import PyrunError

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
    "backticks": ("`", "${x}", "`"),
}


def outcome(text: str) -> tuple[int, tuple[str, ...]]:
    """The line of the fault of a file, or 0 and the names in the script of its task `t`."""
    try:
        task = decode(text.encode(), "tasks.yml").task("t")
    except PyrunError as error:
        return error.at.line if error.at else 0, ()
    return 0, task.steps[0].script.names() if task else ()


@pytest.mark.parametrize("depth", [10, 1000, 20_000])
@pytest.mark.parametrize("name", NESTED)
def test_nesting_without_end_is_no_accident(name: str, depth: int) -> None:
    before, within, behind = NESTED[name]
    script = before * depth + within + behind * depth
    rows = ["tasks:", "  t:", "    args: {x: {}}", "    run: |", f"      {script}"]
    line, names = outcome("\n".join(rows))
    assert line >= 4 or names == ("x",)
