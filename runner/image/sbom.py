"""The bill of materials of an image, in CycloneDX's JSON: what is installed in it, by package URLs.

Equal images give equal bytes: its number follows from the image's digest, and its time is the image's.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from runner.digest import Digest
from runner.image.go_buildinfo import GoModule
from runner.image.inventory import Inventory, Package, Program, hex_of
from runner.plan.platform import Platform

_DEVEL = "(devel)"


def bill_of_materials(
    found: Inventory, name: str, digest: Digest, platform: Platform, created: str, version: str
) -> bytes:
    """The document.

    Args:
        found: What is installed.
        name: The image's repository, as its reference has it.
        digest: Of its manifest.
        platform: What it runs on.
        created: The time that it says of itself, as RFC 3339 has it.
        version: Pyrun's.
    """
    image = Component(
        name=name,
        type=ComponentType.CONTAINER,
        version=str(digest),
        bom_ref=f"image@{digest}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest.hex)],
        purl=PackageURL(
            "oci",
            name=name.rpartition("/")[2].lower(),
            version=str(digest),
            qualifiers={"arch": platform.architecture, "repository_url": name.lower()},
        ),
        properties=[Property(name="pyrun:not-read", value=what) for what in found.unread],
    )
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"{name}@{digest}"))
    bom.metadata.component = image
    bom.metadata.timestamp = datetime.fromisoformat(created)
    bom.metadata.tools.components.add(
        Component(name="pyrun", type=ComponentType.APPLICATION, version=version, bom_ref="pyrun")
    )
    parts = _Parts(found.release)
    tops = [*parts.programs(found.programs), *parts.packages(found.packages), *parts.system()]
    for component in parts.known.values():
        bom.components.add(component)
    bom.register_dependency(image, tops)
    for one, needs in parts.needs:
        bom.register_dependency(one, needs)
    return JsonV1Dot6(bom).output_as_string(indent=None).encode()


class _Parts:
    """The components, each once though several things are found that say so.

    Args:
        release: What the image says of its distribution.
    """

    def __init__(self, release: dict[str, str]) -> None:
        self._release = release
        self.known: dict[str, Component] = {}
        self.needs: list[tuple[Component, list[Component]]] = []

    def programs(self, found: Iterable[Program]) -> Iterable[Component]:
        """Programs of Go, with the modules that each was built from."""
        for program in found:
            build = program.build
            one = Component(
                name=program.path,
                type=ComponentType.APPLICATION,
                version=build.main.version if build.main else None,
                bom_ref=f"file:{program.path}",
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=program.sha256)],
                properties=[
                    Property(name="pyrun:go", value=build.version),
                    *([Property(name="pyrun:package", value=build.package)] if build.package else ()),
                ],
            )
            self.known[str(one.bom_ref.value)] = one
            standard = GoModule("std", build.version.removeprefix("go").partition(" ")[0], "")
            modules = [*([build.main] if build.main else ()), *build.modules, standard]
            self.needs.append((one, [self._module(module) for module in modules]))
            yield one

    def packages(self, found: Iterable[Package]) -> Iterable[Component]:
        """Packages of the distribution and of Python."""
        for package in found:
            qualifiers = {}
            namespace = ""
            if package.kind in {"deb", "apk"}:
                system = self._release.get("ID", "")
                namespace = system or {"deb": "debian", "apk": "alpine"}[package.kind]
                number = self._release.get("VERSION_ID", "")
                qualifiers = {
                    "arch": package.architecture,
                    "distro": f"{system}-{number}" if system and number else "",
                }
            purl = _purl(package.kind, namespace, package.name, package.version, qualifiers)
            yield self._library(purl, package.name, package.version, package.hashes, package.path)

    def system(self) -> Iterable[Component]:
        """The distribution."""
        name = self._release.get("ID", "")
        if name:
            version = self._release.get("VERSION_ID") or None
            one = Component(
                name=name,
                type=ComponentType.OPERATING_SYSTEM,
                version=version,
                description=self._release.get("PRETTY_NAME") or None,
                bom_ref=f"os:{name}@{version or ''}",
            )
            self.known[str(one.bom_ref.value)] = one
            yield one

    def _module(self, module: GoModule) -> Component:
        namespace, _, name = module.path.rpartition("/")
        version = None if module.version == _DEVEL else module.version
        digits = hex_of(module.checksum.removeprefix("h1:")) if module.checksum.startswith("h1:") else ""
        hashes = (("SHA-256", digits),) if len(digits) == 64 else ()
        purl = _purl("golang", namespace, name, version or "", {})
        return self._library(purl, module.path, version or "", hashes, "")

    def _library(
        self,
        purl: PackageURL | None,
        name: str,
        version: str,
        hashes: Iterable[tuple[str, str]],
        path: str,
    ) -> Component:
        reference = purl.to_string() if purl is not None else f"{name}@{version}"
        known = self.known.get(reference)
        if known is None:
            # Of the ways in which one package is spelled the URL has one.
            plain = name if purl is None or purl.type == "golang" else str(purl.name)
            known = self.known[reference] = Component(
                name=plain,
                type=ComponentType.LIBRARY,
                version=version or None,
                bom_ref=reference,
                purl=purl,
                hashes=[HashType(alg=HashAlgorithm(of), content=digits) for of, digits in hashes],
            )
        if path:
            known.properties.add(Property(name="pyrun:path", value=path))
        return known


def _purl(
    kind: str, namespace: str, name: str, version: str, qualifiers: Mapping[str, str]
) -> PackageURL | None:
    """The package URL; None for what has no name that can stand in one."""
    found = {key: value for key, value in qualifiers.items() if value}
    try:
        made = PackageURL(kind, namespace or None, name, version or None, found)
        made.to_string()
    except (ValueError, TypeError):
        return None
    return made
