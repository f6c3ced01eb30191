"""The architecture JSON as layers, and which Dense layers see an image."""

import pytest

from cnnkit import recipes
from cnnkit.architecture import build, describe
from cnnkit.exporters.core.architecture import all_layers, input_shape, outer_layers, shape_of
from cnnkit.exporters.core.flattened_images import find_flattened_images
from cnnkit.exporters.text.statistics import describe_layers


def test_all_layers_come_in_the_order_of_the_net():
    """A combinator comes before the layers inside it; paths and shapes are those that `describe` wrote."""
    architecture = describe(*build(recipes.get("mini-resnet").architecture))
    layers = outer_layers(architecture)
    assert [layer.path for layer in layers] == [str(n) for n in range(len(layers))]
    every = list(all_layers(layers))
    assert [layer.path for layer in every if layer.path.startswith("3")][:3] == ["3", "3.body", "3.body.0"]
    assert input_shape(architecture) == layers[0].input_shape
    assert all(layer.output_shape == tuple(layer.fields["output_shape"]) for layer in every)


@pytest.mark.parametrize("value", [None, 3, "1", [1, 0], [1, -1], [1, 2.0], [1 << 31], [True], [1] * 8])
def test_what_is_no_shape(value):
    assert shape_of(value) is None


def test_layers_nested_without_end_are_cut_off():
    layer = {"type": "Dense", "path": "0"}
    for _ in range(200):
        layer = {"type": "Sequential", "path": "0", "layers": [layer]}
    assert len(list(all_layers(outer_layers({"layers": [layer]})))) == 33


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([{"type": "Flatten", "input_shape": [8, 2, 3]}, {"type": "Dense", "path": "1"}], {"1": (8, 2, 3)}),
        ([{"type": "Flatten", "input_shape": [8, 2, 3]}, {"type": "ReLU", "input_shape": [48], "output_shape": [48]},
          {"type": "Dense", "path": "2"}, {"type": "Dense", "path": "3"}], {"2": (8, 2, 3)}),
        ([{"type": "Flatten", "input_shape": [8, 2, 3]}, {"type": "X", "input_shape": [48], "output_shape": [4]},
          {"type": "Dense", "path": "2"}], {}),
        ([{"type": "Flatten", "input_shape": [8, "2", 3]}, {"type": "Dense", "path": "1"}], {}),
        ([{"type": "Residual", "body": {"type": "Sequential", "layers": [{"type": "Flatten", "input_shape": [8, 2, 3]},
           {"type": "Dense", "path": "0.1"}]}}], {"0.1": (8, 2, 3)}),
        ("nonsense", {}), ([[1], None], {}), (None, {}),
    ],
)  # fmt: skip
def test_which_dense_layers_see_an_image(layers, expected):
    assert find_flattened_images({"layers": layers}) == expected
    describe_layers({"layers": layers})


def test_strange_architectures_change_nothing():
    assert find_flattened_images(None) == {}
    assert describe_layers(None) == {}
    strange = {"type": "X\n\x1b", "path": "0", "n": 1, "l": [1]}
    assert describe_layers({"layers": [strange]}) == {"0": r"X\x0a\x1b(n=1)"}
