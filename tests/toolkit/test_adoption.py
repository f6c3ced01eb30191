"""Weights of strangers under a recipe's network: taken in any layout, refused where something does not fit."""

from dataclasses import replace

import numpy as np
import pytest

from cnnkit import Model, recipes
from cnnkit.adopting.recipe_weights import fill_recipe
from cnnkit.errors import ConfigError, WeightFileError
from cnnkit.exporters import Tensor, WeightFile

RECIPE = recipes.parse(
    """
name = "tiny"
data = "digits"
input_shape = [1, 8, 8]
layers = [{type = "Conv2D", features = 3, window = 3}, {type = "BatchNorm"}, {type = "Flatten"},
          {type = "Dense", features = 4}]
[training]
loss = "mean_squared_error"
""",
    "tiny.toml",
)


@pytest.fixture(scope="module")
def model():
    network, shape = RECIPE.network()
    return Model(network, shape, seed=3)


@pytest.fixture(scope="module")
def bare(model):
    """The model's tensors as a stranger stores them: other names, no architecture."""
    names = {"0": "conv1", "1": "bn1", "3": "fc"}
    tensors = [
        replace(t, name=f"net.{names[t.layer]}.{t.role}", layer=f"net.{names[t.layer]}") for t in model.to_weights()
    ]
    return WeightFile(tuple(tensors), file="bare.pt")


def test_a_network_is_built_from_bare_tensors(model, bare):
    file, fillings = fill_recipe(bare, RECIPE)
    x = np.random.default_rng(0).normal(size=(2, 1, 8, 8)).astype(np.float32)
    np.testing.assert_array_equal(Model.from_weights(file).outputs(x), model.outputs(x))
    assert (file.metadata["recipe"], file.metadata["data"], file.metadata["loss"]) == (
        "tiny",
        {"name": "digits"},
        "mean_squared_error",
    )
    assert "0 from net.conv1" in fillings.text


def test_half_precision_is_widened(model, bare):
    bits = [
        Tensor.of(t.name, (t.read().view(np.uint32) >> 16).astype(np.uint16), layer=t.layer, kind=t.kind, role=t.role,
                  axes=t.axes, dtype="bfloat16")
        for t in bare
    ]  # fmt: skip
    file, _ = fill_recipe(replace(bare, tensors=tuple(bits)), RECIPE)
    assert {tensor.dtype for tensor in file} == {"float32"}
    np.testing.assert_allclose(file["3.weight"].read(), model.weights["3.weight"], rtol=2**-7)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda ts: ts[1:], r"0.weight \(not in the file\)"),
        (lambda ts: (*ts, replace(ts[0], name="more.weight", layer="more")), "more.weight of the file belongs nowhere"),
        (
            lambda ts: (
                *ts[:-2],
                *(Tensor.of(t.name, np.zeros((9, *t.shape[1:])), role=t.role, axes=t.axes) for t in ts[-2:]),
            ),
            r"3.weight \(not in the file\).*fc.weight of the file belongs nowhere",
        ),
        (
            lambda ts: tuple(
                Tensor.of(t.name, t.read().astype("i1"), kind=t.kind, role=t.role, axes=t.axes) for t in ts
            ),
            "is int8",
        ),
    ],
)
def test_what_does_not_fit_is_refused(bare, spoil, said):
    with pytest.raises(WeightFileError, match=said):
        fill_recipe(replace(bare, tensors=spoil(bare.tensors)), RECIPE)


def test_a_file_with_an_architecture_keeps_it(model):
    with pytest.raises(ConfigError, match="holds its own architecture: leave --recipe and --model out"):
        fill_recipe(model.to_weights(), RECIPE)
