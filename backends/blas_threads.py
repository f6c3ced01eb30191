"""How many threads NumPy's BLAS uses: one, while this backend's own threads are at work."""

from collections.abc import Iterator
from contextlib import contextmanager

import threadpoolctl


class BlasThreads:
    """A handle on the BLAS libraries of this process. Entering and leaving takes a few microseconds."""

    def __init__(self) -> None:
        self._libraries = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
        self._inside = False

    @contextmanager
    def single(self) -> Iterator[None]:
        """Use one thread inside the block; outside it is as before."""
        if self._inside:
            yield
            return
        before = [library.get_num_threads() for library in self._libraries]
        self._set([1] * len(before))
        self._inside = True
        try:
            yield
        finally:
            self._inside = False
            self._set(before)

    def _set(self, counts: list[int]) -> None:
        for library, count in zip(self._libraries, counts, strict=True):
            library.set_num_threads(count)
