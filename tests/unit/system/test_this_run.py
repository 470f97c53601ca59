"""A run is known by a text, and by it others tell whether it has ended."""

import os
import subprocess

import pytest

from runner.system import this_run as module
from runner.system.this_run import has_ended, this_run


def test_this_one_has_not_ended() -> None:
    assert this_run() == this_run()
    assert not has_ended(this_run())


def test_one_whose_process_is_gone_has() -> None:
    boot, pid, _ = this_run().split(":")
    with subprocess.Popen(["true"]) as process:
        process.wait()
        assert has_ended(f"{boot}:{process.pid}:1")
    assert pid == str(os.getpid())


def test_one_whose_number_is_another_process_now_has() -> None:
    boot, pid, when = this_run().split(":")
    assert has_ended(f"{boot}:{pid}:{int(when) - 1}")


def test_one_before_the_last_start_of_the_machine_has() -> None:
    machine = this_run().partition(":")[0].partition("-")[2]
    _, pid, when = this_run().split(":")
    assert has_ended(f"another-{machine}:{pid}:{when}")


@pytest.mark.parametrize("text", ["", "nonsense", ":", "boot-machine:12", "boot-machine:x:1"])
def test_of_what_is_no_run_of_this_machine_nobody_knows(text: str) -> None:
    assert not has_ended(text)


def test_another_machine_s_run_is_left_alone() -> None:
    boot, pid, when = this_run().split(":")
    assert not has_ended(f"{boot.partition('-')[0]}-elsewhere:{pid}:{when}")


def test_a_name_with_dots_and_dashes_tells_machines_apart_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_boot", lambda: "b00t-build-7.example")
    assert not has_ended(this_run())
    assert has_ended(this_run().replace("b00t", "older"))
