import json

import numpy as np
import pytest

from cnnkit import architecture, recipes
from cnnkit.errors import ConfigError
from cnnkit.layers import (
    AvgPool2D,
    BatchNorm,
    Branches,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    ReLU,
    Residual,
    Sequential,
)

NESTED = Sequential((
    Conv2D(4, (3, 5), stride=(1, 2), padding="same"),
    Residual(Sequential((BatchNorm(), Conv2D(8, 1, bias=False))), Conv2D(8, 1)),
    Branches((MaxPool2D(2), Sequential((Dropout(0.25), AvgPool2D(2, count_padding=False))))),
    Sequential((Flatten(), Dense(3))),
))  # fmt: skip
SHAPE = (2, 6, 8)


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_comes_back(name) -> None:
    network, shape = recipes.get(name).network()
    described = json.loads(json.dumps(architecture.describe(network, shape)))
    assert architecture.build(described) == (network, shape)
    assert architecture.describe(*architecture.build(described)) == described
    for layer, (_, made, x_shape) in zip(described["layers"], network.children(shape), strict=True):
        assert layer["output_shape"] == list(made.output_shape(x_shape))


def test_nested_layers_come_back() -> None:
    described = json.loads(json.dumps(architecture.describe(NESTED, SHAPE)))
    assert architecture.build(described) == (NESTED, SHAPE)
    changed = json.loads(json.dumps(described))
    changed["layers"][1]["body"]["layers"][1]["features"] = 9
    assert architecture.build(changed) != (NESTED, SHAPE)


def test_paths_and_shapes() -> None:
    described = architecture.describe(NESTED, SHAPE)
    assert described["input_shape"] == [2, 6, 8]
    body = described["layers"][1]["body"]
    found = {layer["path"]: (layer["type"], layer["input_shape"], layer["output_shape"]) for layer in (
        *described["layers"], body, *body["layers"], described["layers"][1]["shortcut"],
        *described["layers"][2]["branches"], *described["layers"][2]["branches"][1]["layers"],
        *described["layers"][3]["layers"],
    )}  # fmt: skip
    assert found == {
        "0": ("Conv2D", [2, 6, 8], [4, 6, 4]),
        "1": ("Residual", [4, 6, 4], [8, 6, 4]),
        "1.body": ("Sequential", [4, 6, 4], [8, 6, 4]),
        "1.body.0": ("BatchNorm", [4, 6, 4], [4, 6, 4]),
        "1.body.1": ("Conv2D", [4, 6, 4], [8, 6, 4]),
        "1.shortcut": ("Conv2D", [4, 6, 4], [8, 6, 4]),
        "2": ("Branches", [8, 6, 4], [16, 3, 2]),
        "2.0": ("MaxPool2D", [8, 6, 4], [8, 3, 2]),
        "2.1": ("Sequential", [8, 6, 4], [8, 3, 2]),
        "2.1.0": ("Dropout", [8, 6, 4], [8, 6, 4]),
        "2.1.1": ("AvgPool2D", [8, 6, 4], [8, 3, 2]),
        "3": ("Sequential", [16, 3, 2], [3]),
        "3.0": ("Flatten", [16, 3, 2], [96]),
        "3.1": ("Dense", [96], [3]),
    }


def test_places_are_all_layers_combinators_first() -> None:
    placed = list(architecture.walk_layers(NESTED, SHAPE))
    assert [place.path for place in placed] == [
        "0", "1", "1.body", "1.body.0", "1.body.1", "1.shortcut", "2", "2.0", "2.1", "2.1.0", "2.1.1",
        "3", "3.0", "3.1",
    ]  # fmt: skip
    assert placed[4] == ("1.body.1", Conv2D(8, 1, bias=False), (4, 6, 4), (8, 6, 4))
    assert [place.path for place in architecture.walk_layers(Sequential((ReLU(),)), (3,), "a.")] == ["a.0"]


def test_places_are_where_the_weights_are() -> None:
    params = NESTED.init(np.random.default_rng(0), SHAPE).params
    for place in architecture.walk_layers(NESTED, SHAPE):
        own = place.layer.init(np.random.default_rng(0), place.input_shape).params
        node = params
        for part in place.path.split("."):
            node = node.get(part, {})
        assert {n: np.shape(v) for n, v in node.items() if not isinstance(v, dict)} == {
            n: np.shape(v) for n, v in own.items() if not isinstance(v, dict)
        }


def test_what_is_derived_is_not_believed() -> None:
    """Paths and shapes are computed; only type and fields count when a network is built."""
    described = architecture.describe(NESTED, SHAPE)
    described["layers"][0] |= {"path": "9", "input_shape": [7], "output_shape": "x"}
    assert architecture.build(described)[0] == NESTED
    with pytest.raises(ConfigError, match="expected a table with a type"):
        architecture.build({"input_shape": [2], "layers": [{"path": "0"}, "x"]} | {"layers": ["x"]})


def test_layers_nested_without_end() -> None:
    config = {"type": "ReLU"}
    for _ in range(2000):
        config = {"type": "Sequential", "layers": [config]}
    with pytest.raises(ConfigError, match="layers: nested too deeply"):
        architecture.build({"input_shape": [4], "layers": [config]})


def test_fields_at_none_are_left_out() -> None:
    layer = architecture.describe(Sequential((MaxPool2D(2), Residual(ReLU()))), (1, 4, 4))["layers"]
    assert "stride" not in layer[0]
    assert "shortcut" not in layer[1]
