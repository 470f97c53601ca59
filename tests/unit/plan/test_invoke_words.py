"""The words for Invoke: how each type of value is given, and what is refused. That Invoke reads them as they
are meant is shown against Invoke itself, in `tests/features/test_invoke_agrees.py`.
"""

import pytest

from runner.errors import PlanError
from runner.location import Position
from runner.model.invoke import COUNT, Default, InvokeParam, InvokeTask
from runner.model.param import BOOL, FLOAT, INT, LIST, STRING
from runner.plan.invoke_words import invoke_words

Value = str | tuple[str, ...]

AT = Position("tasks.py", 1, 1)


def param(
    name: str,
    type: str = STRING,  # noqa: A002 - the field's name
    default: Default = None,
    required: bool = False,
    optional: bool = False,
    short: str = "",
) -> InvokeParam:
    return InvokeParam(name, type, default, required, optional, short, "", AT)


def words(
    params: list[InvokeParam], values: dict[str, Value], reserved: tuple[str, ...] = ()
) -> tuple[str, ...]:
    task = InvokeTask("docs.build", (), "", "", tuple(params), reserved, AT)
    found = invoke_words(task, values, "/bin/python", "/top", "tasks", AT)
    head = ("/bin/python", "-P", "-m", "invoke", "--search-root=/top", "--collection=tasks", "docs.build")
    assert found[: len(head)] == head
    return found[len(head) :]


@pytest.mark.parametrize(
    ("one", "value", "expected"),
    [
        (param("name"), "v", ["--name=v"]),
        (param("n"), "v", ["-n=v"]),
        (param("name", required=True), "", ["--name="]),
        (param("name"), "", []),
        (param("name", default="x"), "", ["--name="]),
        (param("name"), "-v", ["--name=-v"]),
        (param("count", INT, 3), "4", ["--count=4"]),
        (param("ratio", FLOAT, 0.5), "1e3", ["--ratio=1e3"]),
        (param("dry", BOOL, default=False), "true", ["--dry"]),
        (param("dry", BOOL, default=False), "false", []),
        (param("pull", BOOL, default=True), "true", []),
        (param("pull", BOOL, default=True), "false", ["--no-pull"]),
        (param("v", BOOL, default=False), "true", ["-v"]),
        (param("v", BOOL, default=True), "false", ["--no-v"]),
        (param("files", LIST), ("a", "", "-b"), ["--files=a", "--files=", "--files=-b"]),
        (param("files", LIST), (), []),
        (param("verbose", COUNT, 0), "3", ["--verbose"] * 3),
        (param("verbose", COUNT, 2), "3", ["--verbose"]),
        (param("verbose", COUNT, 2), "", []),
        (param("log", STRING, default=False, optional=True), "x", ["--log=x"]),
        (param("log", STRING, default=False, optional=True), "", []),
    ],
)
def test_a_value_is_given_by_its_type(one: InvokeParam, value: Value, expected: list[str]) -> None:
    assert words([one], {one.name: value}) == tuple(expected)
    assert words([one], {}) == ()


def test_what_must_be_given_comes_first() -> None:
    params = [param("log", optional=True), param("name", required=True)]
    assert words(params, {"log": "x", "name": "y"}) == ("--name=y", "--log=x")


@pytest.mark.parametrize("value", ["--name", "-n", "--pull", "--no-pull", "a\0b"])
def test_a_value_that_reads_as_a_flag_of_the_task_is_refused(value: str) -> None:
    params = [param("name", short="n"), param("pull", BOOL, default=True)]
    with pytest.raises(PlanError) as caught:
        words(params, {"name": value})
    assert caught.value.at == AT
    assert "can't be the name of `docs.build`" in caught.value.message


@pytest.mark.parametrize("value", ["test", "--name=x", "-nx"])
def test_an_optional_flag_has_more_that_it_can_not_be(value: str) -> None:
    params = [param("name", optional=True, short="n")]
    with pytest.raises(PlanError):
        words(params, {"name": value}, reserved=("docs.build", "test"))
    assert words([param("name", short="n")], {"name": value}) == (f"--name={value}",)


def test_a_count_does_not_go_down() -> None:
    with pytest.raises(PlanError) as caught:
        words([param("verbose", COUNT, 2)], {"verbose": "1"})
    assert caught.value.hint == "give 2 or more"


def test_a_switch_whose_other_flag_is_an_option_of_its_own_is_refused() -> None:
    params = [param("cache", BOOL, default=True), param("no-cache", BOOL, default=False)]
    with pytest.raises(PlanError):
        words(params, {"cache": "false"})
    assert words(params, {"cache": "true", "no-cache": "true"}) == ("--no-cache",)
