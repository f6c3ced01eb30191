"""Leaves of a batch whose layers couple samples: one batch to the layers, in any number of leaves, by turns."""

import threading

import numpy as np
import pytest
import torch

from cnnkit import Model, Options, Sequential, Training
from cnnkit.backends import get_backend
from cnnkit.backends.leaf_tree import add_in_pairs
from cnnkit.data import from_arrays
from cnnkit.errors import ShapeError, TrainingError
from cnnkit.layers import (
    Add,
    BatchNorm,
    Branches,
    Context,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Graph,
    Node,
    PReLU,
    ReLU,
    Residual,
)
from cnnkit.training.joined_leaves import run_together

BACKENDS = ["numpy", "torch", "cupy-sim", "reference"]
NORMED = Sequential((Conv2D(3, 3), BatchNorm(), ReLU(), Flatten(), Dense(3)))
MIXED = Sequential(
    (
        Conv2D(4, 3), BatchNorm(), PReLU(), Dropout(0.3),
        Residual(Sequential((Conv2D(4, 3, padding="same"), BatchNorm(shift=False)))),
        Branches((Conv2D(2, 1), Sequential((BatchNorm(scale=False), ReLU())))), Flatten(), Dense(3), BatchNorm(),
    )
)  # fmt: skip
GRAPH = Graph(
    (
        Node("a", Conv2D(3, 3), "input"), Node("norm", BatchNorm(), "a"), Node("b", BatchNorm(), "norm"),
        Node("sum", Add(), ("norm", "b")), Node("flat", Flatten(), "sum"), Node("out", Dense(3), "flat"),
    )
)  # fmt: skip


def train(network, backend="numpy", dtype="float64", threads=None, count=26, **options) -> Training:
    rng = np.random.default_rng(4)
    stored = "float32" if dtype in ("float16", "bfloat16") else dtype
    images, labels = rng.normal(size=(count, 1, 5, 5)).astype(stored), rng.integers(3, size=count)
    threads = 1 if backend == "torch" and threads is None else threads
    model = Model(network, (1, 5, 5), backend=backend, dtype=dtype, threads=threads)
    training = Training(
        model, from_arrays(images, labels), Options(**({"epochs": 1, "optimizer": "sgd:momentum=0.9"} | options))
    )
    for _ in training.epochs():
        pass
    return training


def assert_close(one: Training, other: Training, bound: float) -> None:
    for name, array in one.model.weights.items():
        np.testing.assert_allclose(array, other.model.weights[name], rtol=bound, atol=bound, err_msg=name)
    losses = [training.position.history[-1]["loss"] for training in (one, other)]
    assert losses[0] == pytest.approx(losses[1], rel=bound)


def bits(training: Training) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in training.model.weights.items()}


# ---- batches in leaves are whole to the layers


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("network", [MIXED, GRAPH], ids=["mixed", "graph"])
def test_statistics_are_of_the_whole_batch(backend, network) -> None:
    """26 samples in batches of 12, the last of 2; leaves of 4 and 1, the last one of a batch alone."""
    whole = train(network, backend, batch_size=12)
    for leaf in (4, 1):
        assert_close(train(network, backend, batch_size=12, leaf=leaf), whole, 1e-10)
    with pytest.raises(AssertionError):
        assert_close(train(network, backend, batch_size=4, accumulate=3), whole, 1e-6)


def test_as_torch_on_the_whole_batch() -> None:
    """SyncBatchNorm's meaning: leaves are its workers. Batches that are accumulated stay groups of their own."""
    rng = np.random.default_rng(4)
    images, labels = rng.normal(size=(24, 1, 5, 5)), rng.integers(3, size=24)
    model = Model(NORMED, (1, 5, 5), dtype="float64")
    start = model.weights
    options = {"batch_size": 6, "accumulate": 2, "leaf": 2, "learning_rate": 0.05, "epochs": 2, "shuffle": False}
    for _ in Training(model, from_arrays(images, labels), Options(optimizer="sgd:momentum=0.9", **options)).epochs():
        pass
    nn = torch.nn
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(27, 3)).double()
    with torch.no_grad():
        for name in ("0.weight", "0.bias", "4.weight", "4.bias"):
            net.get_parameter(name).copy_(torch.from_numpy(start[name]))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    for _ in range(2):
        for first in range(0, 24, 12):
            optimizer.zero_grad()
            for part in (slice(first, first + 6), slice(first + 6, first + 12)):
                (nn.functional.cross_entropy(net(x[part]), y[part]) / 2).backward()
            optimizer.step()
    wanted = {"0.weight": net[0].weight, "1.gamma": net[1].weight, "1.beta": net[1].bias, "4.bias": net[4].bias,
              "1.mean": net[1].running_mean, "1.variance": net[1].running_var, "4.weight": net[4].weight}  # fmt: skip
    for name, array in wanted.items():
        np.testing.assert_allclose(model.weights[name], array.detach().numpy(), rtol=1e-10, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    "options",
    [
        {"freeze": ("1",)}, {"freeze": ("1.gamma",)}, {"class_weights": {"0": 2, "1": 0.5}}, {"ema": 0.9},
        {"swa": 0.0}, {"loss": "focal", "validation_split": 0.2}, {"augment": "flip"},
    ],
    ids=["frozen", "half-frozen", "class-weights", "ema", "swa", "focal", "augment"],
)  # fmt: skip
def test_with_the_other_options(options) -> None:
    whole, joined = train(NORMED, batch_size=8, **options), train(NORMED, batch_size=8, leaf=2, **options)
    assert_close(joined, whole, 1e-10)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_same_bits_each_time(backend) -> None:
    one = bits(train(MIXED, backend, "float32", batch_size=12, leaf=4))
    assert bits(train(MIXED, backend, "float32", batch_size=12, leaf=4)) == one
    assert bits(train(MIXED, backend, "float32", batch_size=12, leaf=2)) != one


def test_the_same_bits_on_any_number_of_threads() -> None:
    one, two = (bits(train(MIXED, dtype="float32", threads=count, batch_size=12, leaf=4)) for count in (1, 2))
    assert one == two


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_half_precision(half) -> None:
    """Rounded to 16 bits, leaves and whole differ by what rounding does; in batches of 4 they differ much more."""
    whole, joined, cut = (
        train(NORMED, "torch", half, **form)
        for form in ({"batch_size": 24}, {"batch_size": 24, "leaf": 4}, {"batch_size": 4, "accumulate": 6})
    )
    far = [
        max(np.abs(other.model.weights[name] - array).max() for name, array in whole.model.weights.items())
        for other in (joined, cut)
    ]
    assert 10 * far[0] < far[1]


def test_why_it_is_not_captured() -> None:
    reason = "layers that couple samples make the leaves of a batch wait for each other"
    assert train(NORMED, batch_size=12, leaf=4).not_captured == reason
    for form in ({"batch_size": 12, "leaf": 12}, {"batch_size": 12}):
        assert train(NORMED, **form).not_captured is None
    assert train(NORMED, batch_size=12, leaf=4, freeze=("1",)).not_captured is None
    assert bits(train(NORMED, batch_size=12, leaf=12)) == bits(train(NORMED, batch_size=12))


# ---- the baton


def test_leaves_work_in_turn() -> None:
    told: list[str] = []

    def make(leaf: int):
        def work(parts) -> int:
            told.append(f"{leaf}a")
            first = sum(map(int, parts.gather(np.array(leaf))))
            told.append(f"{leaf}b")
            return int(sum(parts.gather(np.array(first)))) + leaf

        return work

    assert run_together([make(leaf) for leaf in range(3)], 3) == [9, 10, 11]
    assert told == ["0a", "1a", "2a", "0b", "1b", "2b"]


@pytest.mark.parametrize("failing", [0, 1, 2])
@pytest.mark.parametrize("late", [False, True])
def test_the_error_of_a_leaf_is_raised(failing, late) -> None:
    ended: list[int] = []

    def make(leaf: int):
        def work(parts) -> None:
            try:
                if late:
                    parts.gather(np.zeros(1))
                if leaf == failing:
                    raise ShapeError("Odd", f"leaf {leaf}")
                parts.gather(np.zeros(1))
            finally:
                ended.append(leaf)

        return work

    with pytest.raises(ShapeError, match=f"leaf {failing}"):
        run_together([make(leaf) for leaf in range(3)], 3)
    assert sorted(ended) == (list(range(3)) if late else list(range(failing + 1)))
    assert run_together([lambda parts: len(parts.gather(np.zeros(1)))] * 2, 2) == [2, 2]  # the threads go on


@pytest.mark.parametrize("often", [(1, 2, 2), (2, 2, 1), (0, 1, 1), (1, 0, 0)])
def test_leaves_that_gather_differently_often(often) -> None:
    def make(times: int):
        return lambda parts: [parts.gather(np.zeros(2)) for _ in range(times)]

    with pytest.raises(TrainingError, match=r"leaf . of a batch ended where another one gathers: a layer that couples"):
        run_together([make(times) for times in often], 3)


def test_leaves_that_gather_arrays_that_differ() -> None:
    with pytest.raises(TrainingError, match=r"gather arrays that differ: \(2,\) of float64 and \(3,\) of float64"):
        run_together([lambda parts, n=n: parts.gather(np.zeros(n)) for n in (2, 3)], 2)


def test_batches_of_several_threads_do_not_wait_for_each_other() -> None:
    results: dict[int, list[float]] = {}

    def work(number: int) -> None:
        for _ in range(50):
            results[number] = run_together([lambda parts: float(sum(parts.gather(np.array(number))))] * 4, 4)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == {number: [4.0 * number] * 4 for number in range(4)}


@pytest.mark.parametrize("owned", [[(0, 5)], [(0, 1), (1, 5)], [(0, 2), (2, 3), (3, 5)]])
def test_leaves_of_several_processes(owned) -> None:
    """Each owner runs its own leaves; what they exchange is put together in the order of leaves."""
    tools, layer = get_backend("numpy"), BatchNorm()
    x = np.random.default_rng(0).normal(size=(10, 3, 4)).astype("float32")
    params, state = layer.init(np.random.default_rng(0), (3, 4))
    barrier, shared = threading.Barrier(len(owned), timeout=60), dict[int, list]()

    def exchange(rank: int, arrays: list) -> list:
        barrier.wait()
        shared[rank] = arrays
        barrier.wait()
        return [array for rank in range(len(owned)) for array in shared[rank]]

    def run(leaf: int, parts):
        context = Context(tools.seeing(parts, 2), training=True)
        y, cache = layer.forward(context, params, state, x[2 * leaf : 2 * leaf + 2])
        return y, *layer.backward(context, params, cache, y * y), layer.next_state(state, cache)

    found: dict[int, list] = {}

    def work(rank: int) -> None:
        works = [lambda parts, leaf=leaf: run(leaf, parts) for leaf in range(*owned[rank])]
        found[rank] = run_together(works, 10, lambda arrays: exchange(rank, arrays), owned[rank][0])

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(len(owned))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    leaves = [result for rank in range(len(owned)) for result in found[rank]]
    alone = run_together([lambda parts, leaf=leaf: run(leaf, parts) for leaf in range(5)], 10)
    for (y, dx, grads, moved), (y1, dx1, grads1, moved1) in zip(leaves, alone, strict=True):
        assert (y.tobytes(), dx.tobytes()) == (y1.tobytes(), dx1.tobytes())
        assert all(grads[name].tobytes() == grads1[name].tobytes() for name in grads)
        assert all(moved[name].tobytes() == moved1[name].tobytes() for name in moved)
    context = Context(tools, training=True)
    y, cache = layer.forward(context, params, state, x)
    np.testing.assert_allclose(np.concatenate([leaf[0] for leaf in leaves]), y, rtol=1e-5, atol=1e-6)
    _, grads = layer.backward(context, params, cache, y * y)
    for name, array in grads.items():
        np.testing.assert_allclose(add_in_pairs([leaf[2][name] for leaf in leaves]), array, rtol=1e-4, atol=1e-5)
