"""An image of ours in a real engine: loaded, found again, and run."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator

import pytest

from runner.errors import EngineError
from runner.execute.build_image import BuiltImage, build_image
from runner.plan.image_plan import BasePlan, ConfigPlan, CopyFile, CopyPlan, Healthcheck, ImagePlan
from runner.plan.platform import Platform
from runner.store.archive import archive_chunks
from runner.store.oci_layout import OciLayout
from tests.engine.engines import RealEngine

pytestmark = pytest.mark.engine

NAME = "registry.example.org/pyrun-test/load"


class DiskFiles:
    def executable(self, path: str) -> bool:
        return os.access(path, os.X_OK)

    def link_target(self, path: str) -> str:
        return os.readlink(path)

    def chunks(self, path: str) -> Iterable[bytes]:
        with open(path, "rb") as file:
            while piece := file.read(1 << 16):
                yield piece


def built(layout: OciLayout, content: str, base: OciLayout | None = None) -> BuiltImage:
    source = f"{layout.folder}-content"
    with open(source, "w") as file:
        file.write(content)
    busybox = shutil.which("busybox")
    assert busybox, "this test runs a program that needs no libraries: apt-get install busybox-static"
    plan = ImagePlan(
        NAME,
        ("1", "latest"),
        BasePlan("oci", base.folder) if base else BasePlan("scratch"),
        (CopyPlan("/bin/busybox", (busybox,)), CopyPlan("/data/", (source,), owner=(7, 8))),
        ConfigPlan(
            env=(("WHO", "it"),),
            user="7:8",
            workdir="/data",
            entrypoint=("/bin/busybox",),
            cmd=("cat", "x"),
            healthcheck=Healthcheck(("CMD", "/bin/busybox", "true"), interval=5_000_000_000),
        ),
        Platform("linux", _architecture()),
    )
    copies = ((CopyFile(busybox, "/bin/busybox"),), (CopyFile(source, "/data/x"),))
    return build_image(plan, copies, files=DiskFiles(), layout=layout, base=base, epoch=0)


def _architecture() -> str:
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def load(engine: RealEngine, layout: OciLayout, image: BuiltImage) -> None:
    engine.client.load(archive_chunks(image.references, image.descriptor, image.manifest, layout.chunks))


def has(engine: RealEngine, image: BuiltImage) -> bool:
    return engine.client.has([str(reference) for reference in image.references], image.ids)


@pytest.fixture
def layout(tmp_path: os.PathLike[str], engine: RealEngine) -> Iterator[OciLayout]:
    yield OciLayout.created(f"{os.fspath(tmp_path)}/images")
    for tag in ("1", "latest"):
        engine.call("image", "rm", "--force", f"{NAME}:{tag}")


def test_a_loaded_image_is_known_under_all_its_names_and_runs(engine: RealEngine, layout: OciLayout) -> None:
    image = built(layout, "hello")
    assert not has(engine, image)
    load(engine, layout, image)
    assert has(engine, image)
    assert engine.docker("run", "--rm", "--network=none", f"{NAME}:1") == "hello"
    listing = engine.docker(
        "run", "--rm", "--network=none", NAME, "stat", "-c", "%a %u %g %Y %n", "/data", "x"
    )
    assert listing == "755 7 8 0 /data\n644 7 8 0 x\n"
    (found,) = json.loads(engine.docker("image", "inspect", NAME))
    assert found["Config"]["Env"] == [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "WHO=it",
    ]
    assert found["Config"]["WorkingDir"] == "/data"
    assert found["Config"]["Healthcheck"] == {
        "Test": ["CMD", "/bin/busybox", "true"],
        "Interval": 5_000_000_000,
    }


def test_the_same_image_is_not_loaded_twice_and_another_replaces_it(
    engine: RealEngine, layout: OciLayout
) -> None:
    load(engine, layout, built(layout, "one"))
    assert has(engine, built(layout, "one"))
    other = built(layout, "two")
    assert not has(engine, other)
    load(engine, layout, other)
    assert engine.docker("run", "--rm", "--network=none", NAME) == "two"


def test_an_image_on_a_base_has_both(engine: RealEngine, layout: OciLayout) -> None:
    below = OciLayout.created(f"{layout.folder}-base")
    built(below, "base")
    image = built(layout, "above", below)
    load(engine, layout, image)
    assert engine.docker("run", "--rm", "--network=none", NAME) == "above"


def test_what_is_no_archive_is_refused_with_the_engines_words(engine: RealEngine) -> None:
    with pytest.raises(EngineError, match="did not load the image"):
        engine.client.load([b"this is no tar archive" * 100])


def test_asking_needs_no_http_client_and_no_sdk() -> None:
    code = "import runner.engine.docker, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"http.client", "docker", "requests", "urllib.request"} & set(done.stdout.split())
