"""The calculation of a value: held against the value that each backend has, and against numbers by hand."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from cnnkit import layers as of
from cnnkit.architecture import walk_layers
from cnnkit.errors import ConfigError
from cnnkit.explanation import explain
from cnnkit.explanation.drawing import draw_explanation
from cnnkit.explanation.text import to_json, write_lines
from cnnkit.layers import Graph, Node, Sequential, Variables
from cnnkit.model import Model

IMAGES = Sequential((
    of.Conv2D(4, 3, padding=1), of.ReLU(), of.MaxPool2D(2, padding=1), of.BatchNorm(),
    of.Residual(Sequential((of.Conv2D(4, (3, 2), padding="same", groups=2, dilation=(1, 2)), of.Tanh()))),
    of.ConvTranspose2D(3, 3, stride=2), of.AvgPool2D(3, stride=2, padding=1, count_padding=False),
    of.Branches((of.Conv2D(2, 1), of.Conv2D(2, 3, padding=1))), of.PReLU(), of.AvgPool2D(2, stride=3, ceil_mode=True),
    of.Upsample(2.0, mode="linear"), of.AdaptiveMaxPool2D(3), of.LayerNorm(), of.Pad(1), of.ChannelShuffle(2),
    of.Dropout(0.5), of.Flatten(), of.Dense(6), of.Softmax(),
))  # fmt: skip
SIGNALS = Sequential((of.Conv1D(3, 4, stride=2), of.GELU(), of.MaxPool1D(2), of.GlobalAvgPool1D(), of.Dense(2)))
VOLUMES = Sequential((of.Conv3D(2, 2, padding=1), of.AvgPool3D(2), of.GlobalMaxPool3D(), of.LogSoftmax()))
ROWS = Sequential((of.Dense(5, axis=-1), of.Sigmoid(), of.Flatten(), of.Dense(3, bias=False)))
JOINED = Graph((
    Node("conv", of.Conv2D(2, 3), ("input",)), Node("act", of.ReLU(), ("conv",)),
    Node("other", of.Conv2D(2, 3), ("input",)), Node("difference", of.Subtract(), ("act", "other")),
    Node("mean", of.Average(), ("difference", "act")), Node("largest", of.Maximum(), ("mean", "other")),
    Node("both", of.Concatenate(), ("mean", "largest")), Node("pool", of.GlobalAvgPool2D(), ("both",)),
))  # fmt: skip
NETS = {
    "images": (IMAGES, (1, 8, 8)), "signals": (SIGNALS, (2, 20)), "volumes": (VOLUMES, (1, 3, 4, 5)),
    "rows": (ROWS, (3, 4)), "joined": (JOINED, (1, 5, 6)),
}  # fmt: skip
_HOLDERS = (Sequential, Graph)


def make(name, backend="numpy", **options):
    network, shape = NETS[name]
    model = Model(network, shape, backend=backend, seed=3, **options)
    rng = np.random.default_rng(1)
    tensors = {key: rng.normal(size=value.shape) for key, value in model.weights.items()}
    return _with(model, tensors), rng.normal(size=shape).astype("float32")


def _with(model, tensors):
    """Give a model other weights, variances above 0."""

    def fill(tree, prefix=""):
        return {
            key: fill(value, f"{prefix}{key}.") if isinstance(value, dict)
            else np.abs(tensors[prefix + key]) if key == "variance" else tensors[prefix + key]
            for key, value in tree.items()
        }  # fmt: skip

    host = Variables(fill(model.to_host(model.params)), fill(model.to_host(model.state)))
    return Model(model.network, model.input_shape, backend=model.backend, dtype=model.dtype, variables=host)


def choose_places(shape):
    """Return (at, channel) of the first, a middle and the last value of an output."""
    for part in (0.0, 0.5, 1.0):
        place = tuple(round(part * (n - 1)) for n in shape)
        yield place[1:] or None, place[0]


@pytest.mark.parametrize("backend_name", ["reference", "numpy", "torch", "cupy-sim"])
@pytest.mark.parametrize("name", NETS)
def test_the_sum_is_the_value_of_the_network(name, backend_name):
    model, x = make(name, backend_name)
    tried = 0
    for placed in walk_layers(model.network, model.input_shape):
        if isinstance(placed.layer, _HOLDERS):
            continue
        for at, channel in choose_places(placed.output_shape):
            found = explain(model, placed.path, x, at, channel)
            assert found.index == (channel, *(at or ()))
            assert found.agrees, (placed.path, found.computed, found.own, found.bound)
            assert found.bound <= (1e-11 if backend_name == "reference" else 1e-2) * (1 + abs(found.own))
            tried += 1
    assert tried >= 9


def test_a_wrong_value_does_not_agree():
    model, x = make("images")
    for path in ("0", "4.body.0", "5", "6", "17"):
        right = explain(model, path, x)
        other = explain(model, path, x, channel=0 if right.index[0] else 1)
        assert abs(right.own - other.own) > right.bound + other.bound


def test_half_precision_has_its_own_bound():
    model, x = make("signals", "torch", dtype="bfloat16")
    for path in ("0", "1", "2", "4"):
        found = explain(model, path, x)
        assert found.agrees, (path, found.computed, found.own, found.bound)


def test_numbers_by_hand():
    weight = np.array([[[[1.0, 2.0], [-1.0, 0.5]]]])
    variables = Variables({"0": {"weight": weight, "bias": np.array([0.25])}}, {})
    net = Sequential((of.Conv2D(1, 2, padding=((1, 0), (0, 0))), of.ReLU()))
    model = Model(net, (1, 2, 3), variables=variables)
    x = np.array([[[3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]], "float32")
    found = explain(model, "0", x, (1, 1), 0)
    (window,) = found.worked.windows
    assert window.products.tolist() == [[4.0, 10.0], [-7.0, 4.0]]
    assert [step.value for step in found.worked.steps] == [11.0, 0.25]
    assert found.computed == found.own == 11.25
    assert (found.following.path, found.following.value) == ("1", 11.25)
    assert found.seen == ((0, 2), (1, 3))
    above = explain(model, "0", x, (0, 0), 0)
    assert above.worked.windows[0].inside.tolist() == [[False, False], [True, True]]
    assert (above.computed, above.following.value) == (-3 + 2 + 0.25, 0.0)
    lines = list(write_lines(above))
    assert "sees row 0, columns 0 to 1 and padding beyond the edge of the picture" in lines
    assert any(line.split() == [".", ".", "1.0000", "2.0000", ".", "."] for line in lines)
    assert any(line.split() == ["bias[0]", "0.25"] for line in lines)


def test_the_largest_value_is_chosen_and_of_equal_ones_the_first():
    model, x = make("joined")
    found = explain(model, "conv", x)
    at_row = explain(model, "conv", x, (2, 1))
    assert found.own >= at_row.own == max(explain(model, "conv", x, (2, 1), k).own for k in (0, 1))
    same = Model(Sequential((of.MaxPool2D(1),)), (1, 2, 2))
    assert explain(same, "0", np.ones((1, 2, 2), "float32")).index == (0, 0, 0)


def test_refusals():
    model, x = make("images")
    for arguments, message in (
        (("nothing", x), "LAYER: expected a layer of the network: 0, 1, 2"),
        (("4.body", x), r"LAYER: 4\.body \(Sequential\) holds layers: name one of them, such as 4\.body\.0"),
        (("0", x, (1,)), "--at: expected a place of 2 numbers, 0 to 7, 0 to 7, got 1"),
        (("17", x, (1, 2)), "--at: expected none, the layer gives 6 values in a row"),
        (("0", x, None, 4), "--channel: expected 0 to 3, got 4"),
    ):
        with pytest.raises(ConfigError, match=message):
            explain(model, *arguments)


@pytest.mark.parametrize("name", NETS)
def test_every_layer_can_be_drawn_and_told(name):
    model, x = make(name)
    for placed in walk_layers(model.network, model.input_shape):
        if isinstance(placed.layer, _HOLDERS):
            continue
        found = explain(model, placed.path, x)
        ElementTree.fromstring(draw_explanation(found, "a file"))
        assert json.loads(json.dumps(to_json(found)))["own"] == found.own
        text = "\n".join(write_lines(found, 80))
        assert f"{found.computed:.9g}" in text
