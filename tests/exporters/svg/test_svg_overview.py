"""The overview from input to output: every shape, every layer, every parameter once; windows where they belong."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from narrow_recipes import narrow_architecture

from cnnkit import architecture, recipes
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.exporters.core.architecture import input_shape, outer_layers
from cnnkit.exporters.svg import edges, header, writer
from cnnkit.exporters.svg.canvas import MARGIN, ROOM
from cnnkit.exporters.svg.lettering import format_alike
from cnnkit.exporters.svg.stages import arrange_rows, find_stages
from cnnkit.model import Model

NS = "{http://www.w3.org/2000/svg}"


def weights_of(name):
    return Model(*architecture.build(narrow_architecture(name)), metadata={"recipe": name}).to_weights()


def stages(name):
    weights = weights_of(name)
    return find_stages(
        input_shape(weights.architecture), outer_layers(weights.architecture), writer._count_parameters(weights)
    )


def test_lenet5_from_input_to_output():
    texts = [(*stage.above, stage.below) for stage in stages("lenet5")]
    assert texts == [
        ("input", "1×28×28", []),
        ("maps", "6×28×28", ["Conv2D 5×5", "156 parameters"]),
        ("maps", "6×14×14", ["ReLU", "MaxPool2D 2×2"]),
        ("maps", "16×10×10", ["Conv2D 5×5", "2,416 parameters"]),
        ("maps", "16×5×5", ["ReLU", "MaxPool2D 2×2"]),
        ("values", "400", ["Flatten"]),
        ("neurons", "120", ["Dense", "48,120 parameters"]),
        ("neurons", "84", ["ReLU", "Dense", "10,164 parameters"]),
        ("output", "10", ["ReLU", "Dense", "850 parameters"]),
    ]


@pytest.mark.parametrize("name", recipes.names())
def test_every_layer_and_every_parameter_is_there_once(name):
    net, weights = stages(name), weights_of(name)
    assert [layer.path for stage in net for layer in stage.layers] == [
        layer["path"] for layer in weights.architecture["layers"]
    ]
    assert sum(stage.parameters for stage in net) == weights.parameters
    for row in arrange_rows(net):
        assert row[0].x - row[0].half >= MARGIN - 0.5  # x is a whole number
        assert row[-1].x + row[-1].half <= MARGIN + ROOM
        assert all(a.x + a.half < b.x - b.half for a, b in pairwise(row))


def test_a_window_has_its_size_and_points_at_what_it_makes():
    root = ElementTree.fromstring(writer.draw_svg(weights_of("lenet5")))
    maps, windows, spots = (boxes(root, name) for name in ("glyph", "window", "spot"))
    assert len(boxes(root, "glyph behind")) == 5 + 5 + 7 + 7
    fronts = maps[:5]  # the maps in front of 1, 6, 6, 16 and 16
    assert len(windows) == len(spots) == 4
    for k, (window, seen) in enumerate(zip((5, 2, 5, 2), (28, 28, 14, 10), strict=True)):
        before, after = fronts[k], fronts[k + 1]
        assert windows[k][2] == pytest.approx(max(window / seen * before[2], 5))
        for axis in (0, 1):  # both lie at the same share of their maps
            share = (windows[k][axis] + windows[k][2] / 2 - before[axis]) / before[2]
            assert (spots[k][axis] + 2 - after[axis]) / after[2] == pytest.approx(share)


def boxes(root, name):
    rectangles = (element for element in root.iter(NS + "rect") if element.get("class") == name)
    return [tuple(float(element.get(key)) for key in ("x", "y", "width")) for element in rectangles]


def test_few_maps_are_all_drawn_and_many_as_eight():
    net = stages("lenet5")
    assert [stage.maps for stage in net] == [1, 6, 6, 8, 8, 1, 1, 1, 1]
    assert [stage.cells for stage in net[-3:]] == [1, 1, 10]


def test_layers_without_shapes_are_no_overview():
    weights = WeightFile((Tensor.of("a", np.ones(3)),), {"layers": [{"type": "Dense"}]})
    assert 'class="glyph"' not in writer.draw_svg(weights)


@pytest.mark.parametrize(
    ("metadata", "line"),
    [
        (
            {"data": {"name": "mnist"}, "history": [{}, {"accuracy": 0.5, "validation_accuracy": 0.93456}]},
            "trained on mnist, 2 epochs, validation accuracy 93.46 %",
        ),
        ({"history": [{"accuracy": 1.0, "validation_accuracy": None}]}, "trained, 1 epoch, accuracy 100.00 %"),
        ({"data": {"name": 3}, "history": [{"accuracy": "high"}]}, "trained, 1 epoch"),
        ({"data": "mnist", "history": []}, None),
        ({"history": {"accuracy": 1.0}}, None),
        ({"history": [3]}, None),
    ],
)
def test_what_the_head_says_of_the_training(metadata, line):
    weights = WeightFile((Tensor.of("a", np.ones(3)),), None, metadata)
    assert header.describe_training(weights) == ([] if line is None else [line])
    assert line is None or f">{line}<" in writer.draw_svg(weights)


def test_the_key_has_the_colours_of_the_scale():
    text = writer.draw_svg(weights_of("bright-dark"))
    keys = re.findall(r'class="(\w+) key"', text)
    assert keys == ["q31", "z0", "p31"]


@pytest.mark.parametrize(
    ("value", "largest", "text"),
    [
        (0.00071, 0.0215, "+0.0007"),
        (-0.0215, 0.0215, "−0.0215"),
        (-0.786, 1.93, "−0.79"),
        (0, 1.93, "0"),
        (250, 999, "+250"),
        (2e-9, 3e-9, "+2e−9"),
        (np.inf, 1.0, "+∞"),
        (1.5, 0.0, "+1.50"),
    ],
)
def test_numbers_beside_each_other_have_as_many_decimals(value, largest, text):
    assert format_alike(value, largest) == text


def test_edges_of_an_even_layer_are_fainter_as_a_whole():
    assert edges.find_opacity(np.array([1.0, 1.0, -1.0]), 1.0) == edges._INK
    assert edges.find_opacity(np.array([1.0, *[0.0] * 99]), 1.0) == 1.0
    assert edges.find_opacity(np.array([np.nan]), 0.0) == 1.0
    even, sparse = weights_of("numpy-mlp"), weights_of("numpy-mlp")
    assert 'class="ink" opacity="0.18"' in writer.draw_svg(even)
    tensors = [Tensor.of(t.name, t.read() ** 9, layer=t.layer, role=t.role, axes=t.axes) for t in sparse]
    assert 'class="ink"' not in writer.draw_svg(WeightFile(tuple(tensors), sparse.architecture))
