"""Other files under namespaces: what their tasks are called, what they see, and where they run."""

import pytest

from tests.features.conftest import MakeProject, Project

TOP = """
    include: {api: services/api, web: services/web/tasks.yml}
    args: {color: {values: [red, blue]}}
    options: {level: {default: "1"}}
    env-file: top.env
    tasks:
      hello: {run: 'echo top hello'}
      only-top: {run: 'echo only-top; basename "$PWD"'}
      calls:
        deps: ["api:build", "web:build"]
        run: [{task: "api:hello"}, {task: hello}]
      everything: {deps: ["build --all"], run: echo everything}
"""
API = """
    env-file: own.env
    options: {own: {default: api}}
    tasks:
      hello: {run: 'echo api hello'}
      build:
        usage: Build it
        source: [in]
        target: out
        run: 'cat in > out; echo "api build $(basename "$PWD")"'
      names: {run: [{task: hello}, {task: ":hello"}, {task: only-top}, {task: "api:hello"}]}
      needs: {deps: [hello, ":hello", only-top], run: 'echo needs'}
      shared: {args: [color], run: 'echo "${color} ${level} ${own}"'}
      variables: {run: 'echo "[$TOP][$OWN]"'}
      below: {dir: deep, run: 'basename "$PWD"'}
      only-api: {args: {x: {}}, run: 'echo only-api ${x}'}
"""
WEB = """
    interpreter: sh -ec
    tasks:
      hello: {run: 'echo web hello'}
      build: {usage: Build it, run: 'echo "web build"'}
      strict: {run: ['false; echo never']}
      variables: {run: 'echo "[$TOP][$OWN]"'}
"""
FILES = {
    "tasks.yml": TOP, "services/api/tasks.yml": API, "services/web/tasks.yml": WEB,
    "services/api/in": "1\n", "services/api/deep/x": "", "services/web/x": "",
    "top.env": "TOP=top\n", "services/api/own.env": "OWN=own\n", "other/x": "",
}  # fmt: skip


@pytest.fixture
def p(project: MakeProject) -> Project:
    return project(FILES)


def said(p: Project, *words: str, cwd: str = "") -> str:
    result = p.run("-q", "-j1", *words, cwd=cwd)
    assert (result.stderr, result.code) == ("", 0), words
    return result.stdout


def test_the_top_names_a_task_with_its_namespace(p: Project) -> None:
    assert said(p, "api:hello") == "api hello\n"
    assert said(p, "web:hello") == "web hello\n"
    assert said(p, "hello") == "top hello\n"
    assert said(p, "calls") == "api build api\nweb build\napi hello\ntop hello\n"
    result = p.run("api:helo")
    assert (result.stdout, result.code) == ("", 2)
    assert "did you mean `api:hello`?" in result.stderr


def test_its_label_tells_its_namespace(p: Project) -> None:
    assert p.run("api:hello").stderr == "api:hello $ echo api hello\n"
    assert p.run("calls").stderr.splitlines()[-2:] == [
        "calls > api:hello $ echo api hello",
        "calls > hello $ echo top hello",
    ]


def test_a_bare_name_is_its_own_then_the_tops_and_a_colon_is_the_tops(p: Project) -> None:
    assert said(p, "api:names").splitlines() == ["api hello", "top hello", "only-top", "project", "api hello"]
    assert sorted(said(p, "api:needs").splitlines()) == [
        "api hello",
        "needs",
        "only-top",
        "project",
        "top hello",
    ]


def test_it_sees_what_is_shared_at_the_top(p: Project) -> None:
    assert said(p, "api:shared", "red") == "red 1 api\n"
    assert said(p, "api:shared", "blue", "--level=2", "--own=x") == "blue 2 x\n"
    assert p.run("api:shared", "green").code == 2


def test_its_paths_and_variables_are_its_own(p: Project) -> None:
    assert said(p, "api:below") == "deep\n"
    assert said(p, "api:variables") == "[][own]\n"
    assert said(p, "web:variables") == "[][]\n", "what the top reads holds for the top"
    assert said(p, "api:build") == "api build api\n"
    assert p.read("services/api/out") == "1\n"
    assert said(p, "api:build", cwd="other") == ""
    assert p.run("web:strict").code == 1


def test_state_is_kept_once_at_the_top(p: Project) -> None:
    assert said(p, "build", cwd="services/api") == "api build api\n"
    assert said(p, "api:build") == ""
    assert p.exists(".pyrun")
    assert not p.exists("services/api/.pyrun")


def test_a_task_that_only_included_files_define_takes_the_namespace_as_an_arg(p: Project) -> None:
    assert said(p, "build", "api") == "api build api\n"
    assert said(p, "build", "web") == "web build\n"
    p.remove("services/api/out")
    assert said(p, "build", "--all") == "api build api\nweb build\n"
    assert said(p, "everything") == "web build\neverything\n"
    assert said(p, "only-api", "api", "word") == "only-api word\n"
    result = p.run("build", "wep")
    assert (result.stdout, result.code) == ("", 2)
    assert "did you mean `web`?" in result.stderr
    assert p.run("build").code == 2


def test_one_call_may_name_several(p: Project) -> None:
    assert said(p, "build", "api", "web") == "api build api\nweb build\n"
    assert said(p, "build", "api", "hello") == "top hello\n"


def test_in_its_folder_its_tasks_go_by_their_short_names_too(p: Project) -> None:
    assert said(p, "hello", cwd="services/api") == "api hello\n"
    assert said(p, "hello", cwd="services/api/deep") == "api hello\n"
    assert said(p, "hello", cwd="services/web") == "web hello\n"
    assert said(p, "hello", cwd="other") == "top hello\n"
    assert said(p, "api:hello", cwd="services/web") == "api hello\n"
    assert said(p, "only-top", cwd="services/web") == "only-top\nproject\n"
    assert said(p, "build", cwd="services/web") == "web build\n"
    assert said(p, "calls", cwd="services/web").endswith("api hello\ntop hello\n")


def test_f_takes_a_file_for_itself(p: Project) -> None:
    assert said(p, "-f", "services/web/tasks.yml", "hello") == "web hello\n"
    assert p.run("-f", "services/web/tasks.yml", "web:hello").code == 2
    assert said(p, "-f", "tasks.yml", "hello") == "top hello\n"
    assert said(p, "-f", "../../tasks.yml", "hello", cwd="services/api") == "top hello\n"
    told = p.run("-f", "services/api/tasks.yml", "hello")
    assert (told.stdout, told.code) == ("", 2)
    assert "there is no task `only-top`" in told.stderr


def test_they_are_listed_and_help_is_given(p: Project) -> None:
    listed = p.run("--list").stdout
    for name in ("hello", "calls", "api:", "web:"):
        assert name in listed
    assert "Build it" in listed
    assert "api" in p.run("build", "--help").stdout
    assert "color" in p.run("api:shared", "--help").stdout


def test_a_pattern_names_the_folders(project: MakeProject) -> None:
    hello = "tasks: {hello: {run: 'echo %s'}}\n"
    p = project({
        "tasks.yml": "include: services/*/tasks.yml\n",
        "services/b/tasks.yml": hello % "b", "services/a/tasks.yml": hello % "a",
        "services/none/x": "", "services/.hidden/tasks.yml": hello % "hidden",
    })  # fmt: skip
    assert said(p, "hello", "--all") == "a\nb\n"
    assert p.run("hello", ".hidden").code == 2
    p.write("services/c/tasks.yml", hello % "c")
    assert said(p, "hello", "--all") == "a\nb\nc\n", "a new folder is seen at once"
    p.remove("services/b/tasks.yml")
    assert said(p, "hello", "--all") == "a\nc\n"


def test_a_tusk_file_can_be_included_and_keeps_its_dialect(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "include: {old: old/tusk.yml}\ntasks: {new: {args: {x: {}}, run: 'printf \"[%s]\" ${x}'}}\n",
        "old/tusk.yml": "tasks: {old: {args: {x: {}}, run: 'printf \"[%s]\" ${x}'}}\n",
    })  # fmt: skip
    assert said(p, "new", "a b") == "[a b]"
    assert said(p, "old:old", "a b") == "[a][b]"


def test_files_may_include_files(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "include: {mid: mid}\ntasks: {where: {run: echo top}}\n",
        "mid/tasks.yml": "include: {low: low}\ntasks: {where: {run: echo mid}, calls: {run: [{task: 'low:where'}, {task: ':where'}]}}\n",
        "mid/low/tasks.yml": "tasks: {where: {run: echo low}, up: {run: [{task: where}, {task: ':where'}, {task: calls}]}}\n",
    })  # fmt: skip
    assert said(p, "mid:where") == "mid\n"
    assert said(p, "mid:low:where") == "low\n"
    assert said(p, "mid:calls") == "low\ntop\n"
    for cwd, out in (("", "top\n"), ("mid", "mid\n"), ("mid/low", "low\n")):
        assert said(p, "where", cwd=cwd) == out


def test_a_folder_of_its_own_that_nothing_includes_is_a_project_of_its_own(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {where: {run: echo top}, top: {run: echo top}}\n",
        "own/tasks.yml": "tasks: {where: {run: echo own}}\n",
    })  # fmt: skip
    assert said(p, "where", cwd="own") == "own\n"
    assert p.run("top", cwd="own").code == 2


def test_a_change_of_any_of_them_is_seen_at_once(p: Project) -> None:
    assert said(p, "web:hello") == "web hello\n"
    p.write("services/web/tasks.yml", p.read("services/web/tasks.yml").replace("web hello", "changed"))
    assert said(p, "web:hello") == "changed\n"
    assert said(p, "hello", cwd="services/web") == "changed\n"
    p.write("tasks.yml", p.read("tasks.yml").replace("web: services", "front: services"))
    assert p.run("web:hello").code == 2


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"tasks.yml": "include: {api: gone}\n"}, "tasks.yml:1:16"),
        ({"tasks.yml": "include: {api: a.yml}\n", "a.yml": "tasks:\n  t: {rnu: x}\n"}, "a.yml:2:7"),
        ({"tasks.yml": "include: {api: a.yml}\n", "a.yml": "tasks:\n  t: {deps: [u]}\n"}, "a.yml:2:14"),
        ({"tasks.yml": "include: {'a b': a.yml}\n", "a.yml": "tasks: {}\n"}, "tasks.yml:1:11"),
        ({"tasks.yml": "include: {a: a.yml, a: a.yml}\n", "a.yml": "tasks: {}\n"}, "tasks.yml:1:21"),
        ({"tasks.yml": "include: {a: a.yml}\n", "a.yml": "include: {b: tasks.yml}\n"}, "a.yml:1:14"),
        ({"tasks.yml": "include: {a: tasks.yml}\n"}, "tasks.yml:1:14"),
        ({"tasks.yml": "include: a.yml\n", "a.yml": "tasks: {}\n"}, "tasks.yml:1:10"),
        (
            {"tasks.yml": "include: {a: a.yml}\ntasks: {t: {deps: ['a:u']}}\n", "a.yml": "tasks: {}\n"},
            "tasks.yml:2:21",
        ),
        ({"tasks.yml": "include: [[a]]\n"}, "tasks.yml:1:11"),
    ],
)
def test_a_fault_is_told_with_the_file_it_is_in(
    project: MakeProject, files: dict[str, str], place: str
) -> None:
    for words in (["--list"], ["--validate"], ["t"]):
        result = project(files).run(*words)
        assert (result.stdout, result.code) == ("", 2), result
        assert result.stderr.startswith(f"pyrun: {place}: "), result.stderr
        assert "Traceback" not in result.stderr


def test_the_faults_of_all_files_come_at_once(project: MakeProject) -> None:
    wrong = "tasks: {t: {rnu: x}}\n"
    p = project({"tasks.yml": "include: {a: a.yml, b: b.yml}\n" + wrong, "a.yml": wrong, "b.yml": wrong})
    told = p.run("t").stderr
    for name in ("pyrun: tasks.yml:2:", "pyrun: a.yml:1:", "pyrun: b.yml:1:"):
        assert name in told, told


def test_targets_of_two_files_that_overlap_are_an_error(project: MakeProject) -> None:
    made = "tasks: {make: {source: [], target: ../out, run: touch ../out}}\n"
    p = project({"tasks.yml": "include: {a: a, b: b}\n", "a/tasks.yml": made, "b/tasks.yml": made})
    result = p.run("make", "--all")
    assert (result.stdout, result.code) == ("", 2)
    assert "a:make" in result.stderr
    assert "b:make" in result.stderr
    assert not p.exists("out")


def test_what_is_above_the_file_is_no_way_out_for_names(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "include: {a: a, b: b}\ntasks: {t: {run: echo top}}\n",
        "a/tasks.yml": "tasks: {x: {run: {task: y}}, z: {run: {task: 'b:y'}}}\n",
        "b/tasks.yml": "tasks: {y: {run: echo y}}\n",
    })  # fmt: skip
    result = p.run("a:z")
    assert result.code == 2 or result.stdout == "y\n"


def test_the_values_of_the_general_form_are_those_of_the_file(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "include: {b: b}\n",
        "b/tasks.yml": "tasks: {t: {args: {f: {values: {glob: '*/'}}}, run: 'echo ${f}'}}\n",
        "top/x": "", "b/deep/x": "",
    })  # fmt: skip
    assert said(p, "b:t", "deep") == "deep\n"
    assert said(p, "t", "b", "deep") == "deep\n"
    assert p.run("t", "b", "top").code == 2


def test_the_general_form_has_the_options_too(project: MakeProject) -> None:
    build = "tasks: {build: {usage: Build it, options: {fast: {type: bool, short: f}}, run: 'echo %s ${fast} ${level}'}}\n"
    p = project({
        "tasks.yml": "include: {a: a, b: b}\noptions: {level: {default: '1'}}\ntasks: {both: {deps: ['build --all --fast']}}\n",
        "a/tasks.yml": build % "a", "b/tasks.yml": build % "b",
    })  # fmt: skip
    assert said(p, "build", "a", "--fast") == "a true 1\n"
    assert said(p, "build", "--all", "-f", "--level=2") == "a true 2\nb true 2\n"
    assert said(p, "both") == "a true 1\nb true 1\n"
    assert "--fast" in p.run("build", "--help").stdout


DEEP = {
    "tasks.yml": "include: {api: services/api}\noptions: {lvl: {default: top}}\ntasks: {top: {run: {command: {exec: 'echo top', quiet: true}}}}\n",
    "services/api/tasks.yml": "include: {inner: inner}\ntasks: {up: {run: {task: top}}}\n",
    "services/api/inner/tasks.yml": "tasks: {build: {source: [], run: [{task: ':top'}, {command: {exec: 'echo inner ${lvl}', quiet: true}}]}}\n",
}


def test_the_project_is_the_outermost_file_also_two_namespaces_deep(project: MakeProject) -> None:
    p = project(DEEP)
    assert p.run("build", cwd="services/api/inner").stdout == "top\ninner top\n"
    assert p.run("up", cwd="services/api").stdout == "top\n"
    assert (p.exists(".pyrun"), p.exists("services/api/.pyrun")) == (True, False)


def test_a_file_beside_the_top_takes_no_short_names(project: MakeProject) -> None:
    hello = "tasks: {hello: {run: {command: {exec: 'echo WHO', quiet: true}}}}\n"
    p = project({
        "tasks.yml": "include: {x: x.yml, y: sub/y.yml, z: sub/z.yml}\n" + hello.replace("WHO", "top"),
        "x.yml": hello.replace("WHO", "x"),
        "sub/y.yml": hello.replace("WHO", "y"),
        "sub/z.yml": hello.replace("WHO", "z"),
    })  # fmt: skip
    assert p.run("hello").stdout == "top\n"
    assert p.run("x:hello").stdout == "x\n"
    assert p.run("hello", cwd="sub").stdout == "top\n"


def test_the_general_form_leaves_defaults_and_names_to_the_task(project: MakeProject) -> None:
    text = (
        "tasks:\n"
        "  t: {args: {v: {default: dflt}}, options: {n: {type: int, default: 5}, f: {type: bool, default: true}, s: {default: str}, l: {type: list, default: [a, b]}},\n"
        "      run: {command: {exec: 'echo v=${v} n=${n} f=${f} s=${s} l=${l}', quiet: true}}}\n"
        "  u: {args: {namespace: {}}, run: {command: {exec: 'echo u ${namespace}', quiet: true}}}\n"
    )
    p = project({"tasks.yml": "include: {a: a, b: b}\n", "a/tasks.yml": text, "b/tasks.yml": text})
    said = "v=dflt n=5 f=true s=str l=a b\n"
    assert p.run("a:t").stdout == said
    assert p.run("t", "a").stdout == said
    assert p.run("-j1", "t", "--all", "--n=7").stdout == said.replace("5", "7") * 2
    assert p.run("t", "b", "w", "--l=x", "--l=y z").stdout == "v=w n=5 f=true s=str l=x y z\n"
    assert p.run("u", "a", "zzz").stdout == "u zzz\n"
    assert "`t` knows no namespace `c`\n  one of: a, b" in p.run("t", "c").stderr


@pytest.mark.parametrize(
    ("top", "told"),
    [
        ('tasks: {"a:x": {run: echo mine}}', "tasks.yml:2:9: `a:x` is the name of a task already"),
        ('tasks: {"a:x2": {run: echo mine}}', "a/tasks.yml:2:9: the alias `a:x2` of `a:x` is the name of a task already"),
        ("tasks: {y: {aliases: 'a:x', run: y}}", "tasks.yml:2:9: the alias `a:x` of `y` is the name of a task already"),
        ("tasks: {y: {aliases: 'a:x2', run: y}}", "tasks.yml:2:9: the alias `a:x2` of `y` is another name of `a:x` already"),
        ('tasks: {"a:b:y": {run: echo mine}}', "tasks.yml:2:9: `a:b:y` is the name of a task already"),
        ("tasks: {z: {aliases: 'a:b:y', run: y}}", "tasks.yml:2:9: the alias `a:b:y` of `z` is the name of a task already"),
    ],
)  # fmt: skip
def test_no_task_takes_the_name_of_another_and_both_places_are_named(
    project: MakeProject, top: str, told: str
) -> None:
    p = project({
        "tasks.yml": f"include: {{a: a}}\n{top}\n",
        "a/tasks.yml": "include: {b: b.yml}\ntasks: {x: {aliases: x2, run: echo ax}}\n",
        "a/b.yml": "tasks: {y: {run: echo ay}}\n",
    })  # fmt: skip
    for words in (["a:x"], ["--list"], ["--validate"]):
        result = p.run(*words)
        assert (result.stdout, result.code) == ("", 2)
        assert told in result.stderr
        assert "that one stands at `" in result.stderr


def test_what_is_not_there_is_told_with_what_is(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "include: {api: api, web: web}\ntasks: {t: {run: [task: 'wbe:build']}}\n",
        "api/tasks.yml": "include: {inner: in}\ntasks: {build: {run: echo}}\n",
        "api/in/tasks.yml": "tasks: {build: {run: echo}}\n",
        "web/tasks.yml": "tasks: {build: {args: {v: {values: [1, 2]}}, options: {min: {type: bool}}, run: echo}}\n",
    })  # fmt: skip
    assert p.run("t").stderr.endswith("did you mean `web:build`?\n")
    p.write("tasks.yml", "include: {api: api, web: web}\n")
    for words, told in {
        "none:build": "there is no task `none:build`\n  there is no namespace `none`; namespaces: api, api:inner, web",
        "apii:build": "there is no task `apii:build`\n  did you mean `api:build`?",
        "api:none": "there is no task `api:none`\n  `api` has api:build, api:inner:build",
        "api:bild": "there is no task `api:bild`\n  did you mean `api:build`?",
        "build inner": "`build` knows no namespace `inner`\n  did you mean `api:inner`?",
        "build --all --min": "neither `build` nor pyrun has an option `--min`\n  one of them may have it: `pyrun api:build --help`",
        "build web --all": "`--all` doesn't go with `build`: its value is given already\n  `pyrun web:build --all` is for all values of that one",
    }.items():
        assert p.run(*words.split()) == ("", f"pyrun: {told}\n", 2)
