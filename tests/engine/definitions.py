"""Images that together cover every key of `image` and of `copy`: for tests that hold for all of them.

They stand in one project, whose file says where each is from, and whose files have all that is hard to copy. The
base of most has the files of `busybox:1.36`, and is in a registry.
"""

import os
from typing import NamedTuple

from tests.features.conftest import Project

REPOSITORY = "registry.example.org/all"
HEAD = """\
name: all
containers:
  box:
    from: @BASE@
    workdir: /work
    env: {FROM_BOX: "yes", PATH: "/box:${PATH}"}
  set:
    from: @BASE@
    setup:
      - mkdir -p /opt/set/deep && echo one > /opt/set/one && echo two > /opt/set/deep/two
      - ln -s one /opt/set/link && rm /etc/ssl/cert.pem && chown 1500:0 /opt/set/one
  written: {dockerfile: box/Dockerfile, workdir: /written}
args:
  service: {values: [api, web]}
tasks:
  tree:
    usage: A folder with all that a folder may have
    container: box
    source: ["src/**"]
    target: out/
    run:
      - mkdir -p out/deep/er out/.hidden && cp src/tool out/tool && chmod 4755 out/tool && echo x > out/deep/er/x
      - chmod 600 out/deep/er/x && ln -s ../tool out/deep/link && ln -s /nowhere out/deep/dangling
      - touch out/empty && echo h > out/.hidden/h && ln -s deep out/folder
  tool:
    usage: One file
    container: box
    source: [src/tool]
    target: bin/tool
    run: mkdir -p bin && cp src/tool bin/tool && chmod 700 bin/tool
  service:
    args: [service]
    container: box
    source: []
    target: made/${service}
    env: {GREETING: "it's ${service} \\"here\\""}
    run: mkdir -p made && echo "$GREETING" > made/${service}
"""
IMAGE = """\
  {name}:
    container: box
    image:
      name: {repository}/{name}
{body}
"""


class Definition(NamedTuple):
    """An image.

    Args:
        body: What `image` says beside the name, a key a line.
        keys: The keys of `image` and `copy` that it is there for.
    """

    body: str
    keys: tuple[str, ...]


BASE = "from: @BASE@\n"
SCRATCH = "from: scratch\n"
ANY = "copy: [{source: src/plain.txt, to: /any.txt}]\n"


def _one(body: str, *keys: str) -> Definition:
    return Definition(body, keys)


DEFINITIONS = {
    # From
    "from-scratch": _one(f"{SCRATCH}{ANY}", "from"),
    "from-registry": _one(f"{BASE}{ANY}", "from"),
    "from-nothing-added": _one(BASE, "from"),
    "from-container": _one(f"from: box\n{ANY}", "from"),
    "from-setup": _one(f"from: set\n{ANY}", "from"),
    "from-engine": _one(f"from: engine:busybox:1.36\n{ANY}", "from"),
    # Copy
    "copy-file": _one(f"{SCRATCH}copy: [{{source: src/plain.txt, to: /a/deep/name.txt}}]\n", "copy.source"),
    "copy-into-folder": _one(f"{SCRATCH}copy: [{{source: src/tool, to: /a/}}]\n", "copy.source"),
    "copy-folder": _one(f"{SCRATCH}copy: [{{source: src/tree, to: /tree}}]\n", "copy.source"),
    "copy-folder-to-root": _one(f"{BASE}copy: [{{source: src/tree, to: /}}]\n", "copy.to"),
    "copy-pattern": _one(f'{SCRATCH}copy: [{{source: "src/**/*.txt", to: /texts/}}]\n', "copy.source"),
    "copy-names": _one(f"{SCRATCH}copy: [{{source: names, to: /names/}}]\n", "copy.source"),
    "copy-links": _one(f"{SCRATCH}copy: [{{source: links, to: /links}}]\n", "copy.source"),
    "copy-link-itself": _one(f"{SCRATCH}copy: [{{source: links/to-file, to: /followed}}]\n", "copy.source"),
    "copy-mode": _one(
        f'{BASE}copy: [{{source: src/tree, to: /tree, mode: "0640"}}, {{task: tool, to: /t, mode: "4711"}}]\n',
        "copy.mode",
    ),
    "copy-owner": _one(
        f'{BASE}copy: [{{source: src/tree, to: /tree/in/here, owner: "1500:7"}}, {{task: tool, to: /t, owner: 12}}]\n',
        "copy.owner",
    ),
    "copy-over-each-other": _one(
        f"{SCRATCH}copy: [{{source: src/tree, to: /a}}, {{source: src/plain.txt, to: /a/one.txt}}, "
        f'{{source: src/tree/one.txt, to: /a/two, mode: "0600"}}]\n',
        "copy",
    ),
    "copy-over-the-base": _one(
        f"{BASE}copy: [{{source: src/plain.txt, to: /etc/passwd}}, {{source: src/tree, to: /home/worker/}}]\n",
        "copy",
    ),
    "copy-task-file": _one(f"{SCRATCH}copy: [{{task: tool, to: /usr/bin/}}]\n", "copy.task"),
    "copy-task-folder": _one(f"{BASE}copy: [{{task: tree, to: /app}}]\n", "copy.task"),
    "copy-task-relative": _one(
        f"{BASE}workdir: /srv/app\ncopy: [{{task: tool, to: ./}}]\n", "workdir", "copy.to"
    ),
    "copy-two-calls": _one(
        f"{SCRATCH}copy: [{{task: service api, to: /s/}}, {{task: service web, to: /s/}}]\n", "copy.task"
    ),
    "copy-from-image": _one(
        f"{SCRATCH}copy: [{{from: @BASE@, source: /bin/busybox, to: /bin/sh}}, "
        f"{{from: @BASE@, source: /etc, to: /config}}]\n",
        "copy.from",
    ),
    "copy-from-container": _one(
        f"{SCRATCH}copy: [{{from: set, source: /opt/set, to: /got}}, {{from: set, source: /opt/set/link, to: /two/}}]\n",
        "copy.from",
    ),
    # Config
    "env": _one(
        f'{BASE}{ANY}env: {{PATH: "/own:${{PATH}}", QUOTED: "a \\"b\\" \'c\' $$d \\\\e", EMPTY: "", UMLAUT: ü}}\n',
        "env",
    ),
    "labels": _one(
        f'{BASE}{ANY}labels: {{org.example.one: "a \\"b\\" \'c\' $$d \\\\e", org.example.two: "", z: "1", a: "2"}}\n',
        "labels",
    ),
    "workdir-new": _one(f"{BASE}workdir: /not/there/yet\n{ANY}", "workdir"),
    "workdir-relative": _one(f"from: box\nworkdir: below\n{ANY}", "workdir"),
    "user": _one(f"{BASE}{ANY}user: worker\n", "user"),
    "user-and-group": _one(f'{BASE}{ANY}user: "1500:65534"\n', "user"),
    "expose": _one(f'{BASE}{ANY}expose: [8080, 53/udp, "9000-9002"]\n', "expose"),
    "volumes": _one(f'{BASE}{ANY}volumes: [/data, "/with blank"]\n', "volumes"),
    "stop-signal": _one(f"{BASE}{ANY}stop-signal: SIGQUIT\n", "stop-signal"),
    "healthcheck-list": _one(
        f'{BASE}{ANY}healthcheck: {{command: ["true", "a b"], interval: 90s, timeout: 2s, start-period: 1m, retries: 7}}\n',
        "healthcheck",
    ),
    "healthcheck-text": _one(f'{BASE}{ANY}healthcheck: {{command: "test -e /any.txt"}}\n', "healthcheck"),
    "entrypoint-clears-cmd": _one(f'{BASE}{ANY}entrypoint: [/bin/echo, "a b", $$HOME]\n', "entrypoint"),
    "entrypoint-text": _one(f"{BASE}{ANY}entrypoint: exec echo $$HOME\n", "entrypoint"),
    "cmd-list": _one(f'{BASE}{ANY}cmd: [echo, "it\'s", "\\"x\\""]\n', "cmd"),
    "cmd-text": _one(f"{BASE}{ANY}cmd: echo $$PATH && true\n", "cmd"),
    "entrypoint-and-cmd": _one(f"{BASE}{ANY}entrypoint: [/bin/echo]\ncmd: [x]\n", "entrypoint", "cmd"),
    "tags": _one(f'{SCRATCH}tags: ["1.2", stable]\n{ANY}', "tags"),
    "zstd": _one(f"{BASE}compression: zstd\n{ANY}", "compression"),
}
"""What both builders make: by the name of the task."""
LAYERS_ONLY = {
    "copy-set-user-id": _one(f'{SCRATCH}copy: [{{source: src/tool, to: /t, mode: "4711"}}]\n', "copy.mode"),
    "from-dockerfile": _one(f"from: written\n{ANY}", "from"),
    "copy-backslash": _one(f"{SCRATCH}copy: [{{source: backslash, to: /names/}}]\n", "copy.source"),
    "copy-links-out": _one(f"{SCRATCH}copy: [{{source: out-links, to: /links}}]\n", "copy.source"),
    "copy-pattern-from-container": _one(
        f'{SCRATCH}copy: [{{from: set, source: "/opt/*/deep/two", to: /two/}}]\n', "copy.from"
    ),
}
"""What no Dockerfile can say."""
NAMES = ("with blank", "quote'd", 'double"quote', "dollar$x", "#hash", "ümlaut", "star*", "[bracket]",
         "-dash", ".dot", "semi;colon", "a" * 120)  # fmt: skip
"""Names of files that a shell or a Dockerfile would take for something else."""


def definitions_file(base: str, repository: str = REPOSITORY) -> str:
    """The project's file.

    Args:
        base: The reference of an image with the files of `busybox:1.36`.
        repository: What the names of all images begin with.
    """
    images = [
        IMAGE.format(
            name=name,
            repository=repository,
            body="".join(f"      {line}\n" for line in definition.body.splitlines()).rstrip("\n"),
        )
        for name, definition in {**DEFINITIONS, **LAYERS_ONLY}.items()
    ]
    return (HEAD + "".join(images)).replace("@BASE@", base)


def write_definitions(project: Project, base: str, repository: str = REPOSITORY) -> None:
    """The project's file and files; see `definitions_file`."""
    project.write("tasks.yml", definitions_file(base, repository))
    project.write("src/plain.txt", "plain\n")
    project.script("src/tool", "#!/bin/sh\necho tool\n")
    project.write("src/tree/one.txt", "one\n")
    project.write("src/tree/two", "two\n", 0o600)
    project.write("src/tree/run", "#!/bin/sh\n", 0o700)
    project.write("src/tree/.env.example", "A=1\n")
    project.write("src/tree/deep/er/three.txt", "three\n", 0o444)
    project.write("src/tree/empty", "")
    project.write("box/Dockerfile", f"FROM {base}\nCOPY extra /extra\nENV WRITTEN=yes\nUSER 1500\n")
    project.write("box/extra", "extra\n")
    for name in NAMES:
        project.write(f"names/{name}", f"{name}\n")
    project.write("links/file", "file\n")
    project.write("links/folder/in", "in\n")
    for name, target in (
        ("to-file", "file"), ("to-folder", "folder"), ("dangling", "nowhere"), ("folder/up", "../file"),
    ):  # fmt: skip
        os.symlink(target, project.path(f"links/{name}"))
    project.write("backslash/back\\slash", "one\n")
    os.mkdir(project.path("out-links"))
    os.symlink("/etc/hostname", project.path("out-links/absolute"))
