"""What an image is, whatever an engine calls it."""

from typing import Any

import pytest

from runner.engine.image_facts import image_facts, is_for

DOCUMENT: dict[str, Any] = {
    "Id": "sha256:1",
    "Os": "linux",
    "Architecture": "arm64",
    "Variant": "v8",
    "RootFS": {"Layers": ["sha256:a"]},
    "Config": {"Env": ["A=1=2", "odd"], "User": "worker", "Cmd": ["sh"], "Labels": {"x": "y"}},
}


def changed(**values: object) -> dict[str, Any]:
    return {**DOCUMENT, **values}


def test_what_commands_begin_with_is_read() -> None:
    found = image_facts(DOCUMENT)
    assert (found.id, found.env, found.user) == ("sha256:1", (("A", "1=2"),), "worker")


def test_another_id_or_label_is_the_same_image() -> None:
    other = changed(Id="sha256:2", Config={**DOCUMENT["Config"], "Labels": None})
    assert image_facts(other).identity == image_facts(DOCUMENT).identity


@pytest.mark.parametrize(
    "other",
    [
        changed(Architecture="amd64"),
        changed(RootFS={"Layers": ["sha256:b"]}),
        changed(Config={**DOCUMENT["Config"], "User": ""}),
        changed(Config={**DOCUMENT["Config"], "Env": ["A=2"]}),
    ],
)
def test_other_content_or_settings_are_another_image(other: dict[str, Any]) -> None:
    assert image_facts(other).identity != image_facts(DOCUMENT).identity


@pytest.mark.parametrize(
    ("platform", "good"),
    [("linux/arm64", True), ("linux/arm64/v8", True), ("linux/arm64/v7", False), ("linux/amd64", False)],
)
def test_a_platform_is_met_or_not(platform: str, good: bool) -> None:
    assert is_for(DOCUMENT, platform) is good
    assert is_for(changed(Variant=""), "linux/arm64/v7")
