"""How the words of a command line are read. A wrong one runs nothing and ends with 2."""

import pytest

from tests.features.conftest import MakeProject, Project, Result

FILE = """
    args:
      service: {values: {glob: cmd/*/}}
    tasks:
      install: {run: {command: {exec: echo install, quiet: true}}}
      build:
        args: [service]
        options:
          race: {type: bool, short: r}
          fast: {type: bool, short: f}
          tags: {short: t}
          jobs: {short: j}
        run: {command: {exec: 'echo build ${service} ${race} ${fast} [${tags}] [${jobs}]', quiet: true}}
      deploy:
        args:
          service: {values: [api, web, worker]}
          where: {values: [test, live]}
        run: {command: {exec: 'echo deploy ${service} ${where}', quiet: true}}
      say:
        args:
          words: {type: list}
        options:
          loud: {type: bool, short: l}
        run: {command: {exec: 'echo say [${loud}] ${words}', quiet: true}}
      count:
        args: {number: {type: int}}
        run: {command: {exec: 'echo count ${number}', quiet: true}}
      free:
        args: {word: {}}
        run: {command: {exec: 'echo free ${word}', quiet: true}}
"""


@pytest.fixture
def shop(project: MakeProject) -> Project:
    return project({"tasks.yml": FILE, "cmd/api/m": "", "cmd/web/m": "", "cmd/worker/m": ""})


def built(service: str, race: str = "false", fast: str = "false", tags: str = "", jobs: str = "") -> str:
    return f"build {service} {race} {fast} [{tags}] [{jobs}]\n"


def refused(shop: Project, words: list[str], told: str) -> None:
    assert shop.run(*words) == Result("", f"pyrun: {told}\n", 2), words


def test_words_fill_the_args_in_order(shop: Project) -> None:
    assert shop.run("deploy", "web", "test") == Result("deploy web test\n", "", 0)


def test_another_value_of_the_last_enumerated_arg_is_a_further_call(shop: Project) -> None:
    assert shop.run("-j1", "build", "api", "web") == Result(built("api") + built("web"), "", 0)
    assert shop.run("-j1", "deploy", "web", "test", "live") == Result(
        "deploy web test\ndeploy web live\n", "", 0
    )


def test_the_name_of_another_task_is_a_further_call(shop: Project) -> None:
    result = shop.run("-j1", "install", "build", "api", "deploy", "web", "live", "install")
    assert result == Result(f"install\n{built('api')}deploy web live\n", "", 0)


def test_a_free_arg_takes_a_word_even_if_it_names_a_task(shop: Project) -> None:
    assert shop.run("free", "install") == Result("free install\n", "", 0)
    assert shop.run("say", "install", "build") == Result("say [false] install build\n", "", 0)


def test_options_hold_for_the_call_in_which_they_stand(shop: Project) -> None:
    result = shop.run("-j1", "build", "api", "--race", "build", "web", "-t", "x")
    assert result == Result(built("api", race="true") + built("web", tags="x"), "", 0)


def test_a_further_value_keeps_the_options_before_it(shop: Project) -> None:
    assert shop.run("-j1", "build", "--race", "api", "web") == Result(
        built("api", race="true") + built("web", race="true"), "", 0
    )


def test_an_option_behind_several_values_is_for_all_that_were_given_none(shop: Project) -> None:
    both = built("api", tags="x") + built("web", tags="x")
    assert shop.run("-j1", "build", "api", "web", "--tags=x") == Result(both, "", 0)
    assert shop.run("-j1", "build", "api", "--tags=x", "web") == Result(both, "", 0)
    each = built("api", tags="x") + built("web", tags="y")
    assert shop.run("-j1", "build", "api", "--tags=x", "web", "--tags=y") == Result(each, "", 0)


def test_options_are_long_or_short_bundled_or_joined(shop: Project) -> None:
    for words in (
        ["--tags", "a=b", "--race"],
        ["--tags=a=b", "--race=true"],
        ["-t", "a=b", "-r"],
        ["-t=a=b", "-r"],
        ["-rt", "a=b"],
        ["-rt=a=b"],
    ):
        assert shop.run("build", "api", *words) == Result(built("api", "true", tags="a=b"), "", 0), words
    assert shop.run("build", "-rf", "api") == Result(built("api", "true", "true"), "", 0)
    assert shop.run("build", "api", "-rqf") == Result(built("api", "true", "true"), "", 0)


def test_a_joined_value_may_be_empty_or_begin_with_a_dash(shop: Project) -> None:
    assert shop.run("build", "api", "--tags=-x") == Result(built("api", tags="-x"), "", 0)
    assert shop.run("build", "api", "--tags", "--race") == Result(built("api", tags="--race"), "", 0)
    assert shop.run("build", "api", "--tags=") == Result(built("api"), "", 0)


def test_of_an_option_given_twice_the_last_one_holds(shop: Project) -> None:
    assert shop.run("build", "api", "-t", "a", "--tags=b") == Result(built("api", tags="b"), "", 0)


def test_an_option_of_the_task_wins_and_pyrun_name_always_means_ours(shop: Project) -> None:
    assert shop.run("build", "api", "-j", "7") == Result(built("api", jobs="7"), "", 0)
    assert shop.run("build", "api", "--jobs=x") == Result(built("api", jobs="x"), "", 0)
    assert shop.run("build", "api", "--pyrun-jobs=2") == Result(built("api"), "", 0)
    assert shop.run("--pyrun-jobs", "2", "build", "api") == Result(built("api"), "", 0)
    refused(shop, ["build", "api", "--pyrun-jobs=x"], "`--jobs x` is no number above 0")
    refused(shop, ["-j0", "build", "api"], "`--jobs 0` is no number above 0")


def test_after_a_dash_dash_words_are_args_whatever_they_look_like(shop: Project) -> None:
    assert shop.run("say", "-l", "--", "--loud", "-x", "--", "-l") == Result(
        "say [true] --loud -x -- -l\n", "", 0
    )
    assert shop.run("say", "--") == Result("say [false]\n", "", 0)
    assert shop.run("--", "install") == Result("install\n", "", 0)
    assert shop.run("free", "--", "--help") == Result("free --help\n", "", 0)


def test_a_single_dash_is_a_word(shop: Project) -> None:
    assert shop.run("say", "-", "-l") == Result("say [true] -\n", "", 0)


def test_a_negative_number_is_an_arg(shop: Project) -> None:
    assert shop.run("count", "-5") == Result("count -5\n", "", 0)


def test_all_calls_the_task_for_every_value(shop: Project) -> None:
    everything = built("api") + built("web") + built("worker")
    for words in (["build", "--all"], ["--all", "build"], ["build", "--pyrun-all"]):
        assert shop.run("-j1", *words) == Result(everything, "", 0), words
    assert shop.run("-j1", "build", "--all", "-r").stdout == everything.replace("false f", "true f")
    assert shop.run("-j1", "install", "build", "--all") == Result(f"install\n{everything}", "", 0)


def test_all_needs_one_open_enumerated_arg(shop: Project) -> None:
    refused(shop, ["install", "--all"], "`--all` doesn't go with `install`: it has no arg with `values`")
    refused(
        shop,
        ["deploy", "--all"],
        "`--all` doesn't go with `deploy`: it has more than one arg with `values`",
    )
    refused(shop, ["build", "api", "--all"], "`--all` doesn't go with `build`: its value is given already")


def test_the_same_call_twice_runs_once(shop: Project) -> None:
    assert shop.run("build", "api", "build", "api") == Result(built("api"), "", 0)
    assert shop.run("build", "api", "api") == Result(built("api"), "", 0)


def test_a_misspelt_task_gets_the_nearest_name(shop: Project) -> None:
    refused(shop, ["biuld", "api"], "there is no task `biuld`\n  did you mean `build`?")
    refused(
        shop,
        ["zzzzzz"],
        "there is no task `zzzzzz`\n  known: install, build, deploy, say, count, free",
    )


def test_a_misspelt_value_gets_the_nearest_name(shop: Project) -> None:
    refused(shop, ["build", "wbe"], "`build` knows no service `wbe`\n  did you mean `web`?")
    refused(shop, ["build", "zzzzzz"], "`build` knows no service `zzzzzz`\n  one of: api, web, worker")
    refused(shop, ["deploy", "web", "tset"], "`deploy` knows no where `tset`\n  did you mean `test`?")


def test_a_misspelt_flag_gets_the_nearest_name(shop: Project) -> None:
    refused(
        shop,
        ["build", "api", "--rcae"],
        "neither `build` nor pyrun has an option `--rcae`\n  did you mean `--race`?",
    )
    refused(shop, ["--frce", "build", "api"], "pyrun has no flag `--frce`\n  did you mean `--force`?")
    refused(
        shop,
        ["build", "api", "-x"],
        "neither `build` nor pyrun has an option `-x`\n  `pyrun build --help` shows what there is",
    )
    refused(
        shop,
        ["build", "api", "--pyrun-frce"],
        "neither `build` nor pyrun has an option `--pyrun-frce`\n  did you mean `--pyrun-force`?",
    )


def test_an_arg_that_is_missing_is_named_with_its_values(shop: Project) -> None:
    refused(shop, ["build"], "`build` needs a service\n  one of: api, web, worker; or `--all`")
    refused(shop, ["free"], "`free` needs a word")


def test_a_word_too_many_is_named(shop: Project) -> None:
    refused(
        shop,
        ["install", "now"],
        "`now` is too many: `install` takes no words\n  `pyrun install --help` shows what it takes",
    )
    refused(shop, ["build", "api", "now"], "`now` is too many: `build` takes one word")


def test_a_wrong_word_anywhere_runs_nothing(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {run: touch ran}
              b: {args: {x: {values: [y]}}, run: touch ran}
        """
    })  # fmt: skip
    for words in (
        ["a", "b", "z"], ["a", "--nope"], ["a", "c"], ["a", "b"], ["a", "-j"], ["a", "--jobs=x"],
        ["a", "--quiet=1"], ["a", "--save", "x.tar"], ["a", "-C"], ["a", "--save=x.tar", "b", "y"],
    ):  # fmt: skip
        result = p.run(*words)
        assert (result.stdout, result.code) == ("", 2), words
        assert result.stderr.startswith("pyrun: "), words
        assert "Traceback" not in result.stderr, words
    assert p.files() == ["tasks.yml"]


def test_a_flag_without_its_value_and_a_switch_with_one_are_told(shop: Project) -> None:
    refused(shop, ["-j"], "`-j` needs a value\n  write `-j VALUE`")
    refused(shop, ["install", "--jobs"], "`--jobs` needs a value\n  write `--jobs VALUE`")
    refused(shop, ["build", "api", "--tags"], "`--tags` needs a value\n  write `--tags VALUE`")
    refused(shop, ["--quiet=yes", "install"], "`--quiet` takes no value")


def test_an_empty_word_is_a_value_and_no_task(shop: Project) -> None:
    refused(shop, ["", "x"], "there is no task ``\n  known: install, build, deploy, say, count, free")
    assert shop.run("say", "", "x") == Result("say [false]  x\n", "", 0)


def test_words_that_are_no_utf8_reach_the_task_as_they_are(shop: Project) -> None:
    assert shop.run("say", "\udcff\udcfe") == Result("say [false] \udcff\udcfe\n", "", 0)
    told = shop.run("\udcff")
    assert told.code == 2
    assert "Traceback" not in told.stderr


def test_silent_tells_nothing_of_a_wrong_command_line_but_its_status(shop: Project) -> None:
    for words in (["-s", "biuld"], ["build", "-s"], ["build", "zzz", "-s"]):
        assert shop.run(*words) == Result("", "", 2), words


def test_a_number_of_jobs_is_checked_though_nothing_runs(shop: Project) -> None:
    for words in (["-j", "install"], ["-j", "install", "--list"], ["--validate", "--jobs=x"]):
        value = words[1] if words[0] == "-j" else "x"
        refused(shop, words, f"`--jobs {value}` is no number above 0")


def test_a_value_that_is_a_task_too_is_not_lost_behind_all(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              b: {args: {v: {values: [x, y]}}, run: {command: {exec: "echo b ${v}", quiet: true}}}
              x: {run: {command: {exec: echo x, quiet: true}}}
              z: {run: {command: {exec: echo z, quiet: true}}}
        """
    })  # fmt: skip
    for words in (["b", "--all", "x"], ["b", "x", "--all"]):
        refused(p, words, "`--all` doesn't go with `b`: its value is given already")
    assert sorted(p.run("b", "--all", "z").stdout.splitlines()) == ["b x", "b y", "z"]
