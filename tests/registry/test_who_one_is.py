"""Passwords and tokens: given to whom they are for, to nobody else, and shown nowhere."""

import base64
import collections
import json
import os
import uuid
from pathlib import Path  # noqa: TID251 - a test's start may cost what it likes
from typing import Any

import pytest

from runner.errors import RunError
from runner.image import media_type
from tests.engine.registries import docker_config, new_program, old_program, registry
from tests.registry.images import make_image
from tests.registry.small_registry import Reply, Request, SmallRegistry, refusal
from tests.registry.test_push_and_pull import pulled, pushed
from tests.registry.token_server import TokenServer

SECRET = "correct horse battery staple"


@pytest.mark.parametrize("program", [old_program, new_program])
def test_a_registry_that_wants_tokens(program: Any, keys: str, tmp_path: Path) -> None:
    base = make_image(f"{tmp_path}/layout", 1)
    with TokenServer(keys, "ann", SECRET) as tokens, registry(program(), auth=tokens.settings()) as found:
        environ = docker_config(f"{tmp_path}/docker", found.host, "ann", SECRET)
        assert pushed(base, found.host, "bases/one", "1", environ=environ).tags == 1
        # One token for all that is done.
        assert [dict(asked.fields)["scope"] for asked in tokens.asked] == ["repository:bases/one:pull,push"]
        image = make_image(f"{tmp_path}/layout", 1, base=f"{found.host}/bases/one:1")
        assert pushed(image, found.host, "team/app", "1", environ=environ).mounted == 4
        scopes = [[text for name, text in asked.fields if name == "scope"] for asked in tokens.asked[1:]]
        assert scopes == [
            ["repository:team/app:pull,push"],
            ["repository:team/app:pull,push", "repository:bases/one:pull"],
        ]
        assert pulled(found.host, "team/app:1", environ) == image.layers
        with pytest.raises(RunError) as caught:
            pulled(found.host, "team/app:1")
        assert caught.value.message.startswith(
            f"`{found.host}` says of `team/app`: 401 Unauthorized: UNAUTHORIZED"
        )
        tokens.public = True
        assert pulled(found.host, "team/app:1") == image.layers
        wrong = docker_config(f"{tmp_path}/wrong", found.host, "ann", f"{SECRET}!")
        with pytest.raises(RunError) as caught:
            pulled(found.host, "team/app:1", wrong)
        server = tokens.realm.split("/")[2]
        assert caught.value.message == (
            f"`{server}` gives no token for `{found.host}`: 401 Unauthorized: incorrect username or password"
        )


@pytest.mark.parametrize("program", [old_program, new_program])
def test_an_identity_token_stands_for_a_password(program: Any, keys: str, tmp_path: Path) -> None:
    made = make_image(f"{tmp_path}/layout", 2)
    with TokenServer(keys, "ann", SECRET) as tokens, registry(program(), auth=tokens.settings()) as found:
        tokens.identity = "the-identity"
        auths = {found.host: {"identitytoken": "the-identity"}}
        (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
        assert pushed(made, found.host, "team/app", "1", environ={"DOCKER_CONFIG": str(tmp_path)}).tags == 1
        (asked,) = tokens.asked
        assert asked.method == "POST"
        assert asked.authorization == ""
        assert dict(asked.fields) == {
            "grant_type": "refresh_token",
            "service": "registry.tests",
            "client_id": "pyrun",
            "scope": "repository:team/app:pull,push",
            "refresh_token": "the-identity",
        }
        tokens.identity = "another"
        with pytest.raises(RunError) as caught:
            pulled(found.host, "team/app:1", {"DOCKER_CONFIG": str(tmp_path)})
        assert caught.value.message.endswith(": 400 Bad Request: no such refresh token")


def test_a_token_that_has_ended_is_replaced(small: SmallRegistry, keys: str, tmp_path: Path) -> None:
    made = make_image(f"{tmp_path}/layout", 3, (9_000, 100, 2_000))
    pushed(made, small.host, "team/app", "1")
    with TokenServer(keys, "ann", SECRET) as tokens:
        challenge = f'Bearer realm="{tokens.realm}",service="s",scope="repository:team/app:pull"'
        uses: collections.Counter[str] = collections.Counter()

        def ask(request: Request) -> Reply | None:
            given = request.headers.get("authorization", "")
            uses[given] += 1
            if given and uses[given] <= 2:
                return None
            return refusal(401, "UNAUTHORIZED", "who", ("WWW-Authenticate", challenge))

        small.instead = ask
        environ = docker_config(f"{tmp_path}/docker", small.host, "ann", SECRET)
        assert pulled(small.host, "team/app:1", environ) == made.layers
        # Five documents and blobs, two for each token.
        assert len(tokens.asked) == 3


def test_another_server_gets_no_credentials(tmp_path: Path) -> None:
    made = make_image(f"{tmp_path}/layout", 4, (1000,))
    (digest,) = made.layers
    with SmallRegistry() as near, SmallRegistry() as far:
        environ = docker_config(f"{tmp_path}/docker", near.host, "ann", SECRET)
        basic = base64.b64encode(f"ann:{SECRET}".encode()).decode()
        manifest = made.layout.read(made.descriptor)
        near.keep("team/app", "1", media_type.MANIFEST, manifest)
        far.blobs["elsewhere", digest] = made.layers[digest]
        config = json.loads(manifest)["config"]["digest"]
        near.keep_blob("team/app", (tmp_path / "layout/blobs/sha256" / config[7:]).read_bytes())

        def ask(request: Request) -> Reply | None:
            if request.headers.get("authorization") != f"Basic {basic}":
                return refusal(401, "UNAUTHORIZED", "who", ("WWW-Authenticate", 'Basic realm="tests"'))
            if digest in request.path:
                return Reply(307, (("Location", f"{far.url}/v2/elsewhere/blobs/{digest}"),))
            return None

        near.instead = ask
        assert pulled(near.host, "team/app:1", environ) == made.layers
        (asked,) = far.requests
        assert "authorization" not in asked.headers
        # A server elsewhere that asks who one is gets no answer.
        far.instead = lambda _: refusal(401, "UNAUTHORIZED", "who", ("WWW-Authenticate", 'Basic realm="x"'))
        with pytest.raises(RunError) as caught:
            pulled(near.host, "team/app:1", environ)
        assert (
            caught.value.message
            == f"`{near.host}` (`{far.host}`) says of `team/app`: 401 Unauthorized: UNAUTHORIZED: who"
        )
        assert all("authorization" not in request.headers for request in far.requests)
        # Nor does the server of tokens that it names.
        challenge = f'Bearer realm="{far.url}/token",service="far"'
        far.instead = lambda _: refusal(401, "UNAUTHORIZED", "who", ("WWW-Authenticate", challenge))
        far.requests.clear()
        with pytest.raises(RunError):
            pulled(near.host, "team/app:1", environ)
        assert [request.path for request in far.requests] == [f"/v2/elsewhere/blobs/{digest}"]
        assert "authorization" not in far.requests[0].headers


def test_an_upload_elsewhere_gets_no_credentials(tmp_path: Path) -> None:
    made = make_image(f"{tmp_path}/layout", 5, (1000,))
    with SmallRegistry() as near, SmallRegistry() as far:
        environ = docker_config(f"{tmp_path}/docker", near.host, "ann", SECRET)

        def ask(request: Request) -> Reply | None:
            if "authorization" not in request.headers:
                return refusal(401, "UNAUTHORIZED", "who", ("WWW-Authenticate", 'Basic realm="tests"'))
            if request.method == "POST":
                upload = uuid.uuid4().hex
                far.uploads[upload] = b""
                return Reply(202, (("Location", f"{far.url}/v2/there/blobs/uploads/{upload}"),))
            return None

        near.instead = ask
        pushed(made, near.host, "team/app", "1", environ=environ)
        assert len(far.requests) == 2
        assert all("authorization" not in request.headers for request in far.requests)


def test_what_a_registry_says_back_of_a_password_is_hidden(small: SmallRegistry, tmp_path: Path) -> None:
    environ = docker_config(f"{tmp_path}/docker", small.host, "ann", SECRET)
    basic = base64.b64encode(f"ann:{SECRET}".encode()).decode()

    def ask(request: Request) -> Reply | None:
        if "authorization" not in request.headers:
            return refusal(401, "UNAUTHORIZED", "who", ("WWW-Authenticate", 'Basic realm="tests"'))
        return refusal(403, "DENIED", f"{request.headers['authorization']} is {SECRET}")

    small.instead = ask
    with pytest.raises(RunError) as caught:
        pulled(small.host, "team/app:1", environ)
    told = caught.value.message + caught.value.hint
    assert "403 Forbidden: DENIED: Basic *** is ***" in told
    assert SECRET not in told
    assert basic not in told


@pytest.mark.parametrize(
    ("realm", "message"),
    [
        ("ftp://x/", "`HOST` names no server of tokens that can be used: ftp://x/"),
        ("", "`HOST` names no server of tokens that can be used: none"),
        ("https://ann:pw@registry.example.org/", "`HOST` names no server of tokens that can be used: https://ann:pw@registry.example.org/"),
        (
            "http://registry.example.org/token",
            "`HOST` wants its tokens to be asked for without TLS at `registry.example.org`, which is refused",
        ),
    ],
)  # fmt: skip
def test_tokens_are_asked_for_at_no_other_place(small: SmallRegistry, realm: str, message: str) -> None:
    small.instead = lambda _: refusal(
        401, "UNAUTHORIZED", "who", ("WWW-Authenticate", f'Bearer realm="{realm}"')
    )
    with pytest.raises(RunError) as caught:
        pulled(small.host, "team/app:1")
    assert caught.value.message.replace(small.host, "HOST") == message


@pytest.mark.parametrize(
    "answer", [b"<html>", b"{}", b"[]", b'{"token": 5}', b'{"token": "a\\r\\nX: y"}', b'{"token": "\\u00e4"}']
)
def test_what_is_no_token_is_refused(small: SmallRegistry, answer: bytes) -> None:
    def reply(request: Request) -> Reply:
        if request.path == "/token":
            return Reply(200, (), answer)
        challenge = f'Bearer realm="{small.url}/token"'
        return refusal(401, "UNAUTHORIZED", "who", ("WWW-Authenticate", challenge))

    small.instead = reply
    with pytest.raises(RunError) as caught:
        pulled(small.host, "team/app:1")
    assert caught.value.message == f"`{small.host}` gave something else than a token for `{small.host}`"


def test_a_helper_is_asked_for_what_it_keeps(small: SmallRegistry, tmp_path: Path) -> None:
    helper = tmp_path / "docker-credential-tests"
    helper.write_text(
        '#!/bin/sh\n[ "$1" = get ] && read -r server && echo "$server" >>"$HOME/asked"\n'
        'echo "{\\"ServerURL\\":\\"$server\\",\\"Username\\":\\"ann\\",\\"Secret\\":\\"hunter2\\"}"\n'
    )
    helper.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "tests"}))
    environ = {
        "DOCKER_CONFIG": str(tmp_path),
        "HOME": str(tmp_path),
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
    }

    def ask(request: Request) -> Reply | None:
        if request.headers.get("authorization") == "Basic YW5uOmh1bnRlcjI=":
            return None
        return refusal(401, "UNAUTHORIZED", "who", ("WWW-Authenticate", 'Basic realm="tests"'))

    small.instead = ask
    made = make_image(f"{tmp_path}/layout", 6)
    assert pushed(made, small.host, "team/app", "1", environ=environ).tags == 1
    assert (tmp_path / "asked").read_text() == f"{small.host}\n"
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "nowhere"}))
    with pytest.raises(RunError) as caught:
        pulled(small.host, "team/app:1", environ)
    assert caught.value.hint == (
        f"`docker-credential-nowhere` is not found (`{tmp_path}/config.json` names it)"
    )
