"""A Dockerfile is built in every way that a machine may have, and what a way can't do is told."""

import io
import os
import tarfile

import pytest

from runner.engine.image_build import (
    API,
    BUILDKIT,
    BUILDX,
    CLASSIC,
    CLIENT,
    PODMAN,
    SESSION,
    Build,
    FailedStepError,
    ImageBuild,
)
from runner.errors import EngineError, PyrunError
from tests.engine.clients import client_environ, path_without_docker
from tests.engine.engines import RealEngine
from tests.engine.images import give

pytestmark = pytest.mark.engine

Told = list[tuple[str, bytes]]


class Builder:
    """An engine, and the way in which it builds."""

    def __init__(self, engine: RealEngine, way: str, folder: str) -> None:
        self.engine = engine
        self.way = way
        self.told: Told = []
        environ = (
            client_environ(way, folder)
            if way in {BUILDX, CLIENT, API}
            else {"PATH": path_without_docker(f"{folder}/bin")}
        )
        self.environ = {**environ, **engine.environ, "HOME": folder}
        self.build_now: ImageBuild | None = None

    def build(self, text: str, build: Build | None = None, **files: str) -> str:
        """The image's id."""
        plain = build or Build(tuple)
        context = tar({plain.dockerfile: text, **files})
        whole = Build(
            lambda: [context[:700], context[700:]],
            *(getattr(plain, name) for name in Build.__dataclass_fields__ if name != "context"),
        )
        self.build_now = ImageBuild(
            self.engine.client, self.environ, whole, self.tell, CLASSIC if self.way == CLASSIC else ""
        )
        return self.build_now.run()

    def tell(self, step: str, data: bytes) -> None:
        self.told.append((step, data))

    @property
    def output(self) -> bytes:
        return b"".join(data for _, data in self.told)

    @property
    def begun(self) -> list[str]:
        """The instructions that were told to begin, each once."""
        return list(dict.fromkeys(step.rpartition("] ")[2].rpartition(": ")[2] for step, _ in self.told))


def tar(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


@pytest.fixture(params=[BUILDX, CLIENT, API, CLASSIC, PODMAN])
def builder(request: pytest.FixtureRequest, tmp_path: os.PathLike[str]) -> Builder:
    engine: RealEngine = request.getfixturevalue("podman" if request.param == PODMAN else "engine")
    give(engine, "busybox:1.36")
    return Builder(engine, request.param, os.fspath(tmp_path))


def test_the_image_has_what_was_asked_for_and_steps_are_told(builder: Builder) -> None:
    mark = os.urandom(8).hex()
    name = f"registry.example.org/pyrun-test/{mark}:1"
    image = builder.build(
        f"FROM busybox:1.36 AS wanted\nARG VALUE\nRUN echo {mark} $VALUE; printf 'no newline'\nCOPY one /two\n"
        "FROM busybox:1.36\nRUN exit 7\n",
        Build(
            tuple, "Dockerfile", "wanted", (name, f"{name}.1"), (("VALUE", "a b'c\"d$e"),),
            (("label", "l m=n"),),
        ),
        one="1\n",
    )  # fmt: skip
    assert builder.engine.client.image_id(name) == builder.engine.client.image_id(f"{name}.1") == image
    assert builder.output.startswith(f"{mark} a b'c\"d$e\nno newline".encode())
    assert [step for step in builder.begun if step.startswith(("RUN", "COPY"))] == [
        f"RUN echo {mark} $VALUE; printf 'no newline'" if builder.way not in {BUILDX, CLIENT, API} else builder.begun[0],
        "COPY one /two",
    ]  # fmt: skip
    form = '{{index .Config.Labels "label"}}'
    assert builder.engine.docker("image", "inspect", "--format", form, image).strip() == "l m=n"
    assert builder.engine.docker("run", "--rm", "--network=none", name, "cat", "/two") == "1\n"


def test_an_image_without_a_name_is_known_by_its_id(builder: Builder) -> None:
    image = builder.build("FROM busybox:1.36\nLABEL a=b\n")
    assert builder.engine.client.image_id(image) == image
    assert builder.build("FROM busybox:1.36\nLABEL a=b\n") == image


def test_a_command_that_fails_is_told_with_its_status(builder: Builder) -> None:
    mark = os.urandom(8).hex()
    with pytest.raises(FailedStepError) as caught:
        builder.build(f"FROM busybox:1.36\nRUN echo {mark}; exit 9\n")
    assert (caught.value.message, caught.value.status) == (f"echo {mark}; exit 9", 9)
    assert builder.output == f"{mark}\n".encode()


@pytest.mark.parametrize(
    ("text", "stage", "part"),
    [
        ("FROM busybox:1.36\nCOPY nosuch /x\n", "", "nosuch"),
        ("FROM busybox:1.36\nNOSUCH x\n", "", "nknown instruction: "),
        ("FROM busybox:1.36\n", "nosuch", "nosuch"),
    ],
)
def test_what_can_not_be_built_is_the_builders_word(
    builder: Builder, text: str, stage: str, part: str
) -> None:
    with pytest.raises(EngineError) as caught:
        builder.build(text, Build(tuple, stage=stage))
    assert part in caught.value.message
    assert caught.value.message.startswith("the image can't be built: ")
    assert not caught.value.message.startswith("the image can't be built: failed to solve")


def test_one_that_is_cancelled_ends_and_leaves_nothing_at_work(builder: Builder) -> None:
    mark = os.urandom(8).hex()

    def tell(step: str, data: bytes) -> None:
        builder.told.append((step, data))
        if mark.encode() in data:
            assert builder.build_now is not None
            builder.build_now.cancel()

    builder.tell = tell  # type: ignore[method-assign]
    with pytest.raises(EngineError, match="the build was ended"):
        builder.build(f"FROM busybox:1.36\nRUN echo {mark}; while :; do sleep 1; done\n")


def test_one_that_is_cancelled_before_it_begins_does_not_begin(builder: Builder) -> None:
    build = ImageBuild(
        builder.engine.client,
        builder.environ,
        Build(lambda: [tar({"Dockerfile": "FROM busybox:1.36\nRUN sleep 1000\n"})]),
        builder.tell,
        CLASSIC if builder.way == CLASSIC else "",
    )
    build.cancel()
    with pytest.raises(EngineError, match="the build was ended"):
        build.run()


SECRET = "FROM busybox:1.36\nRUN --mount=type=secret,id=one echo @MARK@; cat /run/secrets/one\n"


def test_a_secret_gets_there_or_is_an_error_that_names_it(builder: Builder) -> None:
    mark = os.urandom(8).hex()
    needs = ((BUILDKIT, "`RUN --mount` in line 2"), (SESSION, "`RUN --mount=type=secret` in line 2"))
    build = Build(tuple, secrets=(("one", f"hidden {mark}".encode()),), needs=needs)
    try:
        image = builder.build(SECRET.replace("@MARK@", mark), build)
    except PyrunError as error:
        told = error.message.replace(str(builder.engine.client), "ENGINE")
        assert (builder.way, told) in {
            (API, "`RUN --mount=type=secret` in line 2 needs a client with BuildKit's part in it, and there is none on PATH"),
            (CLASSIC, "`RUN --mount` in line 2 needs BuildKit, which the engine at ENGINE does not have"),
            (PODMAN, (
                "`RUN --mount=type=secret` in line 2 can't be had from the engine at ENGINE: Podman takes no secrets "
                "over its API"
            )),
        }  # fmt: skip
        assert builder.told == []
        return
    assert builder.way in {BUILDX, CLIENT}
    assert builder.output == f"{mark}\nhidden {mark}".encode()
    saved = b"".join(builder.engine.client.save(image))
    assert mark.encode() in saved
    assert f"hidden {mark}".encode() not in saved


def test_a_dockerfile_is_no_part_of_what_it_copies(builder: Builder) -> None:
    build = Build(tuple, ".pyrun.Dockerfile", hidden=True)
    files = {".dockerignore": ".pyrun.Dockerfile\n.dockerignore\n", "one": "1\n"}
    if builder.way == API:
        needs = ((BUILDKIT, "`RUN --mount` in line 2"),)
        strict = Build(tuple, ".pyrun.Dockerfile", hidden=True, needs=needs)
        with pytest.raises(
            EngineError, match="copies all of its context, without itself, and the engine can't"
        ):
            builder.build("FROM busybox:1.36\nCOPY . /all/\n", strict, **files)
    image = builder.build("FROM busybox:1.36\nCOPY . /all/\n", build, **files)
    assert builder.engine.docker("run", "--rm", "--network=none", image, "ls", "-A", "/all") == "one\n"


def test_what_needs_buildkit_needs_an_engine_that_has_it(builder: Builder) -> None:
    mark = os.urandom(8).hex()
    text = f"FROM busybox:1.36\nRUN --mount=type=cache,target=/kept,id={mark} echo {mark} >>/kept/x; cat /kept/x\n"
    build = Build(tuple, needs=((BUILDKIT, "`RUN --mount` in line 2"),))
    if builder.way == CLASSIC:
        with pytest.raises(EngineError, match="`RUN --mount` in line 2 needs BuildKit"):
            builder.build(text, build)
        return
    builder.build(text, build)
    builder.told.clear()
    builder.build(f"{text}#\n".replace("; cat", ";  cat"), build)
    assert builder.output == f"{mark}\n".encode() * 2
