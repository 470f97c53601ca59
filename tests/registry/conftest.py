"""Registries of the field, each started once a worker and gone when its tests are done."""

import os
from collections.abc import Iterator

import pytest

from tests.engine.far_address import certificates
from tests.engine.registries import RealRegistry, new_program, old_program, registry
from tests.registry.small_registry import SmallRegistry


@pytest.fixture(scope="session", params=["docker-registry", "distribution"])
def real(request: pytest.FixtureRequest) -> Iterator[RealRegistry]:
    """Each of the two registries as it comes."""
    with registry(old_program() if request.param == "docker-registry" else new_program()) as found:
        yield found


@pytest.fixture(scope="session")
def present() -> Iterator[RealRegistry]:
    """The present registry, which keeps what is attached to images."""
    with registry(new_program()) as found:
        yield found


@pytest.fixture
def small() -> Iterator[SmallRegistry]:
    """A registry of the test's own, which does as it is told."""
    with SmallRegistry() as found:
        yield found


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with `ca.pem`, and with `server.pem` and `server-key.pem` that it has signed."""
    return certificates(os.path.join(tmp_path_factory.mktemp("keys"), "made"))
