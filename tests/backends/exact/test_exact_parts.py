"""A sum over samples has the same bits however the batch is cut, and in whatever order the shares are added."""

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnkit.backends import get_backend

BACKENDS = {name: get_backend(name, numerics="exact") for name in ("numpy", "torch", "cupy-sim")}
SAMPLES = 11
RNG = np.random.default_rng(5)


def draw(*shape: int) -> Any:
    """Return numbers of very different sizes."""
    return (RNG.standard_normal(shape) * np.exp(3 * RNG.standard_normal(shape))).astype(np.float32)


DY, X, IMAGES, DIMAGES = draw(SAMPLES, 5), draw(SAMPLES, 7), draw(SAMPLES, 3, 6, 5), draw(SAMPLES, 4, 5, 4)
GEOMETRY = (1, 1), ((0, 0), (0, 0)), (1, 1), 1
SUMS = {
    "dense": lambda b, part: b.dense_weight_gradient(b.asarray(DY[part]), b.asarray(X[part])),
    "convolution": lambda b, part: b.convolve_weight_gradient(
        b.asarray(DIMAGES[part]), b.asarray(IMAGES[part]), (4, 3, 2, 2), *GEOMETRY
    ),
    "bias": lambda b, part: b.add_bias_gradient(b.asarray(DIMAGES[part]), b.asarray(DIMAGES[part]), relu=True)[1],
    "samples": lambda b, part: b.sum_samples(b.asarray(IMAGES[part]), (0, 3)),
}


class ThreadParts:
    """Parts that are computed in a thread each, and wait for each other."""

    def __init__(self, shared: "Shared", number: int) -> None:
        self.samples, self._shared, self._number = SAMPLES, shared, number

    def gather(self, x: Any) -> list[Any]:
        return self._shared.gather(self._number, x)


class Shared:
    """What the parts of one batch give to each other."""

    def __init__(self, count: int) -> None:
        self.barrier, self.given = threading.Barrier(count), [None] * count

    def gather(self, number: int, x: Any) -> list[Any]:
        self.given[number] = x
        self.barrier.wait(10)
        everything = list(self.given)
        self.barrier.wait(10)
        return everything


def compute(backend: Any, name: str, cuts: list[int]) -> list[tuple[Any, Any]]:
    """Return (share, joined) of each part between these cuts."""
    edges = [0, *cuts, SAMPLES]
    shared, results = Shared(len(edges) - 1), [(None, None)] * (len(edges) - 1)

    def run(number: int) -> None:
        seeing = backend.seeing(ThreadParts(shared, number), edges[number + 1] - edges[number])
        share = SUMS[name](seeing, slice(edges[number], edges[number + 1]))
        results[number] = (share, backend.to_numpy(seeing.join(share)))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(results))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(0, SAMPLES), max_size=5).map(sorted), seed=st.integers(0, 99))
def test_any_cut_gives_the_bits_of_the_whole(backend: str, name: str, cuts: list[int], seed: int) -> None:
    ready = BACKENDS[backend]
    whole = ready.to_numpy(ready.finish_share(SUMS[name](ready, slice(None))))
    assert whole.dtype == np.float32
    results = compute(ready, name, cuts)
    total = 0.0
    for number in np.random.default_rng(seed).permutation(len(results)):
        total = results[number][0] + total
    assert np.array_equal(ready.to_numpy(ready.finish_share(total)), whole)
    for _, joined in results:
        assert np.array_equal(joined, whole)


def test_a_sum_in_float32_would_be_caught() -> None:
    """The numbers are such that plain sums of two halves are not the sum of the whole."""
    plain = get_backend("numpy")
    for name in ("dense", "convolution", "bias", "samples"):
        whole = SUMS[name](plain, slice(None))
        halves = SUMS[name](plain, slice(0, 6)) + SUMS[name](plain, slice(6, None))
        assert not np.array_equal(whole, halves)
