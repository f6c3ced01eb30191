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


def test_a_normalisation_without_a_scale_fills_one_with_a_scale():
    def normalise(layer, *roles):
        return [Tensor.of(f"{layer}.{role}", values(5), role=role, axes=("c",)) for role in roles]

    fillings = find_fillings(
        WeightFile(tuple(normalise("1", "gamma", "beta", "mean", "variance"))),
        WeightFile(tuple(normalise("bn", "beta", "mean", "variance"))),
    )
    assert [f.target.name for f in fillings.found] == ["1.beta", "1.mean", "1.variance"]
    assert fillings.unfilled == {"1.gamma": "not in the file"}


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_quantised_integers_are_decoded_where_scale_and_zero_point_are_known(axis):
    integers = np.arange(48, dtype=np.int8).reshape(4, 12)
    count = 1 if axis is None else integers.shape[axis]
    scale, zero = np.linspace(0.5, 2, count), np.arange(count) + 3
    about = {"scheme": "affine"} | ({} if axis is None else {"axis": axis})
    stored = WeightFile(
        (
            Tensor.of("3.weight", integers, role="weight", axes=("out", "in")),
            Tensor.of("3.weight.scale", scale if count > 1 else scale[0], kind="other"),
            Tensor.of("3.weight.zero_point", zero if count > 1 else zero[0], kind="other"),
            Tensor.of("3.bias", np.zeros(4, np.float32), role="bias", axes=("out",)),
        ),
        metadata={"torch": {"quantised": {"3.weight": about}}},
    )
    fillings = find_fillings(file(NET[1]), stored)
    shape = {None: (1, 1), 0: (4, 1), 1: (1, 12)}[axis]
    np.testing.assert_allclose(fillings.found[0].read(), (integers - zero.reshape(shape)) * scale.reshape(shape))
    assert fillings.found[0].dtype == "float32"
    assert "1 of them dequantised" in fillings.text
    with pytest.raises(WeightFileError, match="is int8"):
        find_fillings(file(NET[1]), WeightFile(stored.tensors))
