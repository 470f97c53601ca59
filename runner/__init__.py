"""A task runner for monorepos of microservices.

The packages stand in layers, each importing only those below it; `docs/design.md` draws the picture.
"""

__version__ = "0.1.0"
