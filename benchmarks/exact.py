"""What exact numerics cost, and how far their products are from the truth, beside plain ones.

    python benchmarks/exact.py [--rounds 5] [--backend numpy] [--threads 1] [--recipe lenet5 --recipe lecture-cnn]

Prints the milliseconds of a training step on random data, plain and exact, which take turns, the fastest of the rounds;
and the largest error of a product as a share of the largest value, for factors that are normal or of many magnitudes.
"""

import time
from typing import Any

import numpy as np
from arguments import parser, positive

from cnnkit import Model, Options, Training, architecture, recipes
from cnnkit.backends.registry import get_backend
from cnnkit.data import from_arrays

STEPS, IMAGES = 8, 1024
SIZES = ((64, 256, 64), (128, 1024, 128), (128, 8192, 64))


def make_step(name: str, backend: str, threads: int, numerics: str) -> Any:
    """Return a function that makes STEPS training steps of a recipe's batch size."""
    recipe = recipes.get(name)
    network, input_shape = architecture.build(recipe.architecture)
    model = Model(network, input_shape, backend=backend, threads=threads, numerics=numerics)
    rng = np.random.default_rng(0)
    images = rng.random((IMAGES, *input_shape), np.float32)
    data = from_arrays(images, rng.integers(0, 10, IMAGES), class_names=[str(i) for i in range(10)])
    training = Training(model, data, Options(**dict(recipe.training) | {"validation_split": 0.0}))
    batches = [
        batch for batch in training.batches(training.position) if batch.counts.size == training.options.batch_size
    ]

    def run() -> None:
        for i in range(STEPS):
            batch = batches[i % len(batches)]
            training.variables, _, _ = training.run_step(training.variables, batch, i, (), None)
        model.backend.synchronize()

    return run


def measure_cost(name: str, backend: str, threads: int, rounds: int) -> tuple[float, float]:
    """Return the milliseconds of a step, plain and exact."""
    runs = [make_step(name, backend, threads, numerics) for numerics in ("plain", "exact")]
    best = [float("inf")] * 2
    for run in runs:
        run()  # captured, tables made
    for _ in range(rounds):
        for i, run in enumerate(runs):
            started = time.perf_counter()
            run()
            best[i] = min(best[i], (time.perf_counter() - started) / STEPS * 1000)
    return best[0], best[1]


def measure_error(rows: int, terms: int, columns: int, spread: float, backend: str) -> tuple[float, float]:
    """Return max |y - truth| / max |truth| of a product, plain and exact; spread: powers of ten between factors."""
    rng, errors = np.random.default_rng(1), []
    factors = [
        (rng.normal(size=shape) * 10.0 ** rng.uniform(-spread, 0, shape)).astype(np.float32)
        for shape in ((rows, terms), (terms, columns))
    ]
    truth = factors[0].astype(np.longdouble) @ factors[1].astype(np.longdouble)
    for numerics in ("plain", "exact"):
        chosen = get_backend(backend, threads=1, numerics=numerics)
        y = chosen.to_numpy(chosen.matmul(*map(chosen.asarray, factors)))
        errors.append(float(np.abs(y - truth).max() / np.abs(truth).max()))
    return errors[0], errors[1]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--recipe", action="append")
    arguments.add_argument("--rounds", type=positive, default=5)
    arguments.add_argument("--backend", default="numpy")
    arguments.add_argument("--threads", type=positive, default=1)
    options = arguments.parse_args()
    where = f"{options.backend}, {options.threads} thread" + "s" * (options.threads > 1)
    print(f"| a step, {where} | plain | exact | |\n| --- | ---: | ---: | ---: |")
    for name in options.recipe or ("lenet5", "lecture-cnn"):
        plain, exact = measure_cost(name, options.backend, options.threads, options.rounds)
        print(f"| {name} | {plain:.1f} ms | {exact:.1f} ms | {exact / plain:.1f} times |", flush=True)
    print("\n| a product, largest error | plain | exact |\n| --- | ---: | ---: |")
    for size in SIZES:
        for spread in (0.0, 4.0):
            plain, exact = measure_error(*size, spread, options.backend)
            words = "normal" if not spread else "of four magnitudes"
            print(f"| {size[0]} x {size[1]} x {size[2]}, {words} | {plain:.1e} | {exact:.1e} |")


if __name__ == "__main__":
    main()
