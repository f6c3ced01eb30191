"""The inputs of a step, taken apart into arrays and numbers."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from cnnkit.backends.protocol import Backend, Native, Step
from cnnkit.tree import Structure, leaves, rebuild

Kind = Literal["array", "real", "whole"]


class StepInputs(NamedTuple):
    """The leaves of a step's inputs; `structure` and `kinds` say where they belong."""

    structure: Structure
    kinds: tuple[Kind, ...]  # of all leaves, in order
    arrays: list[Native]
    reals: list[float]
    wholes: list[int]

    @classmethod
    def of(cls, inputs: tuple[Any, ...]) -> "StepInputs":
        """Take inputs apart. Raises TypeError for a leaf that is neither array nor number."""
        values, structure = leaves(inputs)
        kinds: tuple[Kind, ...] = tuple([kind_of(type(value)) for value in values])
        given = cls(structure, kinds, [], [], [])
        for kind, value in zip(kinds, values, strict=True):
            if kind == "array":
                given.arrays.append(value)
            elif kind == "real":
                given.reals.append(float(value))
            else:
                given.wholes.append(int(value))
        return given

    def rebuild(self, arrays: Sequence[Native], reals: Native, wholes: Native) -> tuple[Any, ...]:
        """Return the same inputs with these arrays, and with elements of `reals` and `wholes` as 0-d arrays."""
        values = {"array": iter(arrays), "real": _elements(reals), "whole": _elements(wholes)}
        inputs: tuple[Any, ...] = rebuild(self.structure, [next(values[kind]) for kind in self.kinds])
        return inputs


def with_numbers_as_arrays(backend: Backend, step: Step) -> Step:
    """Return the step with numbers as 0-d arrays, float32 and int64, as captured steps have them."""

    def run(variables: Any, *inputs: Any) -> Any:
        given = StepInputs.of(inputs)
        reals, wholes = backend.asarray(given.reals, "float32"), backend.asarray(given.wholes, "int64")
        return step(variables, *given.rebuild(given.arrays, reals, wholes))

    return run


def kind_of(leaf: type) -> Kind:
    """Return what a leaf of this class is to a step. Raises TypeError for what a step cannot take."""
    if leaf not in _KINDS:
        if issubclass(leaf, float | np.floating):  # before arrays: numbers of NumPy have a shape too
            _KINDS[leaf] = "real"
        elif issubclass(leaf, int | np.integer):
            _KINDS[leaf] = "whole"
        elif hasattr(leaf, "shape"):
            _KINDS[leaf] = "array"
        else:
            raise TypeError(f"a compiled step takes arrays and numbers, got {leaf.__name__}")
    return _KINDS[leaf]


_KINDS: dict[type, Kind] = {}  # results of kind_of, which runs for each leaf in each call


def _elements(array: Native) -> Iterator[Native]:
    """Yield the elements as 0-d arrays, which stay on the device."""
    return (array[i : i + 1].reshape(()) for i in range(array.shape[0]))
