from dataclasses import dataclass

import numpy as np
import pytest
import torch
from narrow_recipes import narrow_architecture

from cnnkit import Model, architecture, recipes
from cnnkit.errors import ConfigError
from cnnkit.layers import (
    AdaptiveAvgPool3D,
    AvgPool2D,
    BatchNorm,
    Branches,
    Conv1D,
    Conv2D,
    Conv3D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool2D,
    Graph,
    LayerNorm,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    Reduce,
    ReLU,
    Reshape,
    Residual,
    Sequential,
    Variables,
)
from cnnkit.summary import Summary, summarise


def rows(*layers, shape=(1, 32, 32)):
    return summarise(Sequential(layers), shape).rows


def fields(*layers, shape=(1, 32, 32)):
    return [row.receptive_field for row in rows(*layers, shape=shape)]


# ---- receptive field: each layer adds (extent - 1) times the product of the strides before it


def test_two_convolutions_see_five_pixels() -> None:
    assert fields(Conv2D(4, 3), ReLU(), Conv2D(4, 3)) == [(3, 3), (3, 3), (5, 5)]


def test_pooling_doubles_the_pace() -> None:
    assert fields(Conv2D(4, 3), MaxPool2D(2), Conv2D(4, 3)) == [(3, 3), (4, 4), (8, 8)]
    assert fields(AvgPool2D(3, stride=1), AvgPool2D(2)) == [(3, 3), (4, 4)]


def test_stride_and_dilation() -> None:
    assert fields(Conv2D(4, 5, stride=2), Conv2D(4, 3)) == [(5, 5), (9, 9)]
    assert fields(Conv2D(4, 3, dilation=2), Conv2D(4, 3, dilation=3)) == [(5, 5), (11, 11)]
    assert fields(Conv2D(4, 3, stride=2, dilation=2), MaxPool2D(2)) == [(5, 5), (7, 7)]


def test_height_and_width_are_apart() -> None:
    assert fields(Conv2D(4, (3, 1), stride=(2, 1)), Conv2D(4, (1, 5))) == [(3, 1), (3, 5)]
    assert fields(Conv2D(4, (1, 3), stride=(1, 2)), Conv2D(4, 3)) == [(1, 3), (3, 7)]


def test_lenet_is_known() -> None:
    """Conv 5, pool 2, conv 5, pool 2: 5, 6, 14, 16."""
    network, shape = recipes.get("lenet5").network()
    seen = [r.receptive_field for r in summarise(network, shape).rows if r.type in ("Conv2D", "MaxPool2D")]
    assert seen == [(5, 5), (6, 6), (14, 14), (16, 16)]


def test_a_residual_sees_what_its_widest_way_sees() -> None:
    body = Sequential((Conv2D(1, 3, padding=1), Conv2D(1, 3, padding=1)))
    assert fields(Residual(body))[0] == (5, 5)
    assert fields(Residual(body, Conv2D(1, 7, padding=3)))[0] == (7, 7)
    assert fields(Residual(body), Conv2D(1, 3))[-1] == (7, 7)
    assert fields(Conv2D(1, 3), Residual(body))[1] == (7, 7)
    strided = Residual(Conv2D(1, 3, stride=2, padding=1), Conv2D(1, 1, stride=2))
    assert fields(strided, Conv2D(1, 3))[-1] == (7, 7)
    assert fields(Branches((Conv2D(1, 1), Conv2D(1, 5, padding=2))))[0] == (5, 5)


def test_what_sees_everything_has_no_field() -> None:
    assert fields(Conv2D(4, 3), Flatten(), Dense(3), ReLU())[2:] == [None, None]
    assert fields(GlobalAvgPool2D(), Dense(3)) == [None, None]


@pytest.mark.parametrize(
    "layers",
    [
        (Conv2D(2, 3), ReLU(), Conv2D(2, 3, stride=2), MaxPool2D(2)),
        (Conv2D(2, (5, 3), dilation=(1, 2)), AvgPool2D(3, stride=2), Conv2D(2, 2)),
        (Residual(Sequential((Conv2D(1, 3, padding=1), Conv2D(1, 3, padding=1)))), MaxPool2D(2), Conv2D(2, 3)),
        (Branches((Conv2D(1, 3, padding=1), Conv2D(1, 5, padding=2))), Conv2D(1, 1)),
    ],
)
def test_the_field_is_the_pixels_that_change_an_output(layers) -> None:
    """Measured: a pixel is seen where changing it changes the value in the middle of the output."""
    size = 29
    model = Model(Sequential(layers), (1, size, size), dtype="float64", seed=1)
    _, h, w = model.output_shape
    rng = np.random.default_rng(0)
    seen = np.zeros((size, size), bool)
    for _ in range(3):  # a maximum hides what is smaller; several images show all
        x = rng.normal(size=(1, 1, size, size))
        plain = model.outputs(x)[0, :, h // 2, w // 2]
        for i in range(size):
            moved = np.repeat(x, size, axis=0)
            moved[np.arange(size), 0, i, np.arange(size)] += 20.0
            seen[i] |= np.any(model.outputs(moved)[:, :, h // 2, w // 2] != plain, axis=1)
    extent = tuple(int(np.ptp(np.flatnonzero(seen.any(axis=a)))) + 1 for a in (1, 0))
    assert extent == model.summary().rows[-1].receptive_field


# ---- counts


def test_counts_by_hand() -> None:
    found = rows(Conv2D(8, 3), BatchNorm(), ReLU(), MaxPool2D(2), Flatten(), Dense(10), shape=(3, 10, 12))
    assert [r.multiply_adds for r in found] == [8 * 8 * 10 * 27, 0, 0, 0, 0, 8 * 4 * 5 * 10]
    assert [r.parameters for r in found] == [8 * 27 + 8, 16, 0, 0, 0, 1600 + 10]
    assert [r.state for r in found] == [0, 16, 0, 0, 0, 0]
    grouped, depthwise = rows(Conv2D(4, 3, groups=2, bias=False), Conv2D(4, 3, groups=4), shape=(2, 8, 8))
    assert (grouped.multiply_adds, grouped.parameters) == (4 * 36 * 9, 36)
    assert (depthwise.multiply_adds, depthwise.parameters) == (4 * 16 * 9, 40)


@pytest.mark.parametrize("name", recipes.names())
def test_multiply_adds_are_those_that_torchs_shapes_give(name) -> None:
    """Forward hooks of the same layers in torch.nn: outputs times the weights that each of them meets."""
    network, shape = recipes.get(name).network()
    total, parameters = 0, 0

    def count(layer, x):  # noqa: PLR0912 (a branch for each kind of layer)
        nonlocal total, parameters
        if isinstance(layer, Sequential):
            for inner in layer.layers:
                x = count(inner, x)
            return x
        if isinstance(layer, Residual):
            y = count(layer.body, x)
            return y + (x if layer.shortcut is None else count(layer.shortcut, x))
        if isinstance(layer, Branches):
            parts = [count(branch, x) for branch in layer.branches]
            return torch.cat(parts, 1) if layer.join == "concatenate" else sum(parts)
        if isinstance(layer, Graph):
            values = {"input": x}
            for node in layer.nodes:
                inputs = [values[name] for name in node.inputs]
                one = len(inputs) == 1
                values[node.name] = count(node.layer, *inputs) if one else torch.cat(inputs, 1)
            return values[layer.nodes[-1].name]
        if isinstance(layer, ConvTranspose2D):
            module = torch.nn.ConvTranspose2d(
                x.shape[1], layer.features, layer.window, layer.stride, layer.padding, layer.output_padding
            )
            y = module(x)
            total += x.numel() * module.weight[0].numel()
        elif isinstance(layer, Conv1D):
            module = torch.nn.Conv1d(
                x.shape[1], layer.features, layer.window, layer.stride, layer.padding, bias=layer.bias
            )
            y = module(x)
            total += y.numel() * module.weight[0].numel()
        elif isinstance(layer, Reduce):
            assert layer.kind == "sum"
            return x.sum(layer.axes)
        elif isinstance(layer, Conv2D):
            s = layer.stride
            if layer.padding == "same":
                need = max((-(-x.shape[2] // s) - 1) * s + layer.window - x.shape[2], 0)
                x = torch.nn.functional.pad(x, (need // 2, need - need // 2) * 2)
            pad = layer.padding if isinstance(layer.padding, int) else 0
            module = torch.nn.Conv2d(
                x.shape[1], layer.features, layer.window, s, pad, groups=layer.groups, bias=layer.bias
            )
            y = module(x)
            total += y.numel() * module.weight[0].numel()
        elif isinstance(layer, Dense):
            module = torch.nn.Linear(x.shape[1], layer.features)
            y = module(x)
            total += module.weight.numel()
        else:
            pool = [getattr(layer, name, None) for name in ("window", "stride", "padding")]
            make = {
                "MaxPool2D": lambda: torch.nn.MaxPool2d(*pool, ceil_mode=layer.ceil_mode),
                "AvgPool2D": lambda: torch.nn.AvgPool2d(*pool, ceil_mode=layer.ceil_mode),
                "GlobalAvgPool2D": lambda: torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()),
                "BatchNorm": lambda: (torch.nn.BatchNorm2d if x.ndim == 4 else torch.nn.BatchNorm1d)(x.shape[1]),
                "GlobalMaxPool2D": lambda: torch.nn.Sequential(torch.nn.AdaptiveMaxPool2d(1), torch.nn.Flatten()),
                "MaxPool1D": lambda: torch.nn.MaxPool1d(*pool),
                "GlobalAvgPool1D": lambda: torch.nn.Sequential(torch.nn.AdaptiveAvgPool1d(1), torch.nn.Flatten()),
                "Flatten": torch.nn.Flatten,
            }
            module = make.get(layer.type, torch.nn.Identity)()
            y = module.eval()(x)
        parameters += sum(p.numel() for p in module.parameters())
        return y

    with torch.no_grad(), torch.device("meta"):  # shapes without values
        y = count(network, torch.zeros(1, *shape))
    found = summarise(network, shape)
    assert (found.multiply_adds, found.parameters, found.output_shape) == (total, parameters, tuple(y.shape[1:]))


def test_a_transposed_convolution_multiplies_for_every_input() -> None:
    assert rows(ConvTranspose2D(3, 2, stride=2), shape=(2, 5, 5))[0].multiply_adds == 2 * 25 * 3 * 4


def test_pixels_that_no_window_sees() -> None:
    found = rows(Conv2D(1, 3, stride=2), MaxPool2D(2), shape=(1, 8, 9))
    assert [r.remainder for r in found] == [(1, 0), (1, 0)]
    assert found[0].output_shape == (1, 3, 4)
    assert rows(Conv2D(1, 2, stride=3, padding=1), shape=(1, 6, 6))[0].remainder == (0, 0)
    assert rows(ReLU(), Flatten())[0].remainder == (0, 0)


# ---- memory


def test_activations_and_bytes_by_hand() -> None:
    found = summarise(Sequential((Flatten(), Dense(3))), (1, 2, 2))
    assert found.activations == 4 + 4 + 3
    assert found.training_bytes(batch_size=10, slots=2, itemsize=4) == 4 * (15 * 4 + 2 * 10 * 11)


def test_activations_count_what_is_inside_and_not_twice() -> None:
    found = summarise(Sequential((Residual(Sequential((ReLU(), ReLU()))),)), (4,))
    assert found.activations == 4 + 4 + 4


def test_more_of_anything_needs_more_memory() -> None:
    def needs(width=8, batch_size=32, slots=2, itemsize=4) -> int:
        network = Sequential((Conv2D(width, 3), ReLU(), Flatten(), Dense(10)))
        return summarise(network, (1, 12, 12)).training_bytes(batch_size, slots, itemsize)

    assert needs() < min(needs(width=9), needs(batch_size=33), needs(slots=3), needs(itemsize=8))


# ---- rows


def test_rows_of_nested_layers() -> None:
    network = Sequential((
        Conv2D(4, 3, padding="same"), Residual(Sequential((BatchNorm(), Conv2D(4, 1, bias=False)))), Dropout(0.2),
    ))  # fmt: skip
    found = summarise(network, (1, 6, 6))
    assert [(r.path, r.type, r.combines, r.parameters) for r in found.rows] == [
        ("0", "Conv2D", False, 40),
        ("1", "Residual", True, 0),
        ("1.body", "Sequential", True, 0),
        ("1.body.0", "BatchNorm", False, 8),
        ("1.body.1", "Conv2D", False, 16),
        ("2", "Dropout", False, 0),
    ]
    assert found.parameters == 64 == Model(network, (1, 6, 6)).parameters
    assert found.multiply_adds == 36 * (36 + 16)
    assert [r.receptive_field for r in found.rows] == [(3, 3)] * 6
    assert [r.output_shape for r in found.rows] == [(4, 6, 6)] * 6


def test_settings_are_what_is_not_at_its_default() -> None:
    found = rows(Conv2D(4, 3, stride=2, weight_initializer="zeros"), MaxPool2D(2), Dropout(0.5), Residual(ReLU()))
    assert [r.setting for r in found] == ["features=4 window=3 stride=2", "window=2", "", "", ""]


@pytest.mark.parametrize("name", recipes.names())
def test_the_model_gives_the_same_summary(name) -> None:
    network, shape = architecture.build(narrow_architecture(name))
    assert isinstance(summarise(network, shape), Summary)
    assert Model(network, shape).summary() == summarise(network, shape)


# ---- networks that no memory could hold


def test_a_layer_of_any_size_is_counted_in_whole_numbers_without_drawing_it() -> None:
    huge = 2**63 - 1
    network = Sequential((Conv2D(huge, 3, groups=1), BatchNorm(), Flatten(), LayerNorm(), Dense(huge), Dense(10)))
    found = summarise(network, (1, 4, 4))
    assert [row.parameters for row in found.rows] == [
        10 * huge, 2 * huge, 0, 8 * huge, (4 * huge + 1) * huge, (huge + 1) * 10,
    ]  # fmt: skip
    assert found.rows[1].state == 2 * huge
    assert str(found.parameters).isdecimal()


@dataclass(frozen=True)
class Scaled(Dense):
    """A Dense whose output is multiplied by a trained scale, which only its init tells of."""

    def init(self, rng, x_shape):
        made = super().init(rng, x_shape)
        return Variables(made.params | {"scale": np.ones(self.features)}, {})


def test_a_layer_from_outside_is_counted_by_what_it_makes() -> None:
    assert rows(Scaled(3), shape=(4,))[0].parameters == 4 * 3 + 3 + 3
    assert rows(Dense(3), shape=(4,))[0].parameters == 4 * 3 + 3


def test_a_layer_alone_is_a_network_of_one() -> None:
    assert summarise(Dense(3), (4,)) == summarise(Sequential((Dense(3),)), (4,))
    with pytest.raises(ConfigError, match="expected layers to be layers, got None"):
        summarise(None, (4,))
    with pytest.raises(ConfigError, match="input_shape: expected whole numbers"):
        summarise(Dense(3), "abc")


def test_signals_and_volumes_have_as_many_numbers_as_axes() -> None:
    signal = rows(Conv1D(4, 3, dilation=2), ReLU(), MaxPool1D(2), Conv1D(2, 3), Flatten(), Dense(2), shape=(1, 20))
    assert [row.receptive_field for row in signal] == [(5,), (5,), (6,), (10,), (10,), None]
    assert [row.remainder for row in signal] == [(0,)] * 5 + [(0, 0)]
    volume = rows(Conv3D(2, (1, 2, 3)), MaxPool3D(2), AdaptiveAvgPool3D(1), shape=(1, 5, 6, 7))
    assert [row.receptive_field for row in volume] == [(1, 2, 3), (2, 3, 4), (4, 5, 6)]
    assert [row.remainder for row in volume][:2] == [(0, 0, 0), (1, 1, 1)]


def test_a_signal_made_of_an_image_sees_all_of_it() -> None:
    mixed = rows(Conv2D(1, 3), Reshape((4, 9)), Conv1D(1, 3), shape=(1, 8, 8))
    assert mixed[0].receptive_field == (3, 3)
    assert mixed[-1].receptive_field is None
