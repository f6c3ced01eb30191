"""Faults that the table must catch, each planted in one primitive of one backend; they are found and named."""

import numpy as np
import pytest

from cnnkit.backends.numpy_cpu.exact_numpy_backend import ExactNumpyBackend
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.training.fingerprint import fingerprint
from exact.cases import CASES, SHORT, train
from exact.first_difference import find_difference, find_primitive
from exact.table import find_changes, read_table

CASE = CASES["digits-mlp"]


def contract(a, b, c):
    """Return a * b + c rounded once, as an FMA does: float64 holds the product, and nearly always the sum."""
    return (np.float64(a) * np.float64(b) + np.float64(c)).astype(np.float32)


class FusedUpdate(ExactNumpyBackend):
    """Multiplies and adds in one instruction where the velocity is updated."""

    def sgd_update(self, parameter, gradient, velocity, rate, *, momentum, nesterov, weight_decay):  # noqa: ARG002 (those of the case)
        fused = contract(velocity, momentum, gradient)
        return parameter - (gradient + fused * momentum) * rate, fused


class LibraryExponential(ExactNumpyBackend):
    """Calls NumPy's float32 exp, which another processor computes by other instructions."""

    def exp(self, x):
        return np.exp(x)


class Float32Sum(ExactNumpyBackend):
    """Adds float32 in the order that NumPy takes."""

    def sum(self, x, axis=None, keepdims=False):
        return NumpyBackend.sum(self, x, axis, keepdims)


class Float32SumOfSamples(ExactNumpyBackend):
    """Adds the gradient of a bias in float32."""

    def sum_samples(self, x, axis=None, keepdims=False):
        return np.sum(x, axis, dtype=np.float32, keepdims=keepdims).astype(np.float64)


class Float32Product(ExactNumpyBackend):
    """Leaves a product to BLAS in float32."""

    def matmul(self, x, y):
        return NumpyBackend.matmul(self, x, y)


FAULTS = {
    FusedUpdate: ("sgd_update",),
    LibraryExponential: ("exp", "softmax_cross_entropy"),  # which calls it
    Float32Sum: ("sum", "softmax_cross_entropy"),
    Float32SumOfSamples: ("sum_samples", "add_bias_gradient"),
    Float32Product: ("matmul",),
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_changes_the_hash_and_is_named(fault) -> None:
    digest = fingerprint(train(CASE.begin(fault(threads=1)), SHORT))
    assert find_changes({CASE.name: digest}, SHORT, read_table())
    difference = find_difference(CASE, "numpy", fault(threads=1), SHORT)
    assert difference is not None
    primitive = find_primitive(CASE, "numpy", fault(threads=1), difference.step)
    assert primitive is not None
    assert primitive.name in FAULTS[fault]
    assert "values, first [" in primitive.line


def test_a_backend_without_a_fault_is_not_accused() -> None:
    assert find_difference(CASE, "numpy", ExactNumpyBackend(threads=1), SHORT) is None
    assert find_primitive(CASE, "numpy", ExactNumpyBackend(threads=1), SHORT) is None
