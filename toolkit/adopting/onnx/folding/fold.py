"""One operation on constants: its inputs as arrays, its attributes, and a budget on what is computed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cnnkit.adopting.onnx.operands import BATCHES, Known, Values
from cnnkit.errors import first_line
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.exporters.onnx.network import FileNode
from cnnkit.files.limits import widen

_FREE_BYTES, _LARGEST_RATIO = 64 << 20, 100
# What gives a view of a constant that repeats one number; all else works through its values, one by one.
_VIEWS = frozenset((
    "Cast", "CastLike", "Constant", "ConstantOfShape", "Expand", "Flatten", "Identity", "Reshape", "Shape", "Size",
    "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze",
))  # fmt: skip


class FoldError(Exception):
    """An operation on constants that cannot be computed, or not within bounds; its text says why."""


class FoldBudget:
    """How many bytes may be read and made by all operations on constants of one file."""

    def __init__(self, file_size: int) -> None:
        self._left = widen(max(_FREE_BYTES, _LARGEST_RATIO * file_size))

    def spend(self, size: int) -> None:
        """Count bytes. Raises FoldError when there are none left."""
        self._left -= size
        if self._left < 0:
            raise FoldError("computes more constants than a network of this size needs (CNNKIT_LIMITS=10 allows more)")


class Fold:
    """The operands of one operation for one batch."""

    def __init__(self, node: FileNode, version: int, inputs: Sequence[Values | None], budget: FoldBudget) -> None:
        self.node, self.version, self.inputs, self._budget = node, version, tuple(inputs), budget

    def __getitem__(self, index: int) -> Values:
        found = self.inputs[index] if index < len(self.inputs) else None
        if found is None:
            raise FoldError(f"input {index} is missing")
        return found

    def has(self, index: int) -> bool:
        """Return whether the optional input is there."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute as it is in the file."""
        return self.node.attributes.get(name, default)

    def integer(self, name: str, default: int = 0) -> int:
        """Return a whole number."""
        value = self.node.attributes.get(name, default)
        if type(value) is not int:
            raise FoldError(f"attribute {name}: expected a whole number")
        return value

    def list_of(self, name: str, index: int) -> tuple[int, ...] | None:
        """Return whole numbers that are an attribute in some versions and an input in others; None where neither."""
        value: Any = self.node.attributes.get(name)
        if value is None and self.has(index):
            value = read_list(self[index])
        if value is None or (isinstance(value, tuple) and all(type(number) is int for number in value)):
            return value
        raise FoldError(f"{name}: expected whole numbers")

    def reserve(self, count: int, dtype: np.dtype[Any]) -> None:
        """Count the values of a result before it is made."""
        self._budget.spend(count * dtype.itemsize)


FoldFunction = Callable[[Fold], Values | list[Values]]


def read_list(values: Values) -> tuple[int, ...]:
    """Return an array of whole numbers as a tuple. Raises FoldError for one that is long, or of something else."""
    if values.dtype.kind not in "iub" or values.size > 1 << 16:
        raise FoldError(f"expected a list of whole numbers, got {values.dtype} {values.shape}")
    return tuple(int(value) for value in values.reshape(-1))


def fold(
    function: FoldFunction, node: FileNode, version: int, inputs: Sequence[Known | None], budget: FoldBudget
) -> list[Known]:
    """Return the results of an operation on constants. Raises FoldError."""
    batches = range(len(BATCHES) if any(known is not None and known.varies for known in inputs) else 1)
    results: list[list[Values]] = []
    for batch in batches:
        arrays = [None if known is None else known.at(batch) for known in inputs]
        for array in arrays:
            if array is not None:
                budget.spend(_count_bytes(array) if node.op in _VIEWS else array.nbytes)
        results.append(_compute(function, Fold(node, version, arrays, budget)))
    return [Known.of(*values, key=f"{node.place}:{index}") for index, values in enumerate(zip(*results, strict=True))]


def _compute(function: FoldFunction, operands: Fold) -> list[Values]:
    try:
        with np.errstate(all="ignore"):
            made = function(operands)
    except (ValueError, IndexError, TypeError, OverflowError, ZeroDivisionError, AttributeError, MemoryError) as error:
        raise FoldError(f"its constants do not fit: {first_line(error)}") from None
    arrays = [np.asarray(array) for array in (made if isinstance(made, list) else [made])]
    for array in arrays:
        if array.ndim > 16:
            raise FoldError(f"gives {array.ndim} axes")
        operands.reserve(_count_bytes(array), np.dtype(np.uint8))
    return arrays


def _count_bytes(array: Values) -> int:
    """Return the bytes that an array takes; a view that repeats one number takes little."""
    return array.itemsize if not any(array.strides) else array.nbytes


def as_tensor(value: Any) -> Tensor:
    """Return an attribute that must be a tensor. Raises FoldError."""
    if not isinstance(value, Tensor):
        raise FoldError(f"its value is not read: {getattr(value, 'reason', 'no tensor')}")
    return value


Table = Mapping[str, FoldFunction]
