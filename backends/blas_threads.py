"""How many threads NumPy's BLAS uses: one, while a NumPy backend is at work. It is a setting of the process."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import threadpoolctl

_lock = threading.Lock()
_before: list[int] = []  # what the libraries had before the first of the blocks that are open now
_open = 0


@functools.cache
def _libraries() -> list[Any]:
    found: list[Any] = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
    return found


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Use one BLAS thread inside the block; when the last open block ends, it is as before. A few microseconds."""
    global _open  # noqa: PLW0603 (it stands for a setting of the process)
    with _lock:
        if _open == 0:
            _before[:] = [library.get_num_threads() for library in _libraries()]
            _set([1] * len(_before))
        _open += 1
    try:
        yield
    finally:
        with _lock:
            _open -= 1
            if _open == 0:
                _set(_before)


def _set(counts: list[int]) -> None:
    for library, count in zip(_libraries(), counts, strict=True):
        library.set_num_threads(count)
