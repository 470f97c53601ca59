"""A registry of the tests' own, which keeps all in memory, writes down what it was asked, and misbehaves when told to.

It looks at nothing that it is given: a manifest whose blobs are missing is taken like any other.
"""

import hashlib
import http.server
import json
import socket
import ssl
import struct
import threading
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit


class Request(NamedTuple):
    """What was asked. A body is not part of it: it may never come to its end."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


class Reply(NamedTuple):
    """What to answer in place of what would be right.

    Args:
        status: The HTTP status; 0 to cut the connection.
        headers: The headers. Without `Content-Length`, that of the body is sent.
        body: The body.
        cut: Whether the connection is cut behind it.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    cut: bool = False


CUT = Reply(0)


class SmallRegistry:
    """The registry; it listens as long as it is entered.

    Args:
        tls: The files with its certificate and key, or None for plain HTTP.

    Attributes:
        blobs: By repository and digest.
        manifests: By repository and tag or digest: media type and bytes.
        requests: What it was asked, in time.
        instead: Gives what to answer instead, or None to do what is right.
        upload_cuts: After so many bytes of the next uploads the connection is cut, each once.
        keeps_referrers: Whether it says that it keeps what is attached.
        knows_uploads: Whether it tells how far an upload is.
    """

    def __init__(self, tls: tuple[str, str] | None = None) -> None:
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.requests: list[Request] = []
        self.instead: Callable[[Request], Reply | None] = lambda _: None
        self.upload_cuts: list[int] = []
        self.keeps_referrers = False
        self.knows_uploads = True
        self.uploads: dict[str, bytes] = {}
        self._server = _Server(self)
        self.scheme = "http" if tls is None else "https"
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.context = context

    @property
    def host(self) -> str:
        """Its name and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The beginning of its URLs."""
        return f"{self.scheme}://{self.host}"

    def asked(self, method: str, part: str = "") -> list[Request]:
        """The requests of a method whose path has this in it."""
        return [request for request in self.requests if request.method == method and part in request.path]

    def keep(self, repository: str, tag: str, media_type: str, data: bytes) -> str:
        """Keep a manifest under a tag and its digest; the digest."""
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        for name in (tag, digest):
            self.manifests[repository, name] = (media_type, data)
        return digest

    def keep_blob(self, repository: str, data: bytes) -> str:
        """Keep a blob; its digest."""
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.blobs[repository, digest] = data
        return digest

    def __enter__(self) -> Self:
        # How long it may take to notice that it is to end.
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, registry: SmallRegistry) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.registry = registry
        self.context: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.context is None:
            super().finish_request(request, client_address)
            return
        try:
            request = self.context.wrap_socket(request, server_side=True)
        except OSError:
            return
        with request:
            super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what some tests are about."""


class _CutError(Exception):
    """The connection is to be cut."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """What was asked is written down elsewhere."""

    def _do(self) -> None:
        registry = self.server.registry
        parts = urlsplit(self.path)
        headers = {name.lower(): text for name, text in self.headers.items()}
        request = Request(self.command, parts.path, dict(parse_qsl(parts.query)), headers)
        registry.requests.append(request)
        try:
            reply = registry.instead(request)
            if reply is None:
                reply = self._right(registry, request)
            else:
                self._body()
            self._send(reply)
        except _CutError:
            self._cut()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _do  # noqa: N815 - as the library wants

    def _send(self, reply: Reply) -> None:
        if not reply.status:
            raise _CutError
        self.send_response(reply.status)
        names = {name.lower() for name, _ in reply.headers}
        for name, text in reply.headers:
            self.send_header(name, text)
        if not names & {"content-length", "transfer-encoding"}:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
        if reply.cut:
            # What was sent still comes.
            self.close_connection = True

    def _cut(self) -> None:
        """End the connection at once: what is on its way is lost."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _right(self, registry: SmallRegistry, request: Request) -> Reply:
        path = request.path.removeprefix("/v2/")
        if not path:
            return Reply()
        if "/blobs/uploads/" in path:
            repository, _, upload = path.partition("/blobs/uploads/")
            return self._upload(registry, request, repository, upload)
        if "/blobs/" in path:
            repository, _, digest = path.partition("/blobs/")
            return _blob(request, registry.blobs.get((repository, digest)))
        repository, _, name = path.partition("/manifests/")
        if request.method == "PUT":
            return self._put(registry, repository, name)
        kept = registry.manifests.get((repository, name))
        if kept is None:
            return refusal(404, "MANIFEST_UNKNOWN", "manifest unknown")
        digest = f"sha256:{hashlib.sha256(kept[1]).hexdigest()}"
        return Reply(200, (("Content-Type", kept[0]), ("Docker-Content-Digest", digest)), kept[1])

    def _put(self, registry: SmallRegistry, repository: str, name: str) -> Reply:
        data = self._body()
        digest = registry.keep(repository, name, self.headers["Content-Type"], data)
        headers = [("Docker-Content-Digest", digest)]
        subject = json.loads(data).get("subject")
        if subject and registry.keeps_referrers:
            headers.append(("OCI-Subject", subject["digest"]))
        return Reply(201, tuple(headers))

    def _upload(self, registry: SmallRegistry, request: Request, repository: str, upload: str) -> Reply:
        if request.method == "POST":
            digest = request.query.get("mount", "")
            found = registry.blobs.get((request.query.get("from", ""), digest))
            if found is not None:
                registry.blobs[repository, digest] = found
                return Reply(201, (("Docker-Content-Digest", digest),))
            upload = uuid.uuid4().hex
            registry.uploads[upload] = b""
        elif upload not in registry.uploads:
            return refusal(404, "BLOB_UPLOAD_UNKNOWN", "upload unknown")
        place = ("Location", f"/v2/{repository}/blobs/uploads/{upload}?state={len(registry.uploads[upload])}")
        if request.method == "GET":
            if not registry.knows_uploads:
                return refusal(404, "BLOB_UPLOAD_UNKNOWN", "upload unknown")
            return Reply(204, (place, ("Range", f"0-{max(0, len(registry.uploads[upload]) - 1)}")))
        if request.method in {"PUT", "PATCH"}:
            if "content-range" in request.headers:
                first = int(request.headers["content-range"].partition("-")[0])
                if first != len(registry.uploads[upload]):
                    return refusal(416, "RANGE_INVALID", "wrong offset")
            self._take(registry, upload)
        if request.method != "PUT":
            return Reply(202, (place,))
        data, digest = registry.uploads.pop(upload), request.query["digest"]
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
            return refusal(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        registry.blobs[repository, digest] = data
        return Reply(201, (("Docker-Content-Digest", digest),))

    def _take(self, registry: SmallRegistry, upload: str) -> None:
        """Keep what comes of an upload, as it comes."""
        left = int(self.headers.get("Content-Length") or 0)
        cut = registry.upload_cuts.pop(0) if registry.upload_cuts and left else None
        while left:
            if cut == 0:
                raise _CutError
            piece = self.rfile.read1(min(left, 1 << 16 if cut is None else cut))
            if not piece:
                raise _CutError
            registry.uploads[upload] += piece
            left -= len(piece)
            cut = None if cut is None else cut - len(piece)


def _blob(request: Request, data: bytes | None) -> Reply:
    if data is None:
        return refusal(404, "BLOB_UNKNOWN", "blob unknown to registry")
    begin = request.headers.get("range", "").removeprefix("bytes=").removesuffix("-")
    if begin:
        part = ("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        return Reply(206, (part,), data[int(begin) :])
    return Reply(200, (), data)


def refusal(status: int, code: str, message: str, *headers: tuple[str, str]) -> Reply:
    """An answer in the form that the specification has for errors."""
    body = json.dumps({"errors": [{"code": code, "message": message, "detail": None}]}).encode()
    return Reply(status, (("Content-Type", "application/json"), *headers), body)
