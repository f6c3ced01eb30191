"""Normalisations of Keras, and what scales values: Rescaling, Normalization, ConvNeXt's LayerScale."""

import math
from collections.abc import Callable, Mapping

import numpy as np

from cnnkit.adopting.keras.constants import MOST_VALUES, read_array
from cnnkit.adopting.keras.graph_builder import pack
from cnnkit.adopting.keras.layer_call import LayerCall
from cnnkit.adopting.keras.values import Value, find_rows, put_first
from cnnkit.exporters.core.weight_file import Array
from cnnkit.layers import BatchNorm, GroupNorm, LayerNorm, Rescale, RMSNorm, Scale

_EPSILON = 1e-7  # keras.backend.epsilon()


def convert_batch_norm(call: LayerCall) -> Value:
    """gamma, beta, mean and variance of each channel; Keras's momentum is the share of the old statistics."""
    x = call.x
    given = call.get("axis", -1)
    axis = call.as_axis("axis", given[0] if isinstance(given, list) and len(given) == 1 else given, x.rank)
    if call.flag("renorm", False) or call.get("virtual_batch_size", None) is not None or call.get("mode", 0) != 0:
        raise call.refuse("statistics of a batch while it infers are not supported", "refused")
    if x.rank > 1:
        x = call.builder.arrange(x, put_first(x.rank, axis))
    elif call.shared:
        x = call.builder.straighten(x)
    labels = [*_list_trained(call), "moving_mean", "moving_variance"]
    arrays = call.take(dict.fromkeys(labels, (x.shape[axis],)))
    rows = find_rows(x)
    params: dict[str, Array] = {label: arrays[label][rows] for label in ("gamma", "beta") if label in arrays}
    state = {"mean": arrays["moving_mean"][rows], "variance": arrays["moving_variance"][rows]}
    layer = call.build(
        BatchNorm,
        epsilon=call.number("epsilon", 1e-3),
        momentum=round(1 - call.number("momentum", 0.99), 12),
        scale="gamma" in params,
        shift="beta" in params,
    )
    return _keep(call.emit(layer, x, variables=pack(params, state)), x)


def convert_layer_norm(call: LayerCall) -> Value:
    """Over the axes of Keras, wherever the network has them."""
    x = call.x
    if call.flag("rms_scaling", False):
        raise call.refuse("rms_scaling is not supported")
    x = call.builder.straighten(x) if call.shared else x
    axes, arrays = _take_over_axes(call, x, _list_trained(call))
    layer = call.build(
        LayerNorm,
        epsilon=call.number("epsilon", 1e-3),
        axes=axes,
        scale="gamma" in arrays,
        shift="beta" in arrays,
    )
    return _keep(call.emit(layer, x, variables=pack(arrays)), x)


def convert_rms_norm(call: LayerCall) -> Value:
    """Return x / sqrt(mean(x**2) + epsilon), times a scale."""
    x = call.x
    axes, arrays = _take_over_axes(call, x, ["gamma"])
    layer = call.build(RMSNorm, epsilon=call.number("epsilon", 1e-6), axes=axes)
    return _keep(call.emit(layer, x, variables=pack(arrays)), x)


def convert_group_norm(call: LayerCall) -> Value:
    """Channels in groups; -1 groups are as many as there are channels."""
    x = call.x
    axis = call.axis("axis", -1, x.rank)
    x = call.builder.arrange(x, put_first(x.rank, axis))
    channels, groups = x.shape[axis], call.integer("groups", 32, least=-1)
    arrays = call.take(dict.fromkeys(_list_trained(call), (channels,)))
    layer = call.build(
        GroupNorm,
        channels if groups == -1 else groups,
        epsilon=call.number("epsilon", 1e-3),
        scale="gamma" in arrays,
        shift="beta" in arrays,
    )
    return call.emit(layer, x, variables=pack(arrays))


def convert_rescaling(call: LayerCall) -> Value:
    """Return scale * x + offset: of numbers, or of arrays along the last axes."""
    scale, offset = read_array(call, "scale", call.get("scale")), read_array(call, "offset", call.get("offset", 0.0))
    return scale_values(call, call.x, scale, offset)


def convert_normalization(call: LayerCall) -> Value:
    """Return (x - mean) / max(sqrt(variance), 1e-7) along an axis; mean and variance are fields or weights."""
    x, given = call.x, call.get("axis", [])
    axes = sorted(call.as_axis("axis", axis, x.rank) for axis in (given if isinstance(given, list) else [given]))
    shape = tuple(x.shape[axis] for axis in axes)
    if call.get("mean", None) is not None:
        mean, variance = (read_array(call, name, call.get(name)) for name in ("mean", "variance"))
    else:
        arrays = call.take({"mean": shape, "variance": shape}, ignored=("count",))
        mean, variance = arrays["mean"], arrays["variance"]
    full = tuple(x.shape[axis] if axis in axes else 1 for axis in range(x.rank))
    try:
        mean, variance = (np.broadcast_to(np.squeeze(a), shape).reshape(full) for a in (mean, variance))
    except ValueError:
        raise call.refuse(f"mean and variance: expected {shape or 'numbers'}, got {mean.shape}") from None
    deviation = np.maximum(np.sqrt(variance.astype(np.float64)), _EPSILON)
    if call.flag("invert", False):
        return scale_values(call, x, deviation, mean)
    return scale_values(call, x, 1 / deviation, -mean.astype(np.float64) / deviation)


def convert_layer_scale(call: LayerCall) -> Value:
    """A factor for each value along the last axis."""
    x = call.x
    gamma = call.take({"gamma": (x.shape[-1],)})["gamma"]
    return scale_values(call, x, gamma, np.zeros(()))


def scale_values(call: LayerCall, x: Value, factor: Array, shift: Array, part: str = "") -> Value:
    """Return factor * x + shift, of arrays that broadcast over the last axes of a sample as NumPy does it."""
    if factor.size == shift.size == 1:
        one, other = float(factor.reshape(())), float(shift.reshape(()))
        return call.apply(call.build(Rescale, one, other), x, part)
    x = call.builder.straighten(x)
    wide = []
    for given in (factor, shift):
        array = given[0] if given.ndim == x.rank + 1 and len(given) == 1 else given  # one for the batch
        padded = array.reshape((1,) * (x.rank - array.ndim) + array.shape) if array.ndim <= x.rank else array
        if padded.ndim != x.rank or any(n not in (1, size) for n, size in zip(padded.shape, x.shape, strict=True)):
            raise call.refuse(f"an array of shape {array.shape} does not fit values of shape {x.shape}")
        wide.append(padded.transpose(x.order))
    shape = np.broadcast_shapes(wide[0].shape, wide[1].shape)
    if math.prod(shape) > MOST_VALUES:
        raise call.refuse(f"constants for {math.prod(shape)} places are too many")
    axes = tuple(axis + 1 for axis, size in enumerate(shape) if size > 1)
    params = {}
    for label, array, neutral in (("weight", wide[0], 1), ("bias", wide[1], 0)):
        if array.size > 1 or float(array.reshape(())) != neutral:
            values = np.broadcast_to(array, shape).reshape([shape[axis - 1] for axis in axes])
            params[label] = np.ascontiguousarray(values, np.float32)
    layer = call.build(Scale, axes=axes, scale="weight" in params, shift="bias" in params)
    return call.emit(layer, x, part, variables=pack(params))


def _list_trained(call: LayerCall) -> list[str]:
    return [label for label, name in (("gamma", "scale"), ("beta", "center")) if call.flag(name, True)]


def _take_over_axes(call: LayerCall, x: Value, labels: list[str]) -> tuple[tuple[int, ...], dict[str, Array]]:
    """Return the network's axes over which is normalised, and weights along them."""
    given = call.get("axis", -1)
    of_keras = sorted({call.as_axis("axis", axis, x.rank) for axis in (given if isinstance(given, list) else [given])})
    arrays = call.take({label: tuple(x.shape[axis] for axis in of_keras) for label in labels})
    if x.rank == 1:
        return (1,), {label: array[find_rows(x)] for label, array in arrays.items()}
    stored = sorted(of_keras, key=x.order.index)
    moved = [of_keras.index(axis) for axis in stored]
    axes = tuple(x.find_axis(axis) for axis in stored)
    return axes, {label: np.ascontiguousarray(array.transpose(moved)) for label, array in arrays.items()}


def _keep(y: Value, x: Value) -> Value:
    """Return the output of a layer that leaves each value in its place."""
    return Value(y.ref, y.shape, y.order, x.blocks)


HANDLERS: Mapping[str, Callable[[LayerCall], Value]] = {
    "BatchNormalization": convert_batch_norm,
    "LayerNormalization": convert_layer_norm,
    "RMSNormalization": convert_rms_norm,
    "GroupNormalization": convert_group_norm,
    "Rescaling": convert_rescaling,
    "Normalization": convert_normalization,
    "LayerScale": convert_layer_scale,
}
