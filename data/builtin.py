"""The data sets that need no file of the user: `digits`, which ships with cnnkit, and `bright-dark`, computed."""

import importlib.resources

import numpy as np

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.csv_reader import read_csv_arrays
from cnnkit.data.dataset import Dataset
from cnnkit.data.scaling import Scaling

DARK = (0.1, 0.2, 0.1, 0.3, 0.2, 0.1, 0.2, 0.1)
BRIGHT = (0.9, 0.8, 0.9, 0.7, 0.8, 0.9, 0.8, 0.7)


def digits() -> Dataset:
    """Return 1,797 real handwritten digits (1, 8, 8), raw values 0..16; every fifth (index % 5 == 0) is a test image.

    The split is fixed, and both sides hold digits of the same writers. The last 360 images, which are probably by
    other writers than the rest, are a harder test.
    """
    file = importlib.resources.files("cnnkit.data.digits").joinpath("digits.csv.gz")
    with importlib.resources.as_file(file) as path:
        images, labels, _ = read_csv_arrays(path)
    test = np.arange(len(labels)) % 5 == 0
    train, held_out = (RawSplit(images[chosen], labels[chosen], "digits", "digits") for chosen in (~test, test))
    return assemble("digits", train, held_out, None, Scaling(0.0, 1 / 16), "CC BY 4.0")


def bright_dark() -> Dataset:
    """Return five dark (class 0) and five bright (class 1) images (1, 8, 8); all rows of an image are equal.

    All images of a class are equal, as published, and the test split equals the training split: its accuracy shows
    that the net learned, not that it generalises.
    """
    rows = np.array([DARK] * 5 + [BRIGHT] * 5)  # (N, W)
    images = np.repeat(rows[:, None, :], 8, axis=1)
    raw = RawSplit(images, np.repeat([0, 1], 5), "bright-dark", "bright-dark")
    return assemble("bright-dark", raw, raw, ("dark", "bright"), Scaling())
