"""The architecture as the drawing needs it: layers in order, with shapes; fields that the JSON lacks are None."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cnnkit.exporters.svg.lettering import format_shape, make_safe

_DEPTH = 16
_LIMIT = 2000
Shape = tuple[int, ...]


@dataclass(frozen=True)
class DrawnLayer:
    """A layer of the architecture: its path, type and fields, input and output shape, and the layers inside it."""

    path: str
    type: str
    fields: Mapping[str, Any]
    input_shape: Shape | None
    output_shape: Shape | None
    children: tuple["DrawnLayer", ...]

    @property
    def window(self) -> tuple[int, int] | None:
        """Height and width of the window that the layer moves over an image."""
        window = self.fields.get("window")
        both = _read_shape(window if isinstance(window, list) else [window, window])
        return (both[0], both[1]) if both is not None and len(both) == 2 else None

    @property
    def label(self) -> str:
        """Type and window: "Conv2D 3×3"."""
        name, window = make_safe(self.type, 30), self.window
        return f"{name} {window[0]}×{window[1]}" if window is not None else name

    @property
    def details(self) -> str:
        """Stride, padding, dilation and groups that are not their default."""
        plain = {"stride": (1, [1, 1]), "padding": (0, "valid", [0, 0]), "dilation": (1, [1, 1]), "groups": (1,)}
        fields = [(key, self.fields.get(key)) for key in plain]
        return ", ".join(f"{key} {_shorten(value)}" for key, value in fields if value not in (None, *plain[key]))


def _shorten(value: object) -> str:
    return make_safe("×".join(map(str, value)) if isinstance(value, list) else value, 30)


def read_layers(architecture: Mapping[str, Any] | None) -> tuple[DrawnLayer, ...]:
    """Return the layers of the outermost sequence."""
    layers = (architecture or {}).get("layers")
    return tuple(_read_layers(layers, 0)) if isinstance(layers, list) else ()


def read_input_shape(architecture: Mapping[str, Any] | None) -> Shape | None:
    """Return the shape of one sample."""
    return _read_shape((architecture or {}).get("input_shape"))


def walk_layers(layers: tuple[DrawnLayer, ...]) -> Iterator[DrawnLayer]:
    """Yield every layer, combinators before their children."""
    for layer in layers:
        yield layer
        yield from walk_layers(layer.children)


def _read_layers(values: list[Any], depth: int) -> Iterator[DrawnLayer]:
    for value in values[:_LIMIT]:
        if not isinstance(value, dict) or not isinstance(value.get("type"), str) or depth > _DEPTH:
            continue
        members = [part for field in value.values() for part in (field if isinstance(field, list) else [field])]
        yield DrawnLayer(
            str(value.get("path", "")),
            value["type"],
            value,
            _read_shape(value.get("input_shape")),
            _read_shape(value.get("output_shape")),
            tuple(_read_layers(members, depth + 1)),
        )


def _read_shape(value: Any) -> Shape | None:
    good = isinstance(value, list) and len(value) < 8 and all(type(n) is int and 0 < n < 1 << 31 for n in value)
    return tuple(value) if good else None


def find_flattened_images(layers: tuple[DrawnLayer, ...]) -> dict[str, Shape]:
    """Return {path of a Dense layer: (C, H, W) that Flatten made its input of}, unless a layer between mixes values."""
    images: dict[str, Shape] = {}
    image: Shape | None = None
    for layer in layers:
        images |= find_flattened_images(layer.children)
        if layer.type == "Flatten":
            image = layer.input_shape if layer.input_shape and len(layer.input_shape) == 3 else None
        elif layer.type == "Dense":
            if image is not None and layer.input_shape == (math.prod(image),):
                images[layer.path] = image
            image = None
        elif layer.children or layer.input_shape != layer.output_shape:
            image = None
    return images


def describe_chain(architecture: Mapping[str, Any] | None) -> list[str]:
    """Return "1×28×28", "Conv2D 3×3", "8×26×26", ...: a shape after every layer that changes it."""
    shape = read_input_shape(architecture)
    words = [format_shape(shape)] if shape else []
    for layer in read_layers(architecture):
        words.append(layer.label)
        if layer.output_shape and layer.output_shape != shape:
            shape = layer.output_shape
            words.append(format_shape(shape))
    return words
