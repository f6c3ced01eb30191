"""The architecture as the drawing needs it: layers in order, with shapes; what a stranger's JSON lacks is left out."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cnnkit.exporters.svg.lettering import shape_text, shown

_DEPTH = 16
_LIMIT = 2000
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """A layer: its path, type and fields, the shapes that come in and go out, and the combinators it stands in."""

    path: str
    type: str
    fields: Mapping[str, Any]
    input_shape: Shape | None
    output_shape: Shape | None
    inside: bool
    children: tuple["Place", ...]

    @property
    def window(self) -> tuple[int, int] | None:
        """Height and width of the window that the layer moves over an image."""
        window = self.fields.get("window")
        both = _shape(window if isinstance(window, list) else [window, window])
        return (both[0], both[1]) if both is not None and len(both) == 2 else None

    @property
    def label(self) -> str:
        """What the layer is, in a word or two: "Conv2D 3×3"."""
        name, window = shown(self.type, 30), self.window
        return f"{name} {window[0]}×{window[1]}" if window is not None else name

    @property
    def details(self) -> str:
        """Fields that change what the layer computes and are not their default."""
        plain = {"stride": (1, [1, 1]), "padding": (0, "valid", [0, 0]), "dilation": (1, [1, 1]), "groups": (1,)}
        found = [(key, self.fields.get(key)) for key in plain]
        kept = [(key, value) for key, value in found if value is not None and value not in plain[key]]
        return ", ".join(f"{key} {_brief(value)}" for key, value in kept)


def _brief(value: object) -> str:
    return shown("×".join(map(str, value)) if isinstance(value, list) else value, 30)


def places(architecture: Mapping[str, Any] | None) -> tuple[Place, ...]:
    """Return the layers of the outermost sequence."""
    layers = (architecture or {}).get("layers")
    return tuple(_places(layers, 0)) if isinstance(layers, list) else ()


def input_shape(architecture: Mapping[str, Any] | None) -> Shape | None:
    """Return the shape of one sample."""
    return _shape((architecture or {}).get("input_shape"))


def flat(layers: tuple[Place, ...]) -> Iterator[Place]:
    """Yield every layer, combinators before what they hold."""
    for place in layers:
        yield place
        yield from flat(place.children)


def _places(values: list[Any], depth: int) -> Iterator[Place]:
    for value in values[:_LIMIT]:
        if not isinstance(value, dict) or not isinstance(value.get("type"), str) or depth > _DEPTH:
            continue
        inside = [part for field in value.values() for part in (field if isinstance(field, list) else [field])]
        yield Place(
            str(value.get("path", "")),
            value["type"],
            value,
            _shape(value.get("input_shape")),
            _shape(value.get("output_shape")),
            depth > 0,
            tuple(_places(inside, depth + 1)),
        )


def _shape(value: Any) -> Shape | None:
    good = isinstance(value, list) and len(value) < 8 and all(type(n) is int and 0 < n < 1 << 31 for n in value)
    return tuple(value) if good else None


def seen_shapes(layers: tuple[Place, ...]) -> dict[str, Shape]:
    """Return {path of a Dense layer: (C, H, W) that Flatten made its row of}, where nothing between mixes numbers."""
    found: dict[str, Shape] = {}
    image: Shape | None = None
    for place in layers:
        found |= seen_shapes(place.children)
        if place.type == "Flatten":
            image = place.input_shape if place.input_shape and len(place.input_shape) == 3 else None
        elif place.type == "Dense":
            if image is not None and place.input_shape == (math.prod(image),):
                found[place.path] = image
            image = None
        elif place.children or place.input_shape != place.output_shape:
            image = None
    return found


def chain(architecture: Mapping[str, Any] | None) -> list[str]:
    """Return "1×28×28", "Conv2D 3×3", "8×26×26", ...: a shape after every layer that changes it."""
    shape = input_shape(architecture)
    words = [shape_text(shape)] if shape else []
    for place in places(architecture):
        words.append(place.label)
        if place.output_shape and place.output_shape != shape:
            shape = place.output_shape
            words.append(shape_text(shape))
    return words
