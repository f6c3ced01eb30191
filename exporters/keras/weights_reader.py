"""Reads Keras 3 weights (`.weights.h5`, and inside `.keras`): numbered variables below the path of their object."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from cnnkit.exporters.core import keras_variables
from cnnkit.exporters.core.keras_config import LayerConfig
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.files.hdf5.contents import ListedDataset, Listing
from cnnkit.files.natural_order import natural_key

_CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
_NUMBER = re.compile("[0-9]{1,9}")
_COUNTERS = {"0": "iteration", "1": "learning_rate"}
_LAST = 1 << 30
# Where Keras makes the objects inside a layer in another order than that of their letters.
_ORDER = {
    part: place
    for parts in ("forward_layer backward_layer", "query_dense key_dense value_dense output_dense")
    for place, part in enumerate(parts.split())
}


class VariableSource(Protocol):
    """HDF5 with the variables of Keras, in one file or in several: see `Hdf5Tensors` and `KerasShards`."""

    @property
    def listing(self) -> Listing:
        """The content by path."""
        ...

    def dataset(self, place: str) -> ListedDataset:
        """Return the data set at `place`."""
        ...

    def tensor(self, place: str, name: str, layer: str, kind: str, role: str, axes: tuple[str, ...] | None) -> Tensor:
        """Return the data set at `place` as a tensor."""
        ...


class SavedVariable(NamedTuple):
    """A variable: path of its data set, path of its object in parts, key in it."""

    place: str
    owner: tuple[str, ...]
    key: str


def is_saved(listing: Listing) -> bool:
    """Return whether an HDF5 file is a Keras 3 weights file: every data set is <path>/vars/<key>."""
    return bool(listing.datasets) and all(_split_path(place)[-2:-1] == ("vars",) for place in listing.datasets)


def read_saved(file: VariableSource, config: list[LayerConfig]) -> list[tuple[str, Tensor]]:
    """Return (place, tensor) of every variable: in the model's order where there is a configuration, then the others.

    Without a configuration the order across classes of layers is unknown: then names are sorted, 2 before 10.
    """
    by_place = {tuple(layer.place.split("/")): (i, layer) for i, layer in enumerate(config)}
    names = {
        parts[:-1]: name
        for group, attributes in file.listing.groups.items()
        if (parts := _split_path(group))[-1] == "vars" and isinstance(name := attributes.get("name"), str)
    }
    owners: dict[tuple[str, ...], list[SavedVariable]] = {}
    for place in file.listing.datasets:
        parts = _split_path(place)
        owners.setdefault(parts[:-2], []).append(SavedVariable(place, parts[:-2], parts[-1]))

    def order(owner: tuple[str, ...]) -> tuple[int, int, list[object]]:
        known = [by_place[key][0] for n in range(len(owner), 0, -1) if (key := _to_canonical(owner[:n])) in by_place]
        return _find_section(owner), known[0] if known else _LAST, [_order_part(part) for part in owner]

    tensors = []
    for owner in sorted(owners, key=order):
        _, layer = by_place.get(_to_canonical(owner), (0, None))
        kind = layer.kind if layer is not None else _guess_class(owner, names.get(owner, ""))
        fields = layer.fields if layer is not None else {}
        tensors += _read_object(file, owners[owner], kind, fields, _name_object(owner, names, by_place))
    return tensors


def _read_object(
    file: VariableSource, variables: list[SavedVariable], kind: str, fields: Mapping[str, Any], title: str
) -> list[tuple[str, Tensor]]:
    shapes = {int(v.key): file.dataset(v.place).shape for v in variables if _NUMBER.fullmatch(v.key)}
    section = ("parameter", "optimizer", "other")[_find_section(variables[0].owner)]
    labels = {str(index): label for index, label in keras_variables.name_numbered(kind, fields, shapes).items()}
    by_label = {labels.get(v.key, v.key): file.dataset(v.place).shape for v in variables}
    tensors = []
    for variable in sorted(variables, key=lambda variable: natural_key(variable.key)):
        shape = file.dataset(variable.place).shape
        if section == "parameter":
            label = labels.get(variable.key, variable.key)
            state = "state" if keras_variables.is_state(label) else "parameter"
            meaning, axes = keras_variables.find_role(label, kind), keras_variables.name_axes(label, kind, by_label)
        else:
            label, state, axes = variable.key, section, None
            if section == "optimizer" and not shape:
                label = _COUNTERS.get(label, label)
            meaning = "slot" if section == "optimizer" and shape else "other"
        name = f"{title}.{label}" if title else label
        tensors.append((variable.place, file.tensor(variable.place, name, title, state, meaning, axes)))
    return tensors


def _split_path(place: str) -> tuple[str, ...]:
    return tuple(place.replace("\\", "/").split("/"))  # on Windows Keras wrote backslashes into the names of groups


def _to_canonical(owner: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("layers" if part in _CONTAINERS else part for part in owner)


def _find_section(owner: tuple[str, ...]) -> int:
    """0 the model, 1 the optimizer, 2 metrics and the like."""
    if owner[:1] == ("optimizer",):
        return 1
    return int(bool(owner) and ("metrics" in owner[0] or owner[0].startswith("_loss_tracker"))) * 2


def _name_object(
    owner: tuple[str, ...],
    names: Mapping[tuple[str, ...], str],
    by_place: Mapping[tuple[str, ...], tuple[int, LayerConfig]],
) -> str:
    """Return the path of an object with the names that Keras gave: layers/dense -> the name of that layer."""
    if _find_section(owner):
        return ".".join(owner)
    parts = []
    for depth, part in enumerate(owner, 1):
        known = by_place.get(_to_canonical(owner[:depth]))
        name = names.get(owner[:depth]) or (known[1].name if known else "")
        if name or part not in _CONTAINERS:
            parts.append(name or part)
    return ".".join(parts)


def _order_part(part: str) -> tuple[int, object]:
    return _ORDER.get(part, 0), natural_key(part)


def _guess_class(owner: tuple[str, ...], name: str) -> str:
    """Return the class of an object by its path in the file, else by its name (dense_3)."""
    candidates = [keras_variables.strip_number(part) for part in (*owner[-1:], name)]
    return next(filter(keras_variables.is_known, candidates), candidates[0] if candidates else "")
