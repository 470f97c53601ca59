"""The lines of a text, cut only where one is asked for.

A file of ten million lines is read without a list of them; only a fault wants to see some.
"""

import re
from bisect import bisect_right

LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What ends a line in YAML."""
_BLOCK = 1 << 16
"""Characters that are cut into lines at a time."""


class Rows:
    """The lines of a text by their number, counted from 0, without their ends.

    Args:
        text: The text. Its lines end as YAML's do.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._places: list[int] = []
        self._numbers: list[int] = []
        self._count = 0
        self._block = -1
        self._rows: list[str] = []

    def __len__(self) -> int:
        self._measure()
        return self._count

    def __getitem__(self, number: int) -> str:
        """The line of a number.

        Raises:
            IndexError: There is none.
        """
        self._measure()
        if not 0 <= number < self._count:
            raise IndexError(number)
        block = bisect_right(self._numbers, number) - 1
        if block != self._block:
            self._block, self._rows = block, self._cut(block)
        return self._rows[number - self._numbers[block]]

    def _cut(self, block: int) -> list[str]:
        begin = self._places[block]
        end = self._places[block + 1] if block + 1 < len(self._places) else len(self._text)
        return self._text[begin:end].splitlines()

    def _measure(self) -> None:
        """Find where the blocks of lines begin, once."""
        place = 0 if not self._places else len(self._text)
        while place < len(self._text):
            found = LINE_END.search(self._text, place + _BLOCK)
            self._places.append(place)
            self._numbers.append(self._count)
            self._count += len(self._text[place : found.end() if found else None].splitlines())
            place = found.end() if found else len(self._text)
