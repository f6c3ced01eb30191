"""How many threads NumPy's BLAS uses: one, while a NumPy backend is at work. It is a setting of the process."""

import functools
import threading
from typing import Any

import threadpoolctl

_lock = threading.Lock()
_before: list[int] = []  # what the libraries had before the first of the blocks that are open now
_open = 0


@functools.cache
def _libraries() -> list[Any]:
    found: list[Any] = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
    return found


class _SingleThreaded:
    """A context manager without state of its own, because one made by a generator costs as much as a small product."""

    def __enter__(self) -> None:
        global _open  # noqa: PLW0603 (it stands for a setting of the process)
        with _lock:
            if _open == 0:
                _before[:] = [library.get_num_threads() for library in _libraries()]
                _set([1] * len(_before))
            _open += 1

    def __exit__(self, *_: object) -> None:
        global _open  # noqa: PLW0603
        with _lock:
            _open -= 1
            if _open == 0:
                _set(_before)


_single_threaded = _SingleThreaded()


def single_threaded_blas() -> _SingleThreaded:
    """Use one BLAS thread inside a `with` block; when the last open block ends, it is as before."""
    return _single_threaded


def _set(counts: list[int]) -> None:
    if any(count != 1 for count in _before):  # otherwise there is nothing to change
        for library, count in zip(_libraries(), counts, strict=True):
            library.set_num_threads(count)
