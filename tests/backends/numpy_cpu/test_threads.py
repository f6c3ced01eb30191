"""Work in a pool: which thread does it, and that none of it is still running afterwards."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cnnkit.backends.numpy_cpu.threads.pool_work import run_in_pool


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    made = ThreadPoolExecutor(2)
    yield made
    made.shutdown()


def test_the_caller_does_the_first_items_and_results_are_in_order(pool: ThreadPoolExecutor) -> None:
    results = run_in_pool(pool, lambda item: (item, threading.get_ident()), range(5), inline=2)
    assert [item for item, _ in results] == list(range(5))
    assert [thread == threading.get_ident() for _, thread in results] == [True, True, False, False, False]


@pytest.mark.parametrize("inline", [0, 1])
def test_other_work_is_awaited_when_one_item_fails(pool: ThreadPoolExecutor, inline: int) -> None:
    """It writes into arrays of the caller, who must not see that after the error."""
    done = threading.Event()

    def work(item: int) -> None:
        if item == 0:
            raise KeyboardInterrupt
        time.sleep(0.2)
        done.set()

    with pytest.raises(KeyboardInterrupt):
        run_in_pool(pool, work, range(2), inline)
    assert done.is_set()
