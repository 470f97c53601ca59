"""Work in several threads at once, the first failure of which ends it all.

The threads are not waited for when one failed or the caller is interrupted: each gives up at its next request or
piece, and none keeps the program from ending.
"""

import queue
import signal
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
_SECONDS = 0.1
"""Between two calls of `look`."""


def for_each(
    items: Sequence[Item],
    work: Callable[[Item], None],
    threads: int,
    give_up: Callable[[], None],
    look: Callable[[], None],
) -> None:
    """Do something with each of many things.

    Args:
        items: The things, in the order in which they are begun.
        work: What to do. Called in another thread.
        threads: How many are at work at once.
        give_up: Called when one failed, so that the others stop soon.
        look: Called in this thread every now and then, to tell how far it is.

    Raises:
        Exception: What `work` raised first.
    """
    waiting: queue.SimpleQueue[Item] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)
    done: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def run() -> None:
        # Signals are the main thread's, which waits below.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            while True:
                work(waiting.get_nowait())
        except queue.Empty:
            done.put(None)
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            done.put(error)

    count = min(threads, len(items))
    for _ in range(count):
        threading.Thread(target=run, name="pyrun-registry", daemon=True).start()
    failed: BaseException | None = None
    whole = False
    try:
        for _ in range(count):
            while failed is None:
                try:
                    failed = done.get(timeout=_SECONDS)
                    break
                except queue.Empty:
                    look()
        whole = failed is None
    finally:
        if not whole:
            give_up()
    if failed is not None:
        raise failed
