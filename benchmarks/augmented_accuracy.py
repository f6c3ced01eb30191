"""Accuracy of mini-resnet on shapes-32 with augmentation: cnnkit and a hand-written PyTorch loop, over several seeds.

    python benchmarks/augmented_accuracy.py [--seeds 5] [--epochs 20] [--limit 4000] [--backend torch] [--threads 2]

The same network, optimizer, schedule, batches, kinds of augmentation and distribution of the initial weights, but each
with its own random numbers. Prints the accuracy on the 1,000 test pictures for each seed, both means, and the
difference in standard errors: within +-2 it is noise.
"""

import math
import statistics
import time

import augmented
from arguments import parser, positive

from cnnkit import load_data
from cnnkit.training import evaluate


def train_ours(backend: str, threads: int, seed: int, epochs: int, limit: int) -> float:
    """Return the test accuracy of cnnkit."""
    training = augmented.ours(backend, threads, seed, epochs, limit)
    for _ in training.epochs():
        pass
    return float(evaluate(training.model, load_data(augmented.DATA), "test").accuracy)


def train_theirs(threads: int, seed: int, epochs: int, limit: int) -> float:
    """Return the test accuracy of the hand-written loop."""
    loop = augmented.HandWritten(threads, seed, epochs, limit)
    loop.run(epochs * -(-limit // augmented.BATCH))
    return loop.accuracy()


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=positive, default=5)
    arguments.add_argument("--epochs", type=positive, default=20)
    arguments.add_argument("--limit", type=positive, default=4000, help="training pictures")
    arguments.add_argument("--backend", default="torch", choices=("torch", "numpy"))
    arguments.add_argument("--threads", type=positive, default=2)
    options = arguments.parse_args()
    ours, theirs = [], []
    print("| seed | cnnkit | hand-written PyTorch |\n| --- | --- | --- |")
    for seed in range(options.seeds):
        started = time.perf_counter()
        ours.append(train_ours(options.backend, options.threads, seed, options.epochs, options.limit))
        between = time.perf_counter()
        theirs.append(train_theirs(options.threads, seed, options.epochs, options.limit))
        seconds = between - started, time.perf_counter() - between
        cells = (f"{100 * a:.1f} % in {s:.0f} s" for a, s in zip((ours[-1], theirs[-1]), seconds, strict=True))
        print(f"| {seed} | {' | '.join(cells)} |", flush=True)
    means = [statistics.mean(values) for values in (ours, theirs)]
    print(f"| mean | {100 * means[0]:.1f} % | {100 * means[1]:.1f} % |")
    if options.seeds > 1:
        error = math.sqrt(sum(statistics.variance(values) / len(values) for values in (ours, theirs)))
        apart = (means[0] - means[1]) / error if error else 0.0
        print(f"\ndifference {100 * (means[0] - means[1]):+.1f} points, {apart:+.1f} standard errors")


if __name__ == "__main__":
    main()
