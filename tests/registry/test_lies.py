"""A registry that lies is refused, in words that name it; and what is taken up again begins where it broke off."""

import hashlib
import json
import socket
import threading
from pathlib import Path  # noqa: TID251 - a test's start may cost what it likes
from typing import Self

import pytest

from runner.errors import RunError
from runner.image import media_type
from runner.image.descriptor import parse_descriptor
from runner.image.reference import parse_source
from runner.registry.push import Push, Pushed
from runner.registry.registries import Registries
from runner.registry.retry import Patience
from tests.registry.images import AMD64, HASTY, Made, attach, make_image
from tests.registry.small_registry import CUT, Reply, Request, SmallRegistry, refusal

SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
IMPATIENT = Patience(attempts=2, first_attempts=1, pause=0.001, longest_pause=0.001, read=20)


def given(small: SmallRegistry, folder: str, sizes: tuple[int, ...] = (50_000,)) -> Made:
    """An image that the registry has, as `team/app:1`."""
    made = make_image(folder, 1, sizes)
    manifest = made.layout.read(made.descriptor)
    small.keep("team/app", "1", media_type.MANIFEST, manifest)
    config = json.loads(manifest)["config"]["digest"]
    path = f"{folder}/blobs/sha256/{config.removeprefix('sha256:')}"
    small.keep_blob("team/app", Path(path).read_bytes())
    for data in made.layers.values():
        small.keep_blob("team/app", data)
    return made


def pull(small: SmallRegistry, name: str = "team/app:1", patience: Patience = HASTY) -> dict[str, bytes]:
    """The layers of an image."""
    with Registries({}, patience) as registries:
        image = registries.image(parse_source(f"{small.host}/{name}"))
        _, manifest, _ = image.image("", AMD64)
        return {str(one.digest): b"".join(image.chunks(one.digest)) for one in manifest.layers}


def push(small: SmallRegistry, made: Made, patience: Patience = HASTY) -> Pushed:
    """Push an image as `team/app:1`."""
    with Registries({}, patience) as registries:
        source = parse_source(f"{small.host}/team/app:1")
        return Push(registries.get(source), source.path, made.layout).run(made.descriptor, ["1"])


def refused(small: SmallRegistry, name: str = "team/app:1") -> str:
    """What is said when an image can't be pulled; the registry reads HOST."""
    with pytest.raises(RunError) as caught:
        pull(small, name, IMPATIENT)
    return caught.value.message.replace(small.host, "HOST")


def instead_of(small: SmallRegistry, method: str, part: str, *found: Reply) -> None:
    """Let the registry give these replies to the next requests of a method whose path has this in it."""
    left = list(found)

    def reply(request: Request) -> Reply | None:
        return left.pop(0) if left and request.method == method and part in request.path else None

    small.instead = reply


def manifest_reply(data: bytes, kind: str = media_type.MANIFEST, **headers: str) -> Reply:
    """An answer with a manifest."""
    more = tuple((name.replace("_", "-"), text) for name, text in headers.items())
    return Reply(200, (("Content-Type", kind), *more), data)


def test_a_manifest_that_is_not_what_was_asked_for(small: SmallRegistry, tmp_path: Path) -> None:
    made = given(small, f"{tmp_path}/layout")
    name = f"team/app@{made.descriptor.digest}"
    other = b'{"schemaVersion":2}'
    instead_of(small, "GET", "/manifests/", manifest_reply(other))
    digest = f"sha256:{hashlib.sha256(other).hexdigest()}"
    assert refused(small, name) == (
        f"`HOST` gives other bytes for `team/app` at `{made.descriptor.digest}`: {digest}"
    )


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (
            manifest_reply(b"{}", Docker_Content_Digest="sha256:" + "0" * 64),
            "`HOST` says that `team/app` at `1` is sha256:" + "0" * 64
            + f", but it is sha256:{hashlib.sha256(b'{}').hexdigest()}",
        ),
        (manifest_reply(b"<html>"), "`team/app` at `1` from `HOST` is not JSON: "),
        (manifest_reply(b"[]"), "`team/app` at `1` from `HOST` is not a JSON object"),
        (manifest_reply(b"{}", "text/html"), "`team/app` at `1` from `HOST` is no image: it is `text/html`"),
        (
            manifest_reply(b'{"mediaType":"application/vnd.oci.image.index.v1+json"}'),
            f"`HOST` says that `team/app` at `1` is `{media_type.MANIFEST}`, but it is `{media_type.INDEX}`",
        ),
        (
            manifest_reply(b'{"layers":[],"manifests":[]}'),
            "`team/app` at `1` from `HOST` is an image and an index at once",
        ),
        (
            manifest_reply(b'{"schemaVersion":1}', SIGNED),
            f"`team/app` at `1` from `HOST` is no image: it is `{SIGNED}`",
        ),
        (manifest_reply(b" " * (5 << 20)), "`team/app` at `1` from `HOST` is longer than 4096 KiB"),
        (
            Reply(200, (("Content-Type", media_type.MANIFEST), ("Transfer-Encoding", "chunked")), b"100000\r\n" + b" " * (1 << 20) + (b"\r\n100000\r\n" + b" " * (1 << 20)) * 5),
            "`team/app` at `1` from `HOST` is longer than 4096 KiB",
        ),
        (Reply(307, (("Location", "file:///etc/passwd"),)), "`HOST` leads to something that is no URL: file:///etc/passwd"),
        (
            Reply(307, (("Location", "http://registry.example.org/v2/"),)),
            "`HOST` leads to `registry.example.org` without TLS, which is refused",
        ),
        (Reply(418, (), b"short and stout"), "`HOST` says of `team/app`: 418 I'm a Teapot: short and stout"),
        (Reply(403, (), b"<html>no</html>"), "`HOST` says of `team/app`: 403 Forbidden"),
        (
            refusal(403, "DENIED", "not for\x1b[31m you\n" + "x" * 400),
            "`HOST` says of `team/app`: 403 Forbidden: DENIED: not for [31m you " + "x" * 274 + "…",
        ),
        (refusal(404, "MANIFEST_UNKNOWN", "manifest unknown"), "`HOST` says of `team/app`: 404 Not Found: MANIFEST_UNKNOWN: manifest unknown"),
        (Reply(204), "`HOST` says of `team/app`: 204 No Content, where 200 is due"),
    ],
)  # fmt: skip
def test_a_manifest_that_is_refused(small: SmallRegistry, tmp_path: Path, reply: Reply, message: str) -> None:
    given(small, f"{tmp_path}/layout")
    instead_of(small, "GET", "/manifests/", reply)
    said = refused(small)
    assert said.startswith(message) if message.endswith(": ") else said == message


def test_a_layer_of_other_bytes(small: SmallRegistry, tmp_path: Path) -> None:
    made = given(small, f"{tmp_path}/layout")
    (digest,) = made.layers
    data = made.layers[digest]
    small.blobs["team/app", digest] = other = bytes(len(data))
    assert (
        refused(small) == f"`HOST` gives other bytes for {digest}: sha256:{hashlib.sha256(other).hexdigest()}"
    )
    small.blobs["team/app", digest] = data[:-1]
    assert refused(small) == f"`HOST` says that {digest} has {len(data) - 1} bytes and not {len(data)}"
    chunked = (("Transfer-Encoding", "chunked"),)
    piece = b"%x\r\n" % len(data) + data + b"\r\n"
    end = b"0\r\n\r\n"
    small.instead = lambda request: Reply(200, chunked, piece * 3 + end) if digest in request.path else None
    assert refused(small) == f"`HOST` gives more than {digest} is long"
    small.instead = lambda request: Reply(200, chunked, end) if digest in request.path else None
    assert refused(small) == f"`HOST` ended {digest} too early (2 attempts)"


def test_a_layer_that_is_cut_off_is_taken_up_where_it_was(small: SmallRegistry, tmp_path: Path) -> None:
    made = given(small, f"{tmp_path}/layout", (3_000_000,))
    (digest,) = made.layers
    data = made.layers[digest]
    whole = (("Content-Length", str(len(data))),)
    instead_of(small, "GET", digest, Reply(200, whole, data[:1_000_000], cut=True), CUT)
    assert pull(small) == made.layers
    ranges = [request.headers.get("range", "") for request in small.asked("GET", digest)]
    first, *others = ranges
    assert first == ""
    assert len(others) == 2
    assert others == ["bytes=1000000-", "bytes=1000000-"]


def test_a_registry_that_knows_no_ranges_begins_anew(small: SmallRegistry, tmp_path: Path) -> None:
    made = given(small, f"{tmp_path}/layout", (3_000_000,))
    (digest,) = made.layers
    data = made.layers[digest]
    whole = (("Content-Length", str(len(data))),)
    instead_of(small, "GET", digest, Reply(200, whole, data[:2_000_000], cut=True), Reply(200, whole, data))
    assert pull(small) == made.layers


def test_another_part_than_was_asked_for_is_refused(small: SmallRegistry, tmp_path: Path) -> None:
    made = given(small, f"{tmp_path}/layout", (3_000_000,))
    (digest,) = made.layers
    data = made.layers[digest]
    whole = (("Content-Length", str(len(data))),)
    part = (("Content-Range", f"bytes 5-9/{len(data)}"),)
    instead_of(
        small, "GET", digest, Reply(200, whole, data[:2_000_000], cut=True), Reply(206, part, b"12345")
    )
    assert refused(small) == f"`HOST` gives another part of {digest}: bytes5-9/{len(data)}"


def test_an_upload_that_is_cut_off_goes_on_where_it_was(small: SmallRegistry, tmp_path: Path) -> None:
    made = make_image(f"{tmp_path}/layout", 3, (2_000_000,))
    (digest,) = made.layers
    size = len(made.layers[digest])
    small.upload_cuts = [700_000, 500_000]
    config = json.loads(made.layout.read(made.descriptor))["config"]
    # It has the config, so that the layer is all that is sent.
    small.blobs["team/app", config["digest"]] = made.layout.read(parse_descriptor(config, "it"))
    assert push(small, made) == Pushed(size, blobs=1, there=1, tags=1)
    assert small.blobs["team/app", digest] == made.layers[digest]
    ranges = [request.headers["content-range"] for request in small.asked("PATCH")]
    assert ranges == [f"700000-{size - 1}", f"1200000-{size - 1}"]


def test_an_upload_whose_registry_does_not_know_how_far_it_is_begins_anew(
    small: SmallRegistry, tmp_path: Path
) -> None:
    made = make_image(f"{tmp_path}/layout", 3, (2_000_000, 1_000_000))
    small.upload_cuts = [700_000, 10, 0]
    small.knows_uploads = False
    assert push(small, made).tags == 1
    assert all(small.blobs["team/app", digest] == data for digest, data in made.layers.items())


def test_a_registry_that_is_busy_is_asked_again_when_it_says(small: SmallRegistry, tmp_path: Path) -> None:
    made = given(small, f"{tmp_path}/layout")
    busy = refusal(429, "TOOMANYREQUESTS", "slow down", ("Retry-After", "0"))
    instead_of(small, "GET", "/manifests/", busy, Reply(503), Reply(502), Reply(500), CUT)
    assert pull(small) == made.layers
    later = refusal(429, "TOOMANYREQUESTS", "slow down", ("Retry-After", "3600"))
    instead_of(small, "GET", "/manifests/", later)
    with pytest.raises(RunError) as caught:
        pull(small)
    assert caught.value.message.replace(small.host, "HOST") == (
        "`HOST` says of `team/app`: 429 Too Many Requests: TOOMANYREQUESTS: slow down; "
        "it wants to be asked again in 3600 seconds"
    )
    instead_of(small, "GET", "/manifests/", busy, busy)
    assert refused(small) == (
        "`HOST` says of `team/app`: 429 Too Many Requests: TOOMANYREQUESTS: slow down (2 attempts)"
    )


@pytest.mark.parametrize(
    ("method", "part", "reply", "message"),
    [
        (
            "PUT", "/manifests/", Reply(201, (("Docker-Content-Digest", "sha256:" + "1" * 64),)),
            "`HOST` says that `team/app` at `@DIGEST` is sha256:" + "1" * 64 + ", but it is @DIGEST",
        ),
        ("PUT", "/manifests/", Reply(200), "`HOST` says of `team/app`: 200 OK, where 201 is due"),
        ("POST", "/uploads/", Reply(202), "`HOST` does not say where to send a blob to"),
        (
            "POST", "/uploads/", Reply(202, (("Location", "http://registry.example.org/x"),)),
            "`HOST` leads to `registry.example.org` without TLS, which is refused",
        ),
        (
            "POST", "/uploads/", Reply(307, (("Location", "/elsewhere"),)),
            "`HOST` says of `team/app`: 307 Temporary Redirect, where 202 is due",
        ),
        (
            "PUT", "/uploads/", refusal(400, "DIGEST_INVALID", "not what you said"),
            "`HOST` says of `team/app`: 400 Bad Request: DIGEST_INVALID: not what you said",
        ),
    ],
)  # fmt: skip
def test_a_push_that_is_refused_moves_no_tag(
    small: SmallRegistry, tmp_path: Path, method: str, part: str, reply: Reply, message: str
) -> None:
    made = make_image(f"{tmp_path}/layout", 4)
    # As often as it is asked, by whichever thread.
    small.instead = lambda request: reply if request.method == method and part in request.path else None
    with pytest.raises(RunError) as caught:
        push(small, made, IMPATIENT)
    assert caught.value.message.replace(small.host, "HOST") == message.replace(
        "@DIGEST", str(made.descriptor.digest)
    )
    assert ("team/app", "1") not in small.manifests


def test_a_blob_that_is_damaged_here_is_not_pushed(small: SmallRegistry, tmp_path: Path) -> None:
    made = make_image(f"{tmp_path}/layout", 4, (4_000,))
    (digest,) = made.layers
    path = tmp_path / "layout/blobs/sha256" / digest.removeprefix("sha256:")
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(RunError) as caught:
        push(small, made)
    assert caught.value.message == f"{digest} is damaged in `{tmp_path}/layout`"
    path.unlink()
    with pytest.raises(RunError) as caught:
        push(small, made)
    assert caught.value.message == f"{digest} is missing in `{tmp_path}/layout`"
    assert small.manifests == {}


def test_manifests_come_before_tags_and_blobs_before_both(small: SmallRegistry, tmp_path: Path) -> None:
    made = make_image(f"{tmp_path}/layout", 5)
    about = attach(made.layout, made.descriptor, "application/vnd.example+json", b"[]")
    small.keeps_referrers = True
    with Registries({}, HASTY) as registries:
        source = parse_source(f"{small.host}/team/app:1")
        Push(registries.get(source), "team/app", made.layout).run(made.descriptor, ["1", "2"], [about])
    puts = [request.path for request in small.asked("PUT")]
    names = [path.rpartition("/")[2] for path in puts if "/manifests/" in path]
    assert names == [str(made.descriptor.digest), str(about.digest), "1", "2"]
    last_blob = max(at for at, path in enumerate(puts) if "/uploads/" in path and at < 4)
    assert last_blob < puts.index(f"/v2/team/app/manifests/{made.descriptor.digest}")
    assert small.asked("GET", "/manifests/sha256-") == []


def test_a_list_of_what_is_attached_that_is_none_is_left_alone(small: SmallRegistry, tmp_path: Path) -> None:
    made = make_image(f"{tmp_path}/layout", 5)
    about = attach(made.layout, made.descriptor, "application/vnd.example+json", b"[]")
    tag = str(made.descriptor.digest).replace(":", "-")
    small.keep("team/app", tag, media_type.MANIFEST, made.layout.read(made.descriptor))
    with Registries({}, HASTY) as registries:
        source = parse_source(f"{small.host}/team/app:1")
        pushing = Push(registries.get(source), "team/app", made.layout)
        with pytest.raises(RunError) as caught:
            pushing.run(made.descriptor, ["1"], [about])
    assert caught.value.message == f"`team/app` at `{tag}` is no list of what is attached to an image"
    assert ("team/app", "1") not in small.manifests


def test_where_nobody_listens(tmp_path: Path) -> None:
    made = make_image(f"{tmp_path}/layout", 6, (10,))
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"
    with Registries({}, HASTY) as registries:
        source = parse_source(f"{host}/team/app:1")
        pushing = Push(registries.get(source), "team/app", made.layout)
        with pytest.raises(RunError) as caught:
            pushing.run(made.descriptor, ["1"])
    assert caught.value.message == f"`{host}` can't be reached: Connection refused (3 attempts)"


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    taken.append(server.accept()[0])
            except OSError:
                return

        threading.Thread(target=accept, daemon=True).start()
        patience = Patience(attempts=2, pause=0.001, connect=0.05, read=0.05, probe=0.05)
        host = f"127.0.0.1:{server.getsockname()[1]}"
        with Registries({}, patience) as registries, pytest.raises(RunError) as caught:
            registries.image(parse_source(f"{host}/team/app:1")).resolve()
        server.shutdown(socket.SHUT_RDWR)
    for one in taken:
        one.close()
    assert caught.value.message == f"`{host}` has not answered for too long (2 attempts)"


def test_plain_http_is_not_spoken_with_others() -> None:
    with (
        Registries({"HTTPS_PROXY": "http://127.0.0.1:1"}, IMPATIENT) as registries,
        pytest.raises(RunError) as caught,
    ):
        registries.image(parse_source("registry.example.org/team/app:1")).resolve()
    assert caught.value.message == "the proxy on the way to `registry.example.org` does not do its part"


def test_a_server_without_tls_that_is_not_listed(small: SmallRegistry, tmp_path: Path) -> None:
    """A name that is not this machine's: a proxy brings it here."""
    given(small, f"{tmp_path}/layout")
    with _Tunnel(small.host) as tunnel:
        proxies = {"HTTPS_PROXY": f"http://ann:hunter2@{tunnel.host}", "HTTP_PROXY": f"http://{tunnel.host}"}
        with Registries(proxies, IMPATIENT) as registries, pytest.raises(RunError) as caught:
            registries.image(parse_source("registry.example.org:5000/team/app:1")).resolve()
        assert caught.value.message == "`registry.example.org:5000` does not speak TLS"
        assert caught.value.hint == (
            "where it may be spoken with in plain HTTP, name it in PYRUN_INSECURE_REGISTRIES"
        )
        assert b"CONNECT registry.example.org:5000 " in tunnel.heads[0]
        assert b"Basic YW5uOmh1bnRlcjI=" in tunnel.heads[0]


class _Tunnel:
    """A proxy that answers `CONNECT` and leads everybody to one server."""

    def __init__(self, host: str) -> None:
        self._far = host
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.heads: list[bytes] = []
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        try:
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()
        except OSError:
            return

    def _serve(self, near: socket.socket) -> None:
        name, port = self._far.split(":")
        with near, socket.create_connection((name, int(port))) as far:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                piece = near.recv(1)
                if not piece:
                    return
                head += piece
            self.heads.append(head)
            near.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_carry, args=(far, near), daemon=True)
            back.start()
            _carry(near, far)
            back.join()


def _carry(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(1 << 16):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return
