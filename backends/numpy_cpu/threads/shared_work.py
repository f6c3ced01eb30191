"""Work shared out over threads, which is waited for whatever happens."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, wait
from typing import Any, TypeVar

S = TypeVar("S")
T = TypeVar("T")


def shared_out(pool: Executor, work: Callable[[S], T], items: Sequence[S], own: int = 0) -> list[T]:
    """Return [work(item), ...]; this thread does the first `own` of them. All are done when it returns or raises."""
    others: list[Future[T]] = []
    try:
        for item in items[own:]:
            others.append(pool.submit(work, item))
        found = [work(item) for item in items[:own]]
    finally:
        _wait_for(others)
    return found + [other.result() for other in others]


def _wait_for(others: Sequence[Future[Any]]) -> None:
    """Wait until all are done, whatever comes between: they write into memory that is used again."""
    interrupted: BaseException | None = None
    while not all(other.done() for other in others):
        try:
            wait(others)
        except KeyboardInterrupt as error:
            interrupted = error
    if interrupted is not None:
        raise interrupted
