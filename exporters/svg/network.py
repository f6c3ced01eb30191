"""What the drawing says about a layer of the architecture: its window, a label, its settings."""

from cnnkit.exporters.core.architecture import LayerEntry, Shape, shape_of
from cnnkit.exporters.svg.lettering import format_shape, make_safe


def window_of(layer: LayerEntry) -> Shape | None:
    """Return the size of the window that the layer moves, along each spatial axis."""
    window = layer.fields.get("window")
    axes = int(layer.type[-2]) if layer.type[-2:] in ("1D", "3D") else 2
    sizes = shape_of(window if isinstance(window, list) else [window] * axes)
    return sizes if sizes is not None and len(sizes) == axes else None


def describe(layer: LayerEntry) -> str:
    """Return type and window: "Conv2D 3×3"."""
    name, window = make_safe(layer.type, 30), window_of(layer)
    return f"{name} {format_shape(window)}" if window is not None else name


def describe_settings(layer: LayerEntry) -> str:
    """Return stride, padding, dilation and groups that are not their default."""
    plain = {"stride": (1, None), "padding": (0, None, "valid"), "dilation": (1, None), "groups": (1, None)}
    fields = [(key, _even(layer.fields.get(key))) for key in plain]
    return ", ".join(f"{key} {_shorten(value)}" for key, value in fields if value not in plain[key])


def _even(value: object) -> object:
    """Return the one number that a list repeats, [1, 1] -> 1; anything else as it is."""
    return value[0] if isinstance(value, list) and value and value.count(value[0]) == len(value) else value


def _shorten(value: object) -> str:
    if isinstance(value, list):
        value = "×".join("+".join(map(str, side)) if isinstance(side, list) else str(side) for side in value)
    return make_safe(value, 30)
