"""Pushes and pulls over a network that fails: each succeeds or says why not, and no tag names half of an image."""

import collections
import hashlib
import json
import os
import random
from pathlib import Path  # noqa: TID251 - a test's start may cost what it likes

import pytest

from runner.errors import RunError
from runner.image.reference import parse_source
from runner.registry.push import Push
from runner.registry.registries import Registries
from runner.registry.retry import Patience
from tests.engine.registries import RealRegistry
from tests.registry.fault_proxy import HARMLESS, LIES, FaultProxy
from tests.registry.images import AMD64, ARM64, Made, make_image, make_index

PATIENCE = Patience(pause=0.001, longest_pause=0.004, read=3, probe=0.1)
ROUNDS = 50
"""Pushes, and as many pulls, for each kind of fault and each registry: 200 of either in all."""


def check_tags(real: RealRegistry) -> dict[str, dict[str, str]]:
    """See in the registry's own files that all that a tag names is there, bytes and all; the digests of the tags."""
    blobs = f"{real.folder}/data/docker/registry/v2"
    checked: set[str] = set()

    def blob(repository: str, digest: str, *, layer: bool) -> bytes:
        hexadecimal = digest.removeprefix("sha256:")
        data = Path(f"{blobs}/blobs/sha256/{hexadecimal[:2]}/{hexadecimal}/data").read_bytes()
        assert hashlib.sha256(data).hexdigest() == hexadecimal
        if layer:
            assert os.path.exists(f"{blobs}/repositories/{repository}/_layers/sha256/{hexadecimal}/link")
        return data

    def manifest(repository: str, digest: str) -> None:
        if f"{repository} {digest}" in checked:
            return
        checked.add(f"{repository} {digest}")
        document = json.loads(blob(repository, digest, layer=False))
        for entry in document.get("manifests", ()):
            manifest(repository, entry["digest"])
        for entry in (*document.get("layers", ()), *((document["config"],) if "config" in document else ())):
            blob(repository, entry["digest"], layer=True)

    found: dict[str, dict[str, str]] = collections.defaultdict(dict)
    for repository, tags in real.repositories().items():
        for tag in tags:
            link = f"{blobs}/repositories/{repository}/_manifests/tags/{tag}/current/link"
            digest = Path(link).read_text()
            manifest(repository, digest)
            found[repository][tag] = digest
    return found


def images(folder: str, chance: random.Random) -> list[Made]:
    """Some images, and some indexes of two."""
    found = []
    for number in range(8):
        sizes = tuple(chance.choice((1, 700, 30_000, 200_000)) for _ in range(chance.randint(1, 4)))
        one = make_image(folder, number, sizes)
        if number % 4 == 3:
            two = make_image(folder, 100 + number, sizes, platform=ARM64)
            one = Made(one.layout, make_index(one.layout, one.descriptor, two.descriptor), one.layers)
        found.append(one)
    return found


@pytest.mark.parametrize(("faults", "rate", "least"), [(HARMLESS, 0.25, 0.9), (LIES, 0.08, 0.1)])
def test_what_fails_on_the_way_is_got_over_or_told(
    real: RealRegistry, tmp_path: Path, faults: tuple[str, ...], rate: float, least: float
) -> None:
    chance = random.Random(20)
    made = images(f"{tmp_path}/layout", chance)
    kind = f"faults{len(faults)}"
    outcomes: collections.Counter[str] = collections.Counter()
    messages: collections.Counter[str] = collections.Counter()
    with FaultProxy(real.port, 7, faults, rate) as proxy:
        for turn in range(ROUNDS):
            one = made[turn % len(made)]
            # Each in a repository of its own, so that nothing is there.
            path = f"{kind}/turn{turn}"
            with Registries({}, PATIENCE) as registries:
                source = parse_source(f"{proxy.host}/{path}:1")
                try:
                    Push(registries.get(source), path, one.layout).run(one.descriptor, ["1", "2"])
                except RunError as error:
                    outcomes["push failed"] += 1
                    assert_clear(error, proxy.host, messages)
                    wanted = {"1": str(one.descriptor.digest)}
                    known = check_tags(real).get(path, {})
                    if "corrupt request" not in faults:
                        assert known.items() <= {**wanted, "2": wanted["1"]}.items()
                else:
                    outcomes["push done"] += 1
                    digest = str(one.descriptor.digest)
                    assert check_tags(real)[path] == {"1": digest, "2": digest}
            outcomes[pull(real, proxy, one, messages)] += 1
    assert sum(outcomes.values()) == 2 * ROUNDS, outcomes
    done = {fault: proxy.done[fault] for fault in faults}
    assert all(done.values()), done
    for what in ("push", "pull"):
        assert outcomes[f"{what} done"] >= least * ROUNDS, (outcomes, messages)
    if faults == LIES:
        assert outcomes["pull failed"], messages


def pull(real: RealRegistry, proxy: FaultProxy, one: Made, messages: collections.Counter[str]) -> str:
    """Read an image through the proxy; what came of it."""
    with Registries({}, PATIENCE) as registries:
        source = parse_source(f"{real.host}/faults/there:{one.descriptor.digest.hex[:12]}")
        Push(registries.get(source), source.path, one.layout).run(one.descriptor, [source.tag])
        try:
            image = registries.image(parse_source(f"{proxy.host}/{source.path}:{source.tag}"))
            _, manifest, _ = image.image("", AMD64)
            found = {str(layer.digest): b"".join(image.chunks(layer.digest)) for layer in manifest.layers}
        except RunError as error:
            assert_clear(error, proxy.host, messages)
            return "pull failed"
        assert found == one.layers
        return "pull done"


def assert_clear(error: RunError, host: str, messages: collections.Counter[str]) -> None:
    """The message is one line, in words, and says who is meant."""
    messages[error.message.replace(host, "HOST")] += 1
    assert error.message.isprintable()
    assert host in error.message or "127.0.0.1:1" in error.message, error.message
    assert len(error.message) < 500
