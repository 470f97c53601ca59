"""The example's integration test: one of its services and a real PostgreSQL, which is a container."""

import os

import pytest

from tests.engine.engines import RealEngine
from tests.engine.images import give
from tests.example import example

pytestmark = pytest.mark.engine

POSTGRES = "postgres:16"


def test_a_service_and_a_database_are_there_for_the_test(
    engine: RealEngine, tmp_path: "os.PathLike[str]"
) -> None:
    give(engine, POSTGRES)
    with example(f"{os.path.realpath(tmp_path)}/example") as project:
        first = project.done("integration", env=engine.environ)
        assert "ok  \texample.org/payments/integration\t" in first.stdout
        assert "db | " in first.stderr, "the database tells what it does"
        # Nothing has changed, so not even the servers are started.
        again = project.done("integration", env=engine.environ)
        assert again.stdout == ""
        assert "db | " not in again.stderr
        # Without an engine the first commands work as ever.
        assert project.done("build", "tmicro").code == 0
        left = f"label=pyrun.project={project.root}"
        assert engine.docker("ps", "--all", "--quiet", "--filter", left) == ""
