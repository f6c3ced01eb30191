"""NaN, infinities and extremes through every activation and loss on every backend, in both types, without a warning."""

import math
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from cnnkit import losses
from cnnkit.backends.registry import available_backends, get_backend
from cnnkit.layers import Context
from cnnkit.parity.extremes import ACTIVATIONS, LOSSES
from torture.trial import Budget, Found, Trial

BACKENDS = ("numpy", "torch", "cupy-sim", "reference")
_SAMPLES = 256  # values of an attempt with an activation
_BOUNDS = {"float32": 1e-5, "float64": 1e-10}
_AT_INFINITY = {  # (y, dx) at -infinity and at infinity; None where the limit is no number
    "Sigmoid": ((0.0, 0.0), (1.0, 0.0)), "Tanh": ((-1.0, 0.0), (1.0, 0.0)), "GELU": ((0.0, 0.0), (None, 1.0)),
    "GELU tanh": ((0.0, 0.0), (None, 1.0)), "ReLU": ((0.0, 0.0), (None, 1.0)), "LeakyReLU": ((None, 0.5), (None, 1.0)),
    "SiLU": ((0.0, 0.0), (None, 1.0)), "Softplus": ((0.0, 0.0), (None, 1.0)), "Mish": ((0.0, 0.0), (None, 1.0)),
    "Hardswish": ((0.0, 0.0), (None, 1.0)), "ELU": ((-0.5, 0.0), (None, 1.0)), "Softsign": ((-1.0, 0.0), (1.0, 0.0)),
    "ReLU6": ((0.0, 0.0), (6.0, 0.0)),
}  # fmt: skip


class _Setting(NamedTuple):
    backend: Any
    dtype: str
    name: str
    calls: dict[str, Callable[..., Any]]  # compiled, by the name of what they compute


def try_extremes(budget: Budget) -> Found:
    """Go round the settings until `count` attempts are done; each has new values of all magnitudes."""
    found, rng = Found(), np.random.default_rng(budget.seed)
    settings, end, values = list(_list_settings()), time.monotonic() + budget.seconds, 0
    while found.attempts < budget.count and time.monotonic() < end:
        setting = settings[found.attempts % len(settings)]
        found.attempts += 1
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try_one = _try_activation if setting.name in ACTIVATIONS else _try_loss
            tried, problems = try_one(setting, rng)
        values += tried
        where = f"{setting.name} on {setting.backend.name} in {setting.dtype}"
        found.faults += [f"{where}: {problem}" for problem in (*problems, *{str(w.message) for w in said})]
    found.figures |= {"backends": len({s.backend.name for s in settings}), "values": f"{values:,}"}
    return found


def _list_settings() -> Iterator[_Setting]:
    usable = available_backends()
    for backend in [get_backend(name, threads=1) for name in BACKENDS if name in usable and usable[name].usable]:
        for dtype in _BOUNDS:
            for name, (layer, _) in ACTIVATIONS.items():
                calls = {"both": backend.compile(_make_pass(backend, layer))}
                yield _Setting(backend, dtype, name, calls)
            for name in LOSSES:
                loss = losses.parse(name)
                value = backend.compile(lambda z, y, loss=loss, b=backend: loss.value_and_gradient(b, z, y))
                scores = backend.compile(lambda z, loss=loss, b=backend: loss.probabilities(b, z) * 1)
                yield _Setting(backend, dtype, name, {"value": value, "scores": scores})


def _make_pass(backend: Any, layer: Any) -> Callable[..., Any]:
    def run(x: Any, dy: Any) -> tuple[Any, Any]:
        context = Context(backend, training=True)
        y, cache = layer.forward(context, {}, {}, x)
        return y * 1, layer.backward(context, {}, cache, dy)[0]

    return run


def _draw(rng: np.random.Generator, dtype: str, size: int, most: float = math.inf) -> np.ndarray:
    """Return finite values of random bits, so of all magnitudes and both signs, within +-most."""
    kind, bits = (np.float32, np.uint32) if dtype == "float32" else (np.float64, np.uint64)
    drawn = rng.integers(0, np.iinfo(bits).max, 4 * size, dtype=bits, endpoint=True).view(kind)
    return drawn[np.abs(drawn) <= min(most, float(np.finfo(kind).max))][:size]  # a comparison with NaN is false


def _try_activation(setting: _Setting, rng: np.random.Generator) -> tuple[int, list[str]]:
    backend, dtype = setting.backend, setting.dtype
    limit = np.finfo(dtype)
    special = [-limit.max, limit.max, limit.tiny, -limit.smallest_subnormal, 0.0, -0.0, -np.inf, np.inf, np.nan]
    x = np.array([*_draw(rng, dtype, _SAMPLES), *special], dtype)[None]
    arrays = (backend.asarray(x.copy(), dtype), backend.asarray(np.ones_like(x), dtype))
    y, dx = (np.array(backend.to_numpy(part), np.float64)[0] for part in setting.calls["both"](*arrays))
    _, function = ACTIVATIONS[setting.name]
    low, high = _AT_INFINITY[setting.name]
    wanted = [*(function(float(value)) for value in x[0, :-3]), low, high]
    problems = [] if np.isnan(y[-1]) else [f"NaN becomes {y[-1]}"]
    for value, *pairs in zip(x[0], zip(y, dx, strict=True), wanted, strict=False):
        for got, right, what in zip(*pairs, ("y", "dx"), strict=True):
            if right is not None and not abs(got - right) <= _BOUNDS[dtype] * max(1.0, abs(right)):
                problems.append(f"{what} at {value!r} is {got!r}, not {right!r}")
    return x.size, problems


def _try_loss(setting: _Setting, rng: np.random.Generator) -> tuple[int, list[str]]:
    backend, dtype = setting.backend, setting.dtype
    function, most = LOSSES[setting.name]
    if dtype == "float64":
        most = most if most > 1e30 else 1e150
    z = _draw(rng, dtype, 8, most).reshape(-1, 2)
    labels = rng.integers(0, 2, len(z))
    value, slope = function(z.astype(np.float64), np.eye(2)[labels])
    outputs, targets = backend.asarray(z.copy(), dtype), backend.asarray(labels, "int64")
    loss, dy = setting.calls["value"](outputs, targets)
    loss, dy = float(backend.to_numpy(loss)), np.array(backend.to_numpy(dy), np.float64)
    scores = np.array(backend.to_numpy(setting.calls["scores"](outputs)))
    problems, bound = [], 10 * _BOUNDS[dtype]
    if not abs(loss - value) <= bound * max(1.0, abs(value)):
        problems.append(f"the loss of {z.tolist()} with {labels.tolist()} is {loss!r}, not {value!r}")
    if not (np.abs(dy - slope) <= bound * np.maximum(1.0, np.abs(slope))).all():
        problems.append(f"the gradient of {z.tolist()} with {labels.tolist()} is {dy.tolist()}, not {slope.tolist()}")
    if not np.isfinite(scores).all():
        problems.append(f"the scores of {z.tolist()} are {scores.tolist()}")
    bad = z.copy()
    bad[0, 0] = np.nan
    if math.isfinite(float(backend.to_numpy(setting.calls["value"](backend.asarray(bad, dtype), targets)[0]))):
        problems.append("a NaN among the outputs leaves the loss finite")
    return z.size, problems


TRIAL = Trial(
    "numbers",
    "NaN, infinities and values of all magnitudes through activations and losses, on all backends",
    "right to rounding wherever the result is a number; 0 warnings",
    try_extremes,
    short=96,
    usual=10_000,
    long=1_000_000,
)
