"""Backends with one common mistake each: the report must fail, name the primitive and state the mistake."""

import numpy as np
import pytest

from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.backends.reference.reference_backend import ReferenceBackend
from cnnkit.parity.check import Arena
from cnnkit.parity.engine import run_check
from cnnkit.parity.mistakes.table import round_mantissa
from cnnkit.parity.primitives import PRIMITIVES


class Wrong(NumpyBackend):
    name = "wrong"

    def __init__(self) -> None:
        super().__init__(threads=1)


class FlippedKernel(Wrong):
    def convolve(self, x, weight, *how):
        return super().convolve(x, np.flip(weight, range(2, weight.ndim)), *how)


class TransposedKernelGradient(Wrong):
    def convolve_weight_gradient(self, dy, x, weight_shape, *how):
        gradient = super().convolve_weight_gradient(dy, x, weight_shape, *how)
        square = gradient.ndim == 4 and weight_shape[2] == weight_shape[3]
        return gradient.transpose(0, 1, 3, 2) if square else gradient


class NoBias(Wrong):
    def add_bias(self, x, bias, relu=False):
        return super().add_bias(x, bias * 0, relu)


class LastOfTies(Wrong):
    """The last of equal values gets the gradient: height and width are reversed before pooling, and reversed back."""

    def max_pool(self, x, *how):
        return super().max_pool(x, *how)[0], x.copy()

    def max_pool_gradient(self, dy, saved, x_shape, window, stride, padding, dilation):
        x, axes = saved, tuple(range(2, dy.ndim))
        geometry = zip(dy.shape[2:], window, stride, dilation, strict=True)
        covered = tuple(slice((n - 1) * s + (w - 1) * d + 1) for n, w, s, d in geometry)
        padded = np.pad(x, ((0, 0), (0, 0), *padding), constant_values=-np.inf)[:, :, *covered]
        how = window, stride, tuple((0, 0) for _ in window), dilation
        _, saved_reversed = super().max_pool(np.ascontiguousarray(np.flip(padded, axes)), *how)
        reversed_gradient = super().max_pool_gradient(np.flip(dy, axes), saved_reversed, padded.shape, *how)
        dpadded = np.zeros((*x_shape[:2], *(n + sum(p) for n, p in zip(x_shape[2:], padding, strict=True))), dy.dtype)
        dpadded[:, :, *covered] = np.flip(reversed_gradient, axes)
        return dpadded[:, :, *(slice(p, p + n) for n, (p, _) in zip(x_shape[2:], padding, strict=True))]


class ZeroPaddingWins(Wrong):
    def max_pool(self, x, window, stride, padding, dilation):
        none = tuple((0, 0) for _ in padding)
        return super().max_pool(np.pad(x, ((0, 0), (0, 0), *padding)), window, stride, none, dilation)


class UnbiasedMean(Wrong):
    """The sum divided by n - 1: a variance computed with it is unbiased instead of biased."""

    def mean(self, x, axis=None, keepdims=False):
        mean = super().mean(x, axis, keepdims)
        count = x.size // np.size(mean)
        return mean * x.dtype.type(count / max(count - 1, 1))


class PaddingOnTheWrongSide(Wrong):
    def convolve(self, x, weight, stride, padding, dilation, groups):
        return super().convolve(x, weight, stride, tuple(side[::-1] for side in padding), dilation, groups)


class DilationOffByOne(Wrong):
    """Dilation is one too large; zeros are appended so that the output has the right shape."""

    def convolve(self, x, weight, stride, padding, dilation, groups):
        further = [d + 1 for d in dilation]
        more = [k - 1 for k in weight.shape[2:]]
        padding = tuple((a, b + m) for (a, b), m in zip(padding, more, strict=True))
        return super().convolve(x, weight, stride, padding, tuple(further), groups)


class GroupsInterleaved(Wrong):
    def convolve(self, x, weight, stride, padding, dilation, groups):
        y = super().convolve(x, weight, stride, padding, dilation, groups)
        return y[:, np.arange(y.shape[1]).reshape((groups, -1)).T.ravel()]


class TF32(Wrong):
    """Factors rounded to 10 bits, as in NVIDIA's tensor cores by default."""

    def convolve(self, x, weight, *how):
        return super().convolve(self._round(x), self._round(weight), *how)

    @staticmethod
    def _round(x):
        return round_mantissa(x, 10).astype(x.dtype)


class TF32Products(Wrong):
    def matmul(self, x, y):
        return super().matmul(*(round_mantissa(a, 10).astype(a.dtype) for a in (x, y)))


class OtherGenerator(Wrong):
    def uniform(self, key, step, shape, start=0):
        seed = [*key, int(np.asarray(step).item()) & (2**63 - 1), start]
        return np.random.default_rng(seed).random(shape, np.float32)


class NoStep(Wrong):
    def uniform(self, key, step, shape, start=0):
        return super().uniform(key, step * 0, shape, start)


class PaddingCounts(Wrong):
    def average_pool(self, x, window, stride, padding, dilation, counted):
        return super().average_pool(x, window, stride, padding, dilation, counted and padding)


class EpsilonInside(Wrong):
    """Adam as in Keras: epsilon is added before the bias correction."""

    def adam_update(self, parameter, gradient, *slots_and_numbers, **fields):
        old_parameter = parameter.copy()
        _, first, second = super().adam_update(parameter, gradient, *slots_and_numbers, **fields)
        if fields["weight_decay"]:
            return parameter, first, second
        _, size, correction = slots_and_numbers[2:]
        return old_parameter - first / ((np.sqrt(second) + fields["epsilon"]) * correction) * size, first, second


class InFloat32(Wrong):
    """Returns float64 but computes in float32."""

    def convolve_input_gradient(self, dy, weight, *rest):
        gradient = super().convolve_input_gradient(dy.astype("f4"), weight.astype("f4"), *rest)
        return gradient.astype(dy.dtype)


class SummedLoss(Wrong):
    def softmax_cross_entropy(self, outputs, targets, label_smoothing=0.0):
        loss, dy = super().softmax_cross_entropy(outputs, targets, label_smoothing)
        return loss * outputs.shape[0], dy * outputs.shape[0]


class NaN(Wrong):
    def tanh(self, x):
        return super().tanh(x) * np.nan


class Raises(Wrong):
    def erf(self, x):
        del x
        raise RuntimeError("no such kernel\nmore details")


PLANTED = [
    (FlippedKernel, "convolve", "the kernel is flipped: true convolution instead of cross-correlation"),
    (TransposedKernelGradient, "convolve_weight_gradient", "height and width of the kernel are exchanged"),
    (NoBias, "add_bias", "the bias is missing"),
    (LastOfTies, "max_pool_gradient", "the last of equal values gets the gradient instead of the first"),
    (ZeroPaddingWins, "max_pool", "padding counts as zero, which exceeds negative values"),
    (UnbiasedMean, "mean", "the sum is divided by n - 1: unbiased instead of biased"),
    (PaddingOnTheWrongSide, "convolve", "padding is applied on the opposite sides"),
    (DilationOffByOne, "convolve", "the dilation is one too large, and zeros are appended"),
    (GroupsInterleaved, "convolve", "the output channels of the groups are interleaved"),
    (TF32, "convolve", "the factors are rounded to TF32 or float16: 10 bits"),
    (TF32Products, "matmul", "the factors are rounded to TF32 or float16: 10 bits"),
    (OtherGenerator, "uniform", "no known mistake"),
    (NoStep, "uniform", "the step is ignored"),
    (PaddingCounts, "average_pool", "all of the padding is counted"),
    (EpsilonInside, "adam_update", "epsilon is added before the bias correction"),
    (InFloat32, "convolve_input_gradient", "computes in float32"),
    (SummedLoss, "softmax_cross_entropy", "summed over the batch instead of averaged"),
    (NaN, "tanh", "gives NaN or infinity"),
    (Raises, "erf", ""),
]


@pytest.mark.parametrize(("wrong", "member", "words"), PLANTED, ids=[case[0].__name__ for case in PLANTED])
def test_a_wrong_backend_is_detected_named_and_explained(wrong, member, words, run_primitive) -> None:
    dtypes = ["float64"] if wrong is InFloat32 else ["float32", "float64"]
    arenas, failed = [Arena(wrong(), dtype) for dtype in dtypes], {dtype: {} for dtype in dtypes}
    for name in PRIMITIVES:
        for row in run_primitive(name, 6, arenas):
            if not row.passed:
                failed[row.dtype][row.name] = row
    spread = {"max_pool": {"max_pool_gradient"}, "mean": {"mean_samples"}, "matmul": {"dense_weight_gradient"}}
    for rows in failed.values():
        assert member in rows
        row = rows[member]
        assert row.backend == "wrong"
        assert row.problem
        assert row.worst
        assert row.explained == (f"{member}: {words}" if words else "")
        assert set(rows) <= {member} | spread.get(member, set())


def test_a_right_backend_passes(run_primitive) -> None:
    for member in PRIMITIVES:
        rows = run_primitive(member, 6, [Arena(Wrong(), "float32")])
        assert rows
        assert all(row.passed for row in rows), rows


def test_an_exception_is_reported_in_one_line() -> None:
    (row,) = run_check(PRIMITIVES["erf"], 1, 0, [Arena(Raises(), "float32")], ReferenceBackend())
    assert row.problem == "raised RuntimeError: no such kernel"
    assert not row.passed
