"""What a parameter holds before training: float64 drawn on the host, so that one seed gives one net on every backend.

fan_in, fan_out: how many inputs reach one output and how many outputs one input reaches; in a convolution the
channels of the group times the window's area. The normal ones are plain, not truncated, as in torch.nn.init.
"""
# ruff: noqa: ARG002, D102 (one signature for all, described once in the base class; not every argument is used)

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnkit.errors import ConfigError
from cnnkit.plugins import Registry

Values = NDArray[np.float64]


class Initializer(ABC):
    """A rule that draws the first values of one parameter."""

    @abstractmethod
    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Values:
        """Return float64 values of `shape`; the same state of `rng` gives the same values.

        Raises ConfigError where a fan that the rule divides by is below 1.
        """


@dataclass(frozen=True)
class Zeros(Initializer):
    """0 everywhere."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Values:
        return np.zeros(shape)


@dataclass(frozen=True)
class Ones(Initializer):
    """1 everywhere."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Values:
        return np.ones(shape)


@dataclass(frozen=True)
class Constant(Initializer):
    """`value` everywhere."""

    value: float

    def __post_init__(self) -> None:
        _require(math.isfinite(self.value), f"constant: expected a finite value, got {self.value}")

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Values:
        return np.full(shape, self.value, dtype=np.float64)


@dataclass(frozen=True)
class Uniform(Initializer):
    """U[low, high), half open in float64 (a later cast to float32 may round the largest values up to `high`)."""

    low: float
    high: float

    def __post_init__(self) -> None:
        fits = self.low < self.high and math.isfinite(self.high - self.low)
        _require(fits, f"uniform: expected low < high, both finite, got low={self.low}, high={self.high}")

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Values:
        # NumPy's own low + (high - low) * u can round up to `high`.
        return np.minimum(rng.uniform(self.low, self.high, shape), np.nextafter(self.high, self.low))


@dataclass(frozen=True)
class Normal(Initializer):
    """N(mean, std^2)."""

    mean: float = 0.0
    std: float = 0.01

    def __post_init__(self) -> None:
        fits = math.isfinite(self.mean) and 0 <= self.std < math.inf
        _require(fits, f"normal: expected a finite mean and std >= 0, got mean={self.mean}, std={self.std}")

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Values:
        return rng.normal(self.mean, self.std, shape)


@dataclass(frozen=True)
class GlorotUniform(Initializer):
    """U[-b, b), b = sqrt(6 / (fan_in + fan_out)): Glorot and Bengio 2010, equation 16."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Values:
        return _uniform(rng, shape, _deviation(2, fan_in + fan_out))


@dataclass(frozen=True)
class GlorotNormal(Initializer):
    """N(0, 2 / (fan_in + fan_out)): the variance of Glorot and Bengio 2010, equation 12."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Values:
        return rng.normal(0.0, _deviation(2, fan_in + fan_out), shape)


@dataclass(frozen=True)
class HeUniform(Initializer):
    """U[-b, b), b = sqrt(6 / fan_in): the variance of `HeNormal`."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Values:
        return _uniform(rng, shape, _deviation(2, fan_in))


@dataclass(frozen=True)
class HeNormal(Initializer):
    """N(0, 2 / fan_in), for layers before a ReLU: He, Zhang, Ren and Sun 2015, equation 10."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Values:
        return rng.normal(0.0, _deviation(2, fan_in), shape)


@dataclass(frozen=True)
class LecunUniform(Initializer):
    """U[-b, b), b = sqrt(3 / fan_in): the variance of `LecunNormal`."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Values:
        return _uniform(rng, shape, _deviation(1, fan_in))


@dataclass(frozen=True)
class LecunNormal(Initializer):
    """N(0, 1 / fan_in): LeCun, Bottou, Orr and Mueller 1998, "Efficient BackProp", equation 16."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Values:
        return rng.normal(0.0, _deviation(1, fan_in), shape)


@dataclass(frozen=True)
class FanInUniform(Initializer):
    """U[-b, b) with b = 1 / sqrt(fan_in): what PyTorch gives Linear and Conv2d, biases included, by default."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Values:
        bound = _deviation(1, fan_in)
        return Uniform(-bound, bound)(rng, shape, fan_in, fan_out)


@dataclass(frozen=True)
class Orthogonal(Initializer):
    """gain * Q, Q of orthonormal rows or columns, whichever are fewer: Saxe, McClelland and Ganguli 2014.

    The parameter is seen as the matrix (shape[0], all the rest), as torch.nn.init.orthogonal_ sees it.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        _require(0 < self.gain < math.inf, f"orthogonal: expected a finite gain above 0, got {self.gain}")

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Values:
        if len(shape) < 2 or 0 in shape:
            raise ConfigError(f"orthogonal: expected two axes or more, none empty, got {shape}")
        rows, columns = shape[0], math.prod(shape[1:])
        q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
        q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)  # without the signs Q would not be uniformly distributed
        return np.ascontiguousarray(self.gain * (q if rows >= columns else q.T)).reshape(shape)


KERNELS = {
    "identity": ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
    "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "blur": ((1 / 9,) * 3,) * 3,
    "emboss": ((-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
    "edge": ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)),
}


@dataclass(frozen=True)
class FilterKernels(Initializer):
    """Kernels of image processing, 3 x 3, for a first convolution: `names` joined by "+", in turn over the filters.

    Each filter sees the mean of its channels: its kernel divided by their number.
    """

    names: str = "+".join(KERNELS)

    def __post_init__(self) -> None:
        wrong = next((name for name in self.names.split("+") if name not in KERNELS), None)
        _require(wrong is None, f"kernels: expected names of {', '.join(KERNELS)}, joined by +, got {wrong!r:.60}")

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Values:
        if len(shape) != 4 or shape[2:] != (3, 3):
            raise ConfigError(f"kernels: expected the weight of a convolution with a window of 3 x 3, got {shape}")
        kernels = [np.array(KERNELS[name], np.float64) / shape[1] for name in self.names.split("+")]
        filters = [np.broadcast_to(kernels[k % len(kernels)], shape[1:]) for k in range(shape[0])]
        return np.ascontiguousarray(np.stack(filters)) if filters else np.zeros(shape)


INITIALIZERS: Registry[Initializer] = Registry(
    "initializer",
    "cnnkit.initializers",
    Initializer,
    {
        "xavier": "glorot",
        "xavieruniform": "glorot_uniform",
        "xaviernormal": "glorot_normal",
        "kaiming": "he",
        "kaiminguniform": "he_uniform",
        "kaimingnormal": "he_normal",
        "gaussian": "normal",
        "random": "uniform",
        "randomnormal": "normal",
        "zero": "zeros",
        "one": "ones",
    },
)
parse, render, register = INITIALIZERS.parse, INITIALIZERS.render, INITIALIZERS.register


def _deviation(numerator: float, fan: int) -> float:
    _require(fan > 0, f"initializer: expected a fan of 1 or more, got {fan}: give the parameter another initializer")
    return math.sqrt(numerator / fan)


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], deviation: float) -> Values:
    bound = math.sqrt(3) * deviation  # U[-b, b) has the variance b^2 / 3
    return Uniform(-bound, bound)(rng, shape, 1, 1)


def _require(fits: bool, message: str) -> None:
    if not fits:
        raise ConfigError(message)
