"""Reads Keras `.h5` of all four generations: layers and weights in the order of the attributes that list them."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cnnkit.exporters.core import keras_variables
from cnnkit.exporters.core.faults import fault
from cnnkit.exporters.core.hdf5_tensors import Hdf5Tensors
from cnnkit.exporters.core.keras_config import LayerConfig
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.files.hdf5.contents import Listing
from cnnkit.files.names import printable
from cnnkit.files.natural_order import natural_key

_MODEL, _OPTIMIZER, _TOP = "model_weights", "optimizer_weights", "top_level_model_weights"


class Weight(NamedTuple):
    """A listed weight: path of its data set, name inside its layer."""

    place: str
    name: str


def is_legacy(listing: Listing) -> bool:
    """Return whether the attributes of an HDF5 file are those of Keras."""
    root = listing.attributes
    return any(name in root for name in ("layer_names", "layer_names0", "model_config")) or (
        isinstance(root.get("nb_layers"), int) and "layer_0" in listing.groups
    )


def read_legacy(file: Hdf5Tensors, config: list[LayerConfig]) -> list[tuple[str, Tensor]]:
    """Return (place, tensor) of every weight in the model's order, then optimizer and others.

    Raises WeightFileError when the file lacks what it lists.
    """
    groups = file.listing.groups
    root = f"{_MODEL}/" if _MODEL in groups else ""
    layers: dict[str, list[Weight]] = {}
    for layer in _list_layers(file, root):
        group = root + layer
        if group not in groups:
            problem = f"layer {printable(layer)} is listed, but missing"
            raise fault(file.path, problem, format_name=file.format_name)
        layers[layer] = list(_list_weights(file, group))
    theano = has_theano_kernels(file, layers, config)
    if root + _TOP in groups:
        layers[_TOP] = list(_list_weights(file, root + _TOP))
    known = {name: layer for layer in reversed(config) for name in (layer.path, layer.path[-1:])}
    tensors = [pair for layer, weights in layers.items() for pair in _read_layer(file, layer, weights, known, theano)]
    tensors += _read_optimizer(file)
    listed = {place for place, _ in tensors}
    for place in sorted(file.listing.datasets.keys() - listed, key=natural_key):
        tensors.append((place, file.tensor(place, place, place.rpartition("/")[0], "other", "other", None)))
    return tensors


def has_theano_kernels(file: Hdf5Tensors, layers: Mapping[str, list[Weight]], config: list[LayerConfig]) -> bool:
    """Return whether the kernels of Keras 0 and 1 are stored (O, I, KH, KW).

    The configuration says it, or else the length of a bias that fits one end of its kernel alone.
    """
    root = file.listing.attributes
    version = root.get("keras_version", file.listing.groups.get(_MODEL, {}).get("keras_version"))
    if isinstance(version, str) and not version.startswith(("0.", "1.")):
        return False  # Keras 2 turned them into its one order
    told = {layer.fields["dim_ordering"] for layer in config if "dim_ordering" in layer.fields}
    if told:
        return "th" in told
    for layer, weights in layers.items():
        shapes = {_interpret_number(_shorten(layer, w.name)): file.dataset(w.place).shape for w in weights}
        theano = keras_variables.tells_theano(shapes)
        if theano is not None:
            return theano
    return "nb_layers" in root  # Keras 0 ran on Theano


def _list_layers(file: Hdf5Tensors, root: str) -> list[str]:
    attributes = file.listing.groups[root.rstrip("/")]
    count = attributes.get("nb_layers")
    if isinstance(count, int) and "layer_names" not in attributes:
        return sorted((g for g in file.listing.groups if g.startswith("layer_") and "/" not in g), key=natural_key)
    return _read_names(file, attributes, "layer_names")


def _list_weights(file: Hdf5Tensors, group: str) -> Iterator[Weight]:
    attributes = file.listing.groups[group]
    if "nb_params" in attributes:
        inside = (place for place in file.listing.datasets if place.rpartition("/")[0] == group)
        for place in sorted(inside, key=natural_key):
            yield Weight(place, place.rpartition("/")[2])
        return
    for name in _read_names(file, attributes, "weight_names"):
        yield Weight(f"{group}/{name}", name)


def _read_names(file: Hdf5Tensors, attributes: Mapping[str, Any], key: str) -> list[str]:
    """Return a list of names; one that is too long for an attribute is split into key0, key1, ..."""
    value = attributes.get(key)
    if value is None and f"{key}0" in attributes:
        value, index = [], 0
        while isinstance(part := attributes.get(f"{key}{index}"), list):
            value += part
            index += 1
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise fault(file.path, f"attribute {key} is not a list of names", format_name=file.format_name)
    return value


def _read_layer(
    file: Hdf5Tensors, layer: str, weights: list[Weight], known: Mapping[tuple[str, ...], LayerConfig], theano: bool
) -> list[tuple[str, Tensor]]:
    short = [_shorten(layer, weight.name) for weight in weights]
    unique = len(set(short)) == len(short)
    inner = [_name_inside(layer, weight.name) for weight in weights]
    shapes: dict[str, dict[str, tuple[int, ...]]] = {}  # of the variables beside each other, by their folder
    for weight, variable, name in zip(weights, short, inner, strict=True):
        beside = shapes.setdefault(name.rpartition(".")[0], {})
        beside[_interpret_number(variable)] = file.dataset(weight.place).shape
    tensors = []
    for weight, variable, inside in zip(weights, short, inner, strict=True):
        folder, name = inside.rpartition(".")[0], f"{layer}.{variable if unique else inside}"
        kind, label = _find_class(layer, folder, known), _interpret_number(variable)
        meaning = keras_variables.find_role(label, kind)
        axes = keras_variables.name_axes(label, kind, shapes[folder], theano)
        state = "state" if keras_variables.is_state(variable) else "parameter"
        tensors.append(
            (weight.place, file.tensor(weight.place, name, name.rpartition(".")[0], state, meaning, axes)),
        )
    return tensors


def _find_class(layer: str, folder: str, known: Mapping[tuple[str, ...], LayerConfig]) -> str:
    """Return the class of the layer at `folder` inside `layer`, by the configuration or else by its name."""
    last = folder.rpartition(".")[2]
    for path in ((layer, last), (last,)) if last else ():
        if path in known:
            return known[path].kind
    guessed = _guess_class(last)
    if keras_variables.is_known(guessed):
        return guessed
    return known[(layer,)].kind if (layer,) in known else _guess_class(layer)


def _interpret_number(variable: str) -> str:
    """Return what Keras 0, which has no names, calls param_0 and param_1 of most layers."""
    return {"param_0": "W", "param_1": "b"}.get(variable, variable)


def _shorten(layer: str, name: str) -> str:
    """dense/kernel:0 -> kernel, dense_1_W -> W."""
    last = _strip_output(name).rpartition("/")[2]
    return last.removeprefix(f"{layer}_") or last


def _name_inside(layer: str, name: str) -> str:
    parts = _strip_output(name).split("/")
    return ".".join(parts[1:] if len(parts) > 1 and parts[0] == layer else parts)


def _strip_output(name: str) -> str:
    return name[:-2] if name.endswith(":0") else name


def _guess_class(layer: str) -> str:
    kind = keras_variables.strip_number(layer)
    return kind.replace("convolution", "conv")  # Keras 1


def _read_optimizer(file: Hdf5Tensors) -> list[tuple[str, Tensor]]:
    attributes = file.listing.groups.get(_OPTIMIZER)
    if attributes is None:
        return []
    if "weight_names" in attributes or "weight_names0" in attributes:
        places = [f"{_OPTIMIZER}/{name}" for name in _read_names(file, attributes, "weight_names")]
    else:
        inside = (place for place in file.listing.datasets if place.startswith(f"{_OPTIMIZER}/"))
        places = sorted(inside, key=natural_key)
    tensors = []
    for place in places:
        name = _strip_output(place.removeprefix(f"{_OPTIMIZER}/")).replace("/", ".")
        meaning = "slot" if file.dataset(place).shape else "other"
        tensors.append((place, file.tensor(place, name, name.rpartition(".")[0], "optimizer", meaning, None)))
    return tensors
