"""The windows of adaptive pooling along one axis, as a few sets of windows that ordinary pooling can run.

Window i of O over N pixels is [floor(i*N/O), ceil((i + 1)*N/O)), as torch has it. With g = gcd(N, O), every (O/g)-th of
them has one length and they lie N/g apart: O/g sets of g windows; where O divides N one set, of ordinary pooling.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple


class WindowSet(NamedTuple):
    """Windows of `length` pixels, `windows` of them, `stride` apart; the first starts at `start`."""

    start: int
    length: int
    stride: int
    windows: int

    @property
    def stop(self) -> int:
        """Where the last window ends."""
        return self.start + (self.windows - 1) * self.stride + self.length


def split_windows(size: int, outputs: int) -> Iterator[WindowSet]:
    """Yield the sets; window i of all is number i // (outputs / count) of set i % (outputs / count)."""
    count = math.gcd(size, outputs)
    sets, stride = outputs // count, size // count
    for first in range(sets):
        start = first * stride // sets
        yield WindowSet(start, -(-(first + 1) * stride // sets) - start, stride, count)
