"""Finds the first step, tensor and primitive in which two exact trainings differ."""

import functools
import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from cnnkit import Training
from cnnkit.backends.protocol import Backend
from cnnkit.parity.recording import RECORDED, lowered
from cnnkit.training.hash_chain import name_arrays
from cnnkit.tree import leaves
from exact.cases import Case

_MADE_OF_OTHERS = ("launches", "pack", "seeing", "join", "join_several", "count_samples")  # or no arithmetic


class Difference(NamedTuple):
    """Where two trainings part: step from 1, name of a tensor or of a primitive, and its values on both."""

    step: int
    name: str
    one: Any
    other: Any

    @property
    def line(self) -> str:
        """One line for people."""
        a, b = np.asarray(self.one), np.asarray(self.other)
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"step {self.step}, {self.name}: {a.dtype} {a.shape} and {b.dtype} {b.shape}"
        where = np.argwhere(_bits(a) != _bits(b))
        first = tuple(map(int, where[0]))
        values = f"{a[first].item()!r} and {b[first].item()!r}"
        return f"step {self.step}, {self.name} {list(a.shape)}: {len(where)} values, first {list(first)}: {values}"


def find_difference(case: Case, one: str | Backend, other: str | Backend, steps: int) -> Difference | None:
    """Return the first tensor that differs after a step, None where all bits are the same."""
    for step, (a, b) in enumerate(zip(_run(case.begin(one), steps), _run(case.begin(other), steps), strict=True), 1):
        for name, values in a.items():
            if not same_bits(values, b[name]):
                return Difference(step, name, values, b[name])
    return None


def find_primitive(case: Case, one: str | Backend, other: str | Backend, step: int) -> Difference | None:
    """Return the first call of a primitive in a step whose result differs; the n-th calls of a name are compared."""
    others = defaultdict[str, list[Any]](list)
    for name, result in _record(case.begin(other), step):
        others[name].append(result)
    for name, result in _record(case.begin(one), step):
        pair = (result, others[name].pop(0)) if others[name] else ()
        values, against = (_arrays(name, each) for each in pair) if pair else ((), ())
        for x, y in zip(values, against, strict=False):
            if not same_bits(x, y):
                return Difference(step, name, x, y)
    return None


def _arrays(name: str, result: Any) -> list[Any]:
    """Return the arrays of a result; of a pooling y alone, what it saves is the backend's own."""
    values = leaves(result)[0][: 1 if name == "max_pool" else None]
    return [np.asarray(value) for value in values if hasattr(value, "dtype")]


def same_bits(one: Any, other: Any) -> bool:
    """Return whether two NumPy arrays have one dtype, shape and bits."""
    same = one.dtype == other.dtype and one.shape == other.shape
    return bool(same and np.array_equal(_bits(one), _bits(other)))


def _bits(x: Any) -> Any:
    return x.view(f"u{x.dtype.itemsize}") if x.dtype.kind == "f" else x


def _run(training: Training, steps: int) -> Iterator[dict[str, Any]]:
    """Yield {name: values} of all that changes, after each step."""
    done, to_numpy = 0, training.model.backend.to_numpy
    while done < steps:
        for batch in training.batches(training.position):
            training.variables, _, _ = training.run_step(training.variables, batch, done, (), None)
            done += 1
            yield {name: np.array(to_numpy(x)) for name, x in name_arrays(training.variables).items()}
            if done == steps:
                return


def _record(training: Training, step: int) -> list[tuple[str, Any]]:
    """Return (primitive, result) of each call that a layer, loss or optimizer makes in one step."""
    calls: list[tuple[str, Any]] = []
    backend, depth = training.model.backend, 0

    def watch(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal depth
            depth += 1
            try:
                result = method(*args, **kwargs)
            finally:
                depth -= 1
            if depth == 0:
                calls.append((name, lowered(backend, result)))
            return result

        return call

    steps = _run(training, step)
    for _ in range(step - 1):
        next(steps)
    for name in RECORDED:
        if name not in _MADE_OF_OTHERS and inspect.isroutine(getattr(backend, name)):
            setattr(backend, name, watch(name, getattr(backend, name)))
    next(steps)
    return calls


def report(case: Case, one: str, other: str, steps: int) -> str:
    """Return what two backends differ in, in lines for people."""
    difference = find_difference(case, one, other, steps)
    if difference is None:
        return f"{case.name}: {one} and {other} have the same bits in {steps} steps"
    primitive = find_primitive(case, one, other, difference.step)
    lines = [f"{case.name}, {one} and {other}: {difference.line}"]
    return "\n".join(lines if primitive is None else [*lines, f"  first primitive: {primitive.line}"])
