"""How long a network takes for one sample and for batches: median and slow cases, after a warm-up."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cnnkit.errors import DataError
from cnnkit.network import Network, Values

BATCHES = (1, 32, 256)
_WARM_UP = 3  # calls, in which code is compiled and memory is taken
_FEWEST, _MOST = 10, 2000  # calls that are measured


@dataclass(frozen=True)
class BatchTiming:
    """The times of `calls` calls on batches of `batch` samples, in milliseconds: the median, the 95th and 99th of 100.

    A percentile p is the smallest time that at least p % of the calls took at most.
    """

    batch: int
    calls: int
    median: float
    p95: float
    p99: float

    @property
    def samples_per_second(self) -> float:
        """How many samples the median is worth."""
        return 1000 * self.batch / self.median if self.median else math.inf

    def to_json(self) -> dict[str, Any]:
        """Return the fields, and samples_per_second."""
        return asdict(self) | {"samples_per_second": self.samples_per_second}


def time_inference(
    model: Network, x: Values, batches: Sequence[int] = BATCHES, seconds: float = 1.0,
    clock: Callable[[], float] = time.perf_counter,
) -> list[BatchTiming]:  # fmt: skip
    """Return the times of `model.outputs` on batches of scaled samples x (N, *input_shape), from host to host.

    Each size of batch is called 3 times before it is measured, then for about `seconds`, at least 10 and at most 2,000
    times. Samples are repeated where there are fewer than a batch has; a batch that does not fit into memory is left
    out.

    Raises DataError without a sample.
    """
    if not len(x):
        raise DataError("timing: expected at least one sample, got none")
    return [_measure(model, x, size, seconds, clock) for size in batches if model.find_batch(size) == size]


def _measure(model: Network, x: Values, size: int, seconds: float, clock: Callable[[], float]) -> BatchTiming:
    batch = np.ascontiguousarray(x[np.arange(size) % len(x)])
    for _ in range(_WARM_UP):
        model.outputs(batch, size)
    times: list[float] = []
    while len(times) < _FEWEST or (sum(times) < seconds and len(times) < _MOST):
        started = clock()
        model.outputs(batch, size)
        times.append(clock() - started)
    times.sort()
    median, p95, p99 = (1000 * times[math.ceil(len(times) * share / 100) - 1] for share in (50, 95, 99))
    return BatchTiming(size, len(times), median, p95, p99)
