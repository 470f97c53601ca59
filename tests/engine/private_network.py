"""Addresses for an engine of the tests, and the rules that let its containers out."""

import contextlib
import os
import random
import shutil
import subprocess
from collections.abc import Iterator

_SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where programs for root stand beside what a user's PATH names."""


@contextlib.contextmanager
def private_network(bridge: str, *, made: bool = True) -> Iterator[str]:
    """Sixteen bits of addresses that nobody here uses, and the way out of them; their beginning, as `10.1`.

    Args:
        bridge: The device that holds the first of them.
        made: Whether it is made here.
    """
    assert os.geteuid() == 0, "no container engine answers, and only root can start one: set DOCKER_HOST"
    routes = subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout
    # By chance: another run may choose at the same moment.
    used = {word.split(".")[1] for word in routes.split() if word.startswith("10.")}
    numbers = [number for number in range(100, 250) if str(number) not in used]
    network = f"10.{random.choice(numbers)}"
    whole = f"{network}.0.0/16"
    rules = (
        ("nat", "POSTROUTING", "-s", whole, "!", "-d", whole, "-j", "MASQUERADE"),
        ("filter", "FORWARD", "-s", whole, "-j", "ACCEPT"),
        ("filter", "FORWARD", "-d", whole, "-j", "ACCEPT"),
    )
    for table, *rule in rules:
        _root("iptables", "-w", "-t", table, "-I", *rule)
    if made:
        _root("ip", "link", "add", "name", bridge, "type", "bridge")
        _root("ip", "address", "add", f"{network}.0.1/24", "dev", bridge)
        _root("ip", "link", "set", bridge, "up")
    try:
        yield network
    finally:
        for table, *rule in rules:
            _root("iptables", "-w", "-t", table, "-D", *rule)
        if made or os.path.exists(f"/sys/class/net/{bridge}"):
            _root("ip", "link", "delete", bridge)


def _root(*argv: str) -> None:
    subprocess.run([program(argv[0], "iptables iproute2"), *argv[1:]], check=True)


def program(name: str, packages: str) -> str:
    """The path of a program for root.

    Args:
        name: The program.
        packages: What of Debian brings it.
    """
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_SYSTEM_PATH}")
    assert found, f"these tests need `{name}`: apt-get install {packages}"
    return found
