"""Work in the threads of a pool, with the guarantee that all of it has ended on return."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, wait
from typing import Any, TypeVar

from cnnkit.files.threads import start_thread

S = TypeVar("S")
T = TypeVar("T")


def run_in_pool(pool: Executor, work: Callable[[S], T], items: Sequence[S], inline: int = 0) -> list[T]:
    """Return [work(item), ...] computed by the pool, the first `inline` items by this thread.

    All work has ended when it returns or raises.
    """
    futures: list[Future[T]] = []
    try:
        for item in items[inline:]:
            futures.append(start_thread(pool.submit, work, item))
        results = [work(item) for item in items[:inline]]
    finally:
        _wait_for(futures)
    return results + [future.result() for future in futures]


def _wait_for(futures: Sequence[Future[Any]]) -> None:
    """Wait for all, even when interrupted: they write into memory that is used again."""
    interrupt: BaseException | None = None
    while not all(future.done() for future in futures):
        try:
            wait(futures)
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt
