"""Lists of matrices and biases, one of each a layer, as the tensors of a net of dense layers."""

from collections.abc import Sequence
from dataclasses import replace

from cnnkit.exporters.core.weight_file import Array, Tensor, WeightFile

RECIPE = "scratch-mlp"
_PUBLISHED = ((20, 784), (10, 20))  # shapes of the recipe's weights
_STEP = 2  # a dense layer and its activation, behind a layer that flattens


def fits_layers(weights: Sequence[Tensor], biases: Sequence[Tensor]) -> bool:
    """Return whether each weight is a matrix (outputs, inputs) of what the one before gives, with a bias for each."""
    if not weights or len(weights) != len(biases) or any(len(tensor.shape) != 2 for tensor in weights):
        return False
    outputs = [tensor.shape[0] for tensor in weights]
    if any(bias.shape not in ((n,), (n, 1), (1, n)) for bias, n in zip(biases, outputs, strict=True)):
        return False
    return [tensor.shape[1] for tensor in weights[1:]] == outputs[:-1]


def name_layers(weights: Sequence[Tensor], biases: Sequence[Tensor]) -> WeightFile:
    """Return lists that fit as layers 1, 3, 5, ..., where 0 flattens the image and activations lie between.

    A net of the shapes of recipe `scratch-mlp` is taken for one.
    """
    tensors = []
    for number, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        layer = str(1 + _STEP * number)
        tensors.append(replace(weight, name=f"{layer}.weight", layer=layer, role="weight", axes=("out", "in")))
        tensors.append(_flatten(bias, layer))
    published = tuple(tensor.shape for tensor in weights) == _PUBLISHED
    return WeightFile(tuple(tensors), metadata={"recipe": RECIPE} if published else {})


def _flatten(bias: Tensor, layer: str) -> Tensor:
    """Return a column or a row as a bias (outputs,)."""
    size = max(bias.shape)

    def read() -> Array:
        return bias.read().reshape(size)

    return replace(
        bias, name=f"{layer}.bias", layer=layer, role="bias", axes=("out",), shape=(size,), read=read, shares=None
    )
