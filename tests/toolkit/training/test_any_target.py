"""Networks trained on targets of every kind: each learns its task, on every backend the same."""

import numpy as np
import pytest

from cnnkit import Model, Options, Sequential
from cnnkit.data import from_arrays
from cnnkit.layers import Conv1D, Conv2D, Dense, Flatten, Graph, Node
from cnnkit.training import Training

RNG = np.random.default_rng(3)
IMAGES = RNG.normal(size=(48, 1, 4, 4)).astype(np.float32)
SUMS = IMAGES.sum(axis=(1, 2, 3))

# name: (layers, targets, loss, whether a share of right decisions is told)
TASKS = {
    "a number": ((Flatten(), Dense(1)), SUMS, "mean_squared_error", False),
    "numbers": ((Flatten(), Dense(2)), np.stack([SUMS, -SUMS], 1), "huber", False),
    "several labels": ((Flatten(), Dense(3)), (IMAGES[:, 0, 0, :3] > 0), "binary_cross_entropy", True),
    "an image": ((Conv2D(1, 3, padding=1),), IMAGES * 2, "mean_squared_error", False),
    "the input": ((Conv2D(1, 1),), "input", "mean_squared_error", False),
}


@pytest.mark.parametrize("backend", ["numpy", "torch", "cupy-sim"])
@pytest.mark.parametrize(("network", "targets", "loss", "decides"), TASKS.values(), ids=TASKS)
def test_a_task_is_learned(network, targets, loss, decides, backend):
    data = from_arrays(IMAGES, targets)
    model = Model(Sequential(network), (1, 4, 4), loss=loss, backend=backend)
    options = Options(epochs=12, batch_size=8, learning_rate=0.05, loss=loss, validation_split=0.25)
    reports = list(Training(model, data, options).epochs())
    first, last = reports[0].entry, reports[-1].entry
    assert last["loss"] < 0.6 * first["loss"]
    assert last["validation_loss"] < first["validation_loss"]
    for name in ("accuracy", "validation_accuracy"):
        assert (last[name] is not None) is decides
        assert not decides or 0.75 < last[name] <= 1


def test_signals_give_numbers():
    x = RNG.normal(size=(32, 2, 9)).astype(np.float32)
    data = from_arrays(x, x.mean(axis=(1, 2)), image_shape=(2, 9))
    model = Model(Sequential((Conv1D(2, 3), Flatten(), Dense(1))), (2, 9), loss="mean_squared_error")
    history = [r.entry["loss"] for r in Training(model, data, Options(epochs=8, loss="mean_squared_error")).epochs()]
    assert history[-1] < history[0]


def test_outputs_have_targets_of_their_own():
    network = Graph(
        (Node("flat", Flatten(), ("input",)), Node("kind", Dense(2), ("flat",)), Node("sum", Dense(1), ("flat",))),
        output_names=("kind", "sum"),
    )
    loss = "kind=softmax_cross_entropy;sum=0.5*mean_squared_error"
    data = from_arrays(IMAGES, {"kind": (SUMS > 0).astype(int), "sum": SUMS})
    model = Model(network, (1, 4, 4), loss=loss)
    reports = list(Training(model, data, Options(epochs=15, learning_rate=0.02, loss=loss)).epochs())
    assert reports[-1].entry["loss"] < 0.5 * reports[0].entry["loss"]
    assert reports[-1].entry["accuracy"] > 0.85
