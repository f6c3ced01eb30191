"""Transfers between host and device: counted, and forbidden while a step is captured."""

import contextlib
from collections.abc import Iterator


class Transfers:
    """Counters since the last `reset`.

    host_reads: values that the program read (float(x), x.item(), ...); on a GPU each of them waits.
    to_host, to_device: arrays copied by asnumpy and asarray. synchronizations: waits without a value.
    """

    def __init__(self) -> None:
        self._forbidden = 0
        self.reset()

    def reset(self) -> None:
        """Count from zero again."""
        self.host_reads = self.to_host = self.to_device = self.synchronizations = 0

    @contextlib.contextmanager
    def forbidden(self) -> Iterator[None]:
        """Raise RuntimeError for everything that is counted here inside a `with` block: a capture cannot contain it."""
        self._forbidden += 1
        try:
            yield
        finally:
            self._forbidden -= 1

    def host_read(self, what: str) -> None:
        """Count a value that the program reads from the device."""
        self._refuse(f"host read inside a captured step: {what}")
        self.host_reads += 1

    def copy_to_host(self, what: str) -> None:
        """Count a copy from the device."""
        self._refuse(f"copy to the host inside a captured step: {what}")
        self.to_host += 1

    def copy_to_device(self, what: str) -> None:
        """Count a copy to the device."""
        self._refuse(f"copy to the device inside a captured step: {what}")
        self.to_device += 1

    def synchronize(self) -> None:
        """Count a wait for the device."""
        self._refuse("synchronization inside a captured step")
        self.synchronizations += 1

    def _refuse(self, message: str) -> None:
        if self._forbidden:
            raise RuntimeError(message)


transfers = Transfers()
