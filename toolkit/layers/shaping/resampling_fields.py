"""Checks of the fields of Upsample."""

from typing import Any

from cnnkit.layers.base import Layer
from cnnkit.layers.fields import MOST_AXES, require, require_flag
from cnnkit.resampling import COORDINATES, MODES, NEAREST_RULES
from cnnkit.values import is_count, is_number

Scales = float | tuple[float, ...]


def require_scales(layer: str, scale: object, size: object) -> None:
    """Raise ConfigError unless scale is a number > 0, or one for each axis; or None, and then size is not."""
    numbers = scale if isinstance(scale, tuple) else (scale,)
    good = 0 < len(numbers) < MOST_AXES and all(is_number(number) and number > 0 for number in numbers)
    good = good or (scale is None and size is not None)
    require(good, layer, "scale", "a number > 0 or one for each spatial axis, or size to be given", scale)


def require_sizes(layer: str, size: object) -> None:
    """Raise ConfigError unless size is a whole number, or one for each axis; or None."""
    numbers = size if isinstance(size, tuple) else (size,)
    good = size is None or (0 < len(numbers) < MOST_AXES and all(is_count(number, 1) for number in numbers))
    require(good, layer, "size", "a whole number >= 1 or one for each spatial axis", size)


def require_resampling(layer: Any) -> None:
    """Raise ConfigError unless the fields of an Upsample that say how are what they may be."""
    _require_choice(layer, "mode", MODES)
    _require_choice(layer, "coordinates", tuple(COORDINATES))
    _require_choice(layer, "nearest_rule", tuple(NEAREST_RULES))
    for field in ("align_corners", "exclude_outside", "antialias"):
        require_flag(layer.type, field, getattr(layer, field))
    for field in ("cubic_a", "extrapolation"):
        value = getattr(layer, field)
        require(is_number(value), layer.type, field, "a number", value)
    if layer.align_corners and layer.coordinates != "half_pixel":
        require(layer.coordinates == "align_corners", layer.type, "align_corners", "false with other coordinates", True)
    region = layer.region
    require(region is None or _is_region(region), layer.type, "region", "a pair (begin, end) for each axis", region)
    good = (region is not None) == (layer.coordinates == "tf_crop_and_resize")
    require(good, layer.type, "region", "given for the coordinates 'tf_crop_and_resize' and for no others", region)


def _require_choice(layer: Layer, field: str, choices: tuple[str, ...]) -> None:
    value = getattr(layer, field)
    require(isinstance(value, str) and value in choices, layer.type, field, f"one of {', '.join(choices)}", value)


def _is_region(region: object) -> bool:
    return isinstance(region, tuple) and all(
        isinstance(pair, tuple) and len(pair) == 2 and all(is_number(number) for number in pair) for pair in region
    )
