"""Products of x with a function of x: SiLU, Hardswish, Mish, GELU in both forms."""

import math
from typing import Any

from cnnkit.adopting.onnx.affine import rescale, strip_rescale
from cnnkit.adopting.onnx.operands import Flow
from cnnkit.adopting.onnx.operation import Operation


def find_product(operation: Operation, x: Flow, y: Flow) -> Flow | None:
    """Return x * y as one layer, None where it is none of those."""
    return _find_gate(operation, x, y) or _find_gate(operation, y, x)


def _find_gate(operation: Operation, x: Flow, gate: Flow) -> Flow | None:
    source, factor, shift = strip_rescale(x)
    if shift:
        source, factor = x, 1.0
    inner, scale, offset = strip_rescale(gate)
    if len(inner.draft.inputs) != 1:
        return None
    found = _find_layer(source, inner, scale, offset)
    if found is None:
        return None
    layer, gain = found
    fields: dict[str, Any] = {"approximate": "tanh"} if layer == "GELU tanh" else {}
    return rescale(operation, operation.make(layer.split()[0], source, **fields), factor=factor * gain)


def _find_layer(x: Flow, gate: Flow, scale: float, offset: float) -> tuple[str, float] | None:
    """Return (layer, gain) with x * (scale * gate + offset) = gain * layer(x)."""
    argument, slope, shift = strip_rescale(gate.draft.inputs[0])
    kind = gate.kind
    if kind == "Erf" and argument == x and not shift and _near(slope, math.sqrt(0.5)) and _near(scale, offset):
        return "GELU", 2 * scale
    if kind == "Tanh" and _near(scale, offset) and not shift and _is_tanh_gelu(x, argument, slope):
        return "GELU tanh", 2 * scale
    return None if offset else _find_plain_gate(x, gate, scale)


def _find_plain_gate(x: Flow, gate: Flow, scale: float) -> tuple[str, float] | None:
    """Return (layer, gain) with x * scale * gate = gain * layer(x)."""
    argument, slope, shift = strip_rescale(gate.draft.inputs[0])
    kind = gate.kind
    if kind == "Sigmoid" and gate.draft.inputs[0] == x:
        return "SiLU", scale
    if kind == "Hardsigmoid" and gate.draft.inputs[0] == x:
        layer = gate.draft.layer
        fits = _near(layer.slope, 1 / 6) and _near(layer.shift, 0.5)  # type: ignore[union-attr]  # a Hardsigmoid
        return ("Hardswish", scale) if fits else None
    if kind == "ReLU6" and argument == x and slope == 1 and _near(shift, 3):
        return "Hardswish", 6 * scale
    if kind == "Tanh" and gate.draft.inputs[0].kind == "Softplus" and gate.draft.inputs[0].draft.inputs[0] == x:
        return "Mish", scale
    return None


def _is_tanh_gelu(x: Flow, argument: Flow, slope: float) -> bool:
    """Return whether slope * argument is sqrt(2/pi) * (x + 0.044715 x^3), in one of the ways to write it."""
    wanted = math.sqrt(2 / math.pi)
    if argument.kind == "Add" and len(argument.draft.inputs) == 2:
        for first, second in (argument.draft.inputs, argument.draft.inputs[::-1]):
            cube, factor, shift = strip_rescale(second)
            if first == x and not shift and _near(factor, 0.044715) and _is_cube(cube, x):
                return _near(slope, wanted)
    if argument.kind == "Multiply":  # x * (1 + 0.044715 x^2)
        for first, second in (argument.draft.inputs, argument.draft.inputs[::-1]):
            square, factor, shift = strip_rescale(second)
            source, outer, zero = strip_rescale(first)
            if source == x and not zero and square.kind == "Square" and square.draft.inputs[0] == x:
                return _near(factor / shift if shift else 0.0, 0.044715) and _near(slope * outer * shift, wanted)
    return False


def _is_cube(cube: Flow, x: Flow) -> bool:
    if cube.kind == "Power":
        return cube.draft.inputs[0] == x and float(cube.draft.layer.exponent) == 3  # type: ignore[union-attr]
    if cube.kind != "Multiply":
        return False
    return any(a == x and b.kind == "Square" and b.draft.inputs[0] == x for a, b in _orders(cube))


def _orders(product: Flow) -> tuple[tuple[Flow, ...], tuple[Flow, ...]]:
    return product.draft.inputs, product.draft.inputs[::-1]


def _near(value: float, wanted: float) -> bool:
    return math.isclose(value, wanted, rel_tol=1e-5)
