"""Updates in pieces: the mean over the whole update, against PyTorch, in exact numbers, and bit for bit."""

import numpy as np
import pytest
import torch

from cnnkit import Model, Options, Sequential, Training
from cnnkit.data import from_arrays
from cnnkit.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, ReLU

BACKENDS = ["numpy", "torch", "cupy-sim", "reference"]
CNN = Sequential((Conv2D(3, 3), ReLU(), Dropout(0.4), Flatten(), Dense(5), ReLU(), Dense(3)))
NORMED = Sequential((Conv2D(3, 3), BatchNorm(), ReLU(), Flatten(), Dense(3)))


def samples(count: int = 26, size: int = 5):
    rng = np.random.default_rng(4)
    return rng.normal(size=(count, 1, size, size)), rng.integers(3, size=count)


def train(network, backend="numpy", dtype="float64", data=None, **options) -> Training:
    images, labels = data or samples()
    threads = 1 if backend == "torch" else None
    model = Model(network, images.shape[1:], backend=backend, dtype=dtype, threads=threads)
    dataset = from_arrays(images.astype(dtype), labels)
    training = Training(model, dataset, Options(**({"epochs": 2, "optimizer": "sgd:momentum=0.9"} | options)))
    for _ in training.epochs():
        pass
    return training


def bits(training: Training) -> dict[str, bytes]:
    history = [{k: v for k, v in entry.items() if k != "seconds"} for entry in training.position.history]
    return {n: w.tobytes() for n, w in training.model.weights.items()} | {"history": repr(history).encode()}


def assert_close(one: Training, other: Training, bound: float) -> None:
    for name, array in one.model.weights.items():
        np.testing.assert_allclose(array, other.model.weights[name], rtol=bound, atol=bound)
    assert one.position.history[-1]["loss"] == pytest.approx(other.position.history[-1]["loss"], rel=1e-10)
    assert one.position.history[-1]["accuracy"] == other.position.history[-1]["accuracy"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_mean_is_that_of_the_whole_update(backend) -> None:
    """26 samples in updates of 12: pieces of 4, the last update of 2. Dropout draws as in the large batch."""
    whole = train(CNN, backend, batch_size=12)
    assert_close(train(CNN, backend, batch_size=4, accumulate=3), whole, 1e-12)
    assert_close(train(CNN, backend, batch_size=12, leaf=4), whole, 1e-12)
    assert whole.position.step == 6
    other = train(CNN, backend, batch_size=4, accumulate=2)
    assert other.position.step == 8
    with pytest.raises(AssertionError):
        assert_close(other, whole, 1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("network", [CNN, NORMED], ids=["cnn", "normed"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equal_leaves_give_equal_bits(backend, network, dtype) -> None:
    """Whatever batch size and accumulation make the update of 12, its leaves of 2 are added up in their order."""
    forms = (
        {"batch_size": 12, "leaf": 2},
        {"batch_size": 4, "accumulate": 3, "leaf": 2},
        {"batch_size": 2, "accumulate": 6},
    )
    one, *others = (bits(train(network, backend, dtype, **form)) for form in forms)
    assert [other == one for other in others] == [True, True]
    assert bits(train(network, backend, dtype, batch_size=6, accumulate=2)) != one  # leaves of 6


@pytest.mark.parametrize("backend", BACKENDS)
def test_exact_numbers_give_the_bits_of_one_large_batch(backend) -> None:
    """Small whole numbers, shares that are powers of two: no sum is rounded, so no order of adding matters."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(-2, 3, (16, 1, 3, 3)).astype("float64"), rng.integers(2, size=16)
    options = {"loss": "half_squared_error", "optimizer": "sgd", "learning_rate": 0.125, "epochs": 2, "shuffle": False}
    made = []
    for form in ({"batch_size": 16}, {"batch_size": 4, "accumulate": 4}, {"batch_size": 2, "accumulate": 8}):
        net = Sequential(
            (Conv2D(2, 2, weight_initializer="ones"), ReLU(), Flatten(), Dense(2, weight_initializer="ones"))
        )
        made.append(bits(train(net, backend, data=(images, labels), **options, **form)))
    assert made[1] == made[0]
    assert made[2] == made[0]


def test_as_gradient_accumulation_in_torch() -> None:
    """The usual loop: (loss * share).backward() for each piece, one optimizer step for an update; BatchNorm as well."""
    images, labels = samples()
    options = {"batch_size": 4, "accumulate": 3, "learning_rate": 0.05, "epochs": 2, "shuffle": False}
    model = Model(NORMED, (1, 5, 5), dtype="float64")
    start = model.weights
    training = Training(model, from_arrays(images, labels), Options(optimizer="sgd:momentum=0.9", **options))
    for _ in training.epochs():
        pass
    nn = torch.nn
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(27, 3)).double()
    with torch.no_grad():
        for place, names in ((0, ("weight", "bias")), (4, ("weight", "bias"))):
            for name in names:
                getattr(net[place], name).copy_(torch.from_numpy(start[f"{place}.{name}"]))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    for _ in range(2):
        for first in range(0, 26, 12):
            optimizer.zero_grad()
            group = min(12, 26 - first)
            for at in range(first, first + group, 4):
                part = slice(at, min(at + 4, first + group))
                loss = nn.functional.cross_entropy(net(x[part]), y[part])
                (loss * len(y[part]) / group).backward()
            optimizer.step()
    wanted = {"0.weight": net[0].weight, "1.gamma": net[1].weight, "1.mean": net[1].running_mean,
              "1.variance": net[1].running_var, "4.weight": net[4].weight, "4.bias": net[4].bias}  # fmt: skip
    for name, array in wanted.items():
        np.testing.assert_allclose(model.weights[name], array.detach().numpy(), rtol=1e-10, atol=1e-12, err_msg=name)


def test_coupling_is_said_in_one_line() -> None:
    line = "12 samples an update in pieces of 4: layers that couple samples, such as BatchNorm, see one piece at a time"
    assert train(NORMED, batch_size=4, accumulate=3, epochs=1).coupling == line
    assert train(NORMED, batch_size=12, epochs=1).coupling is None
    assert train(CNN, batch_size=4, accumulate=3, epochs=1).coupling is None
    assert train(NORMED, batch_size=4, accumulate=3, epochs=1, freeze=("1",)).coupling is None
