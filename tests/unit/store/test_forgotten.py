import os

import pytest

from runner.store.forgotten import forget_results, forgotten_since


@pytest.fixture
def top(tmp_path: "os.PathLike[str]") -> str:
    return os.fspath(tmp_path)


def test_a_task_is_forgotten_and_others_are_not(top: str) -> None:
    assert forgotten_since(top, "a") == 0
    assert os.listdir(top) == []
    forget_results(top, "a b")
    first = forgotten_since(top, "a b")
    assert first > 0
    assert forgotten_since(top, "a") == 0
    forget_results(top, "a b")
    assert forgotten_since(top, "a b") > first


def test_all_are_forgotten(top: str) -> None:
    forget_results(top, "a")
    forget_results(top)
    assert forgotten_since(top, "b") == forgotten_since(top, "a") > 0
    with open(f"{top}/.pyrun/forgotten", encoding="utf-8") as file:
        assert len(file.readlines()) == 1


def test_lines_that_are_not_ours_are_passed_over(top: str) -> None:
    forget_results(top, "a")
    with open(f"{top}/.pyrun/forgotten", "ab") as file:
        file.write("x a\n a\n\n² a\n17\n\udcff".encode("utf-8", "surrogateescape"))
    assert forgotten_since(top, "a") > 17
    assert forgotten_since(top, "b") == 0
