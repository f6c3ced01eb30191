"""y = factor * x + shift: with numbers (Rescale), or with constants that differ along some axes (Scale, biases)."""

from typing import Any

import numpy as np

from cnnkit.adopting.onnx.operands import Flow, Known, Values
from cnnkit.adopting.onnx.operation import Operation

_BIASED = ("Conv1D", "Conv2D", "Conv3D", "ConvTranspose1D", "ConvTranspose2D", "ConvTranspose3D", "Dense")


def rescale(operation: Operation, x: Flow, factor: float = 1.0, shift: float = 0.0) -> Flow:
    """Return factor * x + shift; a Rescale that x comes from becomes part of it."""
    source, first_factor, first_shift = strip_rescale(x)
    if source is not x:
        factor, shift = factor * first_factor, factor * first_shift + shift
    if _is_near(factor, 1.0) and shift == 0.0:
        return source
    if not (np.isfinite(factor) and np.isfinite(shift)):
        raise operation.refuse(f"multiplies by {factor} and adds {shift}")
    return operation.make("Rescale", source, factor=factor, shift=shift)


def strip_rescale(x: Flow) -> tuple[Flow, float, float]:
    """Return (source, factor, shift) of which x is factor * source + shift."""
    if x.kind != "Rescale":
        return x, 1.0, 0.0
    layer = x.draft.layer
    return x.draft.inputs[0], float(layer.factor), float(layer.shift)  # type: ignore[union-attr]  # a Rescale


def _is_near(value: float, wanted: float) -> bool:
    """Return whether they are equal to the rounding of float32, in which files keep constants."""
    return abs(value - wanted) <= 2e-7 * abs(wanted)


def fit_constant(operation: Operation, known: Known, x: Flow) -> Known:
    """Return a constant in the rank of x, with an extent of 1 along the batch.

    Raises WeightFileError when it differs from sample to sample, or makes x larger.
    """
    if known.varies or (known.shape and len(known.shape) == x.rank and known.shape[0] != 1):
        known = _drop_batch(operation, known, x)
    shape = known.shape
    while len(shape) > x.rank and shape[0] == 1:
        shape = shape[1:]
    if len(shape) > x.rank:
        raise operation.refuse(f"a constant of shape {known.shape} with an activation of {x.rank} axes")
    shape = (1,) * (x.rank - len(shape)) + tuple(shape)
    for extent, own in zip(shape[1:], x.shape, strict=True):
        if extent not in (1, own):
            raise operation.refuse(f"a constant of shape {known.shape} does not fit samples of shape {x.shape}")
    return known if shape == known.shape else known.change(f"reshaped {shape}", shape, lambda a: a.reshape(shape))


def _drop_batch(operation: Operation, known: Known, x: Flow) -> Known:
    """Return a constant that repeats itself along the batch, once."""
    for values in known.pair:
        if values.ndim != x.rank or (values.strides[0] and (values != values[:1]).any()):
            raise operation.refuse(f"a constant of shape {known.shape} that differs from sample to sample")
    return Known.of(known.values[:1], key=f"{known.key} once")


def read_number(known: Known) -> float | None:
    """Return the number of a constant that is one, None for other constants."""
    if any(extent != 1 for extent in known.shape) or known.varies or known.values.dtype.kind not in "fiu":
        return None
    value = known.values.reshape(-1)[0]
    return float(str(value)) if value.dtype == np.float32 else float(value)


def multiply_by(operation: Operation, x: Flow, known: Known) -> Flow:
    """Return x times a constant."""
    known = fit_constant(operation, known, x)
    number = read_number(known)
    if number is not None:
        return rescale(operation, x, factor=number)
    return _scale(operation, x, known, "weight")


def add_constant(operation: Operation, x: Flow, known: Known) -> Flow:
    """Return x plus a constant: the bias of the layer before, where that lacks one and nothing else reads it."""
    known = fit_constant(operation, known, x)
    number = read_number(known)
    own = next((i for i, operand in enumerate(operation.operands) if operand == x), None)
    alone = own is not None and operation.is_only_use(own)
    if alone and x.kind in _BIASED and not x.draft.layer.bias:  # type: ignore[union-attr]  # one of _BIASED
        biased = _add_bias(operation, x, known)
        if biased is not None:
            return biased
    if number is not None:
        return rescale(operation, x, shift=number)
    if alone and x.kind in ("Scale", "LayerNorm", "InstanceNorm", "GroupNorm", "BatchNorm"):
        shifted = _add_shift(operation, x, known)
        if shifted is not None:
            return shifted
    return _scale(operation, x, known, "bias")


def _add_bias(operation: Operation, x: Flow, known: Known) -> Flow | None:
    """Return the layer of x with a bias, None where the constant differs along other axes."""
    draft, layer = x.draft, x.draft.layer
    axis = x.rank - 1 if getattr(layer, "axis", 1) == -1 else 1
    if _varying(known) not in ((), (axis,)):
        return None
    count = x.shape[axis - 1]
    bias = known.change("as a bias", (count,), lambda values: np.broadcast_to(values.reshape(-1), (count,)))
    fields: dict[str, Any] = {name: value for name, value in vars(layer).items() if not name.startswith("_")} | {
        "bias": True
    }
    return operation.make(
        draft.kind, draft.inputs[0], {"weight": draft.params["weight"], "bias": bias}, named=draft.node, **fields
    )


def _add_shift(operation: Operation, x: Flow, known: Known) -> Flow | None:
    """Return the scaled layer of x with a shift along the same axes."""
    draft, layer = x.draft, x.draft.layer
    if getattr(layer, "shift", True) or not getattr(layer, "scale", False):
        return None
    scale_name = "weight" if draft.kind == "Scale" else "gamma"
    wanted = tuple(draft.params[scale_name].shape)
    axes = scale_axes(x, layer)
    if axes is None or not set(_varying(known)) <= set(axes):
        return None
    bias = known.change("as a shift", wanted, lambda values: _spread(values, axes, wanted))
    fields = {name: value for name, value in vars(layer).items() if not name.startswith("_")} | {"shift": True}
    params = {**draft.params, "bias" if draft.kind == "Scale" else "beta": bias}
    return operation.make(draft.kind, draft.inputs[0], params, draft.state, named=draft.node, **fields)


def scale_axes(x: Flow, layer: object) -> tuple[int, ...] | None:
    """Return the axes along which the scale of a normalising layer, or a Scale, differs."""
    axes = getattr(layer, "axes", (1,))
    if axes is None:
        return tuple(range(1, x.rank))
    return tuple(axis % x.rank for axis in axes) if isinstance(axes, tuple) else None


def _scale(operation: Operation, x: Flow, known: Known, role: str) -> Flow:
    axes = _varying(known)
    shape = tuple(known.shape[axis] for axis in axes)
    values = known.change("along " + str(axes), shape, lambda array: array.reshape(shape))
    return operation.make("Scale", x, {role: values}, axes=axes, scale=role == "weight", shift=role == "bias")


def _varying(known: Known) -> tuple[int, ...]:
    return tuple(axis for axis, extent in enumerate(known.shape) if extent > 1)


def _spread(values: Values, axes: tuple[int, ...], wanted: tuple[int, ...]) -> Values:
    """Return a constant with all axes as one with `axes` alone."""
    return np.broadcast_to(values.reshape(tuple(values.shape[axis] for axis in axes)), wanted)
