import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.digest import digest_of
from runner.errors import PlanError, RunError
from runner.image.assemble import BuiltLayer, assemble
from runner.image.descriptor import Descriptor
from runner.image.image_config import ImageConfig, effective_workdir, image_config, parse_config, timestamp
from runner.image.manifest import Manifest
from runner.image.media_type import CONFIG, LAYER_GZIP
from runner.plan.image_plan import BaseVariable, ConfigPlan, Healthcheck
from runner.plan.platform import Platform

LINUX = Platform("linux", "amd64")
ARM = Platform("linux", "arm64", "v8")
ONE, TWO = digest_of(b"one"), digest_of(b"two")
USUAL = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BASE = ImageConfig(
    LINUX,
    {
        "User": "app",
        "Env": ["PATH=/bin:/usr/bin", "LANG=C"],
        "Entrypoint": ["/entry"],
        "Cmd": ["serve"],
        "WorkingDir": "/srv",
        "Labels": {"b": "1", "a": "1"},
        "ExposedPorts": {"9/tcp": {}},
        "OnBuild": ["RUN x"],
        "Image": "sha256:1",
        "Future": [1],
        "Volumes": None,
    },
    (ONE,),
    ({"created_by": "it", "created": "2020-01-01T00:00:00Z"}, {"created_by": "env", "empty_layer": True}),
    "2020-01-01T00:00:00Z",
    {"author": "someone"},
)


def config(plan: ConfigPlan, base: ImageConfig | None = BASE) -> dict[str, Any]:
    made = image_config(base, plan, LINUX, [], 0)
    found: dict[str, Any] = json.loads(made.encode())["config"]
    return found


def test_an_image_from_nothing_has_what_the_plan_says_and_the_usual_path() -> None:
    plan = ConfigPlan(
        workdir="app",
        env=(
            ("A", "1"),
            ("P", ("x:", BaseVariable("PATH"))),
        ),
        labels=(("b", "2"), ("a", "1")),
        user="1000:1000",
        expose=("8080", "53/udp", "1-2"),
        volumes=("/data",),
        stop_signal="SIGINT",
        healthcheck=Healthcheck(("CMD", "check"), interval=5_000_000_000, retries=3),
        entrypoint=("./gmicro",),
        cmd=("serve",),
    )
    made = image_config(None, plan, ARM, [(ONE, "pyrun copy to /app/")], 86400)
    assert list(json.loads(made.encode()).items()) == [
        ("created", "1970-01-02T00:00:00Z"),
        ("architecture", "arm64"),
        ("os", "linux"),
        ("variant", "v8"),
        (
            "config",
            {
                "User": "1000:1000",
                "ExposedPorts": {"1/tcp": {}, "2/tcp": {}, "53/udp": {}, "8080/tcp": {}},
                "Env": [f"PATH={USUAL}", "A=1", f"P=x:{USUAL}"],
                "Entrypoint": ["./gmicro"],
                "Cmd": ["serve"],
                "Healthcheck": {"Test": ["CMD", "check"], "Interval": 5_000_000_000, "Retries": 3},
                "Volumes": {"/data": {}},
                "WorkingDir": "/app",
                "Labels": {"a": "1", "b": "2"},
                "StopSignal": "SIGINT",
            },
        ),
        ("rootfs", {"type": "layers", "diff_ids": [str(ONE)]}),
        ("history", [{"created": "1970-01-02T00:00:00Z", "created_by": "pyrun copy to /app/"}]),
    ]


def test_an_empty_plan_keeps_the_base_but_for_how_it_was_made() -> None:
    kept = {key: value for key, value in BASE.config.items() if key not in {"OnBuild", "Image", "Volumes"}}
    assert config(ConfigPlan()) == kept
    made = image_config(BASE, ConfigPlan(), LINUX, [], 0)
    assert made.more == {"author": "someone"}
    assert made.history == BASE.history


def test_the_plan_is_laid_over_the_base() -> None:
    found = config(
        ConfigPlan(
            env=(("NEW", "1"), ("PATH", ("/app:", BaseVariable("PATH")))),
            labels=(("b", "2"), ("c", "3")),
            expose=("8080",),
            workdir="web/../app",
            user="0",
        )
    )
    assert found["Env"] == ["PATH=/app:/bin:/usr/bin", "LANG=C", "NEW=1"]
    assert list(found["Labels"].items()) == [("a", "1"), ("b", "2"), ("c", "3")]
    assert set(found["ExposedPorts"]) == {"9/tcp", "8080/tcp"}
    assert (found["WorkingDir"], found["User"]) == ("/srv/app", "0")


@pytest.mark.parametrize(
    ("plan", "entrypoint", "cmd"),
    [
        (ConfigPlan(), ["/entry"], ["serve"]),
        (ConfigPlan(cmd=("x",)), ["/entry"], ["x"]),
        (ConfigPlan(cmd=()), ["/entry"], None),
        (ConfigPlan(entrypoint=("e",)), ["e"], None),
        (ConfigPlan(entrypoint=("e",), cmd=("x",)), ["e"], ["x"]),
        (ConfigPlan(entrypoint=()), None, None),
    ],
)
def test_an_entrypoint_clears_the_bases_cmd(
    plan: ConfigPlan, entrypoint: list[str] | None, cmd: list[str] | None
) -> None:
    found = config(plan)
    assert (found.get("Entrypoint"), found.get("Cmd")) == (entrypoint, cmd)


@given(
    st.dictionaries(st.text("ABC", min_size=1), st.text(max_size=5)),
    st.dictionaries(st.text("ABC", min_size=1), st.text(max_size=5)),
)
def test_each_variable_stands_once_and_the_plans_value_wins(
    base: dict[str, str], new: dict[str, str]
) -> None:
    below = ImageConfig(LINUX, {"Env": [f"{name}={value}" for name, value in base.items()]}, ())
    found = config(ConfigPlan(env=tuple(new.items())), below).get("Env", [])
    assert found == [f"{name}={value}" for name, value in (base | new).items()]


def test_a_config_is_read_back_as_it_was_written() -> None:
    made = image_config(
        BASE, ConfigPlan(env=(("A", "ü"),)), Platform("linux", "amd64", "v3"), [(TWO, "w")], 5
    )
    again = parse_config(made.encode())
    assert again.encode() == made.encode()
    assert [digest.hex for digest in again.diff_ids] == [ONE.hex, TWO.hex]


def test_a_base_whose_history_is_not_of_its_layers_gets_a_plain_one() -> None:
    base = ImageConfig(LINUX, {}, (ONE, TWO), ({"created_by": "only one"},))
    made = image_config(base, ConfigPlan(), LINUX, [(ONE, "copy")], 0)
    assert [entry["created_by"] for entry in made.history] == ["base", "base", "copy"]


@pytest.mark.parametrize("port", ["", "0", "65536", "80/http", "http", "9-8", "1-", "-1", "80/tcp/udp"])
def test_what_is_no_port_is_refused(port: str) -> None:
    with pytest.raises(PlanError, match="is no port"):
        config(ConfigPlan(expose=(port,)))


def test_a_base_for_another_platform_is_refused() -> None:
    with pytest.raises(RunError, match="the base is for linux/amd64, the image for linux/arm64/v8"):
        image_config(BASE, ConfigPlan(), ARM, [], 0)


@pytest.mark.parametrize(
    ("base", "plan", "expected"),
    [
        ("", "", ""),
        ("/srv", "", "/srv"),
        ("", "app", "/app"),
        ("/srv", "/", "/"),
        ("/srv", "../x/./y", "/x/y"),
    ],
)
def test_the_working_directory_is_below_the_bases(base: str, plan: str, expected: str) -> None:
    below = ImageConfig(LINUX, {"WorkingDir": base}, ()) if base else None
    assert effective_workdir(below, ConfigPlan(workdir=plan)) == expected


@pytest.mark.parametrize(
    ("epoch", "text"), [(0, "1970-01-01T00:00:00Z"), (253_402_300_799, "9999-12-31T23:59:59Z")]
)
def test_a_time_is_written_in_full(epoch: int, text: str) -> None:
    assert timestamp(epoch) == text


@pytest.mark.parametrize("epoch", [-1, 253_402_300_800])
def test_a_time_without_a_date_is_refused(epoch: int) -> None:
    with pytest.raises(PlanError, match="SOURCE_DATE_EPOCH"):
        timestamp(epoch)


def test_an_image_is_the_bases_layers_and_the_new_ones() -> None:
    below = Manifest(Descriptor(CONFIG, ONE), (Descriptor(LAYER_GZIP, ONE),))
    new = BuiltLayer(Descriptor(LAYER_GZIP, TWO), TWO, "copy")
    image = assemble((below, BASE), [new], ConfigPlan(), LINUX, 0)
    assert image.manifest.layers == (*below.layers, new.blob)
    assert image.config.diff_ids == (ONE, TWO)
    assert image.manifest.config.digest == digest_of(image.config_bytes)
    assert image.descriptor.digest == digest_of(image.manifest_bytes)
    assert assemble((below, BASE), [new], ConfigPlan(), LINUX, 0) == image


def test_a_base_whose_documents_tell_of_different_layers_is_refused() -> None:
    below = Manifest(Descriptor(CONFIG, ONE), ())
    with pytest.raises(RunError, match="0 layers in its manifest, 1 in its config"):
        assemble((below, BASE), [], ConfigPlan(), LINUX, 0)


def test_a_layer_of_an_unknown_kind_is_refused() -> None:
    below = Manifest(Descriptor(CONFIG, ONE), (Descriptor("application/x", ONE),))
    with pytest.raises(RunError, match="not known here: application/x"):
        assemble((below, BASE), [], ConfigPlan(), LINUX, 0)
