"""Builds a Keras network layer by layer, and tracks which array each layer takes and in which order its values flow."""

import contextlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cnnkit.errors import ExportError
from cnnkit.exporters.core.architecture import LayerFields, Shape
from cnnkit.exporters.core.claims import Claims
from cnnkit.exporters.core.keras_config import to_snake_case
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.exporters.keras.keras_layer import KerasLayer, KerasPlace, KerasVariable


class KerasValue(NamedTuple):
    """An array that flows between layers.

    place  which call of which layer gives it
    row    (C, H, W) while it is a row that Keras flattened as H, W, C, which is another order than cnnkit's
    """

    place: KerasPlace
    row: Shape | None = None


class KerasBuilder:
    """Collects layers. `value` is what the next layer takes and then what it gave."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self.layers: list[KerasLayer] = []
        self.value = KerasValue(KerasPlace("input"))
        self._weights = Claims(weights)
        self._names, self._uses = set[str](), dict[tuple[str, str], int]()
        self._made: dict[tuple[str, str, int], KerasLayer] = {}

    @property
    def row(self) -> Shape | None:
        """The row of `value`."""
        return self.value.row

    @row.setter
    def row(self, row: Sequence[int] | None) -> None:
        self.value = KerasValue(self.value.place, None if row is None else tuple(row))

    def put(self, kind: str, path: str, config: Mapping[str, Any], variables: Sequence[KerasVariable] = ()) -> None:
        """Append a layer of class `kind` for cnnkit's layer `path`; its name is made of both."""
        self.value = self._call(kind, path, config, variables, (self.value.place,), self.value.row)

    def join(self, kind: str, path: str, config: Mapping[str, Any], values: Sequence[KerasValue]) -> None:
        """Append a layer that takes several values, all rows of the same image or none."""
        places = tuple(value.place for value in values)
        self.value = self._call(kind, path, config, (), places, values[0].row)

    def put_input(self, name: str, shape: Sequence[int], dtype: str) -> KerasValue:
        """Append an input of the network. shape: of a sample in Keras's order."""
        layer = KerasLayer(
            "InputLayer", {"batch_shape": [None, *shape], "dtype": dtype, "name": self._reserve(_clean(name))}
        )
        self.layers.append(layer)
        return KerasValue(KerasPlace(layer.name))

    def tensor(self, layer: LayerFields, name: str, shape: Sequence[int]) -> Tensor:
        """Return a weight of a layer. Raises ExportError when there is none of that shape."""
        return self._weights.take(layer["path"], name, shape)

    def sharing(self, path: str, owner: str | None) -> contextlib.AbstractContextManager[None]:
        """Let the layers at and below `path` be those at and below `owner`, called again."""
        return self._weights.sharing(path, owner)

    def put_channels_first(self, path: str, image: Sequence[int]) -> None:
        """Bring an image, or a row that was one, from H, W, C to C, H, W order."""
        self.put("Reshape", path, {"target_shape": [*image[1:], image[0]]})
        self.put("Permute", path, {"dims": [len(image), *range(1, len(image))]})
        self.row = None

    def straighten(self, path: str) -> None:
        """Bring `value`, where it is a row that was an image, into cnnkit's order."""
        if self.row is not None:
            self.put_channels_first(path, self.row)
            self.put("Flatten", path, {})

    def name_output(self, name: str) -> None:
        """Append a layer of that name, which gives `value` as it is."""
        layer = KerasLayer("Identity", {"name": self._reserve(_clean(name))}, (), [(self.value.place,)])
        self.layers.append(layer)
        self.value = KerasValue(KerasPlace(layer.name))

    def finish(self) -> None:
        """Raise ExportError when a weight belongs to no layer."""
        self._weights.require_none_left()

    def _call(
        self,
        kind: str,
        path: str,
        config: Mapping[str, Any],
        variables: Sequence[KerasVariable],
        places: tuple[KerasPlace, ...],
        row: Shape | None,
    ) -> KerasValue:
        use = self._uses[path, kind] = self._uses.get((path, kind), -1) + 1
        key = self._weights.find_owner(path), kind, use
        layer = self._made.get(key)
        if layer is None or not layer.equals(kind, config, variables):
            if layer is not None and variables:
                raise ExportError(f"layer {path}: Keras cannot use the weights of {key[0]} on an input of this shape")
            base = f"{to_snake_case(kind)}_{_clean(path)}"
            layer = KerasLayer(kind, {"name": self._reserve(base)} | dict(config), tuple(variables))
            self._made.setdefault(key, layer)
            self.layers.append(layer)
        layer.calls.append(places)
        return KerasValue(KerasPlace(layer.config["name"], len(layer.calls) - 1), row)

    def _reserve(self, base: str) -> str:
        """Return the name, with a number where it is taken."""
        name, number = base, 0
        while name in self._names:
            number += 1
            name = f"{base}_again_{number}"
        self._names.add(name)
        return name


def _clean(name: str) -> str:
    """Return the name with _ for what Keras does not take."""
    return re.sub(r"[^A-Za-z0-9_]", "_", name)
