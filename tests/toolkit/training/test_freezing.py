"""Freezing: what is frozen does not move by a bit; the rest moves as in PyTorch with the same layers frozen."""

import numpy as np
import pytest
import torch

from cnnkit import Model, Options
from cnnkit.data import from_arrays
from cnnkit.errors import ConfigError
from cnnkit.exporters import read, write
from cnnkit.layers import (
    Add,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Graph,
    MaxPool2D,
    Node,
    ReLU,
    Residual,
    Sequential,
)
from cnnkit.training import Training, checkpoint
from cnnkit.training.freezing import freeze

DRAWN = np.random.default_rng(0)
DATA = from_arrays(
    DRAWN.normal(size=(40, 1, 8, 8)).astype(np.float32), DRAWN.integers(0, 3, 40), class_names=("a", "b", "c")
)
NET = Sequential((
    Conv2D(4, 3), BatchNorm(), ReLU(), Residual(Sequential((Conv2D(4, 3, padding=1), BatchNorm(), ReLU()))),
    MaxPool2D(2), Flatten(), Dropout(0.2), Dense(3),
))  # fmt: skip
PLAIN = Sequential((Conv2D(4, 3), BatchNorm(), ReLU(), Flatten(), Dense(6), ReLU(), Dense(3)))


def train(freeze, backend="numpy", net=NET, **options):
    model = Model(net, (1, 8, 8), seed=5, backend=backend)
    before = model.weights
    model.fit(DATA, **{"epochs": 2, "batch_size": 8, "seed": 5, "optimizer": "adamw", **options}, freeze=freeze)
    return before, model.weights


@pytest.mark.parametrize("backend", ["numpy", "torch", "reference"])
@pytest.mark.parametrize("optimizer", ["adamw:weight_decay=0.1,clip_norm=1", "sgd:momentum=0.9,weight_decay=0.1"])
def test_what_is_frozen_does_not_move_by_a_bit(backend, optimizer):
    options = {"optimizer": optimizer, "epochs": 1, "limit": 16}
    before, after = train(["0", "1", "3.body.0.weight"], backend, **options)
    still = {"0.weight", "0.bias", "1.gamma", "1.beta", "1.mean", "1.variance", "3.body.0.weight"}
    assert {name for name in before if np.array_equal(before[name], after[name])} == still


def test_statistics_move_where_something_of_the_layer_is_trained():
    before, after = train(["1.gamma"])
    assert np.array_equal(before["1.gamma"], after["1.gamma"])
    assert not np.array_equal(before["1.mean"], after["1.mean"])
    before, after = train(["1.mean"])  # by name: gamma is trained on statistics that stand still
    assert np.array_equal(before["1.mean"], after["1.mean"])
    assert not np.array_equal(before["1.gamma"], after["1.gamma"])


def test_nothing_frozen_is_the_training_without_freezing():
    for one, other in zip(train([])[1].values(), train(())[1].values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_bias_frozen_at_its_value_changes_the_others_as_in_torch():
    """Conv frozen, BatchNorm still, the first Dense without its bias: PyTorch with requires_grad and eval()."""
    model = Model(PLAIN, (1, 8, 8), seed=1, dtype="float64")
    start = model.weights
    start["1.mean"], start["1.variance"] = np.full(4, 0.2), np.full(4, 1.7)
    model.state = model.to_backend({"1": {"mean": start["1.mean"], "variance": start["1.variance"]}})
    order = np.arange(40)
    model.fit(
        DATA, epochs=1, batch_size=8, shuffle=False, optimizer="sgd:momentum=0.9", learning_rate=0.05,
        freeze=["0", "1", "4.bias"],
    )  # fmt: skip
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 6),
        torch.nn.ReLU(), torch.nn.Linear(6, 3),
    ).double()  # fmt: skip
    names = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"}
    with torch.no_grad():
        for name, tensor in start.items():
            layer, _, leaf = name.partition(".")
            getattr(net[int(layer)], names.get(leaf, leaf)).copy_(torch.tensor(tensor))
    net[1].eval()
    for parameter in (*net[0].parameters(), *net[1].parameters(), net[4].bias):
        parameter.requires_grad_(False)
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], 0.05, momentum=0.9)
    images, labels = DATA.batch("train", order, "float64")
    for first in range(0, 40, 8):
        optimizer.zero_grad()
        outputs = net(torch.tensor(images[first : first + 8]))
        torch.nn.functional.cross_entropy(outputs, torch.tensor(labels[first : first + 8])).backward()
        optimizer.step()
    for name, tensor in model.weights.items():
        layer, _, leaf = name.partition(".")
        expected = getattr(net[int(layer)], names.get(leaf, leaf)).detach().numpy()
        np.testing.assert_allclose(tensor, expected, rtol=1e-9, atol=1e-12, err_msg=name)
        assert np.array_equal(tensor, start[name]) == (layer in "01" or name == "4.bias")


def test_layers_of_a_graph_freeze_with_what_shares_them():
    body = (
        Node("a", Conv2D(3, 3, padding=1), ("input",)), Node("n", BatchNorm(), ("a",)), Node("r", ReLU(), ("n",)),
        Node("b", Conv2D(3, 3, padding=1), ("r",)), Node("again", None, ("b",), shares="b"),
        Node("sum", Add(), ("again", "r")), Node("flat", Flatten(), ("sum",)), Node("fc", Dense(3), ("flat",)),
    )  # fmt: skip
    for patterns, still in ((["a", "n", "b"], "anb"), (["b"], "b"), (["a", "n.*"], "an")):
        before, after = train(patterns, net=Graph(body), epochs=1)
        same = {name.partition(".")[0] for name in before if np.array_equal(before[name], after[name])}
        assert same == set(still), patterns


def test_a_graph_frozen_below_trains_as_without():
    """What is above the frozen layers gets the steps that it gets in a network whose lower layers are constants."""
    layers = (Conv2D(3, 3), ReLU(), Flatten(), Dense(3))
    nodes = [Node(str(k), layer, (str(k - 1) if k else "input",)) for k, layer in enumerate(layers)]
    chain, graph = (train(["0"], net=net)[1] for net in (Sequential(layers), Graph(tuple(nodes))))
    for name, values in chain.items():
        np.testing.assert_allclose(graph[name], values, rtol=1e-5, atol=1e-7, err_msg=name)


def test_a_resumed_training_freezes_the_same(tmp_path):
    options = Options(epochs=3, batch_size=8, seed=2, freeze=["0", "3.*"])
    whole = Training(Model(NET, (1, 8, 8), seed=2), DATA, options)
    for _ in whole.epochs():
        pass
    first = Training(Model(NET, (1, 8, 8), seed=2), DATA, options)
    next(iter(first.epochs()))
    write(checkpoint.to_weights(first), tmp_path / "half.h5")
    file = read(tmp_path / "half.h5")
    again = checkpoint.resume(Model.from_weights(file), DATA, options, file)
    for _ in again.epochs():
        pass
    for name, values in whole.model.weights.items():
        np.testing.assert_array_equal(again.model.weights[name], values, err_msg=name)


def test_slots_are_kept_for_what_is_trained_alone():
    training = Training(Model(NET, (1, 8, 8)), DATA, Options(freeze=["0", "1", "3"]))
    assert list(training.variables.slots["first_moment"]) == ["7"]


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        (["9"], "'9' matches no tensor or layer with weights: 0, 1, 3.body.0, 3.body.1, 7"),
        (["0", "conv*"], r"'conv\*' matches no"),
        (["*"], "expected something left to train"),
        ([1], "expected patterns"),
        ([""], "expected patterns"),
        (3, "expected patterns"),
    ],
)
def test_what_cannot_be_frozen_is_refused(patterns, said):
    with pytest.raises(ConfigError, match=said):
        train(patterns)


def test_it_is_said():
    frozen = freeze(NET, (1, 8, 8), ["0.weight", "3"])
    model = Model(NET, (1, 8, 8))
    sizes = {
        name: model.weights[name].size for name in model.weights if name.rpartition(".")[2] not in ("mean", "variance")
    }
    assert frozen.describe(sizes) == (
        "frozen: 192 parameters of 315, in 0, 3.body.0, 3.body.1; "
        "running statistics are used, and do not move, in 3.body.1"
    )


def test_options_are_json():
    assert Options(freeze="0").to_json()["freeze"] == ["0"]
    assert Options(**{"freeze": ["a", "b"]}).freeze == ("a", "b")
