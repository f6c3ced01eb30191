"""What augmenting costs, and when worker processes pay: images per second with 0, 1 and 2 of them, in turns.

    python benchmarks/augmentation.py [--rounds 3] [--images 60000]

MNIST (where it is) and a folder of PNG files of 64 x 64 pixels in colour, made here; batches alone, and batches with
the training step of a network. The median of the rounds is printed.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from arguments import parser, positive

from cnnkit import Model, Options, Training, load_data, recipes
from cnnkit.data import Dataset, Split
from cnnkit.layers import Conv2D, Dense, GlobalAvgPool2D, ReLU, Sequential

AUGMENT = {"mnist": "crop:4,rotate:10", "png": "flip,crop:4,rotate:10,brightness:0.2"}
WORKERS = (0, 1, 2)
PICTURES = 1500


def make_folder(folder: Path) -> Path:
    """Fill a folder with PNG files of two classes."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for k in range(PICTURES):
        place = folder / "ab"[k % 2]
        place.mkdir(exist_ok=True)
        smooth = rng.integers(0, 256, (16, 16, 3), np.uint8).repeat(4, 0).repeat(4, 1)
        noisy = np.clip(smooth.astype(int) + rng.integers(-8, 9, smooth.shape), 0, 255)
        Image.fromarray(noisy.astype(np.uint8)).save(place / f"{k}.png")
    return folder


def make_training(name: str, dataset: Dataset, workers: int, augment: str | None) -> Training:
    """Return a training of a small network."""
    if name == "mnist":
        network, _ = recipes.get("lenet5").network()
    else:
        layers = Conv2D(16, 3, stride=2), ReLU(), Conv2D(32, 3, stride=2), ReLU(), GlobalAvgPool2D(), Dense(2)
        network = Sequential(layers)
    model = Model(network, dataset.image_shape, threads=1)
    return Training(model, dataset, Options(batch_size=128, workers=workers, augment=augment))


def time_batches(training: Training, steps: bool) -> float:
    """Return seconds for the batches of an epoch, after a first one that starts the workers; with steps or without."""
    variables, images, started = training.variables, 0, 0.0
    for number, batch in enumerate(training.batches(training.position)):
        if number == 1:
            images, started = 0, time.perf_counter()
        images += batch.counts.size
        if steps:
            variables, *_ = training.run_step(variables, batch, number)
    seconds = time.perf_counter() - started
    training.end_workers()
    return images / seconds


def measure(name: str, dataset: Dataset, rounds: int) -> None:
    """Print a line for batches alone, and one for batches with steps."""
    for steps in (False, True):
        rates: dict[Any, list[float]] = {}
        for _ in range(rounds):
            for workers in WORKERS:
                for augment in (None, AUGMENT[name]):
                    training = make_training(name, dataset, workers, augment)
                    rates.setdefault((augment, workers), []).append(time_batches(training, steps))
        for augment in (None, AUGMENT[name]):
            found = [statistics.median(rates[augment, workers]) for workers in WORKERS]
            shown = "  ".join(f"{count} workers {rate:8,.0f}/s" for count, rate in zip(WORKERS, found, strict=True))
            print(f"{name:6} {'with steps' if steps else 'batches':11} {augment or 'plain':40} {shown}  "
                  f"2/0 {found[2] / found[0]:.2f}")  # fmt: skip


def main() -> None:
    """Measure what is there."""
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=positive, default=3)
    arguments.add_argument("--images", type=positive, default=60_000)
    given = arguments.parse_args()
    try:
        mnist = load_data("mnist")
        few = Split(mnist.train.images[: given.images], mnist.train.labels[: given.images])
        measure("mnist", Dataset("mnist", few, None, mnist.class_names, mnist.image_shape, mnist.scaling), given.rounds)
    except Exception as error:  # not fetched
        print(f"mnist: {error}")
    with tempfile.TemporaryDirectory() as folder:
        measure("png", load_data(make_folder(Path(folder))), given.rounds)


if __name__ == "__main__":
    main()
