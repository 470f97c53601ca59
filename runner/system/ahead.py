"""Work on several things at once whose results come in order: for what runs outside the interpreter's lock."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from runner.system.environment import cores

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """What a function makes of each thing, in their order, as `map` gives it.

    As many are at work at once as there are processors; the things are taken in this thread, while the ones before
    are worked on already.

    Raises:
        Exception: What the function raised, when its turn comes.
    """
    most = cores() + 1
    waiting: deque[_Begun[Item, Result]] = deque()
    for item in items:
        while len(waiting) >= most:
            yield waiting.popleft().result()
        waiting.append(_Begun(function, item))
    while waiting:
        yield waiting.popleft().result()


class _Begun(Generic[Item, Result]):
    """One thing that is worked on."""

    def __init__(self, function: Callable[[Item], Result], item: Item) -> None:
        self._found: list[Result] = []
        self._failed: list[BaseException] = []
        self._thread = threading.Thread(target=self._work, args=(function, item), daemon=True)
        self._thread.start()

    def _work(self, function: Callable[[Item], Result], item: Item) -> None:
        try:
            self._found.append(function(item))
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is wanted
            self._failed.append(error)

    def result(self) -> Result:
        """What came of it, once it is there."""
        self._thread.join()
        for error in self._failed:
            raise error
        return self._found[0]
