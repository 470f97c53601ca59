"""The image config: what a container of the image starts with, and which layers it is made of.

A base's config is kept as it was read, also the fields pyrun does not know, except for those that tell how
the base itself was made; what the image's plan says is laid over it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from runner.digest import Digest
from runner.errors import PlanError, RunError
from runner.image.descriptor import parse_platform
from runner.image.document import decode, encode, mapping, objects, parse_digest, text, texts
from runner.plan.image_plan import BaseVariable, ConfigPlan, Healthcheck
from runner.plan.platform import Platform

_WHAT = "the image config"
_LAST_SECOND = 253_402_300_799  # of the year 9999
_TOP_KEYS = ("author", "os.version", "os.features")
_ORDER = (
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Healthcheck",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
)
# How Docker records the making of the base: its triggers are for Dockerfiles, the rest names a container.
_DROPPED = frozenset(
    ("OnBuild", "Image", "Hostname", "Domainname", "AttachStdin", "AttachStdout", "AttachStderr")
)
_SETUP_LABEL = "pyrun.setup"
_FROM_NOTHING = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
"""What builders of Dockerfiles give an image that stands on nothing."""
_PORTS = re.compile(r"(?P<first>[0-9]{1,5})(?:-(?P<last>[0-9]{1,5}))?(?:/(?P<protocol>tcp|udp|sctp))?")


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """An image config.

    Args:
        platform: What the image runs on.
        config: What a container starts with, by Docker's and OCI's names.
        diff_ids: The digests of the unpacked layers, lowest first; their sizes are not known (0).
        history: A record for each layer and for each step that made none.
        created: When, as RFC 3339 has it.
        more: Other fields of the document.
    """

    platform: Platform
    config: Mapping[str, Any]
    diff_ids: tuple[Digest, ...]
    history: tuple[Mapping[str, Any], ...] = ()
    created: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def workdir(self) -> str:
        """The working directory, absolute, or empty."""
        return text(self.config, "WorkingDir", _WHAT)

    def encode(self) -> bytes:
        """The document's bytes, the same for equal configs."""
        out: dict[str, Any] = {"created": self.created} if self.created else {}
        out |= {key: self.more[key] for key in _TOP_KEYS if key in self.more}
        out |= {"architecture": self.platform.architecture, "os": self.platform.os}
        if self.platform.variant:
            out["variant"] = self.platform.variant
        known = {key: self.config[key] for key in _ORDER if key in self.config}
        other = {key: self.config[key] for key in sorted(self.config) if key not in known}
        out["config"] = known | other
        out["rootfs"] = {"type": "layers", "diff_ids": [str(digest) for digest in self.diff_ids]}
        out["history"] = [dict(entry) for entry in self.history]
        return encode(out)


def parse_config(data: bytes) -> ImageConfig:
    """The image config in these bytes.

    Raises:
        RunError: They hold none.
    """
    document = decode(data, _WHAT)
    rootfs = mapping(document, "rootfs", _WHAT)
    return ImageConfig(
        parse_platform(document, _WHAT),
        mapping(document, "config", _WHAT),
        tuple(parse_digest(written, 0, _WHAT) for written in texts(rootfs, "diff_ids", _WHAT)),
        objects(document, "history", _WHAT),
        text(document, "created", _WHAT),
        {key: document[key] for key in _TOP_KEYS if key in document},
    )


def image_config(
    base: ImageConfig | None,
    plan: ConfigPlan,
    platform: Platform,
    layers: Sequence[tuple[Digest, str]],
    epoch: int,
) -> ImageConfig:
    """The config of an image on a base.

    Args:
        base: None for an image from nothing.
        plan: What is laid over the base's config.
        platform: What the image runs on.
        layers: Of each new layer its diff id, and what made it, in words.
        epoch: Seconds since 1970 that `created` says.

    Raises:
        PlanError: A port, or a relative workdir that leads above the root, or a time that has no date.
        RunError: The base is for another platform, or broken.
    """
    created = timestamp(epoch)
    if base is not None and (base.platform.os, base.platform.architecture) != (
        platform.os,
        platform.architecture,
    ):
        raise RunError(
            f"the base is for {base.platform}, the image for {platform}", hint="a base for that platform"
        )
    made = tuple({"created": created, "created_by": words} for _, words in layers)
    return ImageConfig(
        platform if base is None or platform.variant else base.platform,
        _laid_over(base.config if base else _FROM_NOTHING, plan),
        (base.diff_ids if base else ()) + tuple(diff_id for diff_id, _ in layers),
        (_base_history(base, created) if base else ()) + made,
        created,
        base.more if base else {},
    )


def timestamp(epoch: int) -> str:
    """Seconds since 1970 as RFC 3339 has them.

    Raises:
        PlanError: No four-digit year has such a second, or it is before 1970.
    """
    if not 0 <= epoch <= _LAST_SECOND:
        raise PlanError(f"SOURCE_DATE_EPOCH={epoch} is no time", hint="seconds since 1970")
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def effective_workdir(base: ImageConfig | None, plan: ConfigPlan) -> str:
    """The working directory of the image, absolute, or empty if neither plan nor base has one."""
    inherited = base.workdir if base else ""
    if not plan.workdir:
        return inherited
    path = plan.workdir if plan.workdir.startswith("/") else f"{inherited}/{plan.workdir}"
    names: list[str] = []
    for name in path.split("/"):
        if name == ".." and names:
            names.pop()
        elif name not in {"", ".", ".."}:
            names.append(name)
    return "/" + "/".join(names)


def _laid_over(base: Mapping[str, Any], plan: ConfigPlan) -> dict[str, Any]:
    out = {key: value for key, value in base.items() if key not in _DROPPED and value is not None}
    new: dict[str, Any] = {
        "User": plan.user,
        "ExposedPorts": mapping(base, "ExposedPorts", _WHAT)
        | {port: {} for port in exposed_ports(plan.expose)},
        "Env": merged_env(texts(base, "Env", _WHAT), plan),
        "Volumes": mapping(base, "Volumes", _WHAT) | {path: {} for path in plan.volumes},
        "Labels": _labels(base) | dict(plan.labels),
        "StopSignal": plan.stop_signal,
        "Healthcheck": _healthcheck(plan.healthcheck) if plan.healthcheck else None,
    }
    for key in ("ExposedPorts", "Volumes", "Labels"):
        new[key] = {name: new[key][name] for name in sorted(new[key])}
    if plan.workdir:
        new["WorkingDir"] = effective_workdir(ImageConfig(Platform("", ""), base, ()), plan)
    if plan.entrypoint is not None:
        out.pop("Entrypoint", None)
        out.pop("Cmd", None)
        new["Entrypoint"] = list(plan.entrypoint)
    if plan.cmd is not None:
        out.pop("Cmd", None)
        out.pop("ArgsEscaped", None)
        new["Cmd"] = list(plan.cmd)
    return out | {key: value for key, value in new.items() if value}


def _labels(base: Mapping[str, Any]) -> dict[str, Any]:
    """The base's labels, without the one by which the image of a container's `setup` is known."""
    return {name: text for name, text in mapping(base, "Labels", _WHAT).items() if name != _SETUP_LABEL}


def merged_env(base: Sequence[str], plan: ConfigPlan) -> list[str]:
    """The variables as `NAME=VALUE`, the base's first and in their order."""
    inherited = dict(item.partition("=")[::2] for item in base)
    out = dict(inherited)
    for name, value in plan.env:
        parts = (value,) if isinstance(value, str) else value
        out[name] = "".join(
            inherited.get(part.name, "") if isinstance(part, BaseVariable) else part for part in parts
        )
    return [f"{name}={value}" for name, value in out.items()]


def exposed_ports(written: Sequence[str]) -> list[str]:
    """What `expose` names, each port by itself, as `8080/tcp`.

    Raises:
        PlanError: It is no port.
    """
    out = []
    for item in written:
        match = _PORTS.fullmatch(item)
        first = int(match["first"]) if match else 0
        last = int(match["last"]) if match and match["last"] else first
        if not match or not 0 < first <= last <= 65535:
            raise PlanError(
                f"`{item}` in `expose` is no port", hint="such as `8080`, `53/udp` or `8000-8002`"
            )
        out += [f"{port}/{match['protocol'] or 'tcp'}" for port in range(first, last + 1)]
    return out


def _healthcheck(check: Healthcheck) -> dict[str, Any]:
    numbers = {
        "Interval": check.interval,
        "Timeout": check.timeout,
        "StartPeriod": check.start_period,
        "Retries": check.retries,
    }
    return {"Test": list(check.test)} | {key: value for key, value in numbers.items() if value}


def _base_history(base: ImageConfig, created: str) -> tuple[Mapping[str, Any], ...]:
    """The base's records; if they do not tell of each of its layers, one plain record for each instead."""
    if sum(not entry.get("empty_layer") for entry in base.history) == len(base.diff_ids):
        return base.history
    return tuple({"created": created, "created_by": "base"} for _ in base.diff_ids)
