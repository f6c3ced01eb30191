"""Weights of a file without an architecture as those of a network that a recipe or model file describes."""

from dataclasses import replace

import numpy as np

from cnnkit import architecture, weights
from cnnkit.errors import ConfigError, WeightFileError
from cnnkit.exporters.core.weight_file import Array, Tensor, WeightFile
from cnnkit.files.names import printable
from cnnkit.inspection.filling import Filling, Fillings, find_fillings
from cnnkit.recipes import Recipe


def fill_recipe(file: WeightFile, recipe: Recipe) -> tuple[WeightFile, Fillings]:
    """Return the weights of `file` under the names and in the layouts of the recipe's network, and what filled what.

    Pairs are those of `diff`. The result has the recipe's architecture, data and loss.

    Raises ConfigError when the file has an architecture of its own, WeightFileError when the network lacks a tensor,
    the file has weights that the network does not, or shapes or types do not fit.
    """
    if file.architecture is not None:
        raise ConfigError(f"{file.file}: holds its own architecture: leave --recipe and --model out")
    network, input_shape = recipe.network()
    variables = weights.list_variables(network, input_shape, network.variable_shapes(input_shape))
    fillings = find_fillings(WeightFile(tuple(map(_to_blank, variables))), file)
    misfits = [f"{name} ({reason})" for name, reason in fillings.unfilled.items()]
    misfits += [f"{printable(tensor.name)} of the file belongs nowhere" for tensor in fillings.unused]
    if misfits:
        shown = ", ".join(misfits[:8]) + (f" and {len(misfits) - 8} more" if len(misfits) > 8 else "")
        problem = f"is not a file of the network {recipe.name}: {shown}"
        raise WeightFileError(problem, file=file.file, format=file.format, hint=f"see cnnkit inspect {file.file}")
    metadata = {"recipe": recipe.name, "data": {"name": recipe.data}} | file.metadata
    if "loss" in recipe.training:
        metadata["loss"] = recipe.training["loss"]
    described = architecture.describe(network, input_shape)
    tensors = tuple(map(_to_tensor, fillings.found))
    return replace(file, tensors=tensors, architecture=described, metadata=metadata, position=None), fillings


def _to_blank(variable: weights.NamedVariable) -> Tensor:
    """Return a tensor of zeros with the meaning of a variable, of which `leaf` is the shape."""
    shape = tuple(variable.leaf)
    about = variable.name, variable.layer, variable.kind, variable.role, variable.axes
    return Tensor(*about, "float32", shape, lambda: np.zeros(shape, np.float32))


def _to_tensor(filling: Filling) -> Tensor:
    """Return the target with the values of the source, which are read when asked for."""

    def read() -> Array:
        return np.ascontiguousarray(filling.read()).reshape(filling.target.shape)

    return replace(filling.target, dtype=filling.dtype, read=read, stream=None)
