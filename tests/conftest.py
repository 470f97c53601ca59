"""What holds for all tests: none passes or fails by the clock, and in CI none is left out.

Several workers may do them side by side (`--numprocesses`), so a test asks for nothing that another one could be
using: no fixed port, no name in an engine or in a folder that all share. Where tests do share something, one
worker does them all.
"""

import os
import signal
from collections.abc import Generator

import pytest
from hypothesis import settings

settings.register_profile("pyrun", deadline=None)
settings.load_profile("pyrun")

_TESTS = os.path.dirname(__file__)
_ENGINE = "engine"


def pytest_configure() -> None:
    """Let signals mean what they mean on a terminal: what was started in the background ignores these."""
    for number, does in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGQUIT, signal.SIG_DFL),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, does)


def pytest_xdist_auto_num_workers() -> int:
    """Two workers a core: half of the time a test waits."""
    return min(2 * (os.cpu_count() or 1), 8)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together what shares something, and let workers begin with what takes long."""
    for item in items:
        name = _shared(item)
        if name and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(name))
    if os.environ.get("PYTEST_XDIST_WORKER"):
        # A worker that came to one of these last would be at it when the others have nothing left to do.
        items.sort(key=lambda item: (_shared(item) != _ENGINE, item.get_closest_marker("long") is None))


def _shared(item: pytest.Item) -> str:
    """The name of what a test shares with others: the engines, or what a fixture makes once for its file."""
    path = os.path.relpath(item.path, _TESTS)
    if path.startswith(f"{_ENGINE}/"):
        return _ENGINE
    assert isinstance(item, pytest.Function)
    fixtures = item._fixtureinfo.name2fixturedefs.values()  # noqa: SLF001 - nothing public tells their scope
    return path if any(one.scope == "module" for found in fixtures for one in found) else ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test that is skipped or expected to fail leaves a promise untested, so it fails."""
    report = yield
    if os.environ.get("CI") and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"left out in CI: {report.longrepr}"
    return report
