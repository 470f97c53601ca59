"""What pyrun writes is read by programs that others wrote: skopeo and umoci."""

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterable
from typing import Any

import pytest

from runner.execute.build_image import BuiltImage, build_image
from runner.plan.facts import FOLDER
from runner.plan.image_plan import (
    LINK,
    BasePlan,
    ConfigPlan,
    CopyFile,
    CopyPlan,
    Healthcheck,
    ImagePlan,
    shell_form,
)
from runner.plan.platform import Platform
from runner.store.archive import archive_chunks, save
from runner.store.oci_layout import OciLayout

NAME = "registry.example.org/payments/gmicro"
LONG = "n" * 101
LARGE = os.urandom(1 << 16) * 16


class MemoryFiles:
    def __init__(self, contents: dict[str, bytes]) -> None:
        self._contents = contents

    def executable(self, path: str) -> bool:
        return path == "gmicro"

    def link_target(self, path: str) -> str:
        return f"to-{path}"

    def chunks(self, path: str) -> Iterable[bytes]:
        return (self._contents[path],)


FILES = MemoryFiles({"gmicro": LARGE, "conf": b"a: 1\n", "other": b"second"})


@pytest.fixture
def top(tmp_path: os.PathLike[str]) -> str:
    for program in ("skopeo", "umoci"):
        assert shutil.which(program), f"this test reads images with {program}: apt-get install {program}"
    return os.fspath(tmp_path)


def run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def inspected(image: str, *flags: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("skopeo", "inspect", *flags, image))
    return found


def built(folder: str, base: str = "", tags: tuple[str, ...] = ("latest",)) -> tuple[OciLayout, BuiltImage]:
    layout = OciLayout.created(folder)
    plan = ImagePlan(
        NAME,
        tags,
        BasePlan("oci", base) if base else BasePlan("scratch"),
        (CopyPlan("/app/", ("gmicro",)), CopyPlan("/etc/", ("conf",), owner=(7, 8), mode=0o600)),
        ConfigPlan(
            workdir="/app",
            env=(("GREETING", 'grüß "dich"'),),
            labels=(("org.opencontainers.image.title", "gmicro"),),
            user="7:8",
            expose=("8080",),
            healthcheck=Healthcheck(("CMD-SHELL", "true"), interval=1_000_000_000),
            entrypoint=("./gmicro",),
            cmd=shell_form("echo"),
        ),
        Platform("linux", "amd64"),
    )
    copies = (
        (
            CopyFile("gmicro", "/app/gmicro"),
            CopyFile("link", "/app/link", LINK),
            CopyFile("e", "/app/empty", FOLDER),
        ),
        (CopyFile("conf", f"/etc/grüße/{LONG}/conf"),),
    )
    opened = OciLayout.opened(base) if base else None
    return layout, build_image(plan, copies, files=FILES, layout=layout, base=opened, epoch=86400)


def check_inspected(image: str, made: BuiltImage) -> None:
    found = inspected(image)
    assert found["Created"] == "1970-01-02T00:00:00Z"
    assert (found["Os"], found["Architecture"]) == ("linux", "amd64")
    assert found["Labels"] == {"org.opencontainers.image.title": "gmicro"}
    assert len(found["Layers"]) == len(made.manifest.layers)
    config = inspected(image, "--config")["config"]
    assert config["Entrypoint"] == ["./gmicro"]
    assert config["Cmd"] == ["/bin/sh", "-c", "echo"]
    assert 'GREETING=grüß "dich"' in config["Env"]
    assert config["ExposedPorts"] == {"8080/tcp": {}}


def test_skopeo_reads_the_layout_by_the_whole_name(top: str) -> None:
    _, made = built(f"{top}/images", tags=("1", "latest"))
    for tag in ("1", "latest"):
        image = f"oci:{top}/images:{NAME}:{tag}"
        check_inspected(image, made)
        assert inspected(image)["Digest"] == str(made.descriptor.digest)


def test_skopeo_reads_the_archive_as_either_kind(top: str) -> None:
    layout, made = built(f"{top}/images")
    path = f"{top}/out/gmicro.tar"
    save(path, archive_chunks(made.references, made.descriptor, made.manifest, layout.chunks))
    check_inspected(f"oci-archive:{path}", made)
    check_inspected(f"oci-archive:{path}:{NAME}:latest", made)
    check_inspected(f"docker-archive:{path}", made)
    check_inspected(f"docker-archive:{path}:{NAME}:latest", made)
    assert inspected(f"oci-archive:{path}")["Digest"] == str(made.descriptor.digest)
    # A copy reads every byte and compares it with its digest.
    for kind in ("oci-archive", "docker-archive"):
        run("skopeo", "copy", "--insecure-policy", f"{kind}:{path}", f"dir:{top}/{kind}")
    raw = json.loads(run("skopeo", "inspect", "--raw", f"dir:{top}/oci-archive"))
    assert raw == json.loads(made.manifest.encode())


def test_umoci_unpacks_the_files_as_they_were_copied(top: str) -> None:
    built(f"{top}/images")
    run("umoci", "unpack", "--rootless", "--image", f"{top}/images:{NAME}:latest", f"{top}/bundle")
    root = f"{top}/bundle/rootfs"
    with open(f"{root}/app/gmicro", "rb") as file:
        assert file.read() == LARGE
    assert stat.S_IMODE(os.stat(f"{root}/app/gmicro").st_mode) == 0o755
    assert stat.S_IMODE(os.stat(f"{root}/app").st_mode) == 0o755
    assert os.readlink(f"{root}/app/link") == "to-link"
    assert os.listdir(f"{root}/app/empty") == []
    conf = f"{root}/etc/grüße/{LONG}/conf"
    assert stat.S_IMODE(os.stat(conf).st_mode) == 0o600
    assert os.stat(conf).st_mtime == 86400
    with open(f"{top}/bundle/config.json") as config:
        process = json.load(config)["process"]
    assert process["args"] == ["./gmicro", "/bin/sh", "-c", "echo"]
    assert process["cwd"] == "/app"


def test_an_image_others_wrote_is_a_base(top: str) -> None:
    built(f"{top}/first")
    base = f"{top}/base"
    # As a registry gives it: Docker's documents within, skopeo's own folder around them.
    run(
        "skopeo",
        "copy",
        "--insecure-policy",
        "--format",
        "v2s2",
        f"oci:{top}/first:{NAME}:latest",
        f"dir:{top}/v2s2",
    )
    run("skopeo", "copy", "--insecure-policy", f"dir:{top}/v2s2", f"oci:{base}:debian")
    run(
        "umoci",
        "config",
        "--image",
        f"{base}:debian",
        "--config.env",
        "FROM_BASE=1",
        "--config.workingdir",
        "/srv",
    )
    _, made = built(f"{top}/images", base)
    assert len(made.manifest.layers) == 4
    assert [layer.reused for layer in made.layers] == [False, False]
    image = f"oci:{top}/images:{NAME}:latest"
    check_inspected(image, made)
    assert "FROM_BASE=1" in inspected(image, "--config")["config"]["Env"]
    run("umoci", "unpack", "--rootless", "--image", f"{top}/images:{NAME}:latest", f"{top}/bundle")


def test_a_pruned_layout_is_still_whole(top: str) -> None:
    layout, _ = built(f"{top}/images", tags=("old",))
    _, made = built(f"{top}/images", tags=("old", "new"))
    layout.write((b"stray",))
    assert layout.prune() == 5
    run("skopeo", "copy", "--insecure-policy", f"oci:{top}/images:{NAME}:new", f"dir:{top}/out")
    check_inspected(f"oci:{top}/images:{NAME}:old", made)
