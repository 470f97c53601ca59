"""Where what tasks made is kept, and how much: `cache` at the top of a file."""

import os

import pytest

from tests.features.conftest import MakeProject, Result

FILE = """
    cache: {folder: FOLDER, size: 1MB}
    tasks:
      t: {args: {n: {}}, source: [in], target: "out-${n}", run: "echo ran >> log; yes ${n} | head -c 300000 > out-${n}"}
"""


@pytest.mark.parametrize("folder", ["~/kept", "../kept", "/tmp"])
def test_the_store_is_in_the_folder_that_the_file_names(project: MakeProject, folder: str) -> None:
    p = project({"tasks.yml": FILE.replace("FOLDER", folder if folder != "/tmp" else "@HERE@"), "in": ""})
    place = {"~/kept": f"{p.home}/kept", "../kept": f"{p.root}/../kept", "/tmp": f"{p.home}/else"}[folder]
    p.write("tasks.yml", p.read("tasks.yml").replace("@HERE@", place))
    assert p.run("-q", "t", "1") == Result("", "", 0)
    assert os.path.isdir(f"{place}/pyrun-store/cas")
    assert not os.path.exists(f"{p.home}/.cache/pyrun/store")
    p.remove("out-1")
    assert p.run("t", "1").stderr == "t 1: restored (the target out-1 is gone)\n"
    with open(f"{place}/mine", "w", encoding="ascii") as file:
        file.write("not pyrun's")
    assert p.run("--clean=cache").code == 0
    assert sorted(os.listdir(place)) == ["mine", "pyrun-store"]
    assert os.listdir(f"{place}/pyrun-store") == []


def test_what_was_not_used_for_longest_is_removed_where_there_is_too_much(project: MakeProject) -> None:
    p = project({"tasks.yml": FILE.replace("FOLDER", "~/kept"), "in": ""})
    for number in range(8):
        assert p.run("-q", "t", str(number)).code == 0
    held = sum(
        os.path.getsize(f"{folder}/{name}")
        for folder, _, names in os.walk(f"{p.home}/kept")
        for name in names
    )
    assert held < 1_300_000
    for number in (0, 7):
        p.remove(f"out-{number}")
    assert "restored" in p.run("t", "7").stderr
    assert p.run("-q", "t", "0").code == 0
    assert len(p.lines("log")) == 9


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{size: 10}", "`size` must be a number with a unit"),
        ("{size: 0GB}", "`size` must be a number with a unit"),
        ("{size: 10 gigabytes}", "`size` must be a number with a unit"),
        ("{size: -1GB}", "`size` must be a number with a unit"),
        ("{folder: ''}", "`folder` can't be empty"),
        ("{remote: x}", "`remote` is not a key of `cache`"),
        ("true", "`cache` must be a map"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(project: MakeProject, text: str, told: str) -> None:
    p = project({"tasks.yml": f"cache: {text}\ntasks: {{t: {{run: [true]}}}}\n"})
    result = p.run("t")
    assert (told in result.stderr, result.stderr.startswith("pyrun: tasks.yml:1:"), result.code) == (
        True,
        True,
        2,
    ), result
