"""What the recorded cases say of a `tusk.yml` holds: each is run against the real command line.

The cases stand beside the checkout and not in it. Where they are not, as in a user's clone, they are left out
with a word.
"""

import importlib.util
import os
import sys
from types import ModuleType
from typing import Any

import pytest

FOLDER = os.path.join(os.path.dirname(__file__), "..", "..", "..", "shared", "conformance", "tusk")
PYRUN = os.path.join(os.path.dirname(sys.executable), "pyrun")
PATIENCE = 180.0
"""Seconds that one call may take."""


def _checker() -> ModuleType | None:
    path = os.path.join(FOLDER, "check.py")
    if not os.path.isfile(path):
        return None
    spec = importlib.util.spec_from_file_location("conformance_check", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHECKER = _checker()


def _cases() -> list[Any]:
    if CHECKER is None:
        return []
    topics = CHECKER.load_topics(CHECKER.HERE)
    return [
        pytest.param(case, id=case["name"])
        for topic, cases in topics.items()
        if topic != CHECKER.QUIRKS
        for case in cases
    ]


CASES = _cases()


@pytest.mark.parametrize("case", CASES)
def test_a_recorded_case(case: dict[str, Any]) -> None:
    """The exit status, the output and the files of a case are as they were recorded."""
    assert CHECKER is not None
    faults = CHECKER.check_case(case, [PYRUN, "-f", "tusk.yml"], PATIENCE)
    assert not faults, "\n".join(faults)


def test_the_cases_are_there_or_left_out_as_a_whole() -> None:
    """Where there are cases, there are all of them."""
    assert CHECKER is None or len(CASES) >= 440
