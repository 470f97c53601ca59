"""`--init`: the first tasks.yml of a project fits it, is valid, and what it says can be run."""

import functools
import os
import shutil
import subprocess

import pytest

from tests.features.conftest import MakeProject, Project, Result

MAIN = 'package main\n\nfunc main() { println("hello from %s") }\n'
TEST = 'package main\n\nimport "testing"\n\nfunc TestIt(t *testing.T) { t.Log(1) }\n'
GO_MOD = "module example.org/shop/v2\n\ngo 1.24\n"
OFFLINE = {
    "PIP_NO_INDEX": "1",
    "GOPROXY": "off",
    "NPM_CONFIG_OFFLINE": "true",
    "NPM_CONFIG_UPDATE_NOTIFIER": "false",
}
"""Nothing is asked of anybody."""
BACKEND = """
import os, zipfile

def get_requires_for_build_editable(config_settings=None):
    return []

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    about = "demo-1.dist-info/"
    with zipfile.ZipFile(f"{wheel_directory}/demo-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr(about + "METADATA", "Metadata-Version: 2.1\\nName: demo\\nVersion: 1\\n")
        wheel.writestr(about + "WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(about + "entry_points.txt", "[console_scripts]\\ndemo = demo:main\\n")
        wheel.writestr("demo.pth", os.getcwd() + "\\n")
        wheel.writestr(about + "RECORD", "")
    return "demo-1-py3-none-any.whl"
"""


@functools.cache
def go_cache() -> dict[str, str]:
    """Where this user's `go` keeps what it has compiled, so that the standard library is not compiled again."""
    found = subprocess.run(["go", "env", "GOCACHE"], capture_output=True, text=True, check=True)
    return {"GOCACHE": found.stdout.strip()}


def begun(p: Project, *words: str) -> str:
    """What `--init` said; its file is valid."""
    done = p.run("--init", *words)
    assert (done.stderr, done.code) == ("", 0)
    valid = p.run("--validate", *words)
    assert (valid.code, valid.stderr) == (0, "")
    return done.stdout


def done(p: Project, *words: str) -> Result:
    """What came of tasks, which must succeed; no limit of memory, for the tool-chains that they start."""
    result = p.run(*words, memory=None, env={**OFFLINE, **go_cache()})
    assert result.code == 0, result
    return result


def tasks(p: Project) -> list[str]:
    """The names of the tasks that the file has."""
    return [row.split("\t")[0] for row in p.run("--pyrun-complete=fish", "").stdout.splitlines()[1:]]


def test_an_empty_folder_gets_a_task_that_says_hello(project: MakeProject) -> None:
    p = project({"notes.txt": "", "sub/a": ""})
    assert begun(p) == "wrote tasks.yml, with the tasks hello\n"
    assert p.read("tasks.yml").startswith("# What this project can do.")
    assert "yaml-language-server" not in p.read("tasks.yml")
    assert done(p, "hello").stdout == "hello\n"
    assert os.stat(p.path("tasks.yml")).st_mode & 0o777 == os.stat(p.path("notes.txt")).st_mode & 0o777
    assert begun(p, "--dir", "sub") == "wrote sub/tasks.yml, with the tasks hello\n"
    assert p.exists("sub/tasks.yml")


def test_a_go_module_with_programs_below_cmd(project: MakeProject) -> None:
    p = project(
        {"go.mod": GO_MOD, "cmd/api/main.go": "", "cmd/web/main.go": "", "cmd/api/main_test.go": TEST}
    )
    for name in ("api", "web"):
        p.write(f"cmd/{name}/main.go", MAIN % name)
    assert begun(p) == "wrote tasks.yml for a Go module, with the tasks install, test, build, run\n"
    assert "name: shop\n" in p.read("tasks.yml")
    done(p, "install", "test")
    done(p, "build", "--all")
    assert p.exists("bin/api")
    assert p.exists("bin/web")
    assert "hello from web" in done(p, "run", "web").stderr
    assert "build api: up to date" in done(p, "build", "api").stderr


def test_a_go_module_in_which_not_every_folder_of_cmd_is_a_program(project: MakeProject) -> None:
    p = project({"go.mod": GO_MOD, "cmd/api/main.go": MAIN % "api", "cmd/lib/lib.go": "package lib\n"})
    begun(p)
    assert "values: [api]" in p.read("tasks.yml")
    assert "hello from api" in done(p, "run", "--all").stderr


def test_a_go_module_that_is_a_program_itself(project: MakeProject) -> None:
    ignored = "//go:build ignore\n\npackage other\n"
    p = project({"go.mod": GO_MOD, "a.go": ignored, "main.go": "/* package x */ // y\n" + MAIN % "it"})
    begun(p)
    assert tasks(p) == ["install", "test", "build", "run"]
    assert "hello from it" in done(p, "run").stderr
    assert p.exists("bin/shop")


def test_a_go_library_and_a_module_without_code(project: MakeProject) -> None:
    p = project({"go.mod": GO_MOD, "lib.go": "package lib\n", "lib_test.go": "package lib\n"})
    begun(p)
    assert tasks(p) == ["install", "test"]
    done(p, "test")
    p = project({"go.mod": GO_MOD})
    begun(p)
    assert tasks(p) == ["install"]
    done(p, "install")


def test_a_python_project_with_requirements(project: MakeProject) -> None:
    p = project({
        "requirements.txt": "# nothing yet\n",
        "tests/test_it.py": "import unittest\n\nclass It(unittest.TestCase):\n    def test_it(self): open('ran', 'w')\n",
    })  # fmt: skip
    assert begun(p) == "wrote tasks.yml for a Python project, with the tasks install, test\n"
    assert "unittest discover -s tests" in p.read("tasks.yml")
    done(p, "test")
    assert p.exists("ran")
    # The first run makes the Python that the second one is done by; from then on nothing is new.
    done(p, "install")
    assert "install: up to date" in done(p, "install").stderr


def test_a_python_project_that_is_installed(project: MakeProject) -> None:
    p = project({
        "pyproject.toml": """
            [build-system]
            requires = []
            build-backend = "backend"
            backend-path = ["."]
            [project]
            name = "demo"
            version = "1"
            optional-dependencies = {docs = ["a"], check = ["pytest>=8"]}
            scripts = {demo = "demo:main"}
        """,
        "backend.py": BACKEND,
        "demo.py": "def main(): print('hello from demo')\n",
    })  # fmt: skip
    begun(p)
    assert "install --quiet -e '.[check]'" in p.read("tasks.yml")
    assert tasks(p) == ["install", "run"]
    # The extra's own packages would have to be fetched.
    p.write("pyproject.toml", p.read("pyproject.toml").replace('["pytest>=8"]', "[]"))
    assert done(p, "-q", "run").stdout == "hello from demo\n"


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({"setup.py": ""}, "pip install --quiet -e .\n"),
        ({"requirements.txt": "pytest\n", "test_a.py": ""}, "pip install --quiet -r requirements.txt\n"),
        ({"requirements.txt": "", "conftest.py": "", "test_a.py": ""}, "-r requirements.txt pytest\n"),
        ({"requirements.txt": "", "requirements-dev.txt": "pytest"}, "-r requirements.txt -r requirements-dev.txt\n"),
        ({"pyproject.toml": "[tool.x]\n", "requirements.txt": ""}, "pip install --quiet -r requirements.txt\n"),
        ({"pyproject.toml": "[tool.x]\n"}, "run: python3 -m venv .venv\n"),
        ({"pyproject.toml": "not toml", "setup.py": ""}, "pip install --quiet -e .\n"),
        ({"pyproject.toml": "", "uv.lock": "", "tests/unit/test_a.py": "import pytest"}, "run: uv sync\n"),
        ({"pyproject.toml": "[tool.pytest]", "uv.lock": "", "tests/test_a.py": ""}, "run: uv run python -m pytest\n"),
        ({"pyproject.toml": "", "poetry.lock": "", "test_a.py": ""}, "run: poetry run python -m unittest discover\n"),
        ({"pyproject.toml": "[project.scripts]\na = 'a:b'\nb = 'a:b'\n"}, "run: .venv/bin/${program}\n"),
        ({"package.json": '{"dependencies": {"a": "1"}}', "yarn.lock": ""}, "run: yarn install\n"),
        ({"package.json": '{"scripts": {"a": "b"}}', "pnpm-lock.yaml": ""}, "run: pnpm run a\n"),
        ({"package.json": '{"scripts": {"a": "b"}}', "bun.lockb": ""}, "run: bun run a\n"),
        ({"package.json": '{"scripts": {"a": "b"}, "packageManager": "yarn@4.1"}'}, "run: yarn run a\n"),
        ({"package.json": '{"scripts": {"a": 1}, "dependencies": []'}, "run: echo hello\n"),
        ({"package.json": '{"scripts": {"a": 1, "b": "c"}, "dependencies": []}'}, "run: npm run b\n"),
    ],
)  # fmt: skip
def test_what_lies_there_says_which_tools_are_used(
    project: MakeProject, files: dict[str, str], line: str
) -> None:
    p = project(files)
    begun(p)
    assert line in p.read("tasks.yml")


NAMES = (
    "test:unit",
    "it's",
    "a: b # c",
    "true",
    "dollar $HOME",
    "${y}",
    "日本",
    '"q"',
    "1",
    "a b",
    "`x`",
    "#x",
    "*",
)


def test_a_node_package_whose_scripts_have_odd_names(project: MakeProject) -> None:
    assert shutil.which("npm"), "this test needs npm"
    scripts = ", ".join(f"{quoted(name)}: {quoted(f'echo ran{at}')}" for at, name in enumerate(NAMES))
    p = project(
        {
            "package.json": f'{{"name": "@x/y", "scripts": {{{scripts}, "-x": "a", "pre1": "echo b", "c\\nd": "e"}}}}'
        }
    )
    begun(p)
    assert tasks(p) == list(NAMES)
    for at, name in enumerate(NAMES):
        assert f"ran{at}\n" in done(p, name).stdout, name


def test_a_node_package_is_installed_before_its_scripts_run(project: MakeProject) -> None:
    assert shutil.which("npm"), "this test needs npm"
    p = project({
        "package.json": '{"dependencies": {"lib": "file:./lib"}, "scripts": {"start": "node -e \'require(`lib`)\'"}}',
        "lib/package.json": '{"name": "lib", "version": "1.0.0"}',
        "lib/index.js": "console.log('lib is here')",
    })  # fmt: skip
    begun(p)
    assert tasks(p) == ["install", "start"]
    assert "lib is here" in done(p, "start").stdout
    assert "npm install" not in done(p, "start").stderr


def test_several_kinds_in_one_folder_share_the_file(project: MakeProject) -> None:
    p = project({
        "go.mod": GO_MOD,
        "main.go": MAIN % "it",
        "package.json": '{"devDependencies": {"lib": "file:./lib"}, "scripts": {"build": "echo node builds"}}',
        "lib/package.json": '{"name": "lib", "version": "1.0.0"}',
    })  # fmt: skip
    told = begun(p)
    assert told.startswith("wrote tasks.yml for a Go module and a Node package, with the tasks install, ")
    assert tasks(p) == ["install", "test", "build", "run", "node-install", "node-build"]
    assert "node builds\n" in done(p, "node-build").stdout
    assert p.exists("node_modules/lib")


@pytest.mark.parametrize("name", ["tasks.yml", "tasks.yaml", "tusk.yml", "tusk.yaml"])
def test_nothing_is_overwritten(project: MakeProject, name: str) -> None:
    p = project({name: "tasks: [\n", "go.mod": GO_MOD})
    hint = "pyrun runs it as it is" if name.startswith("tusk") else "`pyrun` lists its tasks"
    told = f"pyrun: there is a {name} already, and it stays as it is\n  {hint}\n"
    assert p.run("--init") == Result("", told, 2)
    assert p.files() == sorted([name, "go.mod"])
    assert p.read(name) == "tasks: [\n"


def test_a_link_that_leads_nowhere_is_not_written_through(project: MakeProject) -> None:
    p = project({"a": ""})
    os.symlink(p.path("gone.yml"), p.path("tasks.yml"))
    assert p.run("--init").code == 2
    assert not p.exists("gone.yml")


def test_scripts_that_npm_runs_by_itself_are_no_tasks(project: MakeProject) -> None:
    names = ("install", "prepare", "postinstall", "prebuild", "build", "postbuild", "prettier", "pretend")
    scripts = ", ".join(f'"{name}": "true"' for name in names)
    p = project({"package.json": f'{{"scripts": {{{scripts}}}}}'})
    begun(p)
    assert tasks(p) == ["build", "prettier", "pretend"]


def test_what_does_not_go_with_it_is_refused(project: MakeProject) -> None:
    p = project({"a": ""})
    for words in (
        ["--init", "a"],
        ["--init", "-f", "x"],
        ["--init", "--dir", "none"],
        ["--init", "--dir", "a"],
    ):
        refused = p.run(*words)
        assert (refused.code, refused.stdout) == (2, ""), words
    assert p.files() == ["a"]


def test_what_a_project_is_called_is_quoted(project: MakeProject) -> None:
    p = project(
        {
            "package.json": '{"name": "x: \\"y\\" \\u0007 # \\ud800 z", "scripts": {"a": "echo \\u0007\\t b: c"}}'
        }
    )
    begun(p)
    assert done(p, "-q", "a").stdout.endswith("b: c\n")


def quoted(text: str) -> str:
    """A text as JSON has it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
