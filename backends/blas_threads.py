"""How many threads NumPy's BLAS uses, set around the products that are worth more than one."""

from collections.abc import Iterator
from contextlib import contextmanager

import threadpoolctl


class BlasThreads:
    """A handle on the BLAS libraries of this process. Setting takes a microsecond; nothing is set twice."""

    def __init__(self) -> None:
        self._libraries = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
        self._now: int | None = None

    @contextmanager
    def limited_to(self, threads: int) -> Iterator[None]:
        """Use that many threads inside the block; outside it is as before."""
        before = self._now
        outside = None if before is not None else [library.get_num_threads() for library in self._libraries]
        self._set([threads] * len(self._libraries))
        self._now = threads
        try:
            yield
        finally:
            self._now = before
            self._set(outside if outside is not None else [before or 1] * len(self._libraries))

    def _set(self, counts: list[int]) -> None:
        for library, count in zip(self._libraries, counts, strict=True):
            library.set_num_threads(count)
