"""Matrix products of the shapes that convolutions need: numpy.matmul against cnnkit's, in GFLOP/s of one thread.

    python benchmarks/products.py            (OPENBLAS_CORETYPE=Haswell: OpenBLAS limited to AVX2)

forward: kernels (M, K) times columns (K, N); columns: kernels^T times dy; weight: dy times columns^T, summed over N.
"""

import time
from collections.abc import Callable

import numpy as np
import threadpoolctl
from arguments import parser

from cnnkit.backends.numpy_cpu.kernels.products import product
from cnnkit.backends.numpy_cpu.threads.blas_threads import single_threaded_blas

SHAPES = [
    (6, 25, 12544), (16, 150, 3200), (8, 9, 21632), (32, 4, 26880), (10, 50, 6400), (21, 425, 960), (20, 90, 8000),
    (32, 288, 3200), (64, 128, 1920), (64, 27, 6272), (128, 576, 1568),
]  # fmt: skip
SECONDS = 0.1  # per measurement


def measure(work: Callable[[], object], flops: int) -> float:
    """Return GFLOP/s, the best of three measurements."""
    work()
    rates = []
    for _ in range(3):
        count, started = 0, time.perf_counter()
        while time.perf_counter() - started < SECONDS:
            work()
            count += 1
        rates.append(flops * count / (time.perf_counter() - started) / 1e9)
    return max(rates)


def main() -> None:
    parser(__doc__).parse_args()
    rng = np.random.default_rng(0)
    core = {library["architecture"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"}
    print(f"GFLOP/s, {', '.join(sorted(core))}\n")
    print("| M, K, N | forward: NumPy | ours | columns: NumPy | ours | weight: NumPy | ours |\n" + "| --- " * 7 + "|")
    for m, k, n in SHAPES:
        kernels, cols, dy = (rng.random(shape, np.float32) for shape in ((m, k), (k, n), (m, n)))
        y, dcols, flops = np.empty_like(dy), np.empty_like(cols), 2 * m * k * n
        cells = []
        for x, other, out in ((kernels, cols, y), (kernels.T, dy, dcols), (dy, cols.T, None)):
            cells.append(measure(lambda a=x, b=other, o=out: np.matmul(a, b, out=o), flops))
            cells.append(measure(lambda a=x, b=other, o=out: product(np.empty, a, b, o), flops))
        print(f"| {m}, {k}, {n} | {' | '.join(f'{cell:.0f}' for cell in cells)} |", flush=True)


if __name__ == "__main__":
    with single_threaded_blas():
        main()
