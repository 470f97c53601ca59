import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.digest import canonical
from runner.errors import PlanError
from runner.location import Position
from runner.plan.facts import FILE, FOLDER
from runner.plan.image_plan import (
    LINK,
    BasePlan,
    BaseVariable,
    ConfigPlan,
    CopyFile,
    CopyPlan,
    Healthcheck,
    ImagePlan,
    base_plan,
    destination,
    name_and_tags,
    placed,
    shell_form,
)
from runner.plan.platform import Platform

AT = Position("tasks.yml", 3, 5)


@pytest.mark.parametrize(
    ("to", "workdir", "path", "below", "expected"),
    [
        ("/app/", "", "gmicro/gmicro", None, "/app/gmicro"),
        ("/app", "", "gmicro/gmicro", None, "/app"),
        ("/", "", "gmicro", None, "/gmicro"),
        ("bin/", "/app", "x/run", None, "/app/bin/run"),
        ("bin", "/app", "x/run", None, "/app/bin"),
        (".", "/app", "x/run", None, "/app/run"),
        ("./", "/app/", "x/run", None, "/app/run"),
        ("..", "/app/web", "x/run", None, "/app/run"),
        ("/a//b/../c/", "", "x", None, "/a/c/x"),
        ("/app", "", "web/dist/js/a.js", "web/dist", "/app/js/a.js"),
        ("/app/", "", "web/dist/js/a.js", "web/dist", "/app/js/a.js"),
        ("/app", "", "web/dist", "web/dist", "/app"),
        ("/app/", "", "a.yml", "", "/app/a.yml"),
        ("/app", "", "conf/a.yml", "", "/app/conf/a.yml"),
        ("/app/", "", "/abs/file", None, "/app/file"),
        ("/", "", "web/dist/index.html", "web/dist", "/index.html"),
    ],
)
def test_a_file_lands_where_the_rule_says(
    to: str, workdir: str, path: str, below: str | None, expected: str
) -> None:
    assert destination(to, workdir, path, below) == expected


NAME = st.text("ab.", min_size=1, max_size=3).filter(lambda name: name not in {".", ".."})
PATH = st.lists(NAME, min_size=1, max_size=4).map("/".join)


@given(st.lists(st.sampled_from(["a", "b", ".", "..", ""]), max_size=6).map("/".join), PATH, PATH)
def test_whatever_is_asked_it_is_a_clean_absolute_path_or_an_error(to: str, folder: str, rest: str) -> None:
    for path, below in ((f"{folder}/{rest}", None), (f"{folder}/{rest}", folder)):
        try:
            found = destination(to, "/w", path, below)
        except PlanError:
            assert ".." in to
            continue
        assert found.startswith("/")
        assert not {"", ".", ".."} & set(found[1:].split("/"))
        if below is not None:
            assert found.endswith(f"/{rest}")


def test_a_relative_place_without_a_workdir_is_an_error_that_says_what_is_right() -> None:
    with pytest.raises(PlanError) as caught:
        destination("bin/", "", "a", None, AT)
    assert caught.value.at == AT
    assert caught.value.hint == "`to: /bin/`"


def test_a_place_above_the_root_is_an_error() -> None:
    with pytest.raises(PlanError, match="above the image's root"):
        destination("../../x", "/app", "a", None)


def test_a_folder_brings_its_contents_and_itself() -> None:
    copy = CopyPlan("/app", ("web",))
    found = placed(copy, "web", "web", [("web/b", FILE), ("web/a", LINK), ("web/sub", FOLDER)], "")
    assert found == (
        CopyFile("web", "/app", FOLDER),
        CopyFile("web/a", "/app/a", LINK),
        CopyFile("web/b", "/app/b"),
        CopyFile("web/sub", "/app/sub", FOLDER),
    )
    assert placed(copy, "web", "web", [], "") == (CopyFile("web", "/app", FOLDER),)
    assert placed(CopyPlan("/", ("web",)), "web", "web", [("web/b", FILE)], "") == (CopyFile("web/b", "/b"),)


def test_a_pattern_that_matches_nothing_is_an_error() -> None:
    with pytest.raises(PlanError, match=r"nothing matches `conf/\*\.yml`") as caught:
        placed(CopyPlan("/app/", ("conf/*.yml",), at=AT), "conf/*.yml", "conf", [], "")
    assert caught.value.at == AT


@pytest.mark.parametrize(
    ("name", "tags", "instead", "expected"),
    [
        ("a", (), (), ("a", ("latest",))),
        ("a:1", ("2", "1"), (), ("a", ("1", "2"))),
        ("r.example.org:5000/a", ("2",), (), ("r.example.org:5000/a", ("2",))),
        ("r.example.org:5000/a:1", (), ("x", "y"), ("r.example.org:5000/a", ("x", "y"))),
    ],
)
def test_tags_come_from_the_name_the_list_or_the_command_line(
    name: str, tags: tuple[str, ...], instead: tuple[str, ...], expected: tuple[str, tuple[str, ...]]
) -> None:
    assert name_and_tags(name, tags, instead) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("scratch", BasePlan("scratch")),
        ("oci:bases", BasePlan("oci", "bases")),
        ("oci:bases:registry.example.org/a:1", BasePlan("oci", "bases", "registry.example.org/a:1")),
        ("archive:a.tar", BasePlan("archive", "a.tar")),
        ("archive:a.tar:x:1", BasePlan("archive", "a.tar", "x:1")),
        ("engine:x:1", BasePlan("engine", "x:1")),
        ("x:1", BasePlan("registry", "x:1")),
        ("registry.example.org/x", BasePlan("registry", "registry.example.org/x")),
    ],
)
def test_a_base_is_nothing_or_of_one_kind(written: str, expected: BasePlan) -> None:
    assert base_plan(written) == expected


@pytest.mark.parametrize("written", ["oci:", "oci::tag", "archive:", "archive::x", "engine:"])
def test_a_kind_without_a_name_is_an_error(written: str) -> None:
    with pytest.raises(PlanError) as caught:
        base_plan(written, AT)
    assert f"{written.partition(':')[0]}:" in caught.value.hint


def test_a_path_is_relative_to_the_folder_of_its_file() -> None:
    assert base_plan("oci:bases:1", AT, "services/api") == BasePlan("oci", "services/api/bases", "1")
    assert base_plan("archive:/b.tar", AT, "services/api") == BasePlan("archive", "/b.tar")
    assert base_plan("engine:x:1", AT, "services/api") == BasePlan("engine", "x:1")


def test_plans_are_equal_by_value_and_their_place_in_the_file_does_not_count() -> None:
    def plan(at: Position | None, interval: int = 0, env: str = "PATH") -> ImagePlan:
        config = ConfigPlan(
            env=(("P", ("x:", BaseVariable(env))),),
            healthcheck=Healthcheck(("NONE",), interval),
            cmd=shell_form("run"),
        )
        copies = (CopyPlan("/app/", ("a",), mode=0o600, owner=(1, 2), at=at),)
        return ImagePlan("a", ("1",), base_plan("scratch"), copies, config, Platform("linux", "amd64"))

    one, same, other = plan(None), plan(AT), plan(AT, 7)
    assert one == same
    assert hash(one) == hash(same)
    assert canonical(one.plain()) == canonical(same.plain())
    assert canonical(one.plain()) != canonical(other.plain())
    assert one != other
    assert canonical(one.plain()) != canonical(plan(None, env="HOME").plain())
    assert BasePlan("oci", "a") != Platform("oci", "a")


def test_a_variable_and_a_text_of_the_same_letters_are_not_the_same() -> None:
    text, variable = ConfigPlan(env=(("A", ("X",)),)), ConfigPlan(env=(("A", (BaseVariable("X"),)),))
    assert canonical(text.plain()) != canonical(variable.plain())


def test_importing_it_brings_nothing_slow() -> None:
    code = "import sys; import runner.plan.image_plan; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    slow = {"dataclasses", "typing", "json", "pathlib", "re", "enum", "functools", "collections", "hashlib"}
    assert not slow & set(done.stdout.split())
