"""What the drawing says about a layer of the architecture: its window, a label, its settings."""

from cnnkit.exporters.core.architecture import LayerEntry, shape_of
from cnnkit.exporters.svg.lettering import make_safe


def window_of(layer: LayerEntry) -> tuple[int, int] | None:
    """Return height and width of the window that the layer moves over an image."""
    window = layer.fields.get("window")
    both = shape_of(window if isinstance(window, list) else [window, window])
    return (both[0], both[1]) if both is not None and len(both) == 2 else None


def describe(layer: LayerEntry) -> str:
    """Return type and window: "Conv2D 3×3"."""
    name, window = make_safe(layer.type, 30), window_of(layer)
    return f"{name} {window[0]}×{window[1]}" if window is not None else name


def describe_settings(layer: LayerEntry) -> str:
    """Return stride, padding, dilation and groups that are not their default."""
    plain = {"stride": (1, [1, 1]), "padding": (0, "valid", [0, 0]), "dilation": (1, [1, 1]), "groups": (1,)}
    fields = [(key, layer.fields.get(key)) for key in plain]
    return ", ".join(f"{key} {_shorten(value)}" for key, value in fields if value not in (None, *plain[key]))


def _shorten(value: object) -> str:
    return make_safe("×".join(map(str, value)) if isinstance(value, list) else value, 30)
