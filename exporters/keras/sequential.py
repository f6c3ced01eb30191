"""Builds a keras.Sequential, and tracks in which order its values flow."""

from collections.abc import Mapping, Sequence
from typing import Any

from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.core.claims import Claims
from cnnkit.exporters.core.keras_config import to_snake_case
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.exporters.keras.keras_layer import KerasLayer, KerasVariable


class SequentialBuilder:
    """Collects layers.

    row  (C, H, W) while the values are a row that Keras flattened as H, W, C, which is another order than cnnkit's
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self.layers: list[KerasLayer] = []
        self.row: tuple[int, ...] | None = None
        self._weights = Claims(weights)

    def put(self, kind: str, path: str, config: Mapping[str, Any], variables: Sequence[KerasVariable] = ()) -> None:
        """Append a layer of class `kind` for cnnkit's layer `path`; its name is made of both."""
        name = f"{to_snake_case(kind)}_{path.replace('.', '_')}"
        taken = sum(layer.config["name"].startswith(name) for layer in self.layers)
        full = {"name": f"{name}_again_{taken}" if taken else name} | dict(config)
        self.layers.append(KerasLayer(kind, full, tuple(variables)))

    def tensor(self, layer: LayerFields, name: str, shape: Sequence[int]) -> Tensor:
        """Return a weight of a layer. Raises ExportError when there is none of that shape."""
        return self._weights.take(layer["path"], name, shape)

    def put_channels_first(self, path: str, image: Sequence[int]) -> None:
        """Bring an image, or a row that was one, from H, W, C to C, H, W order."""
        self.put("Reshape", path, {"target_shape": [*image[1:], image[0]]})
        self.put("Permute", path, {"dims": [3, 1, 2]})
        self.row = None

    def finish(self) -> list[KerasLayer]:
        """Return the layers. Raises ExportError when a weight belongs to no layer."""
        self._weights.require_none_left()
        if self.row is not None:  # the output is such a row: bring it into cnnkit's order
            self.put_channels_first("end", self.row)
            self.put("Flatten", "end", {})
        return self.layers
