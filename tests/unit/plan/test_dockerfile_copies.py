"""What a Dockerfile needs: all that it copies, and everything where that can't be told."""

import pytest

from runner.errors import PlanError
from runner.location import Position
from runner.plan.dockerfile_copies import BUILDKIT, SESSION, DockerfileNeeds, dockerfile_needs
from runner.plan.dockerfile_text import parse_dockerfile

AT = Position("tasks.yml", 3, 5)


def needs(text: str, stage: str = "", **args: str) -> DockerfileNeeds:
    names = {"TARGETARCH": "amd64"}
    return dockerfile_needs(parse_dockerfile(text), stage, args, names, AT)


def copied(text: str, stage: str = "", **args: str) -> list[str]:
    return [one.path for one in needs(text, stage, **args).copied]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("RUN make", []),
        ("COPY a b /to/\nadd ./c/ /d", ["a", "b", "c"]),
        ("COPY --chown=1:1 \\\n  # why\n  a \\\n  /b", ["a"]),
        ('COPY ["a b", "c", "/to/"]', ["a b", "c"]),
        ("COPY --from=other /a /b", []),
        ("ADD https://example.org/x git@example.org:y.git /x", []),
        ("COPY *.txt /a/\nCOPY d?r/[ab] /b/", ["*.txt", "d?r/[ab]"]),
        ("COPY . /all", [""]),
        ("COPY / /all", [""]),
        ("COPY /a/../b ../c /d/", ["b", "c"]),
        ("COPY <<one b /x/\na\none\nCOPY c /y", ["b", "c"]),
        ("RUN <<end\nCOPY a /b\nend", []),
        ("ONBUILD COPY a /b", ["a"]),
        ('ONBUILD COPY --chown=1 ["a", "/b"]', ["a"]),
        ("ONBUILD RUN x", []),
        ("ONBUILD", []),
        ("COPY a\\*b /x", [""]),
    ],
)
def test_what_is_copied(text: str, found: list[str]) -> None:
    assert copied(f"FROM scratch\n{text}\n") == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("COPY $name /a", ""),
        ("ARG name\nCOPY $name /a", ""),
        ("ARG name=x\nCOPY $name /a", "x"),
        ("ARG name=x\nENV name=y\nCOPY ${name}/z /a", "y/z"),
        ("ENV name y z\nCOPY $name /a", "y z"),
        ('ENV name="y z" other=w\nCOPY "${name}/$other" /a', "y z/w"),
        ("ARG name=x\nCOPY ${name:-y} ${name:+z} /a/", "x"),
        ("ARG name=\nCOPY ${name:-y} /a", "y"),
        ("ARG name=\nCOPY ${name-y}/b /a", "b"),
        ("ARG name=x\nCOPY ${name%y} /a", ""),
        ("ARG TARGETARCH\nCOPY $TARGETARCH /a", "amd64"),
        ("COPY $TARGETARCH /a", ""),
        ("ARG given=x\nCOPY $given /a", "value"),
        ("ARG given\nCOPY '$given' /a", "$given"),
    ],
)
def test_a_variable_is_what_the_dockerfile_says_or_stands_for_everything(text: str, found: str) -> None:
    assert copied(f"FROM a\n{text}\n", given="value")[0] == found


def test_an_arg_in_front_of_the_first_stage_is_for_bases_and_those_that_ask_for_it() -> None:
    text = "ARG V=1\nFROM a:$V AS one\nCOPY $V /a\nFROM one\nARG V\nCOPY x$V /a"
    found = needs(text)
    assert (found.bases, [one.path for one in found.copied]) == (("a:1",), ["", "x1"])
    assert needs(text, V="2").bases == ("a:2",)


def test_what_a_stage_sets_holds_for_those_that_stand_on_it() -> None:
    text = "FROM a AS one\nENV D=x\nARG E=y\nFROM one\nCOPY $D /a\nCOPY $E /a"
    assert copied(text) == ["x", ""]


STAGES = """\
FROM a AS build
COPY build.txt /x
FROM b AS Tools
COPY tools.txt /x
FROM tools
COPY --from=build /x /y
COPY last.txt /z
FROM c AS after
COPY after.txt /x
RUN --mount=type=bind,from=build,target=/m x
"""


@pytest.mark.parametrize(
    ("stage", "bases", "found"),
    [
        ("build", ("a",), ["build.txt"]),
        ("TOOLS", ("b",), ["tools.txt"]),
        ("2", ("b", "a"), ["tools.txt", "build.txt", "last.txt"]),
        ("", ("c", "a"), ["after.txt", "build.txt"]),
    ],
)
def test_only_the_stages_count_that_the_wanted_one_is_made_of(
    stage: str, bases: tuple[str, ...], found: list[str]
) -> None:
    assert (needs(STAGES, stage).bases, copied(STAGES, stage)) == (bases, found)


def test_a_stage_that_is_not_there_is_told() -> None:
    with pytest.raises(PlanError, match="the Dockerfile has no stage `biuld`") as caught:
        needs(STAGES, "biuld")
    assert (caught.value.at, caught.value.hint) == (AT, "did you mean `build`?")


@pytest.mark.parametrize("text", ["", "# nothing", "ARG X=1"])
def test_a_dockerfile_without_a_stage_has_none(text: str) -> None:
    with pytest.raises(PlanError, match="has no stage"):
        needs(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("RUN --mount=type=bind,target=/x make", [""]),
        ("RUN --mount=target=/x make", [""]),
        ("RUN --mount=type=bind,source=a/b,target=/x make", ["a/b"]),
        ("RUN --mount=type=cache,target=/x make", []),
        ("RUN --mount=type=cache,from=other,target=/x make", []),
        ("RUN --mount=from=other,target=/x make", []),
    ],
)
def test_a_mount_may_let_a_command_see_the_context(text: str, found: list[str]) -> None:
    assert copied(f"FROM a\n{text}") == found


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("RUN --mount=type=cache,target=/x make", {BUILDKIT: "`RUN --mount` in line 3 of the Dockerfile"}),
        ("RUN --network=none make", {BUILDKIT: "`RUN --network` in line 3 of the Dockerfile"}),
        ("COPY --chmod=755 a /b", {BUILDKIT: "`COPY --chmod` in line 3 of the Dockerfile"}),
        ("COPY <<E /x\nE\n", {BUILDKIT: "`COPY <<E` in line 3 of the Dockerfile"}),
        ("COPY --chown=1 --from=other a /b", {}),
        (
            "RUN --mount=type=secret,id=one --mount=type=secret,dst=/a/two --mount=type=ssh make",
            {
                BUILDKIT: "`RUN --mount` in line 3 of the Dockerfile",
                SESSION: "`RUN --mount=type=ssh` in line 3 of the Dockerfile",
            },
        ),
    ],
)
def test_what_a_builder_must_have(text: str, what: dict[str, str]) -> None:
    assert dict(needs(f"FROM a\nRUN x\n{text}").builder) == what


def test_secrets_and_an_agent_that_commands_mount() -> None:
    found = needs(
        "FROM a\nRUN --mount=type=secret,id=one --mount=type=secret,dst=/a/two,required --mount=type=ssh x"
    )
    assert (found.secrets, found.ssh) == (("one", "two"), True)


def test_a_stage_that_is_not_needed_needs_nothing() -> None:
    found = needs("FROM a AS one\nRUN --mount=type=secret,id=x y\nFROM b\n")
    assert (found.secrets, found.builder, found.bases) == ((), (), ("b",))


@pytest.mark.parametrize("syntax", ["docker/dockerfile:1", "docker.io/docker/dockerfile:1.7-labs"])
def test_the_usual_reader_may_be_named(syntax: str) -> None:
    assert copied(f"# syntax={syntax}\nFROM a\nCOPY a /b") == ["a"]


def test_for_another_reader_all_may_mean_something_else() -> None:
    found = needs("# syntax=example.org/mine\nFROM a\nCOPY a /b")
    assert ([one.path for one in found.copied], found.builder[0][0]) == ([""], BUILDKIT)
