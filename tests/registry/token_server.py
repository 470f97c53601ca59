"""A server that gives tokens to users, as registries of the field take them: signed texts that say what is allowed."""

import base64
import http.server
import json
import subprocess
import threading
import time
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

ISSUER = "the tests"
SERVICE = "registry.tests"


class Asked(NamedTuple):
    """What a client asked for.

    Args:
        method: The method of HTTP.
        fields: The fields of the query or the form, in order.
        authorization: The header of that name, or empty.
    """

    method: str
    fields: tuple[tuple[str, str], ...]
    authorization: str


class TokenServer:
    """The server; it listens as long as it is entered.

    Args:
        folder: Where `ca.pem`, `server.pem` and `server-key.pem` are.
        user: The one user.
        password: The user's password.

    Attributes:
        asked: What it was asked.
        seconds: How long its tokens hold.
        public: Whether everybody may read.
        identity: The identity token that stands for the user, or empty.
    """

    def __init__(self, folder: str, user: str, password: str) -> None:
        self._folder = folder
        self._basic = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.asked: list[Asked] = []
        self.seconds = 300
        self.public = False
        self.identity = ""
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """What was asked is written down elsewhere."""

            def _do(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                query = urlsplit(self.path).query if self.command == "GET" else body
                asked = Asked(self.command, tuple(parse_qsl(query)), self.headers.get("Authorization") or "")
                outer.asked.append(asked)
                status, answer = outer.answer(asked)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = _do  # noqa: N815 - as the library wants

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False

    @property
    def realm(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/token"

    def settings(self) -> dict[str, Any]:
        """The part `auth` of a registry's settings that sends clients here."""
        return {
            "token": {
                "realm": self.realm,
                "service": SERVICE,
                "issuer": ISSUER,
                "rootcertbundle": f"{self._folder}/ca.pem",
            }
        }

    def answer(self, asked: Asked) -> tuple[int, dict[str, Any]]:
        """What it says."""
        fields = dict(asked.fields)
        known = asked.authorization == self._basic
        if asked.method == "POST":
            known = bool(self.identity) and fields.get("refresh_token") == self.identity
        elif asked.authorization and not known:
            return 401, {"details": "incorrect username or password"}
        if asked.method == "POST" and not known:
            return 400, {"error": "invalid_grant", "error_description": "no such refresh token"}
        scopes = " ".join(text for name, text in asked.fields if name == "scope").split()
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            allowed = [one for one in actions.split(",") if known or (self.public and one == "pull")]
            access.append({"type": kind, "name": name, "actions": allowed})
        return 200, {"access_token": self._token(access), "expires_in": self.seconds}

    def _token(self, access: list[dict[str, Any]]) -> str:
        now = int(time.time())
        with open(f"{self._folder}/server.pem", encoding="ascii") as file:
            certificate = "".join(line.strip() for line in file if "-----" not in line)
        head = {"typ": "JWT", "alg": "ES256", "x5c": [certificate]}
        claims = {
            "iss": ISSUER,
            "sub": "ann",
            "aud": SERVICE,
            "exp": now + self.seconds,
            "nbf": now - 10,
            "iat": now,
            "jti": str(now),
            "access": access,
        }
        text = f"{_base64(json.dumps(head).encode())}.{_base64(json.dumps(claims).encode())}"
        argv = ["openssl", "dgst", "-sha256", "-sign", f"{self._folder}/server-key.pem"]
        signature = subprocess.run(argv, input=text.encode(), capture_output=True, check=True).stdout
        return f"{text}.{_base64(_plain(signature))}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _plain(signature: bytes) -> bytes:
    """The two numbers of a signature without what openssl puts around them."""
    numbers = []
    at = 2
    for _ in range(2):
        size = signature[at + 1]
        numbers.append(int.from_bytes(signature[at + 2 : at + 2 + size], "big").to_bytes(32, "big"))
        at += 2 + size
    return b"".join(numbers)
