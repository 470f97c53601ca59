"""Whatever the names and texts of a project are, the file that is written says them."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from runner.cli.first_file import first_file, yaml_text
from runner.cli.first_tasks import FirstArg, FirstProject, FirstTask
from runner.config.decode import decode

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text("ab1.-/ :#{}[],&*!|>'\"%@`\\?=~\t\n$", max_size=8),
    st.sampled_from(
        [
            "true",
            "No",
            "null",
            "~",
            "1",
            "1.5",
            "0x1",
            "1_0",
            ".inf",
            "2024-01-01",
            "=",
            "<<",
            "y",
            "- a",
            "a: b",
        ]
    ),
)
SEEN = TEXTS.filter(str.isprintable)


@given(TEXTS)
def test_a_text_is_read_back_as_it_was(text: str) -> None:
    assert yaml.safe_load(f"x: {yaml_text(text)}\n") == {"x": text}
    assert yaml.safe_load(f"{yaml_text(text)}:\n  - {yaml_text(text)}\n") == {text: [text]}


@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_texts_in_brackets_are_read_back_as_they_were(texts: list[str]) -> None:
    inner = ", ".join(yaml_text(text, inline=True) for text in texts)
    assert yaml.safe_load(f"x: [{inner}]\n") == {"x": texts}
    assert yaml.safe_load(f"x: {{a: {yaml_text(texts[0], inline=True)}}}\n") == {"x": {"a": texts[0]}}


@given(st.lists(st.tuples(SEEN, SEEN), max_size=4))
def test_scripts_of_any_name_become_tasks(scripts: list[tuple[str, str]]) -> None:
    found = {name: text for name, text in scripts if name not in {"", "<<"} and name[0] not in "-:"}
    tasks = tuple(FirstTask(name, text, ("true",)) for name, text in found.items())
    text, names = first_file("folder", [FirstProject("a Node package", "", tasks)])
    project = decode(text.encode(), "tasks.yml")
    assert list(project.names()) == names == (list(found) or ["hello"])
    for name, usage in found.items():
        task = project.task(name)
        assert task is not None
        assert task.usage == usage


def test_a_name_that_is_taken_gets_its_kind_in_front_and_calls_follow_it() -> None:
    arg = FirstArg("program", "A program", ("a", "b"))
    one = FirstProject("a Go module", "", (FirstTask("build", "", ("true",), args=(arg,)),))
    build = FirstTask("build", "", ("true",), args=(arg,))
    two = FirstProject(
        "a Node package", "", (build, FirstTask("go", "", ("true",), ("build ${program}",), args=(arg,)))
    )
    text, names = first_file("folder", [one, two])
    assert names == ["build", "node-build", "go"]
    task = decode(text.encode(), "tasks.yml").task("go")
    assert task is not None
    assert 'deps: ["node-build ${program}"]' in text
