"""A stranger's file as a network, whatever its format: what it is decides who reads it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cnnkit import architecture, exporters, weights
from cnnkit.adopting.adopted import Adopted, AdoptedNode
from cnnkit.adopting.keras import adopt_keras
from cnnkit.adopting.onnx import adopt_onnx
from cnnkit.adopting.recipe_weights import fill_recipe
from cnnkit.errors import CnnkitError, ConfigError, WeightFileError
from cnnkit.exporters.core.faults import fault
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.files.names import printable
from cnnkit.inspection.filling import Fillings
from cnnkit.layers import Variables
from cnnkit.recipes import Recipe
from cnnkit.tree import flatten

_GRAPHS = ("onnx", "keras")  # formats of strangers that hold a network
_DESCRIBE = (
    "name the network with --recipe NAME, or describe its layers in a file and name it with --model net.toml, which "
    "take the weights by name, order and shape"
)
_ONNX = "torch.onnx.export(model, (x,), 'model.onnx') makes a file that cnnkit adopts"
# Formats whose files hold a network that cnnkit does not read, and what to type instead.
_ELSEWHERE: Mapping[str, tuple[str, str]] = {
    "tflite": (
        "a TensorFlow Lite file: cnnkit reads its tensors, not its graph",
        "adopt the Keras file that it was made of, or type python -m tf2onnx.convert --tflite FILE --output model.onnx",
    ),
    "tfjs": (
        "a TensorFlow.js model: cnnkit reads its tensors, not its graph",
        "adopt the Keras file that it was made of, or type "
        "tensorflowjs_converter --input_format tfjs_layers_model --output_format keras model.json model.h5",
    ),
    "gguf": ("a GGUF file: it holds tensors, no graph", _DESCRIBE),
}


def adopt(
    path: str | Path, *, recipe: Recipe | None = None, external: bool = False, input_shape: Any = None
) -> Adopted:
    """Return the network in a stranger's file, ready to run, to train and to be written in any format.

    recipe: the network of a file that holds tensors alone, a state_dict; they are paired as `diff` pairs.
    external: open the files beside an ONNX file that it names for its values.
    input_shape: of a sample, (C, H, W), where the file leaves sizes open.

    Raises WeightFileError for a file that cannot be read, holds no network, or one that cnnkit cannot express;
    ConfigError for one of cnnkit's own, which needs no adopting, and where recipe or input_shape do not fit.
    """
    file = exporters.read(path, external)
    if file.architecture is not None:
        raise ConfigError(f"{path}: is cnnkit's own: needs no adopting, every command takes it as it is")
    if recipe is not None:
        return _fill(file, recipe)
    return _convert(file, Path(path), external, input_shape)


def read_network(path: str | Path, external: bool = False, file: WeightFile | None = None) -> WeightFile:
    """Return a weight file with its network: cnnkit's own as it is, a stranger's adopted.

    file: what `path` holds, where it was read before.

    Raises WeightFileError as `adopt`. A file that only names a recipe is returned as it is.
    """
    file = exporters.read(path, external) if file is None else file
    if file.architecture is not None or "recipe" in file.metadata:
        return file
    made = _convert(file, Path(path), external, None).to_weights()
    return replace(made, file=file.file, format=file.format)


def holds_graph(file: WeightFile) -> bool:
    """Return whether a file is a stranger's whose network can be adopted, as far as its format tells."""
    if file.architecture is not None or "recipe" in file.metadata:
        return False
    return file.format == "onnx" or (file.format == "keras" and _has_config(file))


def _convert(file: WeightFile, path: Path, external: bool, input_shape: Any) -> Adopted:
    """Return what the reader of the file's format makes of it."""
    path = path if file.file is None else Path(file.file)  # the index of shards, where `path` is its folder
    if file.format == "onnx":
        return _reshape(adopt_onnx(path, external), path, input_shape)
    if file.format == "keras" and _has_config(file):
        return adopt_keras(path, input_shape)
    raise _refuse(file, path)


def _has_config(file: WeightFile) -> bool:
    about = file.metadata.get("keras")
    return isinstance(about, dict) and about.get("config") is not None


def _refuse(file: WeightFile, path: Path) -> WeightFileError:
    """Return the error about a file without a network that can be adopted: what it is, and what to type."""
    programs = [item.reason for item in file.not_read if "TorchScript" in item.reason]
    if file.format == "torch" and programs:
        what, way = "a TorchScript program: cnnkit reads its tensors, not its code", _ONNX
    elif file.format == "torch" and _is_exported(path):
        what, way = "a program of torch.export: cnnkit reads its tensors, not its graph", _ONNX
    elif file.format is not None and file.format in _ELSEWHERE:
        what, way = _ELSEWHERE[file.format]
    else:
        what, way = "the file holds tensors but no architecture, so no network can be built from it", _DESCRIBE
    return fault(path, what, format_name=file.format or None, hint=way)


def _is_exported(path: Path) -> bool:
    from cnnkit.exporters.pytorch.exported_program import is_exported
    from cnnkit.files.zips.gate import is_zip, open_zip

    return is_zip(path) and is_exported(open_zip(path).members)


def _reshape(adopted: Adopted, path: Path, input_shape: Any) -> Adopted:
    """Return the network for samples of another shape, where its weights allow it."""
    if input_shape is None or input_shape == adopted.input_shape:
        return adopted
    try:
        wanted = adopted.network.variable_shapes(input_shape)
        adopted.network.output_shape(input_shape)
    except CnnkitError as error:
        raise ConfigError(f"{path}: its network takes {adopted.input_shape}, not {input_shape}: {error}") from None
    held = adopted.network.variable_shapes(adopted.input_shape)
    if wanted != held:
        raise ConfigError(f"{path}: its weights are for samples of {adopted.input_shape}, got {input_shape}")
    return replace(adopted, input_shape=input_shape)


def _fill(file: WeightFile, recipe: Recipe) -> Adopted:
    """Return the recipe's network with the tensors of a file."""
    filled, fillings = fill_recipe(file, recipe)
    network, input_shape = architecture.build(filled.architecture or {})
    shapes = network.variable_shapes(input_shape)
    variables = weights.read_variables(filled, Variables(shapes.params, shapes.state))
    kept = {name: value for name, value in filled.metadata.items() if name not in ("data",)}
    return Adopted(network, input_shape, variables, tuple(_list_nodes(fillings)), kept)


def _list_nodes(fillings: Fillings) -> list[AdoptedNode]:
    """Return a row for each tensor of the file that was taken."""
    rows = []
    for filling in fillings.found:
        how = [f"paired by {filling.paired_by}"] + ([filling.transform.name] if filling.transform.name else [])
        rows.append(AdoptedNode(filling.source.name, "tensor", filling.target.name, ", ".join(how)))
    return rows


def count_values(adopted: Adopted) -> tuple[int, int]:
    """Return (number of parameters, number of values of the state)."""
    params, state = (sum(array.size for array in flatten(tree).values()) for tree in adopted.variables)
    return params, state


def describe_shape(shape: Any) -> str:
    """Return (3, 224, 224) as "3 x 224 x 224"; several with "and" between them."""
    several = bool(shape) and isinstance(shape[0], tuple | list)
    parts = shape if several else [shape]
    return printable(" and ".join(" x ".join(map(str, part)) for part in parts))
