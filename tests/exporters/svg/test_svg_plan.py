"""The plan of a tensor: its form, the size of its cells, numbers, folding and notes, each decided once."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from cnnkit import recipes
from cnnkit.exporters import Tensor
from cnnkit.exporters.svg import drawing, writer
from cnnkit.exporters.svg.block_plan import Blocks, Folding
from cnnkit.exporters.svg.plan import Matrix, Strip, plan
from cnnkit.exporters.svg.scale import ScaledTensor
from cnnkit.model import Model


def scaled(shape, axes=None, titled=True, kind="parameter"):
    array = np.linspace(-1, 1, int(np.prod(shape))).reshape(shape)
    return ScaledTensor(
        Tensor.of("a", array, role="weight", axes=axes or ("o", "i", "kh", "kw")[: len(shape)], kind=kind), titled
    )


@pytest.mark.parametrize(
    ("shape", "form", "size", "numbered"),
    [
        ((8, 1, 3, 3), Blocks, 40, True),
        ((16, 6, 5, 5), Blocks, 12, False),
        ((10, 20), Matrix, 40, True),
        ((64, 30), Matrix, 12, False),
        ((16,), Strip, 41, True),
        ((100,), Strip, 12, False),
        ((700, 3), Strip, 6, False),  # too tall
        ((3, 3000), Blocks, 6, False),  # too wide: each row folded
        ((), Strip, 41, True),
        ((0, 3), Strip, 12, False),
    ],
)
def test_the_shape_decides_form_and_cells(shape, form, size, numbered):
    planned = plan(scaled(shape))
    assert (type(planned), planned.cells.w, planned.numbers is not None) == (form, size, numbered)


def test_a_row_that_was_an_image_is_folded_back():
    planned = plan(scaled((10, 1352), ("out", "in")), (8, 13, 13))
    assert planned.folding == Folding(10, 8, 169, 13, "neuron")
    assert planned.note == "each neuron's weights folded to the 8 maps of 13×13 it sees"
    assert planned.has_bias_room


def test_without_titles_a_value_is_a_pixel():
    planned = plan(scaled((8, 3, 3, 3), titled=False))
    assert (planned.cells.w, planned.numbers, planned.has_bias_room) == (1, None, False)


def test_an_activation_is_one_block_of_maps():
    planned = plan(scaled((6, 28, 28), kind="activation"))
    assert planned.folding == Folding(1, 6, 784, 28, "output")


def test_a_plan_does_not_change():
    with pytest.raises(FrozenInstanceError):
        plan(scaled((10, 20))).outputs = 3


def test_each_tensor_of_a_net_is_planned_once(monkeypatch):
    names = []
    monkeypatch.setattr(
        drawing, "plan", lambda values, *image: names.append(values.tensor.name) or plan(values, *image)
    )
    weights = Model(*recipes.get("diy-cnn").network()).to_weights()
    writer.draw_svg(weights)
    assert names == ["0.weight", "4.weight"]  # the biases stand at their blocks
