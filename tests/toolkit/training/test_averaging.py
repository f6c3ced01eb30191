"""Averages of weights against torch.optim.swa_utils, and that what is frozen stays bit for bit."""

import numpy as np
import pytest
import torch
from torch.optim.swa_utils import AveragedModel, update_bn

from cnnkit import Sequential
from cnnkit.backends import get_backend
from cnnkit.layers import BatchNorm, Conv2D, Dense, Flatten, ReLU
from cnnkit.training.averaging import EpochAverage, MovingAverage, make_averaging
from cnnkit.training.freezing import freeze
from cnnkit.training.position import Position
from cnnkit.training.running_statistics import has_statistics, recompute
from cnnkit.tree import flatten, map_leaves

BACKENDS = ["numpy", "torch", "cupy-sim", "reference"]
NET = Sequential((Conv2D(4, 3), BatchNorm(), ReLU(), Flatten(), Dense(5)))


def weights(steps: int):
    """Yield (params, state) along a made training."""
    rng = np.random.default_rng(0)
    for _ in range(steps):
        yield {"0": {"weight": rng.normal(size=(3, 2))}, "1": {"gamma": rng.normal(size=3)}}, {
            "1": {"mean": rng.normal(size=3)}}  # fmt: skip


def torch_average(trail, average) -> list[np.ndarray]:
    """Return what AveragedModel makes of it; running statistics are buffers."""
    model = torch.nn.Module()
    model.weight, model.gamma = (torch.nn.Parameter(torch.zeros(s, dtype=torch.float64)) for s in ((3, 2), (3,)))
    model.register_buffer("mean", torch.zeros(3, dtype=torch.float64))
    averaged = AveragedModel(model, use_buffers=True, avg_fn=average)
    for params, state in trail:
        with torch.no_grad():
            model.weight.copy_(torch.from_numpy(params["0"]["weight"]))
            model.gamma.copy_(torch.from_numpy(params["1"]["gamma"]))
            model.mean.copy_(torch.from_numpy(state["1"]["mean"]))
        averaged.update_parameters(model)
    inner = averaged.module
    return [part.detach().numpy() for part in (inner.weight, inner.gamma, inner.mean)]


def follow(averaging, backend, trail, number) -> list[np.ndarray]:
    backend = get_backend(backend)
    average = None
    for count, made in enumerate(trail):
        trees = [map_leaves(lambda a: backend.asarray(a, "float64"), tree) for tree in made]
        if average is None:
            average = averaging.begin(*trees)
        average = averaging.follow(backend, average, *trees, number(count))
    params, state = averaging.complete(average, *trees)
    found = [params["0"]["weight"], params["1"]["gamma"], state["1"]["mean"]]
    return [np.array(backend.to_numpy(a)) for a in found]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("decay", [0.05, 0.5, 0.999])
def test_moving_average_as_in_torch(backend, decay) -> None:
    averaging = MovingAverage(None, decay)
    found = follow(averaging, backend, weights(30), averaging.scalars)

    def average(held, new, count):
        kept = min(decay, (1 + int(count)) / (10 + int(count)))  # of the tensor it would be a float32
        return kept * held + (1 - kept) * new

    for one, other in zip(found, torch_average(weights(30), average), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
def test_mean_of_epochs_as_in_torch(backend) -> None:
    found = follow(EpochAverage(None, 2), backend, weights(7), lambda epoch: epoch)
    for one, other in zip(found, torch_average(list(weights(7))[2:], None), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-14)


def test_a_first_average_is_the_weights_themselves() -> None:
    (trees,) = weights(1)
    for averaging, number in (
        (MovingAverage(None, 0.9), MovingAverage(None, 0.9).scalars),
        (EpochAverage(None, 0), int),
    ):
        assert [a.tobytes() for a in follow(averaging, "numpy", [trees], number)] == [
            a.tobytes() for a in (trees[0]["0"]["weight"], trees[0]["1"]["gamma"], trees[1]["1"]["mean"])
        ]


def test_when_there_is_an_average() -> None:
    assert [MovingAverage(None, 0.9).is_ready(Position(step=n)) for n in (0, 1)] == [False, True]
    assert [EpochAverage(None, 3).is_ready(Position(epoch=n)) for n in (3, 4)] == [False, True]
    assert make_averaging(None, None, 8, None) is None
    assert make_averaging(None, 0.75, 8, None) == EpochAverage(None, 6)
    assert make_averaging(None, 0.99, 2, None) == EpochAverage(None, 1)  # the last epoch at least


def test_frozen_variables_are_in_no_average() -> None:
    freezing = freeze(NET, (1, 6, 6), ["0", "1"])
    drawn = NET.init(np.random.default_rng(0), (1, 6, 6))
    averaging = MovingAverage(freezing, 0.9)
    average = averaging.begin(*drawn)
    assert sorted(flatten(average)) == ["params.4.bias", "params.4.weight"]
    params, state = averaging.complete(average, *drawn)
    assert flatten(params).keys() == flatten(drawn.params).keys()
    assert params["0"]["weight"] is drawn.params["0"]["weight"]
    assert state["1"]["mean"] is drawn.state["1"]["mean"]


# ---- running statistics


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("frozen", [(), ("1.gamma",)], ids=["all", "gamma frozen"])
def test_running_statistics_as_in_torch(backend, frozen) -> None:
    net = Sequential((Conv2D(3, 3), BatchNorm(momentum=0.3), ReLU(), Conv2D(2, 2), BatchNorm()))
    drawn = net.init(np.random.default_rng(1), (2, 6, 6))
    freezing = freeze(net, (2, 6, 6), frozen)
    batches = [np.random.default_rng(n).normal(size=(4 - n % 2, 2, 6, 6)) for n in range(5)]
    backend = get_backend(backend)
    params, state = (map_leaves(lambda a: backend.asarray(a, "float64"), tree) for tree in drawn)
    network, given = net, (params, state)
    if freezing is not None:
        network, given = freezing.network, freezing.take_apart(params, state)
    x = [backend.asarray(batch, "float64") for batch in batches]
    found = recompute(backend, network, (2, 6, 6), *given, x, (1, 2))
    moved = flatten(found) if freezing is None else freezing.find_moved(flatten(state), found)
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, momentum=0.3), nn.ReLU(), nn.Conv2d(3, 2, 2), nn.BatchNorm2d(2)
    ).double()  # fmt: skip
    with torch.no_grad():
        for place in (0, 3):
            model[place].weight.copy_(torch.from_numpy(drawn.params[str(place)]["weight"]))
            model[place].bias.copy_(torch.from_numpy(drawn.params[str(place)]["bias"]))
    update_bn([torch.from_numpy(batch) for batch in batches], model)
    for place in (1, 4):
        for name, wanted in (("mean", model[place].running_mean), ("variance", model[place].running_var)):
            np.testing.assert_allclose(
                backend.to_numpy(moved[f"{place}.{name}"]), wanted.numpy(), rtol=1e-12, atol=1e-14
            )  # fmt: skip


def test_what_keeps_statistics_that_move() -> None:
    assert has_statistics(NET, (1, 6, 6))
    assert not has_statistics(freeze(NET, (1, 6, 6), ["1"]).network, (1, 6, 6))
    assert not has_statistics(Sequential((Flatten(), Dense(3))), (1, 6, 6))
