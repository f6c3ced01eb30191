"""What of one file fills another: the pairs that fit, in the layout and order of the target, and what does not."""

import numpy as np
import pytest

from cnnkit.errors import WeightFileError
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.inspection.filling import find_fillings

AXES = {4: ("o", "i", "kh", "kw"), 2: ("out", "in"), 1: ("out",)}


def values(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def file(*layers, dtype=None, axes=None, cast=lambda array: array):
    """Return a file of (layer, weight, bias)."""
    tensors = []
    for layer, weight, bias in layers:
        for role, array in (("weight", cast(weight)), ("bias", cast(bias))):
            named = (axes or AXES)[array.ndim]
            tensors.append(Tensor.of(f"{layer}.{role}", array, role=role, axes=named, dtype=dtype))
    return WeightFile(tuple(tensors))


NET = (("0", values(3, 2, 5, 5), values(3)), ("3", values(4, 12), values(4)))


def test_everything_arrives_in_the_layout_of_the_target():
    turned = file(
        ("conv", NET[0][1].transpose(2, 3, 1, 0), NET[0][2]),
        ("dense", NET[1][1].reshape(4, 3, 4).swapaxes(1, 2).reshape(4, 12).T, NET[1][2]),
        axes={4: ("kh", "kw", "i", "o"), 2: ("in", "out"), 1: ("out",)},
    )
    found = find_fillings(file(*NET), turned).found
    assert [(f.target.name, f.source.name) for f in found] == [
        ("0.weight", "conv.weight"),
        ("0.bias", "conv.bias"),
        ("3.weight", "dense.weight"),
        ("3.bias", "dense.bias"),
    ]
    for filling in found:
        np.testing.assert_array_equal(filling.read(), filling.target.read())


def test_bfloat16_is_decoded():
    bits = file(*NET, dtype="bfloat16", cast=lambda array: (array.view(np.uint32) >> 16).astype(np.uint16))
    for filling in find_fillings(file(*NET), bits).found:
        assert filling.read().dtype == np.float32
        np.testing.assert_allclose(filling.read(), filling.target.read(), rtol=2**-7)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "bool", "complex64"])
def test_what_is_no_real_number_is_refused_by_name(dtype):
    with pytest.raises(WeightFileError, match=rf"tensor 0.weight is {dtype}, expected floating-point"):
        find_fillings(file(*NET), file(*NET, cast=lambda array: array.astype(dtype)))


def test_order_fills_whole_layers_only():
    other = file(("x", values(9, 2, 3, 3), values(9)), ("y", values(4, 7), values(4)))
    fillings = find_fillings(file(*NET), other)
    assert fillings.found == ()
    assert list(fillings.unfilled) == ["0.weight", "0.bias", "3.weight", "3.bias"]
    assert {tensor.name for tensor in fillings.unused} == {"x.weight", "x.bias", "y.weight", "y.bias"}


def test_a_layer_of_another_width_is_named_with_both_shapes():
    head = ("3", values(9, 12), values(9))
    fillings = find_fillings(file(*NET), file(NET[0], head))
    assert [f.target.name for f in fillings.found] == ["0.weight", "0.bias"]
    assert fillings.unfilled == {"3.weight": "(4, 12) here, (9, 12) there", "3.bias": "(4,) here, (9,) there"}
