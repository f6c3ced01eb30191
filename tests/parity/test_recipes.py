"""Each recipe, with fewer images and steps, trained from one seed on several backends: the weights must be equal.

In float64, shuffled, with the dropout of the recipe; the bound is that of the parity contract.
"""

import numpy as np
import pytest

from cnnkit import Model, Options, Training, load_data, recipes
from cnnkit.data.dataset import Dataset
from cnnkit.data.scaling import Scaling
from cnnkit.data.split import Split

BOUND = 1e-7
IMAGES, BATCH, EPOCHS = 28, 8, 2  # 4 steps an epoch, the last batch of 4
TINY = ("bright-dark", "digits-cnn", "diy-cnn", "numpy-mlp", "scratch-mlp")  # the reference trains these in a second


def enlarge_digits() -> Dataset:
    """Digits three times as large, padded with zeros to (1, 28, 28): flat areas give ties, as in MNIST."""
    digits = load_data("digits")
    raw, labels = digits.train.take(np.arange(IMAGES))
    large = np.pad(np.kron(raw, np.ones((1, 1, 3, 3), raw.dtype)), ((0, 0), (0, 0), (2, 2), (2, 2)))
    return Dataset("enlarged", Split(large, labels), None, digits.class_names, (1, 28, 28), digits.scaling)


def make_noise() -> Dataset:
    """Images without structure, no two pixels alike."""
    rng = np.random.default_rng(0)
    part = Split(rng.uniform(size=(IMAGES, 1, 28, 28)), rng.integers(10, size=IMAGES))
    return Dataset("noise", part, None, tuple("0123456789"), (1, 28, 28), Scaling())


DATA = {"enlarged": enlarge_digits, "noise": make_noise}


def train(name: str, data: str, backend: str, **change) -> tuple[Model, list[float]]:
    recipe = recipes.get(name)
    network, shape = recipe.network()
    dataset = DATA[data]() if shape == (1, 28, 28) else load_data(recipe.data)
    settings = recipe.training | {"batch_size": BATCH, "epochs": EPOCHS, "limit": IMAGES, "shuffle": True,
                                  "validation_split": 0.0} | change  # fmt: skip
    options = Options(**settings)
    threads = 1 if backend == "torch" else None
    model = Model(network, shape, backend=backend, dtype="float64", seed=options.seed, threads=threads)
    training = Training(model, dataset, options)
    return model, [report.entry["loss"] for report in training.epochs()]


def find_largest_difference(one: Model, other: Model) -> float:
    """Return max |a - b| over all weights and running statistics; NaN counts as the largest."""
    a, b = one.weights, other.weights
    assert a.keys() == b.keys()
    return float(np.max([np.abs(a[name] - b[name]).max() for name in a]))


OWN = [(name, "enlarged") for name in recipes.with_data()]
LARGE = [(name, "noise") for name in recipes.with_data() if recipes.get(name).data == "mnist"]


@pytest.mark.parametrize(("name", "data"), OWN + LARGE)
def test_numpy_and_torch_train_the_same_net(name, data) -> None:
    (one, losses), (other, theirs) = (train(name, data, backend) for backend in ("numpy", "torch"))
    assert find_largest_difference(one, other) <= BOUND
    assert np.abs(np.subtract(losses, theirs)).max() <= BOUND
    network, shape = recipes.get(name).network()
    fresh = Model(network, shape, dtype="float64")
    assert find_largest_difference(one, fresh) > 1e-4  # something was learned


@pytest.mark.parametrize("name", TINY)
def test_the_reference_trains_the_same_net(name) -> None:
    few = {"limit": 10, "batch_size": 4, "epochs": 1}
    oracle, losses = train(name, "enlarged", "reference", **few)
    for backend in ("numpy", "torch"):
        model, theirs = train(name, "enlarged", backend, **few)
        assert find_largest_difference(model, oracle) <= BOUND
        assert np.abs(np.subtract(losses, theirs)).max() <= BOUND


def test_another_seed_or_rate_is_detected() -> None:
    one, _ = train("digits-cnn", "enlarged", "numpy")
    assert find_largest_difference(one, train("digits-cnn", "enlarged", "numpy")[0]) == 0
    for change in ({"seed": 1}, {"learning_rate": 0.00201}, {"shuffle": False}, {"batch_size": 9}):
        assert find_largest_difference(one, train("digits-cnn", "enlarged", "torch", **change)[0]) > BOUND
    one.params["0"]["bias"][0] += 2e-7
    assert find_largest_difference(one, train("digits-cnn", "enlarged", "numpy")[0]) > BOUND
    one.params["0"]["bias"][0] = np.nan
    assert not find_largest_difference(one, one) <= BOUND
