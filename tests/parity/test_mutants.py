"""Each primitive is changed automatically in six ways; the suite must detect each change and name the primitive."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.backends.protocol import Backend
from cnnkit.backends.pytorch.torch_backend import TorchBackend
from cnnkit.parity.check import Arena
from cnnkit.parity.primitives import PRIMITIVES
from cnnkit.parity.suite import CHECKS

PUBLIC = tuple(n for n, _ in inspect.getmembers(Backend, inspect.isroutine) if not n.startswith("_"))
ABSTRACT = tuple(sorted(Backend.__abstractmethods__))
WITH_RESULT = [
    *ABSTRACT,
    "power",
    "sum_samples",
    "mean_samples",
    "dense_weight_gradient",
    "add_bias",
    "add_bias_gradient",
    "one_hot",
    "softmax_cross_entropy",
    "drop_ignored",
    "update",
    "sgd_update",
    "adam_update",
    "rmsprop_update",
    "constant",
    "pack",
    "assign",
]
MATRIX = {"availability", "allow_tf32"}  # checked by parity.matrix
# What passes over a part of a batch ask for (tests/backends); what a file tells of the machine (tests/toolkit).
PARTS = {"seeing", "join", "join_several", "count_samples", "finish_share", "describe_engine"}


def scale(_: Backend, result: Any) -> Any:
    return result * 1.001


def negate(_: Backend, result: Any) -> Any:
    return -result


def shift(_: Backend, result: Any) -> Any:
    return result + 1


def shorten(_: Backend, result: Any) -> Any:
    return result[:-1] if result.ndim else result + 1


def reverse_axes(backend: Backend, result: Any) -> Any:
    """Reverse the order of the axes; of a single axis, reverse the values."""
    host = np.array(result if isinstance(result, np.ndarray) else result.cpu().numpy())
    swapped = np.ascontiguousarray(host.T) if host.ndim > 1 else host[::-1].copy()
    return swapped if isinstance(result, np.ndarray) else backend.torch.from_numpy(swapped)


def spoil_one_value(backend: Backend, result: Any) -> Any:
    """Set the last value to NaN; add 1 to an integer."""
    host = np.array(result if isinstance(result, np.ndarray) else result.cpu().numpy())
    if host.size:
        host.flat[-1] = np.nan if host.dtype.kind == "f" else host.flat[-1] + 1
    return host if isinstance(result, np.ndarray) else backend.torch.from_numpy(host)


MUTATIONS: dict[str, Callable[[Backend, Any], Any]] = {
    function.__name__: function for function in (scale, negate, shift, shorten, reverse_axes, spoil_one_value)
}
SAME = {("zeros", "scale"), ("zeros", "negate")}  # zero times anything is zero


def make_mutant(base: type[Backend], member: str, mutation: str) -> Backend:
    """Return a backend whose `member` returns a changed result."""
    right, change = getattr(base, member), MUTATIONS[mutation]

    def wrong(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = right(self, *args, **kwargs)
        if isinstance(result, tuple):
            return (change(self, result[0]), *result[1:])
        return change(self, result)

    arguments = {"threads": 1} if base is NumpyBackend else {"device": "cpu", "threads": 1}
    assert base in (NumpyBackend, TorchBackend)
    return type("Mutant", (base,), {"name": "mutant", member: wrong})(**arguments)


@pytest.fixture
def list_problems(run_primitive):
    """Return the problems of the failed rows of a member."""

    def problems(backend: Backend, member: str) -> list[str]:
        rows = run_primitive(member, 4, [Arena(backend, "float32")])
        assert {row.name for row in rows} == {member}
        return [row.problem for row in rows if not row.passed]

    return problems


@pytest.mark.parametrize("base", [NumpyBackend, TorchBackend])
@pytest.mark.parametrize("member", WITH_RESULT)
def test_every_change_of_a_primitive_is_detected_in_its_own_row(base, member, list_problems) -> None:
    changed = [name for name in MUTATIONS if (member, name) not in SAME]
    assert [name for name in changed if not list_problems(make_mutant(base, member, name), member)] == []


@pytest.mark.parametrize("member", WITH_RESULT)
def test_an_unchanged_primitive_passes(member, list_problems) -> None:
    assert list_problems(NumpyBackend(threads=1), member) == []


def test_every_public_member_of_the_protocol_has_a_check() -> None:
    assert set(PUBLIC) - set(PRIMITIVES) == MATRIX | PARTS
    assert set(PRIMITIVES) <= set(PUBLIC)
    assert set(ABSTRACT) <= set(PRIMITIVES)


def test_a_member_without_a_check_would_be_detected() -> None:
    class More(Backend):
        def cumulative_sum(self, x): ...

    public = {n for n, _ in inspect.getmembers(More, inspect.isroutine) if not n.startswith("_")}
    assert public - set(PRIMITIVES) - MATRIX - PARTS == {"cumulative_sum"}


def test_names_of_checks_are_unique() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
