"""The flow that there was before images had a builder: a Dockerfile whose build stage calls pyrun itself."""

import http.client
import uuid
from collections.abc import Iterator

import pytest

from tests.engine.engines import RealEngine
from tests.engine.images import give
from tests.engine.pyrun_image import NAME as PYRUN_IMAGE
from tests.engine.pyrun_image import give_pyrun
from tests.example import Example, example
from tests.features.conftest import until

pytestmark = [pytest.mark.engine, pytest.mark.long]

GO = "golang:1.24-alpine"
DOCKERFILE = f"""\
FROM {PYRUN_IMAGE} AS pyrun

FROM {GO} AS build
COPY --from=pyrun / /
ENV PYTHONPATH=/opt/pyrun LANG=C.UTF-8 PYRUN_CONTAINER=go
WORKDIR /src
COPY . .
ARG SERVICE
RUN pyrun install
RUN pyrun build $SERVICE

FROM scratch
WORKDIR /app
COPY --from=build /src/bin/ /app/
ARG SERVICE
ENV LISTEN=:8080
ENTRYPOINT ["/app/gmicro"]
"""
IGNORED = "*\n!cmd\n!internal\n!go.*\n!tasks.yml\n"


@pytest.fixture(scope="module")
def flow(engine: RealEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Flow"]:
    give(engine, GO)
    give_pyrun(engine)
    with example(f"{tmp_path_factory.mktemp('flow')}/one") as one:
        yield Flow(one, engine)


class Flow:
    """The example with such a Dockerfile, its container `go` named for all tasks."""

    def __init__(self, example: Example, engine: RealEngine) -> None:
        self.example = example
        self.engine = engine
        self.name = f"registry.example.org/pyrun-test/flow:{uuid.uuid4().hex}"
        example.edit("tasks.yml", "\nargs:\n", "\ncontainer: go\n\nargs:\n")
        example.write("Dockerfile", DOCKERFILE)
        example.write(".dockerignore", IGNORED)

    def serves(self, name: str) -> None:
        """Start an image as it is, and ask it whether it is well."""
        container = self.engine.docker("run", "--detach", "--publish", "127.0.0.1::8080", name).strip()
        try:
            port = int(self.engine.docker("port", container, "8080").rpartition(":")[2])

            def answers() -> bool:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                try:
                    connection.request("GET", "/healthz")
                    return connection.getresponse().status == 200
                except OSError:
                    return False
                finally:
                    connection.close()

            until(answers, "the service answers")
        finally:
            self.engine.docker("rm", "--force", container)


def test_docker_build_runs_pyrun_in_the_build_stage_in_place(flow: Flow) -> None:
    words = ("build", "--no-cache", "--tag", flow.name, "--build-arg", "SERVICE=gmicro", flow.example.root)
    done = flow.engine.call(*words)
    told = done.stdout.decode().splitlines() + done.stderr.decode().splitlines()
    assert done.returncode == 0, told
    # What the first `RUN` has done counts in the second one.
    assert sum("install $ go mod download" in line for line in told) == 1
    assert sum("build gmicro $ go build " in line for line in told) == 1
    flow.serves(flow.name)
