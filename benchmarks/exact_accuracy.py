"""Accuracy of exact numerics beside plain ones, over several seeds.

    python benchmarks/exact_accuracy.py [--recipe digits-cnn] [--seeds 5] [--epochs 10] [--backend numpy]

The same seeds, so the same initial weights, order of samples and dropout: only rounding differs. Prints the accuracy on
the test samples for each seed, both means, and their difference in standard errors: within +-2 it is noise.
"""

import math
import statistics
import time

from arguments import parser, positive

from cnnkit import Model, Options, Training, architecture, load_data, recipes
from cnnkit.training import evaluate


def train(name: str, backend: str, numerics: str, seed: int, epochs: int) -> float:
    """Return the test accuracy of a recipe."""
    recipe = recipes.get(name)
    network, input_shape = architecture.build(recipe.architecture)
    model = Model(network, input_shape, backend=backend, threads=1, numerics=numerics, seed=seed)
    data = load_data(recipe.data)
    training = Training(model, data, Options(**dict(recipe.training) | {"seed": seed, "epochs": epochs}))
    for _ in training.epochs():
        pass
    return float(evaluate(model, data, "test").accuracy)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--recipe", default="digits-cnn")
    arguments.add_argument("--seeds", type=positive, default=5)
    arguments.add_argument("--epochs", type=positive, default=10)
    arguments.add_argument("--backend", default="numpy")
    options = arguments.parse_args()
    found: dict[str, list[float]] = {"plain": [], "exact": []}
    print(f"| {options.recipe}, seed | plain | exact |\n| --- | --- | --- |")
    for seed in range(options.seeds):
        cells = []
        for numerics, accuracies in found.items():
            started = time.perf_counter()
            accuracies.append(train(options.recipe, options.backend, numerics, seed, options.epochs))
            cells.append(f"{100 * accuracies[-1]:.2f} % in {time.perf_counter() - started:.0f} s")
        print(f"| {seed} | {' | '.join(cells)} |", flush=True)
    plain, exact = found.values()
    means = [statistics.mean(values) for values in (plain, exact)]
    print(f"| mean | {100 * means[0]:.2f} % | {100 * means[1]:.2f} % |")
    if options.seeds > 1:
        error = math.sqrt(sum(statistics.variance(values) / len(values) for values in (plain, exact)))
        apart = (means[1] - means[0]) / error if error else 0.0
        print(f"\nexact - plain: {100 * (means[1] - means[0]):+.2f} points, {apart:+.1f} standard errors")


if __name__ == "__main__":
    main()
