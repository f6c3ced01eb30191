"""Trainings by each of the newer losses: the same weights on every backend, and a loss that falls."""

import numpy as np
import pytest

from cnnkit import Model, Sequential
from cnnkit.data import Dataset, Split, Targets
from cnnkit.layers import Conv2D, Dense, Flatten, LogSoftmax, Tanh

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(48, 1, 4, 4))
SUMS = IMAGES.sum(axis=(1, 2, 3))
LABELS = np.digitize(SUMS, [7, 8.5])
LABELS[::7] = -1
MAPS = (IMAGES[:, 0] > 0.5).astype(np.int64)
MAPS[:, 0] = -1
NAMES = ("a", "b", "c")
CLASS, MAP = Targets("class", LABELS, NAMES), Targets("class_map", MAPS, NAMES[:2])
ROWS = (Flatten(), Dense(8), Tanh(), Dense(3))
TASKS = {
    "focal:label_smoothing=0.1": (ROWS, CLASS),
    "hinge:power=2": (ROWS, CLASS),
    "triplet:mining=all": (ROWS, CLASS),
    "negative_log_likelihood:label_smoothing=0.1": ((*ROWS, LogSoftmax()), CLASS),
    "kl_divergence": ((*ROWS, LogSoftmax()), CLASS),
    "binary_focal": (ROWS, Targets("tags", (IMAGES[:, 0, 0, :3] > 0.5).astype(float), NAMES)),
    "binary_hinge": (ROWS, Targets("tags", (IMAGES[:, 0, 0, :3] > 0.5).astype(float), NAMES)),
    "poisson": ((Flatten(), Dense(1)), Targets("numbers", np.round(SUMS / 4))),
    "cosine_distance": (ROWS, Targets("numbers", IMAGES[:, 0, 1, :3])),
    "dice": ((Conv2D(2, 3, padding=1),), MAP),
    "softmax_cross_entropy": ((Conv2D(2, 3, padding=1),), MAP),
}


@pytest.mark.parametrize("loss", TASKS)
def test_every_backend_comes_to_the_same_weights(loss) -> None:
    layers, targets = TASKS[loss]
    split = Split(IMAGES, targets, weights=RNG.uniform(0.5, 1.5, 48))
    data, weights, histories = Dataset("made", split, None, (), (1, 4, 4)), [], []
    for backend in ("numpy", "torch", "cupy-sim"):
        model = Model(Sequential(layers), (1, 4, 4), loss=loss, dtype="float64", backend=backend, threads=1, seed=1)
        history = model.fit(data, epochs=5, batch_size=12, learning_rate=0.02, optimizer="sgd:momentum=0.9")
        weights.append(np.concatenate([values.ravel() for values in model.weights.values()]))
        histories.append([entry["loss"] for entry in history])
    for values in weights[1:]:
        assert np.abs(values - weights[0]).max() < 1e-10
    assert histories[0] == pytest.approx(histories[1], abs=1e-10)
    assert histories[0][-1] < histories[0][0]
