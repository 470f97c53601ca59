"""Making an image by a Dockerfile: an engine does it, by the best way that it and this machine have.

There are five, and what a way can't do is an error that names it, never left out without a word:

    BUILDX    `docker buildx build`, where the client has it: all that BuildKit can
    CLIENT    `docker build` of a client that has BuildKit's own part in it (18.09 to 20.10): all that that can
    API       BuildKit through the engine's API: no secrets and no agent of ssh, which need a client's session
    CLASSIC   the engine's old builder: no mounts either, and none of what Dockerfiles have learned since
    PODMAN    Podman's API: mounts, but no secrets and no agent

Whatever the way, the engine that pyrun has found is the one that builds, the context is a tar that the caller
makes, and what the build tells is told by step. The image ends up in the engine, with or without a name.

Knows nothing of tasks, and does not read the Dockerfile.
"""

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import urlencode

from runner.engine.buildkit_trace import Vertex, Written, parse_json_line, parse_trace
from runner.engine.docker import Engine
from runner.engine.socket_http import Connection
from runner.errors import EngineError, RunError
from runner.system.process import Process, capture, start
from runner.system.programs import find_program

BUILDX, CLIENT, API, CLASSIC, PODMAN = "buildx", "client", "api", "classic", "podman"
BUILDKIT, SESSION = "buildkit", "session"
"""What a Dockerfile may need: BuildKit, and a client that hands over secrets or an agent while it builds."""

Tell = Callable[[str, bytes], None]
"""Told the words of a step when it begins, or goes on behind another one, with nothing; and what it writes."""

_LACKS = {API: {SESSION}, PODMAN: {SESSION}, CLASSIC: {SESSION, BUILDKIT}}
"""What the ways can't do."""
_OF_CLIENT = ("DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "BUILDX_BUILDER")
"""Variables by which a client would choose an engine by itself."""
_FIRST_WITH_BUILDKIT = (1, 39)
"""The version of Docker's API since which every engine has BuildKit."""
_CHUNK = 1 << 16
_COLOR = re.compile("\x1b\\[[0-9;]*m")
_CLIENT_VERSION = re.compile(r"Docker version (\d+)\.(\d+)")
_FAILED = (
    re.compile(r"executor failed running \[(?:/bin/sh -c )?(.*)\]: exit code: (\d+)", re.DOTALL),
    re.compile(r'process "(?:/bin/sh -c )?(.*)" did not complete successfully: exit code: (\d+)', re.DOTALL),
    re.compile(r"The command '(?:/bin/sh -c )?(.*)' returned a non-zero code: (\d+)", re.DOTALL),
    re.compile(
        r'building at STEP "(?:RUN )?(.*)": (?:error )?while running runtime: exit status (\d+)', re.DOTALL
    ),
)
"""How the builders say that a command failed: which, and with what exit status."""
_BEFORE_REASON = re.compile(
    r"^(?:ERROR: |failed to build: |failed to solve(?: with frontend [\w.]+)?: |"
    r"failed to create LLB definition: |rpc error: code = \w+ desc = )+"
)
_REFUSED = re.compile(r"\b40[13]\b|denied|unauthori[sz]ed|authentication required", re.IGNORECASE)
"""How registries say that they don't know who asks."""
_PLAIN_NAME = re.compile(rb"#(\d+) (\[.*)")
_PLAIN_OUTPUT = re.compile(rb"#(\d+) \d+\.\d+ ?(.*)", re.DOTALL)
_PLAIN_CACHED = re.compile(rb"#(\d+) CACHED$")
_PLAIN_DONE = re.compile(rb"#\d+ DONE \d+\.\ds$")
_STREAM_STEP = re.compile(r"((?:\[\d+/\d+\] )?(?:Step|STEP) \d+/\d+ ?: )(.*)", re.DOTALL)
_STREAM_NOISE = re.compile(
    r" *-+> |Successfully |Removing intermediate container |Resolving %|"
    r"(?:\[\d+/\d+\] )?COMMIT\b|[0-9a-f]{64}\n$"
)
"""What the old builder and Podman write of themselves between the output of commands."""


class FailedStepError(RunError):
    """A command of a Dockerfile failed.

    Args:
        command: Which, in the builder's words.
        status: Its exit status.
    """

    def __init__(self, command: str, status: int) -> None:
        super().__init__(command, None, "", status)


@dataclass(frozen=True, slots=True)
class Build:
    """What is to be built.

    Args:
        context: Gives a tar of all files that may be copied and of the Dockerfile, piece by piece, the same each
            time. The first entry must end within 1,024 bytes: an engine looks at those to see what it is given.
        dockerfile: The Dockerfile's path in there.
        stage: The stage, or empty for the last.
        tags: What the image is called in the engine; none: nothing.
        args: Values for what the Dockerfile names by `ARG`, and for proxies without that.
        labels: What is written on the image.
        platform: What it is to run on, or empty for what the engine chooses.
        secrets: What the Dockerfile mounts as secrets: names and contents.
        ssh: The socket of the agent of ssh that the Dockerfile mounts, or empty.
        pull: Whether bases are asked for anew at their registries.
        hidden: Whether the Dockerfile is no part of what it copies, although it would be by what it says: by a
            `COPY . .` beside a `.dockerignore` that leaves it out.
        needs: What the Dockerfile needs, `BUILDKIT` or `SESSION`, each with the words for it, such as
            "`RUN --mount` in line 7".
    """

    context: Callable[[], Iterable[bytes]]
    dockerfile: str = "Dockerfile"
    stage: str = ""
    tags: tuple[str, ...] = ()
    args: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    platform: str = ""
    secrets: tuple[tuple[str, bytes], ...] = ()
    ssh: str = ""
    pull: bool = False
    hidden: bool = False
    needs: tuple[tuple[str, str], ...] = ()


class ImageBuild:
    """One build. It is run by one thread, and may be cancelled by another.

    Args:
        engine: Who builds.
        environ: The variables of a client on this machine.
        build: What.
        tell: Told how it goes, in the thread that runs it.
        way: How, or empty for the best way there is.
    """

    def __init__(
        self, engine: Engine, environ: Mapping[str, str], build: Build, tell: Tell, way: str = ""
    ) -> None:
        self._engine = engine
        self._environ = environ
        self._build = build
        self._steps = Steps(tell)
        self._way = way
        self._cancelled = False
        self._alone = False
        self._process: Process | None = None
        self._connection: Connection | None = None

    def run(self) -> str:
        """Build; the image's id, as `sha256:…`.

        Raises:
            FailedStepError: One of its commands failed.
            EngineError: The image can't be built, or not by any way there is here.
        """
        way, docker = (self._way, "docker") if self._way else self._found()
        self._check(way)
        if way in {BUILDX, CLIENT}:
            return self._by_client(docker, way)
        return self._by_api(way)

    def cancel(self) -> None:
        """End it; the thread that runs it comes back a moment later.

        A client leaves nothing behind that need be tidied up, and not each one ends when it is asked to; the
        engine ends a build when nobody is connected to it any longer.
        """
        self._cancelled = True
        process, connection = self._process, self._connection
        if process is not None:
            process.kill()
        if connection is not None:
            connection.cut()

    # Which way

    def _found(self) -> tuple[str, str]:
        """The best way there is, and the client's program."""
        headers = self._engine.headers()
        if "libpod-api-version" in headers or "libpod" in headers.get("server", "").lower():
            return PODMAN, ""
        docker = find_program("docker", self._environ, "/")
        if docker is not None:
            if self._asked(docker, "buildx", "version") is not None:
                return BUILDX, docker
            version = _CLIENT_VERSION.search(self._asked(docker, "--version") or "")
            if version is not None and (18, 9) <= (int(version[1]), int(version[2])) < (23, 0):
                return CLIENT, docker
        numbers = re.fullmatch(r"(\d+)\.(\d+)", headers.get("api-version", ""))
        new = numbers is not None and (int(numbers[1]), int(numbers[2])) >= _FIRST_WITH_BUILDKIT
        # An engine whose settings say so wants its old builder to be used; and only that one can be told here that
        # the Dockerfile is no part of what it copies.
        old = headers.get("builder-version") == "1" or (self._build.hidden and not self._needs(BUILDKIT))
        return (API if new and not old else CLASSIC), ""

    def _needs(self, what: str) -> bool:
        return any(need == what for need, _ in self._build.needs)

    def _asked(self, docker: str, *words: str) -> str | None:
        """What the client says; None if it says that it can't."""
        try:
            status, told = capture([docker, *words], folder="/", environ=self._client_environ())
        except RunError:
            return None
        return None if status else told.decode("utf-8", "replace")

    def _check(self, way: str) -> None:
        """Refuse what a way can't do.

        Raises:
            EngineError: There is something of that kind.
        """
        if way == API and self._build.hidden:
            raise EngineError(
                "the Dockerfile copies all of its context, without itself, and the engine can't be told so",
                None,
                "install `docker buildx`; or don't let `.dockerignore` leave the Dockerfile out",
            )
        lacks = _LACKS.get(way, set())
        for need, words in self._build.needs:
            if need not in lacks:
                continue
            at = f"the engine at {self._engine}"
            if need == BUILDKIT:
                raise EngineError(
                    f"{words} needs BuildKit, which {at} does not have",
                    None,
                    "an engine of Docker 18.09 or newer whose settings do not switch BuildKit off",
                )
            if way == PODMAN:
                hint = "let a task with that secret make what the image needs, and copy that"
                raise EngineError(
                    f"{words} can't be had from {at}: Podman takes no secrets over its API", None, hint
                )
            raise EngineError(
                f"{words} needs a client with BuildKit's part in it, and there is none on PATH",
                None,
                "install `docker buildx`; the engine by itself takes no secrets",
            )

    # By a client

    def _client_environ(self) -> dict[str, str]:
        """The variables of the client, which leads it to the engine that was found."""
        found = {name: value for name, value in self._environ.items() if name not in _OF_CLIENT}
        found |= {"DOCKER_HOST": self._engine.url, "DOCKER_BUILDKIT": "1", "NO_COLOR": "1"}
        found["BUILDX_NO_DEFAULT_ATTESTATIONS"] = "1"
        if self._build.ssh:
            found["SSH_AUTH_SOCK"] = self._build.ssh
        return found

    def _by_client(self, docker: str, way: str) -> str:
        with tempfile.TemporaryDirectory(prefix="pyrun-build.") as folder:
            told = f"{folder}/id"
            argv, raw = self._argv(docker, way, folder, told)
            with open(f"{folder}/context.tar", "w+b") as context:
                context.writelines(self._build.context())
                context.seek(0)
                if self._build.hidden:
                    _unpack(context, folder, self._build.dockerfile)
                    argv[-1] = f"{folder}/context"
                status, last = self._ran(argv, folder, context.fileno(), raw=raw)
            if status:
                raise self._failure(last or f"`docker` ended with status {status}")
            with open(told, encoding="utf-8") as file:
                return file.read().strip()

    def _argv(self, docker: str, way: str, folder: str, told: str) -> tuple[list[str], bool]:
        """The words of the client, and whether it will tell how it goes as JSON."""
        build = self._build
        raw = False
        if way == BUILDX:
            raw = "rawjson" in (self._asked(docker, "buildx", "build", "--help") or "")
            argv = [
                docker,
                "buildx",
                "build",
                "--builder",
                "default",
                "--load",
                "--provenance=false",
                "--sbom=false",
            ]
        else:
            argv = [docker, "build"]
        argv += [f"--progress={'rawjson' if raw else 'plain'}", "--iidfile", told]
        argv += ["--file", f"{folder}/Dockerfile" if build.hidden else build.dockerfile]
        argv += ["--target", build.stage] if build.stage else []
        argv += ["--platform", build.platform] if build.platform else []
        argv += ["--pull"] if build.pull else []
        argv += ["--ssh", "default"] if build.ssh else []
        argv += [word for tag in build.tags for word in ("--tag", tag)]
        argv += [word for name, value in build.args for word in ("--build-arg", f"{name}={value}")]
        argv += [word for name, value in build.labels for word in ("--label", f"{name}={value}")]
        for number, (name, content) in enumerate(build.secrets):
            path = f"{folder}/secret{number}"
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
            argv += ["--secret", f"id={name},src={path}"]
        return [*argv, "-"], raw

    def _ran(self, argv: list[str], folder: str, context: int, *, raw: bool) -> tuple[int, str]:
        """The exit status of the client, and the last that it wrote beside what it tells of the build."""
        reader, writer = os.pipe()
        try:
            self._process = start(
                argv, folder=folder, environ=self._client_environ(), files=(context, writer, writer)
            )
        finally:
            os.close(writer)
        if self._cancelled:
            self._process.kill()
        take = self._take_json if raw else _Plain(self._steps).take
        last: list[str] = []
        with os.fdopen(reader, "rb", buffering=0) as file:
            held = b""
            while chunk := file.read(_CHUNK):
                *lines, held = (held + chunk).split(b"\n")
                take(lines, last)
            take([held] if held else [], last)
        status = self._process.wait()
        self._process = None
        return status, last[-1] if last else ""

    def _take_json(self, lines: list[bytes], last: list[str]) -> None:
        """Take lines of a build that tells how it goes as JSON; other ones are the client's own."""
        for line in lines:
            if line.startswith(b"{"):
                for found in parse_json_line(line):
                    self._steps.take(found)
            elif line.strip():
                last.append(line.decode("utf-8", "replace").strip())

    # By the API

    def _query(self, way: str) -> str:
        build = self._build
        found: list[tuple[str, str]] = [("dockerfile", build.dockerfile)]
        found += [("version", "2")] if way == API else [("rm", "1"), ("forcerm", "1")]
        found += [("t", tag) for tag in build.tags]
        found += [("target", build.stage)] if build.stage else []
        found += [("platform", build.platform)] if build.platform else []
        found += [("pull", "1")] if build.pull else []
        found += [("buildargs", json.dumps(dict(build.args)))] if build.args else []
        found += [("labels", json.dumps(dict(build.labels)))] if build.labels else []
        return urlencode(found)

    def _by_api(self, way: str) -> str:
        self._alone = True
        connection = self._connection = self._engine.connect()
        image = ""
        try:
            if self._cancelled:
                raise _ended()
            answer = connection.stream("POST", f"/build?{self._query(way)}", body=self._build.context())
            if answer.status != 200:
                body = b"".join(answer.chunks)
                raise self._failure(str(_object(body).get("message") or f"status {answer.status}"))
            for message in _messages(answer.chunks):
                image = self._heard(message) or image
        except OSError as error:
            if self._cancelled:
                raise _ended() from None
            raise EngineError(
                f"the engine at {self._engine} broke off the build: {error.strerror or error}",
                hint="is it still running?",
            ) from None
        finally:
            self._connection = None
            connection.close()
        if not image:
            raise EngineError(f"the engine at {self._engine} does not say which image it has built")
        return image

    def _heard(self, message: dict[str, Any]) -> str:
        """Take a message; the image's id if it is that."""
        detail = message.get("errorDetail")
        if "error" in message or detail:
            code = detail.get("code") if isinstance(detail, dict) else None
            raise self._failure(str(message.get("error") or detail), code if isinstance(code, int) else 0)
        told = message.get("aux")
        if message.get("id") == "moby.buildkit.trace" and isinstance(told, str):
            import base64  # noqa: PLC0415 - for this way only

            with contextlib.suppress(ValueError):
                for found in parse_trace(base64.b64decode(told)):
                    self._steps.take(found)
        elif isinstance(told, dict) and str(told.get("ID", "")).startswith("sha256:"):
            return str(told["ID"])
        elif isinstance(message.get("stream"), str):
            self._steps.stream(message["stream"])
        return ""

    def _failure(self, told: str, status: int = 0) -> RunError | EngineError:
        """Why the build failed: one of its commands did, or the engine can't."""
        if self._cancelled:
            return _ended()
        told = _COLOR.sub("", told).strip()
        for pattern in _FAILED:
            found = pattern.search(told)
            if found is not None:
                return FailedStepError(found[1], int(found[2]))
        if status:
            return FailedStepError(told, status)
        hint = ""
        if self._alone and _REFUSED.search(told):
            hint = "an engine that is asked by itself has none of your logins: `docker pull` that image first"
        return EngineError(f"the image can't be built: {_BEFORE_REASON.sub('', told)}", None, hint)


class Steps:
    """The steps of a build, told as they go.

    Args:
        tell: Told.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._names: dict[str, str] = {}
        self._told: set[str] = set()
        self._last = ""
        self._held = False

    def take(self, found: Vertex | Written) -> None:
        """Take what BuildKit tells."""
        if isinstance(found, Written):
            if found.digest in self._names:
                self.write(found.digest, found.data)
        elif _counts(found.name):
            self._names[found.digest] = found.name
            if found.started and not found.cached:
                self.begin(found.digest)

    def name(self, key: str, name: str) -> None:
        """A step of that name may begin."""
        if _counts(name):
            self._names[key] = name

    def begin(self, key: str) -> None:
        """A step begins, if it has not done so before."""
        if key in self._names and key not in self._told:
            self._told.add(key)
            self._go_on(key)

    def write(self, key: str, data: bytes) -> None:
        """A step writes."""
        if key in self._names and data:
            if self._last != key or key not in self._told:
                self._told.add(key)
                self._go_on(key)
            self._tell(self._names[key], data)

    def stream(self, text: str) -> None:
        """Take what the old builder or Podman writes: steps and their output in one stream."""
        text = _COLOR.sub("", text)
        step = _STREAM_STEP.fullmatch(text.strip())
        if step is not None:
            self._names[""] = text.strip()
            # The old builder says next if it had nothing to do.
            self._held = "Step" in step[1] and not step[2].startswith("FROM ")
            if "STEP" in step[1] and not step[2].startswith("FROM "):
                self._go_on("")
            return
        if not text.strip() or "" not in self._names:
            return
        if self._held and not text.startswith(" ---> Using cache"):
            self._go_on("")
        self._held = False
        if not _STREAM_NOISE.match(text):
            self._tell(self._names[""], text.encode())

    def _go_on(self, key: str) -> None:
        self._last = key
        self._tell(self._names[key], b"")


class _Plain:
    """What a client with `--progress=plain` writes, line by line.

    Args:
        steps: What is told.
    """

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def take(self, lines: list[bytes], last: list[str]) -> None:
        """Take lines that came together; what is none of BuildKit's is added to `last`."""
        new: dict[str, None] = {}
        for line in lines:
            if (found := _PLAIN_NAME.fullmatch(line)) is not None:
                new[found[1].decode()] = None
                self._steps.name(found[1].decode(), found[2].decode("utf-8", "replace"))
            elif (found := _PLAIN_OUTPUT.fullmatch(line)) is not None:
                # What ends without a newline has the client's next line behind it.
                data = _PLAIN_DONE.sub(b"", found[2])
                self._steps.write(found[1].decode(), data if data != found[2] else data + b"\n")
            elif (found := _PLAIN_CACHED.fullmatch(line)) is not None:
                new.pop(found[1].decode(), None)
            elif line.strip() and not line.startswith((b"#", b"-----", b" > ")):
                last.append(line.decode("utf-8", "replace").strip())
        # That one had nothing to do is said together with its name.
        for key in new:
            self._steps.begin(key)


def _unpack(context: IO[bytes], folder: str, dockerfile: str) -> None:
    """Make a folder `context` of a tar, and put the Dockerfile beside it."""
    import tarfile  # noqa: PLC0415 - few contexts are a folder

    with tarfile.open(fileobj=context) as archive:
        archive.extractall(f"{folder}/context", filter="tar")
    os.rename(f"{folder}/context/{dockerfile}", f"{folder}/Dockerfile")
    os.unlink(f"{folder}/context/.dockerignore")


def _counts(name: str) -> bool:
    """Whether a step is one of the Dockerfile's that does something."""
    return name.startswith("[") and not name.startswith("[internal]") and "] FROM " not in name


def _messages(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The messages of a stream, one a line."""
    held = b""
    for chunk in chunks:
        *lines, held = (held + chunk).split(b"\n")
        yield from filter(None, map(_object, lines))
    if held.strip():
        yield _object(held)


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _ended() -> EngineError:
    return EngineError("the build was ended")
