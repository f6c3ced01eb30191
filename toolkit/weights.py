"""Between a model's trees and a weight file's tensors: names, roles, axes, and checks on the way back."""

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnkit import architecture, losses
from cnnkit.backends.protocol import Shape
from cnnkit.errors import WeightFileError
from cnnkit.exporters.weight_file import ROLES, Tensor, WeightFile
from cnnkit.files.names import printable
from cnnkit.layers import Sequential
from cnnkit.tree import Tree, flatten, unflatten

if TYPE_CHECKING:
    from cnnkit.model import Model


def tensors(network: Sequential, input_shape: Shape, params: Tree, state: Tree) -> tuple[Tensor, ...]:
    """Return parameters and state (trees of NumPy arrays) as tensors, layer by layer."""
    trained, carried = flatten(params), flatten(state)
    found = []
    for path, layer, _, _ in architecture.places(network, input_shape):
        for kind, tree in (("parameter", trained), ("state", carried)):
            for name, array in _own(tree, path):
                axes = layer.axes.get(name, tuple(map(str, range(array.ndim))))
                role = name if name in ROLES else "other"
                found.append(Tensor.of(f"{path}.{name}", array, layer=path, kind=kind, role=role, axes=axes))
    return tuple(found)


def _own(flat: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    for full, array in flat.items():
        folder, _, name = full.rpartition(".")
        if folder == path:
            yield name, array


def weight_file(model: "Model", found: tuple[Tensor, ...], position: dict[str, Any] | None = None) -> WeightFile:
    """Return tensors with the model's architecture and provenance."""
    metadata = model.metadata | {
        "seed": model.seed,
        "loss": losses.render(model.loss),
        "class_names": list(model.class_names),
        "scaling": {"offset": model.scaling.offset, "factor": model.scaling.factor},
        "provenance": provenance(model),
    }
    return WeightFile(found, architecture.describe(model.network, model.input_shape), metadata, position)


def provenance(model: "Model") -> dict[str, Any]:
    """Return what made the arrays: backend, device, dtype, threads, versions."""
    versions = {"cnnkit": version("cnnkit"), "numpy": np.__version__, "python": platform.python_version()}
    if model.backend.name in ("torch", "cupy"):
        versions[model.backend.name] = version(model.backend.name)
    return {
        "backend": model.backend.name,
        "device": model.backend.device,
        "dtype": model.dtype,
        "threads": model.backend.threads,
        "versions": versions,
    }


def complete(file: WeightFile) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Return (architecture, metadata) of a weight file; a file that only names a recipe gets the recipe's.

    Raises WeightFileError when there is neither.
    """
    if file.architecture is not None:
        return file.architecture, dict(file.metadata)
    if "recipe" not in file.metadata:
        raise WeightFileError(
            "the file holds tensors but no architecture, so no network can be built from it: "
            "write its layers down in a model file and train with --model net.toml --init-from FILE",
            file=file.file,
        )
    from cnnkit import recipes

    recipe = recipes.get(file.metadata["recipe"])
    known = {"loss": recipe.training["loss"], "scaling": {"offset": 0.0, "factor": 1 / 255}}
    return recipe.architecture, known | {"data": {"name": recipe.data}} | dict(file.metadata)


def stored_dtype(file: WeightFile) -> str:
    """Return float64 when any parameter is, else float32."""
    return "float64" if any(t.dtype == "float64" for t in file.select("parameter")) else "float32"


def variables(file: WeightFile, params: Tree, state: Tree) -> tuple[Tree, Tree]:
    """Return the file's parameters and state as trees shaped like the model's.

    Raises WeightFileError that names the first tensor that is missing, too much, or of another shape.
    """
    return _matched(file, "parameter", params), _matched(file, "state", state)


def _matched(file: WeightFile, kind: str, wanted: Tree) -> Tree:
    stored = {tensor.name: tensor for tensor in file.select(kind)}
    flat = flatten(wanted)
    for name in flat.keys() - stored.keys():
        raise WeightFileError(
            f"expected {kind} {name}, which the architecture needs; the file has none", file=file.file
        )
    for name in stored.keys() - flat.keys():
        raise WeightFileError(f"{kind} {printable(name)} belongs to no layer of the architecture", file=file.file)
    for name, array in flat.items():
        if stored[name].shape != tuple(array.shape):
            raise WeightFileError(
                f"{kind} {name}: expected shape {tuple(array.shape)}, got {stored[name].shape}", file=file.file
            )
    return unflatten({name: stored[name].read() for name in flat})
