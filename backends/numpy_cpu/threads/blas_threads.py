"""The number of threads of NumPy's BLAS: one while a NumPy backend works. It is a setting of the whole process."""

import functools
import threading
from typing import Any

import threadpoolctl

_lock = threading.Lock()
_before: list[int] = []  # thread counts of the libraries when the first of the open blocks began
_open_blocks = 0


@functools.cache
def _libraries() -> list[Any]:
    libraries: list[Any] = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
    return libraries


class _SingleThreadedBlas:
    """A context manager without state of its own: one made by a generator costs as much as a small matrix product."""

    def __enter__(self) -> None:
        global _open_blocks  # noqa: PLW0603 (it is a setting of the process)
        with _lock:
            if _open_blocks == 0:
                _before[:] = [library.get_num_threads() for library in _libraries()]
                _set([1] * len(_before))
            _open_blocks += 1

    def __exit__(self, *_: object) -> None:
        global _open_blocks  # noqa: PLW0603
        with _lock:
            _open_blocks -= 1
            if _open_blocks == 0:
                _set(_before)


_single_threaded = _SingleThreadedBlas()


def single_threaded_blas() -> _SingleThreadedBlas:
    """Use one BLAS thread inside a `with` block; the end of the last open block restores the previous number."""
    return _single_threaded


def _set(counts: list[int]) -> None:
    if any(count != 1 for count in _before):  # otherwise nothing changes
        for library, count in zip(_libraries(), counts, strict=True):
            library.set_num_threads(count)
