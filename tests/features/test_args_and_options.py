"""What args and options take: types, values, defaults, variables, lists."""

import pytest

from tests.features.conftest import MakeProject, Project, Result


def shows(declared: str, shown: str = "'${x}'", kind: str = "options") -> dict[str, str]:
    """A file with the task `t`, whose `x` is declared so, and that shows it."""
    return {
        "tasks.yml": f"""
            tasks:
              t:
                {kind}: {{x: {declared}}}
                run: {{command: {{exec: "printf '<%s>' {shown}", quiet: true}}}}
        """
    }


def given(p: Project, *words: str, env: dict[str, str] | None = None) -> str:
    result = p.run("-q", "t", *words, env=env)
    assert (result.stderr, result.code) == ("", 0), words
    return result.stdout


def refused(p: Project, *words: str, env: dict[str, str] | None = None) -> str:
    result = p.run("t", *words, env=env)
    assert (result.stdout, result.code) == ("", 2), words
    return result.stderr


def test_a_text_is_kept_as_it_is_typed(project: MakeProject) -> None:
    p = project(shows("{}", kind="args"))
    for word in ("1.10", "010", "$NAME", "true", "null", " a  b ", "1e3", "~", "*", "日本", "${x}", "$$"):
        assert given(p, word) == f"<{word}>"


def test_a_default_is_kept_as_it_is_written(project: MakeProject) -> None:
    for word in ("1.10", "010", "true", "1e3", "0x10", "~x", "12:30:00", "2001-01-01"):
        assert given(project(shows(f"{{default: {word}}}"))) == f"<{word}>"


@pytest.mark.parametrize("kind", ["int", "integer"])
def test_an_int_is_a_whole_number(project: MakeProject, kind: str) -> None:
    p = project(shows(f"{{type: {kind}}}"))
    assert given(p) == "<0>"
    for word in ("7", "-7", "+7", "007"):
        assert given(p, f"--x={word}") == f"<{word}>"
    for word in ("1.5", "x", "1_0", "0x1", " 1", "٣", "--1"):
        told = f"pyrun: `{word}` is not a whole number, as the x of `t` must be\n"
        assert refused(p, f"--x={word}") == told


def test_a_float_is_a_number(project: MakeProject) -> None:
    p = project(shows("{type: float}"))
    assert given(p) == "<0>"
    for word in ("1.5", "-2", "1e-3", ".5"):
        assert given(p, f"--x={word}") == f"<{word}>"
    for word in ("x", "1,5", "1_0", "", "1 "):
        if word:
            told = f"pyrun: `{word}` is not a number, as the x of `t` must be\n"
            assert refused(p, f"--x={word}") == told


def test_a_bool_is_true_or_false(project: MakeProject) -> None:
    p = project(shows("{type: bool, short: x}"))
    assert given(p) == "<false>"
    for words in (["--x"], ["-x"], ["--x=true"], ["--x=1"], ["--x=T"], ["-x=true"]):
        assert given(p, *words) == "<true>", words
    for words in (["--x=false"], ["--x=0"], ["-x=f"], ["--x", "--x=false"]):
        assert given(p, *words) == "<false>", words
    assert refused(p, "--x=maybe") == "pyrun: `maybe` is not `true` or `false`, as the x of `t` must be\n"
    assert given(project(shows("{type: bool, default: true}")), "--x=false") == "<false>"
    assert given(project(shows("{type: bool, default: yes}"))) == "<true>"


def test_what_a_param_is_without_a_word_default_variable_zero(project: MakeProject) -> None:
    p = project(shows("{default: d, environment: VAR}"))
    assert given(p, "--x=w", env={"VAR": "v"}) == "<w>"
    assert given(p, env={"VAR": "v"}) == "<v>"
    assert given(p, env={"VAR": ""}) == "<d>"
    assert given(p) == "<d>"
    assert given(project(shows("{}"))) == "<>"


def test_an_arg_takes_a_variable_or_a_default_too(project: MakeProject) -> None:
    p = project(shows("{default: d, environment: VAR}", kind="args"))
    assert given(p, "w", env={"VAR": "v"}) == "<w>"
    assert given(p, env={"VAR": "v"}) == "<v>"
    assert given(p) == "<d>"
    assert given(project(shows("{required: false}", kind="args"))) == "<>"
    assert given(project(shows("{environment: VAR}", kind="args")), env={"VAR": "v"}) == "<v>"


def test_a_variable_is_checked_like_a_word(project: MakeProject) -> None:
    p = project(shows("{type: int, environment: VAR}"))
    assert refused(p, env={"VAR": "x"}) == "pyrun: `x` is not a whole number, as the x of `t` must be\n"
    p = project(shows("{values: [one, two], environment: VAR}"))
    assert refused(p, env={"VAR": "twoo"}) == "pyrun: `t` knows no x `twoo`\n  did you mean `two`?\n"


def test_a_default_is_taken_as_it_stands(project: MakeProject) -> None:
    assert given(project(shows("{type: int, default: auto}"))) == "<auto>"
    assert given(project(shows("{values: [one, two], default: ''}"))) == "<>"


def test_a_default_may_use_what_stands_above(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                args: {name: {}}
                options:
                  one: {default: "1-${name}"}
                  two: {default: "2-${one}"}
                run: {command: {exec: 'printf %s ${two}', quiet: true}}
        """
    })  # fmt: skip
    assert given(p, "a b") == "2-1-a b"
    assert given(p, "n", "--one=$x") == "2-$x"


def test_a_required_option_must_be_given(project: MakeProject) -> None:
    p = project(shows("{required: true, environment: VAR}"))
    assert refused(p) == "pyrun: `t` needs the option `--x`\n"
    assert given(p, "--x=1") == "<1>"
    assert given(p, env={"VAR": "v"}) == "<v>"


def test_values_are_the_only_ones(project: MakeProject) -> None:
    p = project(shows("{values: [debug, release, '1.10']}"))
    assert given(p, "--x", "debug") == "<debug>"
    assert given(p, "--x", "1.10") == "<1.10>"
    assert refused(p, "--x", "relase") == "pyrun: `t` knows no x `relase`\n  did you mean `release`?\n"
    assert given(p) == "<>"


def test_values_of_a_glob_are_what_its_star_stands_for(project: MakeProject) -> None:
    files = shows("{values: {glob: init/*.conf}}", kind="args")
    p = project({**files, "init/b.conf": "", "init/a.x.conf": "", "init/.hidden.conf": "", "init/c.txt": ""})
    assert given(p, "a.x") == "<a.x>"
    assert given(p, "b") == "<b>"
    for word in (".hidden", "c", "a.x.conf", "*", ""):
        assert "one of: a.x, b" in (told := refused(p, word)) or "did you mean" in told
    p.write("init/new.conf", "")
    assert given(p, "new") == "<new>"


def test_a_glob_with_a_slash_at_its_end_is_for_folders(project: MakeProject) -> None:
    p = project({**shows("{values: {glob: cmd/*/}}", kind="args"), "cmd/api/main.go": "", "cmd/file": ""})
    assert given(p, "api") == "<api>"
    assert refused(p, "file") == "pyrun: `t` knows no x `file`\n  one of: api\n"


def test_a_glob_without_a_match_says_so(project: MakeProject) -> None:
    p = project(shows("{values: {glob: cmd/*/}}", kind="args"))
    hint = "  `cmd/*/` matches nothing, so there is no value\n"
    assert refused(p, "api") == f"pyrun: `t` knows no x `api`\n{hint}"
    assert refused(p) == f"pyrun: `t` needs a x\n{hint}"
    assert refused(p, "--all") == f"pyrun: `t --all` has nothing to do\n{hint}"


def test_values_may_hang_on_an_earlier_arg(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                args:
                  team: {values: [red, blue]}
                  who: {values: {glob: "${team}/*.txt"}}
                run: {command: {exec: 'echo ${team} ${who}', quiet: true}}
        """,
        "red/ann.txt": "", "red/bob.txt": "", "blue/eve.txt": "",
    })  # fmt: skip
    assert given(p, "red", "ann") == "red ann\n"
    assert refused(p, "blue", "ann") == "pyrun: `t` knows no who `ann`\n  one of: eve\n"
    assert p.run("-j1", "t", "red", "ann", "bob").stdout == "red ann\nred bob\n"


def test_a_list_arg_takes_all_words_each_a_word_of_its_own(project: MakeProject) -> None:
    p = project(shows("{type: list}", "${x}", kind="args"))
    assert given(p, "a b", "c", "$(touch pwned)") == "<a b><c><$(touch pwned)>"
    assert given(p, "") == "<>"
    assert given(p) == "<>"
    assert p.files() == ["tasks.yml"]


def test_a_list_arg_may_be_made_to_need_a_word(project: MakeProject) -> None:
    p = project(shows("{type: list, required: true}", "${x}", kind="args"))
    assert refused(p) == "pyrun: `t` needs a x\n"
    assert given(p, "a") == "<a>"


def test_a_list_option_collects_what_it_is_given(project: MakeProject) -> None:
    p = project(shows("{type: list, short: l}", "${x}"))
    assert given(p, "--x", "a b", "-l", "c", "--x=d") == "<a b><c><d>"
    p = project(shows("{type: list, values: [one, two]}", "${x}"))
    assert given(p, "--x=one", "--x=two") == "<one><two>"
    assert refused(p, "--x=one", "--x=tow") == "pyrun: `t` knows no x `tow`\n  did you mean `two`?\n"


def test_a_list_default_and_variable_are_one_word(project: MakeProject) -> None:
    p = project(shows("{type: list, default: a b, environment: VAR}", "${x}"))
    assert given(p) == "<a b>"
    assert given(p, env={"VAR": "c d"}) == "<c d>"


def test_a_list_arg_takes_a_default_and_a_variable(project: MakeProject) -> None:
    p = project(shows("{type: list, default: a b, environment: VAR}", "${x}", kind="args"))
    assert given(p) == "<a b>"
    assert given(p, env={"VAR": "c d"}) == "<c d>"
    assert given(p, "e") == "<e>"


def test_a_shared_option_is_taken_by_tasks_that_mention_it(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            options:
              level: {values: [low, high], default: low}
              greeting: {default: "level-${level}"}
              unused: {required: true}
            tasks:
              t: {run: {command: {exec: 'echo ${greeting}', quiet: true}}}
              other: {run: {command: {exec: echo other, quiet: true}}}
        """
    })  # fmt: skip
    assert given(p) == "level-low\n"
    assert given(p, "--level=high") == "level-high\n"
    assert p.run("other", "--level=high").code == 2
    assert p.run("other") == Result("other\n", "", 0)


def test_names_of_the_platform_are_there_without_being_defined(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {t: {run: {command: {exec: 'echo ${TARGETOS} ${TARGETPLATFORM}', quiet: true}}}}\n"
    })  # fmt: skip
    system, _, platform = given(p).partition(" ")
    assert system == "linux"
    assert platform.startswith("linux/")


def test_a_param_that_hides_a_name_of_the_platform_wins(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                options: {TARGETOS: {default: mine}}
                run: {command: {exec: 'echo ${TARGETOS}', quiet: true}}
        """
    })  # fmt: skip
    assert given(p) == "mine\n"
