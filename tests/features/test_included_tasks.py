"""A task whose keys stand in a file of their own: `tasks: {name: {include: FILE}}`."""

import pytest

from tests.features.conftest import MakeProject, Result

DIALECTS = pytest.mark.parametrize("file", ["tasks.yml", "tusk.yml"])


@DIALECTS
def test_the_file_holds_the_keys_of_one_task(project: MakeProject, file: str) -> None:
    p = project({
        file: """
            options: {shared: {default: s}}
            tasks:
              pack: {include: parts/pack.yml}
              calls: {run: [{task: "pack a"}, echo called]}
              note: {args: {x: {}}, run: 'echo note ${x}'}
        """,
        "parts/pack.yml": """
            usage: Packs it
            args: {what: {usage: What is packed}}
            options: {level: {short: l, default: "1"}}
            run:
              - echo pack ${what} ${level} ${shared}
              - {task: {name: note, args: ["${what}"]}}
              - {when: {exists: beside}, command: pwd}
            finally: echo done
        """,
        "beside": "", "sub/x": "",
    })  # fmt: skip
    for cwd in ("", "sub", "parts"):
        result = p.run("-q", "pack", "a b", "-l", "2", "--shared=t", cwd=cwd)
        assert result == Result("pack a b 2 t\nnote a b\n@ROOT@\ndone\n", "", 0), cwd
    assert p.run("-q", "calls").stdout == "pack a 1 s\nnote a\n@ROOT@\ndone\ncalled\n"
    told = p.run("pack", "x").stderr.splitlines()
    assert told[0] == "pack x $ echo pack x 1 s"
    shown = p.run("pack", "--help").stdout
    for word in ("Packs it", "What is packed", "--level", "--shared"):
        assert word in shown
    assert "Packs it" in p.run("--list").stdout


@DIALECTS
def test_one_file_may_be_several_tasks_and_an_include_itself(project: MakeProject, file: str) -> None:
    # As all paths of such a task, an include within it is relative to the main file.
    p = project({
        file: "tasks: {a: {include: one.yml}, b: {include: parts/two.yml}}\n",
        "one.yml": "run: echo one\n",
        "parts/two.yml": "include: one.yml\n",
        "parts/one.yml": "run: echo wrong\n",
    })  # fmt: skip
    first = p.run("-q", "a")
    assert first == Result("one\n", "", 0)
    assert p.run("-q", "b") == first


@DIALECTS
def test_its_sources_are_relative_to_the_main_file(project: MakeProject, file: str) -> None:
    p = project({
        file: "tasks: {gen: {include: parts/gen.yml}}\n",
        "parts/gen.yml": "source: in\ntarget: out\nrun: cp in out; echo made\n",
        "in": "1",
    })  # fmt: skip
    assert p.run("-q", "gen") == Result("made\n", "", 0)
    assert p.run("-q", "gen", cwd="parts") == Result("", "", 0)
    p.write("parts/gen.yml", "source: in\ntarget: out\nrun: cp in out; echo changed\n")
    assert p.run("-q", "gen") == Result("changed\n", "", 0)


@DIALECTS
def test_a_change_of_the_file_is_seen_at_once(project: MakeProject, file: str) -> None:
    p = project({file: "tasks: {t: {include: t.yml}}\n", "t.yml": "run: echo one\n"})
    assert p.run("-q", "t").stdout == "one\n"
    p.write("t.yml", "run: echo two\n")
    assert p.run("-q", "t").stdout == "two\n"
    p.remove("t.yml")
    assert p.run("t").code == 2
    p.write("t.yml", "run: echo three\n")
    assert p.run("-q", "t").stdout == "three\n"


@DIALECTS
@pytest.mark.parametrize(
    ("text", "place"),
    [
        (None, "{file}:1:"),
        ("tasks: {t: {run: echo x}}\n", "parts/t.yml:1:"),
        ("run: echo x\nrnu: echo y\n", "parts/t.yml:2:"),
        ("run: [echo x\n", "parts/t.yml:"),
        ("- echo x\n", "parts/t.yml:1:"),
        ("", ""),
        ("include: t.yml\n", "parts/t.yml:1:"),
        ("include: gone.yml\n", "parts/t.yml:1:"),
        ("include: other.yml\nrun: echo x\n", "parts/t.yml:"),
    ],
)
def test_a_wrong_one_names_its_own_place_and_nothing_runs(
    project: MakeProject, file: str, text: str | None, place: str
) -> None:
    files = {
        file: "tasks: {t: {include: parts/t.yml}, fine: {run: touch ran}}\n",
        "parts/other.yml": "run: echo\n",
    }
    if text is not None:
        files["parts/t.yml"] = text
    p = project(files)
    for name in ("t", "fine"):
        result = p.run(name)
        assert (result.stdout, result.code) == ("", 2), result
        assert result.stderr.startswith("pyrun: " + place.format(file=file)), result.stderr
    assert not p.exists("ran")
    p.write("parts/t.yml", "run: echo right\n")
    assert p.run("-q", "t").stdout == "right\n"


@DIALECTS
def test_no_other_key_stands_beside_it(project: MakeProject, file: str) -> None:
    p = project({file: "tasks:\n  t: {include: t.yml, usage: extra}\n", "t.yml": "run: echo x\n"})
    result = p.run("t")
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr.startswith(f"pyrun: {file}:2:")


def test_the_traps_of_yaml_are_told_with_the_place_in_the_file(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {t: {include: t.yml}}\n",
        "t.yml": "args: {x: {}}\nrun: [echo ${x}]\n",
    })  # fmt: skip
    result = p.run("t", "a")
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr.startswith("pyrun: t.yml:2:12: ")
    assert 'write `run: ["echo ${x}"]`' in result.stderr
