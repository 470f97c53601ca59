"""Whatever is typed, what is offered can be typed, and the answer is a head and whole lines."""

import os
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cli.arguments import FLAGS, SWITCH, Request, leading_flags, read_calls
from runner.cli.completion import FILES, FOLDERS, VALUES, answer, offer
from runner.cli.session import Session
from runner.errors import PyrunError, UsageError

Read = Callable[[Sequence[str]], tuple[Request, Session | None]]
FILE = """
args:
  service: {values: [api, web, db]}
tasks:
  build:
    args: [service]
    options:
      mode: {short: m, values: [fast, slow]}
      race: {short: r, type: bool}
      tags: {type: list, values: [a, b]}
    run: a
  api: {run: a}
  "api:build": {run: a}
  size: {args: {service: {values: [api, web]}, kind: {values: ["${service}-s"]}}, run: a}
  words: {args: {what: {type: list, values: [one, two, -v]}}, run: a}
  hidden: {private: true, run: a}
"""
WORDS = (
    "build", "api", "api:build", "size", "words", "hidden", "nobody", "web", "db", "api-s", "one", "two", "-v",
    "--mode", "--mode=fast", "-m", "-rm", "-mr", "--race", "--race=true", "--tags", "a", "--all", "--force",
    "--jobs", "-j", "-qj", "--file=x", "-C", "--pyrun-force", "--", "-", "", "--nothing", "--mode=", "-x",
)  # fmt: skip
LINES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    """Reads command lines against the file above."""
    folder = str(tmp_path_factory.mktemp("completion"))
    with open(f"{folder}/tasks.yml", "w", encoding="utf-8") as file:
        file.write(FILE)
    session = Session(f"{folder}/tasks.yml", {}, folder)

    def reader(words: Sequence[str]) -> tuple[Request, Session | None]:
        flags, used = leading_flags(words)
        rest = words[used:]
        if not rest:
            return Request(flags, []), session
        return read_calls(rest, flags, session.project, session.values_of), session

    before = os.listdir(folder)
    yield reader
    assert os.listdir(folder) == before


@given(words=LINES)
def test_what_is_offered_is_understood(read: Read, words: list[str]) -> None:
    found = offer(words, read)
    assert found.kind in {VALUES, FILES, FOLDERS}
    assert found.kind == VALUES or not found.candidates
    assert words[-1].startswith(found.prefix)
    for candidate, _ in found.candidates:
        assert not candidate.startswith("--pyrun-")
        assert candidate != "hidden"
        fault = refusal(read, [*words[:-1], candidate])
        # A flag that waits for its value is complete all the same, and one may correct a line from behind.
        assert not fault or fault.endswith("needs a value") or refusal(read, words[:-1])


def refusal(read: Read, words: list[str]) -> str:
    """Why a line can't be read, or empty."""
    try:
        read(words)
    except PyrunError as error:
        return error.message
    return ""


@given(
    words=st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=8)), max_size=5),
    shell=st.sampled_from(["bash", "zsh", "fish", "powershell", ""]),
)
def test_an_answer_is_a_head_and_whole_lines(read: Read, words: list[str], shell: str) -> None:
    text = answer([f"--pyrun-complete={shell}", *words], read)
    head, *rows = text.split("\n")[:-1]
    assert head.split("\t")[0] in {VALUES, FILES, FOLDERS}
    assert text.endswith("\n")
    assert all(row.replace("\t", "", 1).isprintable() and row for row in rows)


def test_every_flag_with_a_value_is_completed(read: Read) -> None:
    for name, (kind, letter, _) in FLAGS.items():
        if kind == SWITCH:
            continue
        found = offer([f"--{name}="], read)
        assert all(value.startswith(f"--{name}=") for value, _ in found.candidates)
        if letter:
            assert offer([f"-{letter}", ""], read).kind == found.kind


def test_without_a_project_there_are_flags() -> None:
    def reader(words: Sequence[str]) -> tuple[Request, Session | None]:
        flags, used = leading_flags(words)
        if words[used:]:
            raise UsageError("there is no tasks.yml")
        return Request(flags, []), None

    assert [value for value, _ in offer([""], reader).candidates] == [f"--{name}" for name in FLAGS]
    assert offer(["--", ""], reader).candidates == ()
    assert offer(["build", ""], reader).candidates == ()
    assert [value for value, _ in offer(["--completion", ""], reader).candidates] == [
        "bash",
        "zsh",
        "fish",
        "powershell",
    ]


def test_a_file_that_cannot_be_read_gives_flags() -> None:
    def reader(_: Sequence[str]) -> tuple[Request, Session | None]:
        raise PyrunError("it is broken")

    assert [value for value, _ in offer([""], reader).candidates] == [f"--{name}" for name in FLAGS]
    assert offer(["-f", ""], reader).kind == FILES
    assert offer(["-C", ""], reader).kind == FOLDERS
