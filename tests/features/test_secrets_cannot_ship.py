"""Secrets cannot ship: what a task declares as a secret is found in whatever an image is made of, and stops it."""

import base64
import gzip
import json
import os
import random
import urllib.parse

import pytest

from tests.features.conftest import MakeProject, Project

NO_ENGINE = {"DOCKER_HOST": "unix:///no-engine.sock"}
VALUE = "c0rrect-horse/battery staple"
NAME = "registry.example.org/app"
TASKS = """
    tasks:
      build:
        secrets: [TOKEN]
        source: [in.txt]
        target: [out/]
        run: |
          mkdir -p out
          sh make.sh > out/app
      image:
        image:
          name: registry.example.org/app
          from: scratch
          copy:
            - {source: conf/, to: /etc/app/}
            - {task: build, to: /app/}
"""


def made(project: MakeProject, script: str, tasks: str = TASKS) -> Project:
    """A project whose `build` writes what a script writes, with the secret in `$TOKEN`."""
    return project({"tasks.yml": tasks, "in.txt": "1\n", "conf/app.conf": "a: 1\n", "make.sh": script})


def refused(p: Project, *words: str, value: str = VALUE) -> str:
    """What is said of an image that is refused; nothing of the value is told, and the image has no name."""
    result = p.run("image", "-q", *words, env={**NO_ENGINE, "TOKEN": value})
    assert (result.stdout, result.code) == ("", 1), result
    assert value not in result.stderr
    assert tags(p) == []
    return result.stderr


def tags(p: Project) -> list[str]:
    if not p.exists(".pyrun/images/index.json"):
        return []
    index = json.loads(p.read(".pyrun/images/index.json"))
    return [one["annotations"]["org.opencontainers.image.ref.name"] for one in index["manifests"]]


def test_the_error_names_secret_image_path_and_copy(project: MakeProject) -> None:
    p = made(project, 'printf "key=%s" "$TOKEN"\n')
    assert refused(p) == (
        "pyrun: tasks.yml:15:11: the secret `TOKEN` would ship with the image `registry.example.org/app`: it is in "
        "`/app/app`, in the layer of `copy` to `/app/`, from `build`\n"
        "  15 |         - {task: build, to: /app/}\n"
        "     |           ^\n"
        "  what a task writes must not hold it; what is no secret does not belong under `secrets`\n"
    )


@pytest.mark.parametrize(
    "form",
    [
        base64.b64encode(f"user:{VALUE}".encode()).decode(),
        base64.b64encode(f"u:{VALUE}:x".encode()).decode(),
        urllib.parse.quote(VALUE, safe=""),
        urllib.parse.quote_plus(VALUE),
        VALUE.encode().hex(),
    ],
)
def test_a_value_is_found_as_programs_encode_it(project: MakeProject, form: str) -> None:
    assert "`/app/app`" in refused(made(project, f"printf %s 'x{form}x'\n"))


@pytest.mark.parametrize("before", [0, 1, 500, 511, 512, (1 << 20) - 5 - 1024, (1 << 20) - 1024, 3 << 20])
def test_a_value_is_found_wherever_pieces_of_a_layer_end(project: MakeProject, before: int) -> None:
    script = f'head -c {before} /dev/urandom; printf %s "$TOKEN"; head -c 2000000 /dev/urandom\n'
    assert "`/app/app`" in refused(made(project, script))


def test_names_of_files_are_looked_at(project: MakeProject) -> None:
    p = made(project, 'touch "out/file-$TOKEN"; echo x\n')
    told = refused(p, value="c0rrect-horse-battery")
    assert "it is in the name of a file, in the layer of `copy` to `/app/`, from `build`\n" in told


def test_files_of_the_project_are_looked_at(project: MakeProject) -> None:
    p = made(project, "echo x\n")
    p.write("conf/app.conf", f"token: {VALUE}\n")
    assert "it is in `/etc/app/app.conf`, in the layer of `copy` to `/etc/app/`\n" in refused(p)


@pytest.mark.parametrize(
    ("key", "where"),
    [
        (f'labels: {{note: "<{VALUE}>"}}', "config.Labels.note"),
        (f'env: {{NOTE: "{VALUE}"}}', "config.Env"),
        (f'cmd: [run, "--token={VALUE}"]', "config.Cmd"),
    ],
)
def test_the_config_is_looked_at(project: MakeProject, key: str, where: str) -> None:
    p = made(project, "echo x\n", TASKS + f"          {key}\n")
    assert f"it is in its config, at `{where}`\n" in refused(p)


def test_a_secret_file_is_found_whole_and_by_its_token(project: MakeProject) -> None:
    tasks = TASKS.replace("[TOKEN]", "[{name: NPMRC, file: ~/.npmrc}]")
    token = "npm_0123456789abcdefXYZ"
    for script in ('printf %s "$NPMRC"\n', f"echo {token}\n"):
        p = made(project, script, tasks)
        with open(f"{p.home}/.npmrc", "w", encoding="utf-8") as file:
            file.write(
                f"//registry.example.org/:_authToken={token}\nregistry=https://registry.example.org/\n"
            )
        assert "the secret `NPMRC` would ship" in refused(p)


def test_what_another_task_declares_is_found_too(project: MakeProject) -> None:
    tasks = TASKS.replace("        secrets: [TOKEN]\n", "") + "      publish: {secrets: [TOKEN], run: true}\n"
    p = made(project, f"echo '{VALUE}'\n", tasks)
    assert "`/app/app`" in refused(p)


def test_a_good_image_is_looked_through_once(project: MakeProject) -> None:
    p = made(project, "echo fine\n")
    env = {**NO_ENGINE, "TOKEN": VALUE}
    assert p.run("image", "-q", env=env).code == 0
    assert tags(p) == [f"{NAME}:latest"]
    assert p.run("image", "-q", "--save", "a.tar", env=env).code == 0
    searched = os.listdir(p.path(".pyrun/images/searched"))
    assert len(searched) == 2
    for folder, _, names in os.walk(p.told):
        for name in names:
            if os.path.isfile(f"{folder}/{name}"):
                with open(f"{folder}/{name}", "rb") as file:
                    assert VALUE.encode() not in file.read()


def test_an_image_that_was_made_before_is_stopped_when_it_would_ship(project: MakeProject) -> None:
    # Nobody had said then that it is a secret.
    p = made(project, f"echo '{VALUE}'\n", TASKS.replace("        secrets: [TOKEN]\n", ""))
    env = {**NO_ENGINE, "TOKEN": VALUE}
    assert p.run("image", "-q", env=env).code == 0
    p.write("tasks.yml", p.read("tasks.yml") + "  publish: {secrets: [TOKEN], run: true}\n")
    result = p.run("image", "-q", "--save", "a.tar", env=env)
    assert result.code == 1
    assert "`/app/app`" in result.stderr
    assert not p.exists("a.tar")


def test_another_value_is_looked_for_again(project: MakeProject) -> None:
    p = made(project, "echo 'a-value-of-later-on'\n")
    assert p.run("image", "-q", env={**NO_ENGINE, "TOKEN": VALUE}).code == 0
    result = p.run("image", "-q", "--save", "a.tar", env={**NO_ENGINE, "TOKEN": "a-value-of-later-on"})
    assert (result.code, "`/app/app`" in result.stderr) == (1, True)


def test_a_short_value_is_named_and_not_looked_for(project: MakeProject) -> None:
    p = made(project, 'echo "$TOKEN"\n')
    result = p.run("image", env={**NO_ENGINE, "TOKEN": "1234567"})
    assert result.code == 0
    line = "pyrun: the secret `TOKEN` is not looked for in images: shorter than 8 bytes, it may be any word\n"
    assert line in result.stderr


def test_the_layers_of_a_base_are_not_looked_at(project: MakeProject) -> None:
    p = made(project, f"echo '{VALUE}'\n", TASKS.replace("        secrets: [TOKEN]\n", ""))
    env = {**NO_ENGINE, "TOKEN": VALUE}
    assert p.run("image", "-q", env=env).code == 0
    os.rename(p.path(".pyrun/images"), p.path("base"))
    p.write("make.sh", "echo fine\n")
    p.write("in.txt", "2\n")
    p.write(
        "tasks.yml",
        p.read("tasks.yml").replace("from: scratch", "from: oci:base")
        + "  publish: {secrets: [TOKEN], run: true}\n",
    )
    result = p.run("image", "-q", env=env)
    assert result.code == 0, result


def test_a_layer_of_zstd_is_unpacked(project: MakeProject) -> None:
    p = made(project, 'printf "%s" "$TOKEN"\n', TASKS + "          compression: zstd\n")
    assert "`/app/app`" in refused(p)


def test_a_value_that_a_packer_hides_is_what_is_not_found(project: MakeProject) -> None:
    # The limit that the documentation names: what is packed within a layer stays packed.
    noise = random.Random(1).randbytes(100).hex()
    p = made(project, "cat packed.gz\n")
    with open(p.path("packed.gz"), "wb") as file:
        file.write(gzip.compress(f"{noise}{VALUE}".encode()))
    assert p.run("image", "-q", env={**NO_ENGINE, "TOKEN": VALUE}).code == 0
