"""What the commands of a setup write is told apart from where the next one begins."""

import pytest

from runner.execute.make_image import Written
from runner.location import Position
from runner.model.container import bare_container
from runner.plan.container_plan import ContainerPlan

MARK = "f00"


def plan() -> ContainerPlan:
    one = bare_container("busybox:1.36", Position("tasks.yml", 1, 1))
    one.setup = ("first\n", "second")
    return ContainerPlan(one, (), "", False, ())


@pytest.mark.parametrize("size", range(1, 12))
def test_marks_are_found_however_the_output_is_cut(size: int) -> None:
    data = b"\0f00\0one\0two\0\0f00\0three\0"
    told: list[tuple[str, bytes]] = []
    written = Written(plan(), MARK, lambda shown, piece: told.append((shown, piece)))
    for at in range(0, len(data), size):
        written.take(1, data[at : at + size])
    written.end()
    parts = [f"<{shown}>" if shown else piece.decode() for shown, piece in told]
    assert "".join(parts) == "<first>one\0two\0<second>three\0"
    assert written.number == 1
