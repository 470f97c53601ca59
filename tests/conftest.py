"""What holds for all tests: none passes or fails by the clock, and in CI none is left out."""

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

settings.register_profile("pyrun", deadline=None)
settings.load_profile("pyrun")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test that is skipped or expected to fail leaves a promise untested, so it fails."""
    report = yield
    if os.environ.get("CI") and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"left out in CI: {report.longrepr}"
    return report
