"""What an audit found, as text."""

from runner.events import TaskAudited
from runner.ui.audit import audit_text


def test_a_clean_task_is_one_line() -> None:
    assert (
        audit_text([TaskAudited("copy", (), (), (), (), False)])
        == "copy: declares all that it reads and writes\n"
    )


def test_nothing_is_told_too() -> None:
    assert audit_text([]) == "nothing ran that could be looked at\n"


def test_many_names_are_counted() -> None:
    names = tuple(f"f{number}" for number in range(12))
    text = audit_text([TaskAudited("t", names, (), ("u",), ("source: [f]",), True)])
    assert text == (
        "t:\n"
        "  reads without declaring it: f0, f1, f2, f3, f4, f5, f6, f7 and 4 more, as far as it came before it failed\n"
        "  add to the task:\n"
        "    source: [f]\n"
        "  declares and never looks at: u\n"
    )
