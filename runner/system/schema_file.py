"""The JSON Schema that editors check a `tasks.yml` against, as it was installed."""

import os

from runner.errors import PyrunError

_NAME = "tasks.schema.json"


def read_schema() -> str:
    """The text of the schema.

    Raises:
        PyrunError: It was not installed with the program.
    """
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    # In a wheel it lies within the package, in a checkout beside it.
    for folder in (f"{package}/schema", f"{os.path.dirname(package)}/schema"):
        try:
            with open(f"{folder}/{_NAME}", encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            continue
    raise PyrunError(f"`{_NAME}` is not installed", None, "install pyrun from its wheel or in a checkout")
