"""Convolutions of Keras: plain, depthwise, separable and transposed, over one to three axes."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from cnnkit.adopting.keras.activations import activate
from cnnkit.adopting.keras.graph_builder import pack
from cnnkit.adopting.keras.keras1 import THEANO
from cnnkit.adopting.keras.layer_call import LayerCall
from cnnkit.adopting.keras.values import Value
from cnnkit.exporters.core.weight_file import Array
from cnnkit.layers import Conv1D, Conv2D, Conv3D, ConvTranspose1D, ConvTranspose2D, ConvTranspose3D

_CONV: Mapping[int, Any] = {1: Conv1D, 2: Conv2D, 3: Conv3D}
_TRANSPOSED: Mapping[int, Any] = {1: ConvTranspose1D, 2: ConvTranspose2D, 3: ConvTranspose3D}
_WORDS = ("valid", "same", "causal", "full")


def convert_conv(call: LayerCall, rank: int) -> Value:
    """Take kernel (*window, I / groups, O), bias (O) -> weight (O, I / groups, *window), bias (O)."""
    x = call.take_images(rank)
    window, strides, dilation = _read_window(call, rank)
    channels, features, groups = x.stored_shape[0], call.integer("filters"), call.integer("groups", 1)
    if channels % groups:
        raise call.refuse(f"{channels} channels do not divide into {groups} groups")
    arrays = _take(call, "kernel", rank, window, (channels // groups, features), features)
    kernel = _turn_kernel(call, arrays["kernel"], rank, window, features)
    layer = call.build(
        _CONV[rank],
        features,
        window,
        stride=strides,
        padding=_find_padding(call, window, dilation),
        dilation=dilation,
        groups=groups,
        bias="bias" in arrays,
    )
    params = _order_params(np.moveaxis(kernel, (-1, -2), (0, 1)), arrays.get("bias"))
    return activate(call, call.emit(layer, x, variables=pack(params)), call.get("activation", None))


def convert_depthwise(call: LayerCall, rank: int) -> Value:
    """Take kernel (*window, I, M) -> weight (I * M, 1, *window) in I groups."""
    x = call.take_images(rank)
    channels, multiplier = x.stored_shape[0], call.integer("depth_multiplier", 1)
    window, _, _ = _read_window(call, rank)
    arrays = _take(call, "kernel", rank, window, (channels, multiplier), channels * multiplier)
    y = _emit_depthwise(call, rank, x, multiplier, arrays["kernel"], arrays.get("bias"), "")
    return activate(call, y, call.get("activation", None))


def convert_separable(call: LayerCall, rank: int) -> Value:
    """A depthwise convolution without bias, and one with a window of 1 that mixes the channels."""
    x = call.take_images(rank)
    channels, multiplier, features = x.stored_shape[0], call.integer("depth_multiplier", 1), call.integer("filters")
    window, _, _ = _read_window(call, rank)
    ones = (1,) * rank
    shapes: dict[str, Any] = {
        "depthwise_kernel": _list_shapes(call, window, channels, multiplier),
        "pointwise_kernel": _list_shapes(call, ones, channels * multiplier, features),
    }
    if call.flag("use_bias", True):
        shapes["bias"] = (features,)
    arrays = call.take(shapes)
    depthwise = arrays["depthwise_kernel"]
    if depthwise.shape != (*window, channels, multiplier):  # Theano's: (M, I, *window)
        depthwise = np.moveaxis(depthwise, (0, 1), (-1, -2))
    pointwise = arrays["pointwise_kernel"]
    if pointwise.shape != (*ones, channels * multiplier, features):
        pointwise = np.moveaxis(pointwise, (0, 1), (-1, -2))
    y = _emit_depthwise(call, rank, x, multiplier, depthwise, None, "depthwise")
    params = _order_params(np.moveaxis(pointwise, (-1, -2), (0, 1)), arrays.get("bias"))
    layer = call.build(_CONV[rank], features, ones, bias="bias" in arrays)
    call.notes.append("two convolutions: each channel alone, then across the channels")
    y = call.emit(layer, y, "pointwise", variables=pack(params))
    return activate(call, y, call.get("activation", None))


def convert_transposed(call: LayerCall, rank: int) -> Value:
    """Take kernel (*window, O, I) -> weight (I, O, *window); TensorFlow has it as a convolution's gradient."""
    x = call.take_images(rank)
    window, strides, dilation = _read_window(call, rank)
    channels, features = x.stored_shape[0], call.integer("filters")
    if call.integer("groups", 1) != 1:
        raise call.refuse("groups in a transposed convolution are not supported")
    arrays = _take(call, "kernel", rank, window, (features, channels), features)
    kernel = arrays["kernel"]
    if THEANO in call.fields:  # Keras 1: (*window, I, O), or (O, I, *window) by Theano's order
        kernel = np.moveaxis(kernel, (0, 1), (-2, -1)) if call.fields[THEANO] else np.swapaxes(kernel, -1, -2)
    word = call.word("padding", ("valid", "same"), "valid")
    given = call.sizes("output_padding", rank, least=0) if call.get("output_padding", None) is not None else None
    paddings, more = [], []
    for axis in range(rank):
        extent = dilation[axis] * (window[axis] - 1) + 1
        asked = None if given is None else given[axis]
        padding, extra = _cut_transposed(x.stored_shape[1 + axis], extent, strides[axis], word, asked)
        paddings.append(padding)
        more.append(extra)
    layer = call.build(
        _TRANSPOSED[rank],
        features,
        window,
        stride=strides,
        padding=tuple(paddings),
        output_padding=tuple(more),
        dilation=dilation,
        bias="bias" in arrays,
    )
    params = _order_params(np.moveaxis(kernel, (-1, -2), (0, 1)), arrays.get("bias"))
    return activate(call, call.emit(layer, x, variables=pack(params)), call.get("activation", None))


def _cut_transposed(size: int, extent: int, stride: int, word: str, asked: int | None) -> tuple[tuple[int, int], int]:
    """Return (padding, output padding) along an axis; asked: the field output_padding.

    By itself Keras gives size * stride for "same", and no window cut off for "valid"; TensorFlow cuts the odd one at
    the end.
    """
    whole = (size - 1) * stride + extent
    if word == "same":
        wanted = size * stride if asked is None else (size - 1) * stride + extent % 2 + asked
    else:
        wanted = (size - 1) * stride + (max(extent, stride) if asked is None else extent + asked)
    cut = max(whole - wanted, 0)
    return (cut // 2, cut - cut // 2), max(wanted - whole, 0)


def _emit_depthwise(
    call: LayerCall, rank: int, x: Value, multiplier: int, kernel: Array, bias: Array | None, part: str
) -> Value:
    channels = x.stored_shape[0]
    window, strides, dilation = _read_window(call, rank)
    layer = call.build(
        _CONV[rank],
        channels * multiplier,
        window,
        stride=strides,
        padding=_find_padding(call, window, dilation),
        dilation=dilation,
        groups=channels,
        bias=bias is not None,
    )
    weight = np.moveaxis(kernel, (-2, -1), (0, 1)).reshape(channels * multiplier, 1, *window)
    return call.emit(layer, x, part, variables=pack(_order_params(weight, bias)))


def _read_window(call: LayerCall, rank: int) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    return call.sizes("kernel_size", rank), call.sizes("strides", rank, 1), call.sizes("dilation_rate", rank, 1)


def _find_padding(call: LayerCall, window: tuple[int, ...], dilation: tuple[int, ...]) -> Any:
    word = call.word("padding", _WORDS, "valid")
    reach = [d * (w - 1) for w, d in zip(window, dilation, strict=True)]
    if word == "causal":
        return tuple((more, 0) for more in reach)
    return tuple((more, more) for more in reach) if word == "full" else word


def _take(
    call: LayerCall, label: str, rank: int, window: tuple[int, ...], ends: tuple[int, int], outputs: int
) -> dict[str, Array]:
    """Return kernel and bias. ends: the channels behind the window."""
    shapes: dict[str, Any] = {label: _list_shapes(call, window, *ends)}
    if rank == 1 and THEANO not in call.fields and "1D" in call.kind and call.version < (2,):
        shapes[label] = (*shapes[label], (window[0], 1, *ends), (ends[1], ends[0], window[0], 1))  # two of Keras 1
    if call.flag("use_bias", True):
        shapes["bias"] = (outputs,)
    return call.take(shapes)


def _list_shapes(call: LayerCall, window: tuple[int, ...], inner: int, outer: int) -> tuple[tuple[int, ...], ...]:
    """Return the shape of a kernel: the window first, or as Theano has it."""
    if "Transpose" in call.kind and THEANO in call.fields:
        return ((inner, outer, *window),) if call.fields[THEANO] else ((*window, outer, inner),)
    return ((outer, inner, *window),) if call.fields.get(THEANO) else ((*window, inner, outer),)


def _turn_kernel(call: LayerCall, kernel: Array, rank: int, window: tuple[int, ...], features: int) -> Array:
    """Return a kernel as (*window, I, O)."""
    if call.fields.get(THEANO):
        return np.moveaxis(kernel, (0, 1), (-1, -2))
    if rank == 1 and kernel.ndim == 4:
        if kernel.shape[:2] == (window[0], 1) and kernel.shape[3] == features:
            return kernel[:, 0]
        return kernel[..., 0].transpose(2, 1, 0)
    return kernel


def _order_params(weight: Array, bias: Array | None) -> dict[str, Array]:
    params = {"weight": np.ascontiguousarray(weight)}
    return params if bias is None else params | {"bias": np.ascontiguousarray(bias)}


HANDLERS: Mapping[str, Callable[[LayerCall], Value]] = {
    name: partial(function, rank=rank)
    for rank in (1, 2, 3)
    for name, function in {
        f"Conv{rank}D": convert_conv,
        f"DepthwiseConv{rank}D": convert_depthwise,
        f"SeparableConv{rank}D": convert_separable,
        f"Conv{rank}DTranspose": convert_transposed,
    }.items()
}
