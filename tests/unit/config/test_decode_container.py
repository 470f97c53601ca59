"""What `containers` and `container` become, and what their faults propose."""

import pytest

from runner.config.decode import decode
from runner.errors import Faults, PyrunError
from runner.model.container import HOST, Container
from runner.model.project import LoadedProject, container_named
from runner.model.template import Template
from tests.fakes.memory_tree import MemoryTree


def project_of(text: str, files: dict[str, str] | None = None, name: str = "tasks.yml") -> LoadedProject:
    tree = MemoryTree({path: inner.encode() for path, inner in (files or {}).items()})
    return decode(text.encode(), name, tree)


def container_of(definition: str) -> Container:
    (container,) = project_of(f"containers: {{go: {definition}}}").head.containers
    return container


def faults_of(text: str, files: dict[str, str] | None = None, name: str = "tasks.yml") -> list[PyrunError]:
    with pytest.raises(PyrunError) as info:
        project_of(text, files, name)
    return list(info.value.errors) if isinstance(info.value, Faults) else [info.value]


def hint_of(text: str) -> str:
    (fault,) = faults_of(text)
    return fault.hint


def shown(template: Template) -> str:
    """A template, its holes in angle brackets."""
    return "".join(part if isinstance(part, str) else f"<{part.name}>" for part in template.parts)


def named(project: LoadedProject, name: str, namespace: str = "") -> str:
    """The image that a name stands for; empty for none."""
    container = container_named(project, name, namespace)
    return container.base if container is not None else ""


def test_a_text_is_the_image() -> None:
    container = container_of("'golang:1.24'")
    assert (container.name, container.base) == ("go", "golang:1.24")
    assert (container.setup, container.env, container.mounts, container.task) == ((), (), (), None)
    assert (container.workdir, container.user, container.network, container.platform) == ("", "", "", "")
    assert (container.memory, container.cpus, container.init, container.keep) == (0, 0, False, 0)
    assert container == container_of("{from: 'golang:1.24'}")


def test_all_keys_of_a_container() -> None:
    container = container_of(
        "{from: alpine, setup: [a, 'b ${HOME} $$'], workdir: /w, user: 1000, cache-mounts: [/a, ~/b],"
        " network: none, platform: linux/arm64, memory: 2G, cpus: 1.5, mounts: ['a/b:/c', '~/d:~/e:ro'],"
        " init: yes, keep: 10m}"
    )
    assert container.setup == ("a", "b ${HOME} $$")
    assert (container.workdir, container.user, container.cache_mounts) == ("/w", "1000", ("/a", "~/b"))
    assert (container.network, container.platform) == ("none", "linux/arm64")
    assert (container.memory, container.cpus, container.init, container.keep) == (
        2 << 30,
        1500,
        True,
        600_000,
    )
    assert [(mount.source, mount.target, mount.readonly) for mount in container.mounts] == [
        ("a/b", "/c", False),
        ("~/d", "~/e", True),
    ]


def test_a_dockerfile_or_a_task_makes_the_image() -> None:
    container = container_of("{dockerfile: d/Dockerfile, target: t, context: d}")
    assert (container.base, container.dockerfile, container.stage, container.context) == (
        "", "d/Dockerfile", "t", "d",
    )  # fmt: skip
    project = project_of(
        "{containers: {go: {task: image small}}, tasks: {image: {args: {s: {}}, image: {name: x, from: scratch}}}}"
    )
    call = project.head.containers[0].task
    assert call is not None
    assert [shown(word) for word in call.words] == ["image", "small"]


def test_a_variable_of_the_image_stays_open_in_env() -> None:
    env = container_of("{from: alpine, env: {PATH: '/t:${PATH}', P: '${TARGETOS} $$x', N: 1.10}}").env
    assert [(name, shown(value)) for name, value in env] == [
        ("PATH", "/t:<PATH>"),
        ("P", "<TARGETOS> $x"),
        ("N", "1.10"),
    ]


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("6m", 6 << 20), ("512M", 512 << 20), ("512mb", 512 << 20), ("2g", 2 << 30), ("1t", 1 << 40),
        ("8192k", 8 << 20), ("536870912", 536870912), ("6291456b", 6 << 20),
    ],
)  # fmt: skip
def test_memory_counts_as_an_engine_counts(written: str, size: int) -> None:
    assert container_of(f"{{from: alpine, memory: {written}}}").memory == size


@pytest.mark.parametrize(
    ("written", "thousandths"),
    [("2", 2000), ("1.5", 1500), (".5", 500), ("0.01", 10), ("1.", 1000), ("0.1239", 123), ("0012", 12000)],
)
def test_processors_are_counted_in_thousandths(written: str, thousandths: int) -> None:
    assert container_of(f"{{from: alpine, cpus: {written}}}").cpus == thousandths


def test_a_container_is_written_at_the_top_and_at_tasks() -> None:
    project = project_of(
        "{container: go, containers: {go: alpine}, tasks: {a: {container: host}, b: {container: 'x:1'}, c: {},"
        " i: {container: go, image: {name: x, from: scratch}}}}"
    )
    assert project.head.container is not None
    assert (project.head.container.text, project.head.container.is_reference) == ("go", False)
    tasks = [project.task(name) for name in "abci"]
    assert [task.container.text if task and task.container else None for task in tasks] == [
        HOST, "x:1", None, "go",
    ]  # fmt: skip


SERVICES = {
    "a/tasks.yml": "{containers: {go: 'a:1'}, include: {b: b}, tasks: {x: {container: top, run: x}}}",
    "a/b/tasks.yml": "{containers: {own: 'b:1'}, tasks: {y: {container: go, run: x}}}",
}
TOP = "{containers: {go: 'top:1', top: 'top:2'}, include: {a: a}}"


def test_a_file_sees_the_containers_of_those_that_include_it() -> None:
    project = project_of(TOP, SERVICES)
    assert [[one.name for one in head.containers] for head in project.heads] == [
        ["go", "top"],
        ["go"],
        ["own"],
    ]
    assert [head.containers[-1].folder for head in project.heads] == ["", "a", "a/b"]
    assert [named(project, "go", space) for space in ("", "a", "a:b")] == ["top:1", "a:1", "a:1"]
    assert [named(project, "top", space) for space in ("", "a", "a:b")] == ["top:2", "top:2", "top:2"]
    assert [named(project, "own", space) for space in ("", "a", "a:b")] == ["", "", "b:1"]


def test_a_reference_stands_for_a_container_of_its_own() -> None:
    project = project_of("")
    for reference in ("golang:1.24", "team/tools", "registry.example.org:5000/x@sha256:0"):
        container = container_named(project, reference, "")
        assert container is not None
        assert (container.name, container.base) == (reference, reference)
    assert container_named(project, "golang", "") is None


def test_a_container_of_an_included_file_is_none_for_the_others() -> None:
    files = {**SERVICES, "a/b/tasks.yml": "{containers: {own: 'b:1'}, container: ownn}"}
    faults = faults_of(TOP[:-1] + ", tasks: {t: {container: own, run: x}}}", files)
    assert [(fault.message, fault.hint) for fault in faults] == [
        ("there is no container `own`", "an image is written with its tag: `own:latest`"),
        ("there is no container `ownn`", "did you mean `own`?"),
    ]


def test_a_faulty_container_is_known_by_its_name() -> None:
    (fault,) = faults_of("{containers: {go: {from: a b}}, container: go}")
    assert fault.message == "`a b` can't be an image"


def test_in_a_tusk_yml_an_unknown_container_of_a_task_is_no_fault_yet() -> None:
    text = "{containers: {go: alpine}, tasks: {a: {container: og, run: x}}}"
    assert project_of(text, name="tusk.yml").task("a") is not None
    assert [fault.message for fault in faults_of(text)] == ["there is no container `og`"]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{container: gp, containers: {go: alpine}}", "did you mean `go`?"),
        ("container: hots", "did you mean `host`?"),
        ("{container: golang, containers: {node: alpine}}", "an image is written with its tag: `golang:latest`"),
        ("containers: {go: {from: alpine, wokdir: /src}}", "did you mean `workdir`?"),
        ("containers: {go: {from: alpine, volumes: /a}}", "folders of the host stand under `mounts`, those that are kept under `cache-mounts`"),
        ("containers: {go: {}}", "add `from: NAME:TAG`, a `dockerfile`, or the `task` that makes one"),
        ("containers: {go: {from: 'a:${v}'}}", "write it out"),
        ("containers: {go: {from: alpine, dockerfile: d}}", "it begins with one image"),
        ("containers: {go: {dockerfile: d, setup: x}}", "write it into the Dockerfile, or into the task that makes the image"),
        ("containers: {go: {from: alpine, mounts: [{/a: /b}]}}", 'write it without a blank: `"/a:/b"`'),
        ("{containers: {go: {task: imgae}}, tasks: {image: {image: {name: x, from: scratch}}}}", "did you mean `image`?"),
        ("tasks: {a: {ports: 80}}", "add its command, or its image: `container: NAME:TAG`"),
    ],
)  # fmt: skip
def test_a_fault_says_what_would_be_right(text: str, hint: str) -> None:
    assert hint_of(text) == hint
