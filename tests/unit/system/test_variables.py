import os
from pathlib import Path  # noqa: TID251 - a test's start may cost what it likes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.config.decode import decode
from runner.errors import FileError, PlanError
from runner.location import Position
from runner.model.project import EnvFile, Head
from runner.system.variables import Variables


def env_file(path: str, *, required: bool = False, line: int = 3) -> EnvFile:
    return EnvFile(path, required, Position("tasks.yml", line, 1))


def head_of(*files: EnvFile, folder: str = "", namespace: str = "") -> Head:
    head = decode(b"", "tasks.yml").head
    fields = {name: getattr(head, name) for name in Head.FIELDS}
    return Head(**(fields | {"env_files": files, "folder": folder, "namespace": namespace}))


def write(folder: Path, **files: str) -> None:
    """Files by their name, `__` standing for `/`."""
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_the_callers_variables_win_and_later_files_win_over_earlier_ones(tmp_path: Path) -> None:
    write(tmp_path, one="A=1\nB=1\nC=1\nE=1\n", two="B=2\nC=2\n")
    variables = Variables(str(tmp_path), {"C": "3", "D": "3", "E": ""})
    head = head_of(env_file("one"), env_file("two"))
    assert variables.of(head) == {"A": "1", "B": "2", "C": "3", "D": "3", "E": ""}
    assert {name: variables.origin(name, head) for name in "ABCDEF"} == {
        "A": "one:1", "B": "two:1", "C": "the caller's", "D": "the caller's", "E": "the caller's", "F": "",
    }  # fmt: skip


def test_without_files_there_are_the_callers_variables_only(tmp_path: Path) -> None:
    write(tmp_path, **{".env": "A=1"})
    assert Variables(str(tmp_path), {"B": "2"}).of(head_of()) == {"B": "2"}


NAMES = st.sampled_from(["A", "B", "C"])
VALUES = st.text("xyz", max_size=2)
MAPS = st.dictionaries(NAMES, VALUES, max_size=3)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(MAPS, max_size=3), MAPS)
def test_all_variables_are_those_of_the_files_in_order_and_then_the_callers(
    tmp_path: Path, files: list[dict[str, str]], caller: dict[str, str]
) -> None:
    expected: dict[str, str] = {}
    for number, values in enumerate(files):
        write(tmp_path, **{f"f{number}": "".join(f"{name}='{value}'\n" for name, value in values.items())})
        expected |= values
    expected |= caller
    variables = Variables(str(tmp_path), caller)
    head = head_of(*(env_file(f"f{number}") for number in range(len(files))))
    assert variables.of(head) == expected
    for name in expected:
        last = max((number for number, values in enumerate(files) if name in values), default=-1)
        origin = variables.origin(name, head)
        if name in caller:
            assert origin == "the caller's"
        else:
            assert origin == f"f{last}:{list(files[last]).index(name) + 1}"


def test_a_value_may_name_an_earlier_one_or_the_callers(tmp_path: Path) -> None:
    write(tmp_path, **{".env": "A=a\nB=${A}/${HOME}\n"})
    head = head_of(env_file(".env"))
    assert Variables(str(tmp_path), {"HOME": "/h"}).of(head) == {"A": "a", "B": "a//h", "HOME": "/h"}


# Where the files are


def test_a_file_is_relative_to_the_folder_of_its_tasks(tmp_path: Path) -> None:
    write(tmp_path, **{".env": "A=top", "api__.env": "A=api", "api__up": "B=x"})
    variables = Variables(str(tmp_path), {})
    api = head_of(env_file(".env"), env_file("../api/up"), folder="api", namespace="api")
    assert variables.of(head_of(env_file(".env"))) == {"A": "top"}
    assert variables.of(api) == {"A": "api", "B": "x"}
    assert variables.origin("A", api) == "api/.env:1"


def test_an_absolute_path_stays_one(tmp_path: Path) -> None:
    write(tmp_path, there="A=1")
    path = str(tmp_path / "there")
    for folder in ("", "api"):
        head = head_of(env_file(path), folder=folder)
        assert Variables("/nowhere", {}).of(head) == {"A": "1"}
    assert Variables("/nowhere", {"B": "2"}).of(head_of(env_file(os.devnull))) == {"B": "2"}


def test_a_file_is_read_once_a_run(tmp_path: Path) -> None:
    write(tmp_path, **{".env": "A=1"})
    variables, head = Variables(str(tmp_path), {}), head_of(env_file(".env"))
    before = dict(variables.of(head))
    write(tmp_path, **{".env": "A=2"})
    assert variables.of(head) == before


# What goes wrong


def test_a_file_that_must_be_there_is_missed_and_another_is_not(tmp_path: Path) -> None:
    assert Variables(str(tmp_path), {"B": "2"}).of(head_of(env_file("none"))) == {"B": "2"}
    with pytest.raises(PlanError, match="there is no file `none`") as info:
        Variables(str(tmp_path), {}).of(head_of(env_file("none", required=True, line=7)))
    assert info.value.at == Position("tasks.yml", 7, 1)
    assert info.value.hint


@pytest.mark.parametrize("required", [True, False])
def test_what_can_not_be_read_is_told_whether_it_must_be_there_or_not(tmp_path: Path, required: bool) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(PlanError, match="`folder` can't be read") as info:
        Variables(str(tmp_path), {}).of(head_of(env_file("folder", required=required)))
    assert info.value.at == Position("tasks.yml", 3, 1)


def test_a_malformed_file_is_told_with_its_own_place(tmp_path: Path) -> None:
    write(tmp_path, api__x="A=1\nnonsense here\n")
    with pytest.raises(FileError) as info:
        Variables(str(tmp_path), {}).of(head_of(env_file("x"), folder="api"))
    assert info.value.at is not None
    assert (info.value.at.path, info.value.at.line) == ("api/x", 2)


def test_a_nul_character_is_told_and_other_bytes_are_kept(tmp_path: Path) -> None:
    (tmp_path / "nul").write_bytes(b"A=\0")
    with pytest.raises(PlanError, match="NUL"):
        Variables(str(tmp_path), {}).of(head_of(env_file("nul")))
    (tmp_path / "latin").write_bytes(b"A=\xe9\n")
    values = Variables(str(tmp_path), {}).of(head_of(env_file("latin")))
    assert values["A"].encode("utf-8", "surrogateescape") == b"\xe9"


@pytest.mark.parametrize("data", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_says_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "e").write_bytes(data)
    assert Variables(str(tmp_path), {}).of(head_of(env_file("e", required=True))) == {}
