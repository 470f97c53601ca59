"""What the README shows is so: its YAML is understood, its transcripts are what comes, its commands are CI's."""

import json
import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path  # noqa: TID251 - a test's start may cost what it likes

import jsonschema
import pytest
import yaml

from runner.config.decode import decode

TOP = Path(__file__).parent.parent.parent
TEXT = (TOP / "README.md").read_text()
FILES = ("tasks.yml", "examples/payments/tasks.yml")
EXAMPLE = TOP / "examples" / "payments"


def blocks(language: str) -> list[str]:
    """The code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    """The two commands that a reader is told to try."""
    return re.findall(r"^    (python3 .*)$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_yaml_is_understood(text: str) -> None:
    assert decode(text.encode(), "README.md").names()


@pytest.mark.parametrize("text", [*blocks("yaml"), *((TOP / name).read_text() for name in FILES)])
def test_yaml_is_valid_by_the_schema(text: str) -> None:
    schema = json.loads((TOP / "schema" / "tasks.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(text))


def test_the_first_file_is_the_examples_own_in_short() -> None:
    file = (EXAMPLE / "tasks.yml").read_text().splitlines()
    assert [line for line in blocks("yaml")[0].splitlines() if line not in file] == []


def test_transcripts_are_what_comes(tmp_path: Path) -> None:
    example = tmp_path / "payments"
    shutil.copytree(EXAMPLE, example, ignore=shutil.ignore_patterns(".pyrun", "bin", "data"))
    shown = "".join(blocks("console"))
    came = "".join(
        f"$ {line}\n{told(line, example)}" for line in re.findall(r"^\$ (.*)$", shown, re.MULTILINE)
    )
    assert masked(came) == masked(shown)


CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
"""Where Go keeps what it has compiled."""


def told(line: str, folder: Path) -> str:
    """What a command line says in a folder, where no container engine answers."""
    name, *words = line.split()
    program = os.path.join(sysconfig.get_path("scripts"), name)
    done = subprocess.run(
        [program, *words],
        cwd=folder,
        env={
            **os.environ,
            "CI": "",
            "PWD": str(folder),
            "DOCKER_HOST": f"unix://{folder}/no.sock",
            # Nothing is brought back from what the user has made before; what Go has compiled once is.
            "XDG_CACHE_HOME": f"{folder.parent}/cache",
            "GOCACHE": os.environ.get("GOCACHE") or os.path.join(CACHE, "go-build"),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def masked(text: str) -> list[str]:
    """Lines without what hangs on the version of Go: digests, sizes and the width of columns."""
    text = re.sub(r"sha256:[0-9a-f]{12}", "sha256:…", text)
    text = re.sub(r"\b[0-9.]+ [kMG]B\b", "… MB", text)
    return [" ".join(line.split()) for line in text.splitlines()]


def test_masking_leaves_what_matters() -> None:
    assert masked("a  sha256:0123456789ab  3.2 MB  1\n") == masked("a sha256:ba9876543210 12.1 kB 1\n")
    assert masked("a  sha256:0123456789ab  3.2 MB  1\n") != masked("a  sha256:0123456789ab  3.2 MB  2\n")


def test_ci_does_what_the_second_command_says() -> None:
    one, two = commands()
    assert one.endswith(".venv/bin/pyrun -C examples/payments image gmicro")
    script = (TOP / ".ci" / "run").read_text().splitlines()
    making, install, check = two.split(" && .venv/bin/")
    wanted = [making, f".venv/bin/{install}", f".venv/bin/{check}"]
    assert [line for line in wanted if line not in script] == []
