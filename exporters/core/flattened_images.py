"""Which dense layers see a flattened image: found along the edges of the architecture."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from cnnkit.exporters.core.architecture import LayerEntry, Shape, outer_layers

_REORDERS = {"ChannelShuffle", "Slice", "Transpose"}  # may keep the shape of a row, and not the order of its values


def find_flattened_images(architecture: Mapping[str, Any] | None) -> dict[str, Shape]:
    """Return {path of a Dense layer: the (C, H, W) that Flatten made its input of}.

    Only layers that keep the order of values may come between the two.
    """
    return _find_images(outer_layers(architecture))


def _find_images(layers: Iterable[LayerEntry]) -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    values: dict[str, Shape | None] = {}
    paths: dict[str, str] = {}
    last: Shape | None = None
    for layer in layers:
        found |= _find_images(layer.children)
        images = [values.get(name) for name in layer.inputs] or [last]
        image = images[0] if all(other == images[0] for other in images) else None
        if layer.type == "Dense":
            fits = image is not None and layer.input_shape in (None, (math.prod(image),))
            if layer.shares and found.get(paths.get(layer.shares, "")) != image:
                found.pop(paths.get(layer.shares, ""), None)  # its two uses see different images
            elif fits and image is not None and not layer.shares:
                found[layer.path] = image
        last = _follow(layer, image)
        if layer.name:
            values[layer.name], paths[layer.name] = last, layer.path
    return found


def _follow(layer: LayerEntry, image: Shape | None) -> Shape | None:
    """Return the image that a layer's output was flattened from, None for any other output."""
    if layer.type == "Flatten":
        flat = layer.fields.get("start", 1) == 1 and layer.input_shape is not None and len(layer.input_shape) == 3
        return layer.input_shape if flat else None
    if layer.type in _REORDERS or layer.type == "Dense" or layer.children:
        return None
    joins = len(layer.inputs) > 1  # of rows of the same image; the result is as long as each of them
    wide = layer.type == "Concatenate" or ":" in "".join(layer.inputs)
    same = not wide if joins else layer.input_shape == layer.output_shape
    return image if same else None
