"""The leaves of a batch whose layers couple samples: each runs by itself up to where it needs the others.

A leaf is a thread that works only while it holds the baton. The first one works until it gathers, then the second one,
and so on; when all have given what is gathered, the first one goes on with it. So one leaf works at a time, in an order
that does not depend on the machine, and the memory is that of the whole batch.
"""

import contextvars
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from queue import SimpleQueue
from typing import Any, TypeVar

from cnnkit.backends.protocol import Array, Parts
from cnnkit.errors import TrainingError

T = TypeVar("T")
Exchange = Callable[[list[Array]], list[Array]]  # arrays of this process' leaves -> of all leaves, in their order

_thread = threading.local()


def run_together(
    works: Sequence[Callable[[Parts], T]], samples: int, exchange: Exchange | None = None, first: int = 0
) -> list[T]:
    """Return [work(parts), ...] of leaves that gather from each other; parts is the batch as the leaf sees it.

    samples: how many the whole batch has. exchange: with the leaves of other processes; None where there are none.
    first: number of the first of these leaves, for messages.

    Raises what a leaf raises; TrainingError where leaves do not gather the same number of times, or not alike.
    """
    table = _Table(samples, exchange, first, len(works))
    if len(works) == 1:
        return [works[0](_OnlyLeaf(samples, table))]
    pool, contexts = _pool(len(works)), [contextvars.copy_context() for _ in works]
    seats = [_Seat(table, i) for i in range(len(works))]
    running: list[Future[Any]] = [
        pool.submit(context.run, seat.run, work) for context, seat, work in zip(contexts, seats, works, strict=True)
    ]
    try:
        table.lead()
    finally:
        table.end()
        wait(running)
    return [future.result() for future in running]


class _Abandoned(BaseException):
    """Ends the work of a leaf whose batch has failed elsewhere."""


class _Table:
    """What the leaves of a batch share. In each round each leaf gives an array, or ends; all of them do the same."""

    def __init__(self, samples: int, exchange: Exchange | None, first: int, leaves: int) -> None:
        self.samples, self.first, self._exchange = samples, first, exchange
        self.batons: list[SimpleQueue[list[Array] | None]] = [SimpleQueue() for _ in range(leaves)]  # None: the end
        self.given: dict[int, Array] = {}
        self.error: BaseException | None = None
        self._back: SimpleQueue[None] = SimpleQueue()

    def lead(self) -> None:
        """Start each round, until all leaves have ended. Raises what the first leaf that failed raised."""
        gathered: list[Array] = []
        while True:
            self.batons[0].put(gathered)
            self._back.get()
            if self.error is not None:
                raise self.error
            if not self.given:
                return
            gathered = self.gather([self.given.get(i) for i in range(len(self.batons))])
            self.given.clear()

    def gather(self, given: list[Array | None]) -> list[Array]:
        """Return the arrays of all leaves, those of other processes too. None: a leaf that has ended."""
        ended = [self.first + i for i, array in enumerate(given) if array is None]
        if ended:
            problem = f"leaf {ended[0]} of a batch ended where another one gathers"
            raise TrainingError(problem, hint="a layer that couples samples must gather as often in each part")
        arrays = [array for array in given if array is not None]
        kinds = {(tuple(array.shape), array.dtype) for array in arrays}
        if len(kinds) > 1:
            told = " and ".join(sorted(f"{shape} of {dtype}" for shape, dtype in kinds))
            raise TrainingError(f"the leaves of a batch gather arrays that differ: {told}")
        return arrays if self._exchange is None else self._exchange(arrays)

    def pass_on(self, leaf: int, gathered: list[Array]) -> None:
        """Let the next leaf work; after the last one, or a failure, whoever leads."""
        if leaf + 1 < len(self.batons) and self.error is None:
            self.batons[leaf + 1].put(gathered)
        else:
            self._back.put(None)

    def end(self) -> None:
        """End the leaves that wait for the baton."""
        for baton in self.batons:
            baton.put(None)


class _Seat:
    """A leaf at the table; it is the Parts of its pass."""

    def __init__(self, table: _Table, number: int) -> None:
        self.samples, self._table, self._number = table.samples, table, number
        self._gathered: list[Array] = []

    def run(self, work: Callable[[Parts], T]) -> T | None:
        """Return work(self), done while this leaf has the baton; None where the batch has failed elsewhere."""
        try:
            self._wait()
            return work(self)
        except _Abandoned:
            return None
        except BaseException as error:  # whoever leads raises it
            self._table.error = error
            return None
        finally:
            self._table.pass_on(self._number, self._gathered)

    def gather(self, x: Array) -> list[Array]:
        """Return x of every leaf, when each has given its own."""
        self._table.given[self._number] = x
        self._table.pass_on(self._number, self._gathered)
        return self._wait()

    def _wait(self) -> list[Array]:
        gathered = self._table.batons[self._number].get()
        if gathered is None:
            raise _Abandoned
        self._gathered = gathered
        return gathered


class _OnlyLeaf:
    """The one leaf of this process; it waits for nobody here."""

    def __init__(self, samples: int, table: _Table) -> None:
        self.samples, self._table = samples, table

    def gather(self, x: Array) -> list[Array]:
        """Return x of every leaf."""
        return self._table.gather([x])


def _pool(leaves: int) -> ThreadPoolExecutor:
    """Return a pool of this many threads or more, of which this thread alone makes use."""
    kept: Any = getattr(_thread, "pool", (0, 0, None))
    size, process, pool = kept
    if pool is None or size < leaves or process != os.getpid():  # a forked child needs threads of its own
        if pool is not None and process == os.getpid():
            pool.shutdown(wait=False)
        pool = ThreadPoolExecutor(leaves, thread_name_prefix="cnnkit-leaf")
        _thread.pool = leaves, os.getpid(), pool
    made: ThreadPoolExecutor = pool
    return made
