"""Pooling of Keras over one to three axes: in windows, over all of them, and to a given size."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cnnkit.adopting.keras.layer_call import LayerCall
from cnnkit.adopting.keras.values import Value, put_first
from cnnkit.layers import (
    AdaptiveAvgPool1D,
    AdaptiveAvgPool2D,
    AdaptiveAvgPool3D,
    AdaptiveMaxPool1D,
    AdaptiveMaxPool2D,
    AdaptiveMaxPool3D,
    AvgPool1D,
    AvgPool2D,
    AvgPool3D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalAvgPool3D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPool3D,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
)

Handler = Callable[[LayerCall], Value]


def _convert_max(call: LayerCall, rank: int, make: Any) -> Value:
    return call.emit(call.build(make, *_read_window(call, rank)), call.take_images(rank))


def _convert_average(call: LayerCall, rank: int, make: Any) -> Value:
    """Padding does not count in the mean."""
    return call.emit(call.build(make, *_read_window(call, rank), count_padding=False), call.take_images(rank))


def _read_window(call: LayerCall, rank: int) -> tuple[tuple[int, ...], tuple[int, ...], str]:
    window = call.sizes("pool_size", rank, 2)
    padding = call.word("padding", ("valid", "same"), "valid")
    return window, call.sizes("strides", rank, list(window)), padding


def _convert_global(call: LayerCall, rank: int, make: Any) -> Value:
    x, keep = call.take_images(rank), call.flag("keepdims", False)
    axis = call.channel_axis(rank + 1)
    order = put_first(rank + 1, axis) if keep else (0,)
    return call.emit(call.build(make, keepdims=keep), x, order=order)


def _convert_adaptive(call: LayerCall, rank: int, make: Any) -> Value:
    return call.emit(call.build(make, call.sizes("output_size", rank)), call.take_images(rank))


_MAKERS: Mapping[str, tuple[Callable[..., Value], tuple[Any, ...]]] = {
    "MaxPooling": (_convert_max, (MaxPool1D, MaxPool2D, MaxPool3D)),
    "AveragePooling": (_convert_average, (AvgPool1D, AvgPool2D, AvgPool3D)),
    "GlobalAveragePooling": (_convert_global, (GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D)),
    "GlobalMaxPooling": (_convert_global, (GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D)),
    "AdaptiveAveragePooling": (_convert_adaptive, (AdaptiveAvgPool1D, AdaptiveAvgPool2D, AdaptiveAvgPool3D)),
    "AdaptiveMaxPooling": (_convert_adaptive, (AdaptiveMaxPool1D, AdaptiveMaxPool2D, AdaptiveMaxPool3D)),
}
HANDLERS: Mapping[str, Handler] = {
    f"{name}{rank}D": partial(function, rank=rank, make=layers[rank - 1])
    for name, (function, layers) in _MAKERS.items()
    for rank in (1, 2, 3)
}
