"""The data sets that need no file of the user: `digits`, shipped, and `bright-dark`, made."""

import importlib.resources

import numpy as np

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.csv_reader import read_csv_arrays
from cnnkit.data.dataset import Dataset, Scaling

DARK = (0.1, 0.2, 0.1, 0.3, 0.2, 0.1, 0.2, 0.1)
BRIGHT = (0.9, 0.8, 0.9, 0.7, 0.8, 0.9, 0.8, 0.7)


def digits() -> Dataset:
    """Return 1,797 real handwritten digits (1, 8, 8), raw values 0..16; every fifth (index % 5 == 0) is a test image.

    The split is fixed, and writers appear on both sides of it: for a net that never saw a writer, the last 360 images,
    probably by others than the rest, are the harder test.
    """
    file = importlib.resources.files("cnnkit.data.digits").joinpath("digits.csv.gz")
    with importlib.resources.as_file(file) as path:
        images, labels = read_csv_arrays(path)
    test = np.arange(len(labels)) % 5 == 0
    train_part, test_part = (RawSplit(images[chosen], labels[chosen], "digits", "digits") for chosen in (~test, test))
    return assemble("digits", train_part, test_part, None, Scaling(0.0, 1 / 16), "CC BY 4.0")


def bright_dark() -> Dataset:
    """Return five dark (class 0) and five bright (class 1) images (1, 8, 8); in a class, every row is the same.

    Images of a class are equal, as published, and the test part is the training part once more: accuracy there says
    that the net learned, not that it generalises.
    """
    rows = np.array([DARK] * 5 + [BRIGHT] * 5)  # (N, W)
    images = np.repeat(rows[:, None, :], 8, axis=1)
    part = RawSplit(images, np.repeat([0, 1], 5), "bright-dark", "bright-dark")
    return assemble("bright-dark", part, part, ("dark", "bright"), Scaling())
