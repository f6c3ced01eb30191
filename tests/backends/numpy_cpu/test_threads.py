"""Work that is shared out: who does it, and that nothing of it is left running."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cnnkit.backends.numpy_cpu.threads.shared_work import shared_out


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    made = ThreadPoolExecutor(2)
    yield made
    made.shutdown()


def test_the_first_are_done_by_the_caller_and_all_come_in_order(pool: ThreadPoolExecutor) -> None:
    found = shared_out(pool, lambda item: (item, threading.get_ident()), range(5), own=2)
    assert [item for item, _ in found] == list(range(5))
    assert [thread == threading.get_ident() for _, thread in found] == [True, True, False, False, False]


@pytest.mark.parametrize("own", [0, 1])
def test_work_beside_what_fails_is_waited_for(pool: ThreadPoolExecutor, own: int) -> None:
    """It writes into arrays of the caller, who must not see that after the error."""
    done = threading.Event()

    def work(item: int) -> None:
        if item == 0:
            raise KeyboardInterrupt
        time.sleep(0.2)
        done.set()

    with pytest.raises(KeyboardInterrupt):
        shared_out(pool, work, range(2), own)
    assert done.is_set()
