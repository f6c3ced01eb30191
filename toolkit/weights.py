"""From a network's trees to a weight file's tensors and back: names, roles, axes, and checks when reading."""

import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np

from cnnkit import architecture, losses, recipes
from cnnkit.backends.protocol import Shape
from cnnkit.data.scaling import Scaling
from cnnkit.errors import ConfigError, ContractError, DataError, WeightFileError
from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.float_types import FLOATS
from cnnkit.exporters.core.small_floats import decode
from cnnkit.exporters.core.weight_file import ROLES, Tensor, WeightFile, numbered_axes
from cnnkit.files.names import describe_value, printable
from cnnkit.layers import Layer, Variables
from cnnkit.network import Network
from cnnkit.precision import DTYPES, HALF
from cnnkit.tree import Tree, flatten, unflatten


def to_weights(model: Network, extra: Sequence[Tensor] = (), position: dict[str, Any] | None = None) -> WeightFile:
    """Return the network as a weight file: its tensors, then `extra`, with architecture and provenance.

    Parameters are float32 in half precision; of a backend that only stores them in a 16-bit type, of that type.
    position: of a training, as JSON.
    """
    metadata = model.metadata | {
        "seed": model.seed,
        "loss": losses.render(model.loss),
        "class_names": list(model.class_names),
        "scaling": model.scaling.to_json(),
        "provenance": describe_origin(model),
    }
    described = architecture.describe(model.network, model.input_shape)
    variables = Variables(model.to_host(model.params), model.to_host(model.state))
    tensors = (
        _to_tensor(row, model.dtype if model.stores_half and row.kind == "parameter" else None)
        for row in list_variables(model.network, model.input_shape, variables)
    )
    return WeightFile((*tensors, *extra), described, metadata, position)


class NamedVariable(NamedTuple):
    """A leaf of a network's variables, or of their shapes, and what it means."""

    name: str
    layer: str
    kind: str
    role: str
    axes: tuple[str, ...]
    leaf: Any


def list_variables(network: Layer, input_shape: Shape, variables: Variables) -> Iterator[NamedVariable]:
    """Yield parameters and state, or their shapes, with their meaning, layer by layer.

    Raises ContractError for a layer that names another number of axes than an array has.
    """
    trees = {"parameter": variables.params, "state": variables.state}
    by_kind = {kind: _group_by_layer(flatten(tree)) for kind, tree in trees.items()}
    for path, layer, _, _ in architecture.walk_layers(network, input_shape):
        for kind, leaves in by_kind.items():
            for name, leaf in leaves.get(path, ()):
                shape = leaf if isinstance(leaf, tuple) else leaf.shape
                axes = layer.axis_names.get(name, numbered_axes(len(shape)))
                if len(axes) != len(shape):
                    problem = f"axes of {name} must be {len(shape)} names, one for each of {shape}, got {axes}"
                    raise ContractError(layer.type, problem, path=(path,))
                role = name if name in ROLES else "other"
                yield NamedVariable(f"{path}.{name}", path, kind, role, axes, leaf)


def _to_tensor(row: NamedVariable, half: str | None) -> Tensor:
    """Return a variable as a tensor; half: the 16-bit type that its values are of and are stored in."""
    array = row.leaf
    if half is not None:
        array = FLOATS[half].from_float64(array.astype(np.float64)).view(carrier(half))
    return Tensor.of(row.name, array, layer=row.layer, kind=row.kind, role=row.role, axes=row.axes, dtype=half)


def _group_by_layer(flat: Mapping[str, Any]) -> dict[str, list[tuple[str, Any]]]:
    """Return {path of a layer: its (name, array)}, without those of the layers inside it."""
    layers: dict[str, list[tuple[str, Any]]] = {}
    for full, array in flat.items():
        folder, _, name = full.rpartition(".")
        layers.setdefault(folder, []).append((name, array))
    return layers


def describe_origin(model: Network) -> dict[str, Any]:
    """Return how the arrays were computed: backend, device, dtype, threads, versions, engine."""
    versions = {"cnnkit": version("cnnkit"), "numpy": np.__version__, "python": platform.python_version()}
    library = sys.modules.get(model.backend.name)  # a backend is named after the library that it runs on
    if library is not None:
        versions[model.backend.name] = str(getattr(library, "__version__", "unknown"))
    return {
        "backend": model.backend.name,
        "device": model.backend.device,
        "dtype": model.dtype,
        "threads": model.backend.threads,
        "versions": versions,
        "engine": model.backend.describe_engine(),
    }


def complete(file: WeightFile) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Return (architecture, metadata) of a weight file; a file that only names a recipe gets the recipe's.

    Raises WeightFileError when it has neither, and for metadata that cannot be used.
    """
    metadata = dict(file.metadata)
    for name, (expected, good) in _METADATA.items():
        if name in metadata and not good(metadata[name]):
            got = describe_value(metadata[name])
            raise WeightFileError(f"metadata {name}: expected {expected}, got {got}", file=file.file)
    try:
        losses.parse(metadata.get("loss", "softmax_cross_entropy"))
    except ConfigError as error:
        reason = printable(str(error).removeprefix("loss: "), 600)
        raise WeightFileError(f"metadata loss: {reason}", file=file.file) from None
    if file.architecture is not None:
        return file.architecture, metadata
    if "recipe" not in metadata:
        raise WeightFileError(
            "the file holds tensors but no architecture, so no network can be built from it: "
            "name the network with --recipe NAME, or describe its layers in a file and name it with --model net.toml",
            file=file.file,
        )
    try:
        recipe = recipes.get(metadata["recipe"])
    except ConfigError as error:
        raise WeightFileError(f"the file has no architecture, and its {error}", file=file.file) from None
    known: dict[str, Any] = {"data": {"name": recipe.data}}
    if "loss" in recipe.training:
        known["loss"] = recipe.training["loss"]
    if recipe.data in _FACTORS:
        known["scaling"] = {"offset": 0.0, "factor": _FACTORS[recipe.data]}
    return recipe.architecture, known | metadata


_FACTORS = {"mnist": 1 / 255, "digits": 1 / 16}  # scale the pixels of a recipe's data to [0, 1]


def _is_scaling(value: Any) -> bool:
    try:
        Scaling.from_json(value)
    except DataError:
        return False
    return True


_METADATA: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "recipe": ("a name", lambda value: isinstance(value, str)),
    "seed": ("a whole number >= 0", lambda value: type(value) is int and value >= 0),
    "loss": ("NAME:key=value", lambda value: isinstance(value, str)),
    "class_names": (
        "a list of names",
        lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value),
    ),
    "scaling": ("finite numbers offset and factor, each one or one per channel", _is_scaling),
    "history": (
        "a list of epochs",
        lambda value: isinstance(value, list) and all(isinstance(entry, dict) for entry in value),
    ),
    "provenance": ("names and values", lambda value: isinstance(value, dict)),
}


def stored_dtype(file: WeightFile) -> str:
    """Return the 16-bit type that all parameters have, float64 where any has it, else float32."""
    dtypes = {tensor.dtype for tensor in file.select("parameter")}
    if len(dtypes) == 1 and dtypes <= set(HALF):
        return dtypes.pop()
    return "float64" if "float64" in dtypes else "float32"


def read_variables(file: WeightFile, shapes: Variables) -> Variables:
    """Return the file's parameters and state, which have these names and shapes.

    Raises WeightFileError that names the first tensor that is missing, unexpected, of another shape or not of floats.
    """
    return Variables(_matched(file, "parameter", shapes.params), _matched(file, "state", shapes.state))


def _matched(file: WeightFile, kind: str, shapes: Tree) -> Tree:
    """Return the tensors of one kind as a tree with these names and shapes."""
    stored = {tensor.name: tensor for tensor in file.select(kind)}
    flat = flatten(shapes)
    for name in flat:
        if name not in stored:
            raise WeightFileError(
                f"expected {kind} {name}, which the architecture needs; the file has none", file=file.file
            )
    for name in stored:
        if name not in flat:
            raise WeightFileError(f"{kind} {printable(name)} belongs to no layer of the architecture", file=file.file)
    for name, shape in flat.items():
        tensor = stored[name]
        if tensor.shape != shape:
            raise WeightFileError(f"{kind} {name}: expected shape {shape}, got {tensor.shape}", file=file.file)
        if tensor.dtype not in DTYPES:
            problem = f"{kind} {name}: expected one of {', '.join(DTYPES)}, got {tensor.dtype}"
            raise WeightFileError(problem, file=file.file)
    return unflatten({name: decode(stored[name].read(), stored[name].dtype) for name in flat})
