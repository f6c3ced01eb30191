"""Updates in pieces: the mean over the whole update, against PyTorch, in exact numbers, and bit for bit."""

import numpy as np
import pytest
import torch

from cnnkit import Model, Options, Sequential, Training, losses, optimizers
from cnnkit.backends import get_backend
from cnnkit.data import from_arrays
from cnnkit.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, ReLU
from cnnkit.training import pieces
from cnnkit.training.step import StepWork, TrainState, make_step
from cnnkit.tree import flatten, map_leaves

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
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equal_leaves_give_equal_bits(backend, dtype) -> None:
    """Whatever batch size and accumulation make the update of 12, its leaves of 2 are added up by one tree."""
    forms = (
        {"batch_size": 12, "leaf": 2},
        {"batch_size": 4, "accumulate": 3, "leaf": 2},
        {"batch_size": 2, "accumulate": 6},
    )
    one, *others = (bits(train(CNN, backend, dtype, **form)) for form in forms)
    assert [other == one for other in others] == [True, True]
    assert bits(train(CNN, backend, dtype, batch_size=6, accumulate=2)) != one  # leaves of 6


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
    line = "12 samples an update: layers that couple samples, such as BatchNorm, see one batch of 4 at a time"
    assert train(NORMED, batch_size=4, accumulate=3, epochs=1).coupling == line
    assert train(NORMED, batch_size=4, accumulate=3, leaf=2, epochs=1).coupling == line
    assert train(NORMED, batch_size=12, leaf=4, epochs=1).coupling is None
    assert train(CNN, batch_size=12, leaf=4, epochs=1, loss="triplet").coupling == (
        "12 samples an update: a loss that couples samples sees 4 at a time"
    )
    assert train(NORMED, batch_size=12, epochs=1).coupling is None
    assert train(CNN, batch_size=4, accumulate=3, epochs=1).coupling is None
    assert train(NORMED, batch_size=4, accumulate=3, epochs=1, freeze=("1",)).coupling is None


# ---- what counts in the mean


def take_one_step(backend, loss, x, targets, weights, size):
    """Return (loss, weights after a step of rate 1) of a linear network: what moved is the gradient."""
    net = Sequential((Conv2D(3, 1) if x.ndim == 4 else Dense(3),))
    tools = get_backend(backend)
    drawn = net.init(np.random.default_rng(0), x.shape[1:]).params
    params = map_leaves(lambda a: tools.asarray(a, "float64"), drawn)
    step = make_step(StepWork(tools, net, losses.parse(loss), optimizers.parse("sgd"), (0, 0), "numbers"), size)
    weighted = () if weights is None else (tools.asarray(weights, "float64"),)
    given = tools.asarray(x, "float64"), tools.asarray(targets), {"rate": 1.0, "step": 0}
    moved, report = step(TrainState(params, {}, {}), *given, *weighted)
    return float(tools.to_numpy(report.loss)), {
        n: np.array(tools.to_numpy(a)) for n, a in flatten(moved.params).items()
    }


_LABELS = np.array([0, -1, 2, -1, -1, -1, 1, 1, 0, -1])  # pieces of 3 have 2, 0, 3 and 0 labels that count
_MAPS = np.random.default_rng(3).integers(-1, 3, size=(10, 2, 3))
_MAPS[3:5] = -1


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("weighted", [False, True], ids=["alike", "weighted"])
@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        ("softmax_cross_entropy", _LABELS), ("focal", _LABELS), ("mean_squared_error", np.full((10, 3), 0.3)),
        ("softmax_cross_entropy", _MAPS), ("dice", _MAPS), ("focal", _MAPS),
    ],
    ids=["classes", "focal", "numbers", "maps", "dice", "places"],
)  # fmt: skip
def test_ignored_labels_and_weights(backend, loss, targets, weighted) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(10, 4, *targets.shape[1:] * (targets.ndim == 3)))
    weights = rng.random(10)
    weights = weights / weights.mean() if weighted else None
    value, params = take_one_step(backend, loss, x, targets, weights, None)
    for size in (3, 4, 9):
        in_pieces, moved = take_one_step(backend, loss, x, targets, weights, size)
        assert in_pieces == pytest.approx(value, rel=1e-12)
        for name, array in params.items():
            np.testing.assert_allclose(moved[name], array, rtol=1e-12, atol=1e-14)


def test_each_of_several_losses_has_shares_of_its_own() -> None:
    several = losses.parse("a=softmax_cross_entropy;b=0.5*mean_squared_error")
    targets = (_LABELS, np.zeros((10, 3)))
    cut = pieces.cut(get_backend("numpy"), several, {"0": np.ones(1)}, np.zeros((10, 2)), targets, None, 3)
    assert [tuple(map(float, piece.share)) for piece in cut] == [(0.4, 0.3), (0.0, 0.3), (0.6, 0.3), (0.0, 0.1)]


def test_an_update_whose_labels_are_all_ignored() -> None:
    value, params = take_one_step("numpy", "softmax_cross_entropy", np.ones((10, 4)), _LABELS * 0 - 1, None, 4)
    assert value == 0
    assert all(np.isfinite(array).all() for array in params.values())
