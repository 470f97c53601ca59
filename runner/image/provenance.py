"""How an image was made, as a statement of in-toto with the predicate SLSA provenance, version 1.

It is written down once, when the image is made: what was asked for, which files, commits and images it was made
of, and of each task what it did and how its result came about. It says nothing of the moment and of the machine.
Nobody has signed it: who does, signs these bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.digest import Digest
from runner.image.document import encode

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:pyrun:image:v1"
"""Says how the parameters are to be read, see the chapter on images in the documentation."""
BUILDER = "urn:pyrun:builder"
RUN, RESTORED, UP_TO_DATE = "run", "restored", "up to date"
"""How the result of a task came about in the call that made the image."""


@dataclass(frozen=True, slots=True)
class Material:
    """Something that an image was made of.

    Args:
        name: A path in the project, or what a file calls an image.
        algorithm: What its digest is: `sha256` or `gitCommit`.
        digest: In hexadecimal digits.
        uri: Where it can be had, or empty.
    """

    name: str
    algorithm: str
    digest: str
    uri: str = ""

    def document(self) -> dict[str, object]:
        """As a resource descriptor of in-toto."""
        out: dict[str, object] = {"name": self.name, "digest": {self.algorithm: self.digest}}
        return {"uri": self.uri, **out} if self.uri else out


@dataclass(frozen=True, slots=True)
class Step:
    """What a task did.

    Args:
        task: Its name with the values of its args.
        result: RUN, RESTORED or UP_TO_DATE.
        made: Where its result was made: `host`, `sandbox`, `container` or `hermetic`; empty if it has none.
        commands: What its interpreter was given, in order.
        place: The container, by its name and the image it begins with; empty for the host.
        env: Its fixed variables.
        sources: What it read, as far as it says so.
        targets: What it left.
    """

    task: str
    result: str
    made: str
    commands: tuple[str, ...]
    place: str = ""
    env: tuple[tuple[str, str], ...] = ()
    sources: tuple[Material, ...] = ()
    targets: tuple[Material, ...] = ()

    def document(self) -> dict[str, object]:
        """As the statement has it; what is empty is left out."""
        found: dict[str, object] = {
            "task": self.task,
            "result": self.result,
            "made": self.made,
            "container": self.place,
            "commands": list(self.commands),
            "env": dict(self.env),
            "sources": [one.name for one in self.sources],
            "targets": [one.document() for one in self.targets],
        }
        return {name: value for name, value in found.items() if value}


def provenance(
    subjects: Sequence[tuple[str, Digest]],
    *,
    parameters: Mapping[str, object],
    internal: Mapping[str, object],
    materials: Sequence[Material],
    steps: Sequence[Step],
    version: str,
) -> bytes:
    """The statement.

    Args:
        subjects: The image's names, each with the digest of its manifest.
        parameters: What was asked for.
        internal: What else decides what comes of it.
        materials: What it was made of: the commit, images; the steps' sources come by themselves.
        steps: What the tasks did, each behind those that it needed.
        version: Pyrun's.
    """
    made = {one.name for step in steps for one in step.targets}
    files = {one.name: one for step in steps for one in step.sources if one.name not in made}
    found = [*materials, *(files[name] for name in sorted(files))]
    return encode(
        {
            "_type": STATEMENT,
            "subject": [
                {"name": name, "digest": {digest.algorithm: digest.hex}} for name, digest in subjects
            ],
            "predicateType": PREDICATE,
            "predicate": {
                "buildDefinition": {
                    "buildType": BUILD_TYPE,
                    "externalParameters": dict(parameters),
                    "internalParameters": dict(internal),
                    "resolvedDependencies": [one.document() for one in found],
                },
                "runDetails": {
                    "builder": {"id": BUILDER, "version": {"pyrun": version}},
                    "pyrun_steps": [step.document() for step in steps],
                },
            },
        }
    )
