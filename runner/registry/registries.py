"""The registries of one call: with each it is found out once how it is spoken to, and who the user is there."""

import threading
from collections.abc import Mapping
from typing import Self

from runner.image.reference import Source
from runner.registry.client import Registry
from runner.registry.pull import RegistryImage
from runner.registry.retry import Patience


class Registries:
    """Registries by name. May be used by several threads.

    Args:
        environ: The caller's variables: where credentials and proxies are, and which registries have no TLS.
        patience: How long to go on with one that fails.
    """

    def __init__(self, environ: Mapping[str, str], patience: Patience | None = None) -> None:
        self._environ = environ
        self._patience = patience
        self._lock = threading.Lock()
        self._known: dict[str, Registry] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def get(self, source: Source) -> Registry:
        """The registry that has a source."""
        with self._lock:
            if source.registry not in self._known:
                self._known[source.registry] = Registry(
                    source.registry, source.host, self._environ, self._patience
                )
            return self._known[source.registry]

    def image(self, source: Source) -> RegistryImage:
        """An image to read. Nothing is asked before something of it is."""
        return RegistryImage(self.get(source), source)

    def stop(self) -> None:
        """See `Registry.stop`."""
        with self._lock:
            for registry in self._known.values():
                registry.stop()
            self._known.clear()
