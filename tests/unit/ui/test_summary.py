import pytest

from runner.events import Event, ImageReady, TaskFailed, TaskFinished, TaskRestored, TaskSkipped
from runner.ui.summary import summary


def image(skipped: bool) -> ImageReady:
    return ImageReady("i", (), "", (1, 1), 1, 1, "", skipped, "")


@pytest.mark.parametrize(
    ("ended", "text"),
    [
        ([], "nothing was done"),
        ([TaskFinished("a", 5), image(skipped=False)], "ran 2"),
        ([TaskSkipped("a", True, "", 999), image(skipped=True)], "up to date 2"),
        (
            [
                TaskFinished("a", 9000), TaskSkipped("b", False, "", 5000), TaskRestored("c", True, "", 7999),
                TaskFailed("d", 1, ""),
            ],
            "ran 1, up to date 1, restored 1, failed 1; saved 12 s",
        ),
        ([TaskRestored("a", True, "", 125_900)], "restored 1; saved 2 m 5 s"),
        ([TaskRestored("a", True, "", 3_780_000)], "restored 1; saved 1 h 3 m"),
    ],
)  # fmt: skip
def test_what_came_of_all_is_one_line(ended: list[Event], text: str) -> None:
    assert summary(ended) == text
