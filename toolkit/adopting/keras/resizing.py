"""Layers of Keras that resize images."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cnnkit.adopting.keras.layer_call import LayerCall
from cnnkit.adopting.keras.values import Value
from cnnkit.layers import Crop, DepthToSpace, SpaceToDepth, Upsample

_MODES = {"nearest": "nearest", "bilinear": "linear"}


def _convert_upsampling(call: LayerCall, rank: int) -> Value:
    """Repeat each value, or interpolate between them."""
    x, size = call.take_images(rank), call.sizes("size", rank, 2)
    scale = tuple(float(factor) for factor in size)
    if read_mode(call, call.get("interpolation", "nearest")) == "nearest":
        return call.emit(
            call.build(Upsample, scale=scale, mode="nearest", coordinates="asymmetric", nearest_rule="floor"), x
        )
    # Until 2.2 Keras let TensorFlow 1 sample from the corners.
    corners = call.version < (2, 3) and call.version[:3] != (2, 2, 4)
    coordinates = "asymmetric" if corners else "half_pixel"
    return call.emit(call.build(Upsample, scale=scale, mode="linear", coordinates=coordinates), x)


def _convert_resizing(call: LayerCall) -> Value:
    for name in ("crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"):
        if call.flag(name, False):
            raise call.refuse(f"{name} is not supported")
    return resize(
        call, (call.integer("height"), call.integer("width")), read_mode(call, call.get("interpolation", "bilinear"))
    )


def _convert_center_crop(call: LayerCall) -> Value:
    x, wanted = call.take_images(2), (call.integer("height"), call.integer("width"))
    spare = [size - length for size, length in zip(x.stored_shape[1:], wanted, strict=True)]
    if min(spare) < 0:
        raise call.refuse("enlarges its images, which is not supported")
    return call.emit(Crop(tuple((more // 2, more - more // 2) for more in spare)), x)


def resize(call: LayerCall, size: tuple[int, int], mode: str) -> Value:
    """Return images of another size, as TensorFlow 2 samples them: at the centres of pixels."""
    x = call.take_images(2)
    if x.stored_shape[1:] == size:
        call.notes.append("has that size already: does nothing")
        return x
    fields: dict[str, Any] = {"size": size, "mode": mode, "coordinates": "half_pixel"}
    if mode == "nearest":
        fields |= {"nearest_rule": "round_prefer_ceil"}
    return call.emit(call.build(Upsample, **fields), x)


def read_mode(call: LayerCall, interpolation: Any) -> str:
    """Return Upsample's name of an interpolation."""
    given = str(interpolation).lower()
    if given not in _MODES:
        raise call.expect("interpolation", " or ".join(_MODES), given)
    return _MODES[given]


def move_depth(call: LayerCall, block: int, to_space: bool) -> Value:
    """Blocks of channels become blocks of pixels, or the other way, as TensorFlow orders them."""
    x = call.take_images(2)
    return call.emit(call.build(DepthToSpace, block, mode="DCR") if to_space else call.build(SpaceToDepth, block), x)


HANDLERS: Mapping[str, Callable[[LayerCall], Value]] = {
    **{f"UpSampling{rank}D": partial(_convert_upsampling, rank=rank) for rank in (1, 2, 3)},
    "Resizing": _convert_resizing,
    "CenterCrop": _convert_center_crop,
}
