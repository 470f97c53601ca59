"""Real container engines, each started once and gone when the tests are done."""

import os
from collections.abc import Iterator

import pytest

from tests.engine.engines import (
    FarEngine,
    RealEngine,
    docker_engine,
    far_docker_engine,
    podman_engine,
)


@pytest.fixture(scope="session")
def engine() -> Iterator[RealEngine]:
    """The user's engine, or one that lives as long as the run."""
    with docker_engine() as found:
        yield found


@pytest.fixture(scope="session")
def podman() -> Iterator[RealEngine]:
    """Podman."""
    with podman_engine() as found:
        yield found


@pytest.fixture(scope="session")
def far_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarEngine]:
    """An engine that can't see what the tests write, as if it ran on another machine."""
    with far_docker_engine(os.path.realpath(tmp_path_factory.getbasetemp())) as found:
        yield found
