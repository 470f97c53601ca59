"""Push to and pull from registries of the field; what was pushed is read back by other programs, too."""

import json
import os
import subprocess
import urllib.request
from pathlib import Path  # noqa: TID251 - a test's start may cost what it likes
from typing import Any

import pytest

from runner.errors import RunError
from runner.image.reference import parse_source
from runner.registry.push import Push, Pushed
from runner.registry.registries import Registries
from tests.engine.go_programs import known_program
from tests.engine.registries import RealRegistry, docker_config, new_program, old_program, registry
from tests.registry.images import AMD64, ARM64, HASTY, Made, attach, make_image, make_index


def pushed(made: Made, host: str, path: str, *tags: str, environ: dict[str, str] | None = None) -> Pushed:
    """Push an image, as a call of pyrun does."""
    with Registries(environ or {}, HASTY) as registries:
        source = parse_source(f"{host}/{path}:{tags[0]}")
        return Push(registries.get(source), source.path, made.layout).run(made.descriptor, tags)


def pulled(host: str, name: str, environ: dict[str, str] | None = None) -> dict[str, bytes]:
    """The layers of an image by digest, read as a base is."""
    with Registries(environ or {}, HASTY) as registries:
        image = registries.image(parse_source(f"{host}/{name}"))
        _, manifest, _ = image.image("", AMD64)
        return {str(one.digest): b"".join(image.chunks(one.digest)) for one in manifest.layers}


def said(*argv: str, environ: dict[str, str] | None = None) -> str:
    """What another program says on stdout."""
    done = subprocess.run(
        argv, capture_output=True, text=True, env={**os.environ, **(environ or {})}, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def got(url: str) -> Any:
    """A JSON document."""
    request = urllib.request.Request(url, headers={"Accept": "application/vnd.oci.image.index.v1+json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_an_image_is_pushed_once_and_read_back_by_others(real: RealRegistry, tmp_path: Path) -> None:
    made = make_image(f"{tmp_path}/layout", 1, (300_000, 70_000, 1))
    sizes = [_config_size(made), *map(len, made.layers.values())]
    assert pushed(made, real.host, "team/app", "1", "latest") == Pushed(sum(sizes), blobs=4, tags=2)
    assert pushed(made, real.host, "team/app", "1", "latest") == Pushed()
    assert pushed(made, real.host, "team/app", "2") == Pushed(tags=1)
    assert pulled(real.host, "team/app:1") == made.layers
    assert pulled(real.host, f"team/app@{made.descriptor.digest}") == made.layers
    assert real.repositories()["team/app"] == ("1", "2", "latest")
    crane = known_program("crane")
    assert said(crane, "validate", "--remote", f"{real.host}/team/app:1") == f"PASS: {real.host}/team/app:1\n"
    assert said(crane, "digest", f"{real.host}/team/app:2") == f"{made.descriptor.digest}\n"
    said(
        "skopeo",
        "copy",
        "--src-tls-verify=false",
        f"docker://{real.host}/team/app:1",
        f"oci:{tmp_path}/back:1",
    )
    assert {str(path.name) for path in (tmp_path / "back/blobs/sha256").iterdir()} >= {
        digest.removeprefix("sha256:") for digest in made.layers
    }


def _config_size(made: Made) -> int:
    manifest = json.loads(made.layout.read(made.descriptor))
    return int(manifest["config"]["size"])


def test_what_the_registry_has_elsewhere_is_not_sent_again(real: RealRegistry, tmp_path: Path) -> None:
    base = make_image(f"{tmp_path}/base", 2)
    pushed(base, real.host, "bases/small", "1")
    # The same layers, and a manifest that says where they are from.
    image = make_image(f"{tmp_path}/layout", 2, base=f"{real.host}/bases/small:1")
    assert pushed(image, real.host, "team/derived", "1") == Pushed(mounted=4, tags=1)
    other = make_image(f"{tmp_path}/layout", 2, base="registry.example.org/bases/small:1")
    assert pushed(other, real.host, "team/other", "1").mounted == 0


def test_blobs_that_are_there_are_not_asked_for(real: RealRegistry, tmp_path: Path) -> None:
    made = make_image(f"{tmp_path}/layout", 3)
    pushed(made, real.host, "team/lazy", "1")
    more = make_image(f"{tmp_path}/layout", 3, base="registry.example.org/other:1")
    for digest in made.layers:
        os.unlink(tmp_path / "layout/blobs/sha256" / digest.removeprefix("sha256:"))
    assert pushed(more, real.host, "team/lazy", "2") == Pushed(there=4, tags=1)


def test_an_index_is_pushed_with_its_images(real: RealRegistry, tmp_path: Path) -> None:
    one = make_image(f"{tmp_path}/layout", 4, platform=AMD64)
    two = make_image(f"{tmp_path}/layout", 5, platform=ARM64)
    index = make_index(one.layout, one.descriptor, two.descriptor)
    assert pushed(Made(one.layout, index, {}), real.host, "team/both", "1").blobs == 8
    assert said(known_program("crane"), "validate", "--remote", f"{real.host}/team/both:1").startswith("PASS")
    raw = said("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{real.host}/team/both:1")
    assert [entry["platform"]["architecture"] for entry in json.loads(raw)["manifests"]] == ["amd64", "arm64"]
    with Registries({}, HASTY) as registries:
        image = registries.image(parse_source(f"{real.host}/team/both:1"))
        assert image.resolve().digest == index.digest
        assert image.image("", ARM64)[0].digest == two.descriptor.digest
        assert image.image("", AMD64)[2].platform == AMD64


def test_what_another_program_pushed_is_read(real: RealRegistry, tmp_path: Path) -> None:
    made = make_image(f"{tmp_path}/layout", 6)
    made.layout.set_tags((), made.descriptor)
    pushed(made, real.host, "team/theirs", "1")
    for form in ("v2s2", "oci"):
        said(
            "skopeo", "copy", f"--format={form}", "--src-tls-verify=false", "--dest-tls-verify=false",
            f"docker://{real.host}/team/theirs:1", f"docker://{real.host}/team/{form}:1",
        )  # fmt: skip
        found = pulled(real.host, f"team/{form}:1")
        assert len(found) == 3


def test_what_is_attached_is_found_by_what_it_is_about(real: RealRegistry, tmp_path: Path) -> None:
    made = make_image(f"{tmp_path}/layout", 7)
    path = f"team/attested{real.port}"
    found = [
        attach(made.layout, made.descriptor, "application/vnd.example+json", text)
        for text in (b"[1]", b"[2]")
    ]
    with Registries({}, HASTY) as registries:
        source = parse_source(f"{real.host}/{path}:1")
        for _ in range(2):
            Push(registries.get(source), path, made.layout).run(made.descriptor, ["1"], found)
        # Where the registry keeps no list, the tag is it.
        keeps = "/referrers/" if real.repositories()[path] == ("1",) else ""
        name = str(made.descriptor.digest)
        url = (
            f"{real.url}/v2/{path}/referrers/{name}"
            if keeps
            else f"{real.url}/v2/{path}/manifests/{name.replace(':', '-')}"
        )
        entries = got(url)["manifests"]
    assert {entry["digest"] for entry in entries} == {str(one.digest) for one in found}
    assert [entry["artifactType"] for entry in entries] == ["application/vnd.example+json"] * 2
    assert [entry["annotations"] for entry in entries] == [{"org.example.about": "a test"}] * 2


@pytest.mark.parametrize("program", [old_program, new_program])
def test_a_registry_that_wants_a_password(program: Any, tmp_path: Path) -> None:
    # The password is `hunter2`, as `htpasswd -B` writes it.
    (tmp_path / "htpasswd").write_text("ann:$2y$05$kIgfJBo5WGoyiksU1bMq5OMwVd35eEzOjJA.87m.Q48N8L4.NNgla\n")
    auth = {"htpasswd": {"realm": "tests", "path": f"{tmp_path}/htpasswd"}}
    made = make_image(f"{tmp_path}/layout", 8)
    with registry(program(), auth=auth) as found:
        with pytest.raises(RunError) as caught:
            pushed(made, found.host, "team/app", "1")
        assert caught.value.message == (
            f"`{found.host}` says of `team/app`: 401 Unauthorized: UNAUTHORIZED: authentication required"
        )
        assert caught.value.hint == (
            f"`docker login {found.host}` or `podman login {found.host}` keeps user and password"
        )
        environ = docker_config(f"{tmp_path}/wrong", found.host, "ann", "hunter3")
        with pytest.raises(RunError) as caught:
            pushed(made, found.host, "team/app", "1", environ=environ)
        assert caught.value.hint == f"user and password are from {tmp_path}/wrong/config.json"
        assert "hunter3" not in f"{caught.value.message} {caught.value.hint}"
        environ = docker_config(f"{tmp_path}/right", found.host, "ann", "hunter2")
        assert pushed(made, found.host, "team/app", "1", environ=environ).tags == 1
        assert pulled(found.host, "team/app:1", environ) == made.layers


def test_a_registry_with_a_certificate_of_its_own(keys: str, tmp_path: Path) -> None:
    made = make_image(f"{tmp_path}/layout", 9)
    with registry(new_program(), tls=(f"{keys}/server.pem", f"{keys}/server-key.pem")) as found:
        environ = {"SSL_CERT_FILE": f"{keys}/ca.pem"}
        assert pushed(made, found.host, "team/app", "1", environ=environ).tags == 1
        assert pulled(found.host, "team/app:1", environ) == made.layers
        with pytest.raises(RunError) as caught:
            pushed(made, found.host, "team/app", "1")
        assert caught.value.message.startswith(f"`{found.host}` can't prove who it is: ")
        assert caught.value.hint == "SSL_CERT_FILE names a file with the authority that signed for it"
        with pytest.raises(RunError) as caught:
            pushed(made, found.host, "team/app", "1", environ={"SSL_CERT_FILE": f"{keys}/none.pem"})
        assert caught.value.message == (
            f"SSL_CERT_FILE names `{keys}/none.pem`, which can't be read: No such file or directory"
        )
