from dataclasses import dataclass, field

import pytest

from cnnkit.errors import ConfigError
from cnnkit.layers import LAYERS, Branches, Conv2D, Dense, ReLU, Reshape, Residual, Sequential, from_config, to_config
from cnnkit.layers.activations.elementwise import Elementwise

TYPES = f"{', '.join([*LAYERS][:8])} and {len(LAYERS) - 8} others (docs/networks.md lists them)"
CONV_FIELDS = "features, window, stride, padding, dilation, groups, bias, weight_initializer, bias_initializer"


@dataclass(frozen=True)
class Mine(ReLU):
    sizes: tuple[int, ...] = field(default_factory=lambda: (1, 2))


def test_a_layer_is_its_type_and_its_fields() -> None:
    assert to_config(Conv2D(8, (3, 2), padding="same")) == {
        "type": "Conv2D",
        "features": 8,
        "window": [3, 2],
        "stride": 1,
        "padding": "same",
        "dilation": 1,
        "groups": 1,
        "bias": True,
        "weight_initializer": "he_uniform",
        "bias_initializer": "zeros",
    }


def test_combinators_nest_and_none_is_left_out() -> None:
    assert to_config(Sequential((Residual(ReLU()), Branches((ReLU(),), join="add")))) == {
        "type": "Sequential",
        "layers": [
            {"type": "Residual", "body": {"type": "ReLU"}},
            {"type": "Branches", "branches": [{"type": "ReLU"}], "join": "add"},
        ],
    }


def test_fields_left_out_take_their_defaults_and_lists_are_tuples() -> None:
    assert from_config({"type": "Conv2D", "features": 8, "window": [3, 3]}) == Conv2D(8, (3, 3))
    assert from_config({"type": "Reshape", "shape": [1, 2]}) == Reshape((1, 2))


def test_own_layers_are_found_by_their_names() -> None:
    assert from_config({"type": "Residual", "body": {"type": "Mine"}}, own=(Mine,)) == Residual(Mine())
    assert from_config(to_config(Mine((3,))), own=(Mine,)) == Mine((3,))
    assert issubclass(Mine, Elementwise)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (3, "layer: expected a table with a type, got 3"),
        ([], "layer: expected a table with a type, got []"),
        ({}, f"layer: expected type to be one of {TYPES}, got None"),
        ({"type": 3}, f"layer: expected type to be one of {TYPES}, got 3"),
        ({"type": ["Dense"]}, f"layer: expected type to be one of {TYPES}, got ['Dense'] (did you mean Dense?)"),
        ({"type": "Conv2d"}, f"layer: expected type to be one of {TYPES}, got 'Conv2d' (did you mean Conv2D?)"),
        (
            {"type": "Conv2D", "features": 8, "windows": 3},
            f"layer (Conv2D): expected fields of {CONV_FIELDS}; got 'windows' (did you mean window?)",
        ),
        ({"type": "ReLU", "slope": 1}, "layer (ReLU): expected fields of none; got 'slope'"),
        ({"type": "ReLU", 3: 1}, "layer (ReLU): expected fields of none; got 3"),
        ({"type": "Conv2D"}, "layer (Conv2D): expected a value for features and window, got none"),
        ({"type": "Dense", "features": 0}, "layer: Dense: expected features to be a whole number >= 1, got 0"),
        ({"type": "Dense", "features": {}}, f"layer.features: expected type to be one of {TYPES}, got None"),
        (
            {"type": "Dense", "features": {"type": "ReLU"}},
            "layer: Dense: expected features to be a whole number >= 1, got ReLU()",
        ),
        (
            {"type": "Sequential", "layers": 3},
            "layer: Sequential: expected layers to be a list of layers, got 3: write [...] around them",
        ),
        (
            {"type": "Sequential", "layers": [{"type": "ReLU"}, 3]},
            "layer: Sequential: expected layers to be layers, got 3 among them",
        ),
        (
            {"type": "Sequential", "layers": [{"type": "ReLU"}, {"type": "Residual", "body": {"type": "Dens"}}]},
            f"layer.layers[1].body: expected type to be one of {TYPES}, got 'Dens' (did you mean Dense?)",
        ),
        (
            {"type": "Sequential", "layers": [{"type": "Dropout", "rate": "x"}]},
            "layer.layers[0]: Dropout: expected rate to be in [0, 1), got 'x'",
        ),
        ({"type": "Residual", "body": 3}, "layer: Residual: expected body and shortcut to be layers, got 3 among them"),
        (
            {"type": "Branches", "branches": "ab"},
            "layer: Branches: expected branches to be a list of layers, got 'ab': write [...] around them",
        ),
        ({"type": "Conv2D", "features": 8, "window": 3, "weight_initializer": "x"}, None),
        ({"type": "BatchNorm", "momentum": None}, "layer: BatchNorm: expected momentum to be in [0, 1], got None"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(config, message) -> None:
    with pytest.raises(ConfigError) as caught:
        from_config(config)
    assert "\n" not in str(caught.value)
    if message is None:
        assert str(caught.value).startswith("layer: initializer: expected one of ")
    else:
        assert str(caught.value) == message


def test_the_place_can_be_named() -> None:
    with pytest.raises(ConfigError, match=r"^model\.toml: expected a table with a type, got None$"):
        from_config(None, where="model.toml")


def test_a_class_of_ones_own_that_refuses_a_value() -> None:
    @dataclass(frozen=True)
    class Picky(ReLU):
        limit: float = 1.0

        def __post_init__(self) -> None:
            assert self.limit > 0

    with pytest.raises(
        ConfigError, match=r"^layer \(Picky\): a field has a value of the wrong kind: '>' not supported"
    ):
        from_config({"type": "Picky", "limit": "x"}, own=(Picky,))


def test_names_are_those_of_the_classes() -> None:
    assert all(name == cls.__name__ for name, cls in LAYERS.items())
    assert LAYERS["Dense"] is Dense
