import glob
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.config.decode import decode
from runner.errors import PyrunError
from runner.model.codec import EncodedProject, encode, read_json, write_json
from runner.model.project import LoadedProject, Project
from runner.model.record import Record
from tests.fakes.memory_tree import MemoryTree

TESTS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORPUS = sorted(glob.glob(f"{TESTS}/corpus/valid/*.yml"))


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


PROJECTS = [decode(read(path), os.path.basename(path)) for path in CORPUS]
TEXTS = [encode(project) for project in PROJECTS]


def check_round_trip(project: Project) -> None:
    text = encode(project)
    again = EncodedProject(text)
    assert again.heads == project.heads
    assert again.head == project.head
    assert again.names() == project.names()
    for name in project.names():
        assert again.task(name) == project.task(name)
    assert again.task("no such task") is None
    assert encode(again) == text


def test_the_corpus_is_there() -> None:
    assert len(PROJECTS) > 20
    assert sum(len(project.names()) for project in PROJECTS) > 50


@pytest.mark.parametrize("project", PROJECTS, ids=[os.path.basename(path) for path in CORPUS])
def test_a_project_of_the_corpus_comes_back_as_it_was(project: Project) -> None:
    check_round_trip(project)


# Any text YAML can hold within double quotes; JSON's are YAML's.
texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cn"), include_characters="\n\t"), max_size=12
)


@settings(max_examples=300)
@given(st.dictionaries(texts.filter(lambda name: name[:1] not in {"", "-", ":"}), texts, max_size=5), texts)
def test_a_project_of_any_texts_comes_back_as_it_was(usages: dict[str, str], path: str) -> None:
    tasks = {name: {"usage": usage, "run": "true"} for name, usage in usages.items()}
    project = decode(json.dumps({"tasks": tasks}, ensure_ascii=False).encode(), path)
    assert project.names() == tuple(usages)
    check_round_trip(project)


ALL_KINDS = b"""
name: all
usage: Of all kinds
interpreter: bash -c
env-file: [{path: a.env, required: true}, b.env]
pass-env: [HOME, {name: USER, key: false}]
include: {api: api}
container: host
containers:
  go: golang:1.24
  tools:
    from: alpine:3.22
    setup: [apk add git, "echo ${HOME}"]
    workdir: /src
    env: {PATH: "/t:${PATH}", P: "${TARGETPLATFORM}"}
    user: "1000:1000"
    cache-mounts: [/go/pkg/mod, ~/.cache]
    network: none
    platform: linux/arm64/v8
    memory: 2g
    cpus: 1.5
    mounts: ["~/.netrc:~/.netrc:ro", "data:/data"]
    init: true
    keep: 10m
  file: {dockerfile: build/Dockerfile, target: tools, context: .}
  task: {task: {name: image, args: [], options: {}}}
invoke: tasks.py
args: {who: {values: [me, you]}}
options: {loud: {type: bool, short: l, rewrite: "-v ${TARGETOS}", default: {when: {os: linux}, value: yes}}}
tasks:
  t:
    aliases: [u, "u v"]
    usage: u ${loud}
    description: d
    args: {a: {values: {glob: cmd/*/}, default: [{when: {command: x}, command: y}, z]}}
    options: {s: {default: two words}, o: {type: list, default: [p, q]}, p: {private: true, default: r}}
    deps: ["api:x ${a}", {name: api:x, args: ["${a}"], options: {f: "1"}}]
    source: [s, {exclude: e}, {go: ./g, tests: yes}]
    target: out
    env: {A: "${B}"}
    dir: d
    timeout: 2s
    retries: 2
    confirm: really ${a}?
    secrets: [S, {name: T, file: f, to: /run/t}]
    pass-env: LANG
    cache: local
    watch: true
    quiet: true
    private: true
    run:
      - plain ${a} ${s}
      - {command: {exec: c, print: p, dir: d, quiet: yes, pty: yes, respond: {"a?": "${a}"}}, when: loud}
      - set-environment: {X: "${a}", Y: ~}
        when: [{environment: {E: [x, ~]}, exists: f, not-exists: [g]}, {command: [c, d], equal: {a: [b, c]}}, [loud]]
      - task: [api:x q, {name: api:x, args: [r]}]
    finally: rm x
  server: {persistent: true, ports: ["80:8080"], ready: {http: /, log: up, timeout: 3}, hostname: h, run: serve}
  image:
    image: {name: n, from: scratch, copy: [{task: t x, to: /}, {source: s, to: /}], healthcheck: {command: [x], interval: 3}}
    container: tools
  more:
    image:
      name: n
      from: tools
      copy: [{from: "x:1", source: /s, to: /, mode: 755, owner: 1:2}]
      run: ["echo ${TARGETOS}", x]
      platforms: [linux/amd64, "linux/${TARGETARCH}"]
      runner: true
      compression: zstd
  made: {image: {name: n, dockerfile: D, target: "${TARGETOS}", context: c, build-args: {A: "${TARGETARCH}", B: ""}}}
"""
INVOKE = b"""
from invoke import task

@task(help={"many": "How many"}, aliases=["e"])
def every(c, many=1, part=0.5, dry=False, name="n"):
    "Say so."
"""
INCLUDED = b"tasks: {x: {aliases: y, args: {a: {}}, options: {f: {}}, run: 'x ${a}'}}"


def project_of_all_kinds() -> LoadedProject:
    return decode(ALL_KINDS, "tasks.yml", MemoryTree({"api/tasks.yml": INCLUDED, "tasks.py": INVOKE}))


def kinds_in(value: object) -> set[type]:
    """The kinds of records that a value holds."""
    if isinstance(value, Record):
        return {type(value)}.union(*map(kinds_in, value.fields()))
    return set().union(*map(kinds_in, value)) if isinstance(value, tuple) else set()


def subclasses(kind: type[Record]) -> set[type]:
    """The kinds of records that the model defines."""
    return {each for each in kind.__subclasses__() if each.__module__.startswith("runner.model.")}


def test_a_project_of_all_kinds_comes_back_as_it_was() -> None:
    project = project_of_all_kinds()
    tasks = tuple(project.task(name) for name in project.names())
    assert kinds_in((project.heads, tasks)) == subclasses(Record)
    check_round_trip(project)


def test_a_task_is_found_by_its_aliases_too() -> None:
    project = project_of_all_kinds()
    again = EncodedProject(encode(project))
    for alias, name in (("u", "t"), ("u v", "t"), ("api:y", "api:x")):
        assert again.task(alias) == project.task(alias) == project.task(name)
        assert alias not in again.names()
    assert again.task("y") is None


def test_bytes_of_a_path_that_are_no_text_come_back() -> None:
    check_round_trip(decode(b"tasks: {a: {run: x}}", b"x/\xff\xfe.yml".decode("utf-8", "surrogateescape")))


def test_one_line_a_task_and_nothing_but_ascii() -> None:
    project = decode("tasks: {é: {usage: \"a\\nb\\u2028\"}, b: {run: 'ü'}}".encode(), "t")
    text = encode(project)
    assert text.isascii()
    assert text.count("\n") == 3
    assert [line.partition("\t")[0] for line in text.splitlines()[1:]] == [r'"\u00e9"', '"b"']


def test_a_task_is_read_once() -> None:
    again = EncodedProject(TEXTS[0])
    name = again.names()[0]
    assert again.task(name) is again.task(name)


# Damage

pieces = st.sampled_from(["", "\n", "\t", "[", "]", ",", '"', "0", "-1", "99", "16", "17", "40", "41", "42", "43", "@", "[]", "null", "{}", "[" * 9999, "9" * 5000, "x", "\\ud800"])  # fmt: skip


def use(text: str) -> None:
    """All that can be done with a text that may be damaged."""
    try:
        project = EncodedProject(text)
    except ValueError:
        return
    try:
        names = project.names()
    except PyrunError:
        return
    for name in (*names, "u", "u v", "api:y"):
        try:
            project.task(name)
        except PyrunError:
            continue


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(TEXTS), st.floats(0, 1), st.integers(0, 40), pieces)
def test_a_damaged_text_is_told_from_a_good_one(text: str, place: float, gone: int, new: str) -> None:
    at = int(place * len(text))
    use(text[:at] + new + text[at + gone :])


@settings(max_examples=300)
@given(st.text(st.sampled_from('[]{},"0123 \n\tnulte\\-.')))
def test_a_text_of_somebody_else_is_told_from_a_good_one(text: str) -> None:
    use(text)
    use(TEXTS[0].partition("\n")[0] + "\n" + text)


@pytest.mark.parametrize(
    "text",
    ["", "\n", "null\n", "[]\n", "[0]\n", "[40]\n", "[41]\n", '"x"\n', "{}\n", "[" * 100_000, "[99]\n"],
)
def test_what_is_no_project_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not"):
        EncodedProject(text)


def test_a_damaged_task_is_refused_and_the_others_are_not() -> None:
    project = decode(b"tasks: {a: {run: x}, b: {run: y}}", "t")
    head, a, b = encode(project).splitlines()
    for bad in ('"a"\t[]', '"a"\t[40]', '"a"\t[41]', '"a"\tnull', '"a"\t', '"a"\t[1,2]', a[:-1], a + "x"):
        again = EncodedProject(f"{head}\n{bad}\n{b}\n")
        assert again.task("b") == project.task("b")
        with pytest.raises(PyrunError, match="the cached task `a` is damaged"):
            again.task("a")


@pytest.mark.parametrize("bad", ['@"b"\t', '@"b"\t[', '@"b"\t"b"', '@"b"\t"x"', '@"b"\t7'])
def test_a_damaged_alias_is_refused(bad: str) -> None:
    head, a, _ = encode(decode(b"tasks: {a: {aliases: b, run: x}}", "t")).splitlines()
    again = EncodedProject(f"{head}\n{a}\n{bad}\n")
    assert again.task("a") is not None
    with pytest.raises(PyrunError, match="damaged"):
        again.task("b")


# JSON

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4),
)


@settings(max_examples=300)
@given(values)
def test_json_is_as_the_standard_library_reads_and_writes_it(value: object) -> None:
    text = write_json(value)
    assert json.loads(text) == value
    assert read_json(text) == value
    assert read_json(json.dumps(value)) == value
    assert "\n" not in text


@pytest.mark.parametrize("text", ["", " ", "1 2", "[1", "[1]]", "nul", "'a'", '"a', '"\n"'])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not JSON|more than one|Invalid|Expecting|Unterminated"):
        read_json(text)


@pytest.mark.parametrize("value", [b"x", [{1}], object(), {(1,): 2}, float("nan")])
def test_what_has_no_json_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        write_json(value)


@pytest.mark.parametrize("value", [1.5, -0.1, {"a": [1, {"b": None}]}, [{}]])
def test_numbers_and_maps_come_back_too(value: object) -> None:
    assert read_json(write_json(value)) == value
