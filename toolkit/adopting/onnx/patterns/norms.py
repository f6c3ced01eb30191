"""Normalisations written out: (x - mean) / sqrt(mean((x - mean)^2) + epsilon), and the scales behind them."""

from typing import Any

from cnnkit.adopting.onnx.affine import fit_constant, read_number, scale_axes, strip_rescale
from cnnkit.adopting.onnx.operands import Flow, Known
from cnnkit.adopting.onnx.operation import Operation
from cnnkit.backends.protocol import Shape

_SCALED = ("BatchNorm", "GroupNorm", "InstanceNorm", "LayerNorm", "RMSNorm")


def find_quotient(operation: Operation, x: Flow, y: Flow) -> Flow | None:
    """Return x / y as a LayerNorm or RMSNorm without a scale, None where it is neither."""
    if y.kind != "Sqrt":
        return None
    variance, factor, epsilon = strip_rescale(y.draft.inputs[0])
    if factor != 1 or not epsilon > 0:
        return None
    axes = _find_mean_axes(variance)
    if axes is None:
        return None
    squares = _square_of(variance.draft.inputs[0])
    if squares != x:
        return None
    if x.kind == "Subtract" and _find_mean_axes(x.draft.inputs[1]) == axes:
        source, mean = x.draft.inputs
        if mean.draft.inputs[0] == source:
            return _normalise(operation, source, axes, epsilon)
    return operation.make("RMSNorm", x, axes=axes, epsilon=epsilon, scale=False)


def _normalise(operation: Operation, x: Flow, axes: tuple[int, ...], epsilon: float) -> Flow:
    if axes == tuple(range(2, x.rank)):
        return operation.make("InstanceNorm", x, epsilon=epsilon, scale=False, shift=False)
    fields: dict[str, Any] = {} if axes == tuple(range(1, x.rank)) else {"axes": axes}
    return operation.make("LayerNorm", x, epsilon=epsilon, scale=False, shift=False, **fields)


def _find_mean_axes(mean: Flow) -> tuple[int, ...] | None:
    """Return the axes that a mean is taken over, kept as axes of 1; None for anything else."""
    layer: Any = mean.draft.layer
    if mean.kind.startswith("GlobalAvgPool"):
        return tuple(range(2, mean.draft.inputs[0].rank)) if layer.keepdims else None
    if mean.kind == "Reduce" and layer.kind == "mean" and layer.keepdims:
        return tuple(layer.axes)
    return None


def _square_of(squares: Flow) -> Flow | None:
    if squares.kind == "Square":
        return squares.draft.inputs[0]
    if squares.kind == "Multiply" and len(set(squares.draft.inputs)) == 1:
        return squares.draft.inputs[0]
    return None


def find_groups(operation: Operation, x: Flow, shape: Shape) -> Flow | None:
    """Return x, reshaped to `shape`, as the GroupNorm that it is: (N, G, ...) normalised, then (N, C, ...) again."""
    if x.kind != "InstanceNorm" or x.draft.inputs[0].kind != "Reshape":
        return None
    layer: Any = x.draft.layer
    split = x.draft.inputs[0]
    source = split.draft.inputs[0]
    if source.shape != shape or shape[0] % split.shape[0]:
        return None
    neutral = {"gamma": 1, "beta": 0}
    if any((known.values != neutral[name]).any() for name, known in x.draft.params.items()):
        return None
    return operation.make("GroupNorm", source, groups=split.shape[0], epsilon=layer.epsilon, scale=False, shift=False)


def find_norm(operation: Operation, x: Flow, known: Known) -> Flow | None:
    """Return x times a constant as the scale of the normalisation that gives x, None where it is none or has one."""
    layer: Any = x.draft.layer
    if x.kind not in _SCALED or layer.scale or getattr(layer, "shift", False):
        return None
    axes = (1,) if x.kind == "InstanceNorm" else scale_axes(x, layer)
    fitted = fit_constant(operation, known, x)
    if axes is None or read_number(fitted) is not None:
        return None
    wanted = tuple(x.shape[axis - 1] for axis in axes)
    if tuple(fitted.shape[axis] for axis in axes) != wanted or any(
        extent > 1 and axis not in axes for axis, extent in enumerate(fitted.shape)
    ):
        return None
    gamma = fitted.change("as a scale", wanted, lambda values: values.reshape(wanted))
    fields = {name: value for name, value in vars(layer).items() if not name.startswith("_")} | {"scale": True}
    return operation.make(x.kind, x.draft.inputs[0], {"gamma": gamma}, x.draft.state, named=x.draft.node, **fields)
