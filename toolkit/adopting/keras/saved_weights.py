"""Finds the weights of a layer in a Keras file: by path in those of Keras 3, by name or order in older ones."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

import numpy as np

from cnnkit.adopting.keras.graph_builder import Fault
from cnnkit.exporters.core import keras_variables
from cnnkit.exporters.core.keras_config import LayerConfig, iterate_layers
from cnnkit.exporters.core.small_floats import decode
from cnnkit.exporters.core.weight_file import Array, Tensor, WeightFile

Path = tuple[str, ...]
Expected = Mapping[str, Sequence[tuple[int, ...]]]

_ALIASES = {
    "W": "kernel", "b": "bias", "running_mean": "moving_mean", "running_std": "moving_variance",
    "running_var": "moving_variance", "alphas": "alpha",
}  # fmt: skip
_CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
_FLOATS = ("float16", "float32", "float64", "bfloat16")


class _Stored(NamedTuple):
    label: str
    tensor: Tensor


class SavedWeights:
    """The parameters and state of a Keras file, by layer.

    config: the model's, as the file has it
    """

    def __init__(self, file: WeightFile, config: Any, fault: Fault) -> None:
        self._fault = fault
        about = file.metadata["keras"]
        self._mirrored = frozenset(about.get("mirrored", ()))
        tensors = [tensor for tensor in file if tensor.kind in ("parameter", "state", "other")]
        placed = [(about["paths"][tensor.name].strip("/"), tensor) for tensor in tensors]
        layers = list(iterate_layers(config))
        self._layers: dict[Path, list[_Stored]] = {}
        self._by_path = any(_split(place)[-2:-1] == ["vars"] for place, _ in placed)
        if self._by_path:
            self._index_by_path(placed, layers)
        else:
            self._index_by_name(placed, layers)
        self._by_name: dict[str, list[Path]] = {}
        for path in self._layers:
            self._by_name.setdefault(path[-1], []).append(path)

    def take(self, path: Path, what: str, expected: Expected, ignored: Sequence[str] = ()) -> dict[str, Array]:
        """Return {label: array} of a layer.

        path: names of the models around it, and its own. what: the layer, for messages.
        expected: the shapes that are right for each label, in Keras's order. ignored: labels that may be there too.

        Raises WeightFileError when the file has others.
        """
        stored = [one for one in self._find(path) if one.label not in ignored]
        if len(stored) != len(expected):
            shown = ", ".join(f"{label} {shapes[0]}" for label, shapes in expected.items())
            raise self._fault(f"{what}: expected {len(expected)} weights ({shown}), the file has {len(stored)}")
        by_label = {one.label: one.tensor for one in stored}
        if by_label.keys() != expected.keys():  # numbered, or named otherwise: in the order in which Keras makes them
            by_label = {label: one.tensor for label, one in zip(expected, stored, strict=True)}
        for label, shapes in expected.items():
            tensor = by_label[label]
            if tensor.shape not in shapes:
                problem = f"expected {label} of shape {' or '.join(map(str, shapes))}, the file has {tensor.shape}"
                raise self._fault(f"{what}: {problem}")
            if tensor.dtype not in _FLOATS:
                raise self._fault(f"{what}: expected {label} of float32, the file has {tensor.dtype}")
        return {label: self._read(by_label[label]) for label in expected}

    def _find(self, path: Path) -> list[_Stored]:
        """Return what the file has of a layer; Keras 3 saves one that several models share in the first of them."""
        if path not in self._layers and self._by_path:
            known = self._by_name.get(path[-1], [])
            for length in range(len(path) - 1, 0, -1):
                alike = [other for other in known if other[-length:] == path[-length:]]
                if alike:
                    return self._layers[alike[0]] if len(alike) == 1 else []
        return self._layers.get(path, [])

    def _read(self, tensor: Tensor) -> Array:
        """Return the values as float32 or float64; a window that Theano ran mirrored, turned round."""
        values = tensor.read()
        values = decode(values, tensor.dtype) if tensor.dtype == "bfloat16" else values
        values = values if values.dtype == np.float64 else values.astype(np.float32)
        if tensor.name in self._mirrored:
            return np.flip(values, tuple(i for i, axis in enumerate(tensor.axes) if axis.startswith("k")))
        return values

    def _index_by_path(self, placed: list[tuple[str, Tensor]], layers: list[LayerConfig]) -> None:
        paths = {layer.place: layer.path for layer in layers}
        for place, tensor in placed:
            parts = ["layers" if part in _CONTAINERS else part for part in _split(place)]
            path = paths.get("/".join(parts[:-2]))
            if path is not None:
                label = tensor.name.rpartition(".")[2]
                self._layers.setdefault(path, []).append(_Stored(_ALIASES.get(label, label), tensor))

    def _index_by_name(self, placed: list[tuple[str, Tensor]], layers: list[LayerConfig]) -> None:
        inside: dict[str, list[Path]] = {}
        weighted = {layer.path for layer in layers if keras_variables.is_known(layer.kind)}
        for layer in layers:
            inside.setdefault(layer.path[0], []).append(layer.path)
        folders: dict[str, dict[Path, list[_Stored]]] = {}
        for place, tensor in placed:
            parts = place.removeprefix("model_weights/").split("/")
            found = next((n for n in range(1, len(parts)) if "/".join(parts[:n]) in inside), None)
            if found is None:
                continue
            top, rest = "/".join(parts[:found]), tuple(parts[found:])
            label = _shorten(rest[-1], rest[-2] if len(rest) > 1 else top, top)
            folders.setdefault(top, {}).setdefault(rest[:-1], []).append(_Stored(label, tensor))
        for top, groups in folders.items():
            if len(inside[top]) == 1:
                self._layers[top,] = [one for stored in groups.values() for one in stored]
            else:
                self._layers |= _distribute(groups, [path for path in inside[top] if len(path) > 1], weighted)


def _distribute(
    groups: dict[Path, list[_Stored]], paths: list[Path], weighted: AbstractSet[Path]
) -> dict[Path, list[_Stored]]:
    """Return the weights of the layers inside a nested model, which the file lists by folders of their own.

    A folder has the name of its layer, or, where TensorFlow gave it another, comes in the order of the layers.
    """
    found: dict[Path, list[_Stored]] = {}
    by_name: dict[str, list[Path]] = {}
    for path in paths:
        by_name.setdefault(path[-1], []).append(path)
    strange = []
    for folder, stored in groups.items():
        candidates = by_name.get(folder[-1], []) if folder else []
        if len(candidates) > 1:  # the same name in several of the models
            candidates = [path for path in candidates if path[-2] in folder[:-1]]
        if len(candidates) == 1 and candidates[0] not in found:
            found[candidates[0]] = stored
        else:
            strange.append(stored)
    left = [path for path in paths if path in weighted and path not in found]
    return found | dict(zip(left, strange, strict=True)) if len(left) == len(strange) else found


def _shorten(name: str, folder: str, layer: str) -> str:
    """kernel:0 -> kernel, convolution2d_1_W -> kernel."""
    name = name.removesuffix(":0")
    for prefix in (f"{folder}_", f"{layer}_"):
        name = name.removeprefix(prefix) or name
    return _ALIASES.get(name, name)


def _split(place: str) -> list[str]:
    return place.replace("\\", "/").split("/")
