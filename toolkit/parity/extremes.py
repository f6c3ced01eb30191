"""Checks of activations and losses over the range of float32, by formulas that cannot overflow in float64."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnkit import layers, losses
from cnnkit.layers import Context, Layer
from cnnkit.parity.bounds import Kind
from cnnkit.parity.check import Arena, Case, Check
from cnnkit.parity.draw import Draw, Values, round_to_float32

LARGEST = 3.4028234663852886e38  # of float32
SIZES = (1e-45, 1e-6, 1.0, 20.0, 104.0, 1e5, 1.9e19, 1e30, LARGEST)
Derivative = tuple[float, float]  # a value, and its slope


def _sigmoid(x: float) -> Derivative:
    e = math.exp(-abs(x))
    y = 1 / (1 + e) if x >= 0 else e / (1 + e)
    return y, e / (1 + e) ** 2


def _tanh(x: float) -> Derivative:
    return math.tanh(x), 1 - math.tanh(x) ** 2


def _gelu(x: float) -> Derivative:
    gate = math.erfc(-x / math.sqrt(2)) / 2
    return x * gate, gate + x * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _gelu_tanh(x: float) -> Derivative:
    if abs(x) > 50:
        return max(x, 0.0), float(x > 0)
    a, b = math.sqrt(2 / math.pi), 0.044715
    inner = math.tanh(a * (x + b * x**3))
    return x * (1 + inner) / 2, (1 + inner) / 2 + x * (1 - inner**2) * a * (1 + 3 * b * x * x) / 2


def _silu(x: float) -> Derivative:
    y, slope = _sigmoid(x)
    return x * y, y + x * slope


def _softplus(x: float) -> Derivative:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x))), _sigmoid(x)[0]


def _mish(x: float) -> Derivative:
    value, slope = _softplus(x)
    gate, root = math.tanh(value), 1 / math.cosh(min(value, 700.0))  # its square may be less than any float
    return x * gate, gate + x * slope * root * root


def _hardswish(x: float) -> Derivative:
    if abs(x) >= 3:
        return max(x, 0.0), float(x > 0)
    return x * (x + 3) / 6, (2 * x + 3) / 6


def _elu(x: float) -> Derivative:
    return (x, 1.0) if x > 0 else (math.expm1(x) / 2, math.exp(x) / 2)


ACTIVATIONS: dict[str, tuple[Layer, Callable[[float], Derivative]]] = {
    "Sigmoid": (layers.Sigmoid(), _sigmoid),
    "Tanh": (layers.Tanh(), _tanh),
    "GELU": (layers.GELU(), _gelu),
    "GELU tanh": (layers.GELU("tanh"), _gelu_tanh),
    "ReLU": (layers.ReLU(), lambda x: (max(x, 0.0), float(x > 0))),
    "LeakyReLU": (layers.LeakyReLU(0.5), lambda x: (x, 1.0) if x > 0 else (x / 2, 0.5)),
    "SiLU": (layers.SiLU(), _silu),
    "Softplus": (layers.Softplus(), _softplus),
    "Mish": (layers.Mish(), _mish),
    "Hardswish": (layers.Hardswish(), _hardswish),
    "ELU": (layers.ELU(0.5), _elu),
    "Softsign": (layers.Softsign(), lambda x: (x / (1 + abs(x)), 1 / (1 + abs(x)) / (1 + abs(x)))),
    "ReLU6": (layers.ReLU6(), lambda x: (min(max(x, 0.0), 6.0), float(0 < x < 6))),
}


def _make_activation_case(draw: Draw, given: tuple[str, float, str]) -> Case:  # noqa: ARG001 (nothing is drawn)
    name, size, part = given
    layer, function = ACTIVATIONS[name]
    x = round_to_float32([[-size, -size / 2, 0.0, size / 2, size]])
    pairs = [function(float(value)) for value in x.ravel()]

    def run(arena: Arena) -> dict[str, Any]:
        context = Context(arena.backend, training=True)
        y, cache = layer.forward(context, {}, {}, arena.array(x))
        if part == "y":
            return {"y": y}
        return {"dx": layer.backward(context, {}, cache, arena.array(np.ones_like(x)))[0]}

    return _make_case(f"{part} at x of {size:g}", run, part, np.array([[pair[part == "dx"] for pair in pairs]]))


def _make_case(label: str, run: Callable[[Arena], dict[str, Any]], part: str, wanted: Values) -> Case:
    kind: Kind = "gradient" if part in ("dx", "dy") else "forward"
    return Case(label, run, kind, wanted={part: wanted}, scale=max(float(np.abs(wanted).max()), 1.0))


def _softmax_rows(z: Values) -> tuple[Values, Values]:
    """Return (log of the sum of exp, softmax) of rows."""
    largest = z.max(axis=1, keepdims=True)
    powers = np.exp(z - largest)
    return largest + np.log(powers.sum(axis=1, keepdims=True)), powers / powers.sum(axis=1, keepdims=True)


def _cross_entropy(z: Values, t: Values) -> tuple[float, Values]:
    logs, shares = _softmax_rows(z)
    return float(np.where(t == 0, 0.0, (logs - z) * t).sum() / len(z)), (shares - t) / len(z)


def _binary_cross_entropy(z: Values, t: Values) -> tuple[float, Values]:
    costs = np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))
    return float(costs.mean()), (_sigmoids(z) - t) / z.size


def _sigmoids(z: Values) -> Values:
    return np.array([[_sigmoid(float(value))[0] for value in row] for row in z])


def _squared(z: Values, t: Values) -> tuple[float, Values]:
    return float(((z - t) ** 2).mean()), 2 * (z - t) / z.size


def _half_squared(z: Values, t: Values) -> tuple[float, Values]:
    return float(((z - t) ** 2).sum() / 2 / len(z)), (z - t) / len(z)


def _absolute(z: Values, t: Values) -> tuple[float, Values]:
    return float(np.abs(z - t).mean()), np.sign(z - t) / z.size


def _huber(z: Values, t: Values) -> tuple[float, Values]:
    e = z - t
    terms = np.where(np.abs(e) <= 1, e * e / 2, np.abs(e) - 0.5)
    return float(terms.mean()), np.clip(e, -1, 1) / z.size


LOSSES: dict[str, tuple[Callable[[Values, Values], tuple[float, Values]], float]] = {  # and the largest output
    "softmax_cross_entropy": (_cross_entropy, LARGEST / 4),
    "binary_cross_entropy": (_binary_cross_entropy, LARGEST / 4),
    "mean_squared_error": (_squared, 5e18),
    "half_squared_error": (_half_squared, 5e18),
    "l1": (_absolute, LARGEST / 4),
    "huber": (_huber, LARGEST / 4),
}


def _make_loss_case(draw: Draw, given: tuple[str, float, str]) -> Case:  # noqa: ARG001 (nothing is drawn)
    name, size, part = given
    loss, (function, _) = losses.parse(name), LOSSES[name]
    z = round_to_float32([[size, -size], [-size, size]])

    def run(arena: Arena) -> dict[str, Any]:
        outputs = arena.array(z)
        if part == "probabilities":
            return {part: loss.probabilities(arena.backend, outputs)}
        value, dy = loss.value_and_gradient(arena.backend, outputs, arena.integers([0, 1]))
        return {"loss": value.reshape(())} if part == "loss" else {"dy": dy}

    value, slope = function(z, np.eye(2))
    scores = {"softmax_cross_entropy": lambda: _softmax_rows(z)[1], "binary_cross_entropy": lambda: _sigmoids(z)}
    wanted = {"loss": np.array(value), "dy": slope, "probabilities": scores.get(name, lambda: z)()}
    return _make_case(f"{part} at outputs of {size:g}", run, part, wanted[part])


CHECKS = [
    *(
        Check(
            "extremes", f"extremes {name}", _make_activation_case,
            tuple((name, size, part) for size in SIZES for part in ("y", "dx")), drawn=False,
        )
        for name in ACTIVATIONS
    ),
    *(
        Check(
            "extremes", f"extremes {name}", _make_loss_case,
            tuple((name, min(size, most), part) for size in SIZES for part in ("loss", "dy", "probabilities")),
            drawn=False,
        )
        for name, (_, most) in LOSSES.items()
    ),
]  # fmt: skip
