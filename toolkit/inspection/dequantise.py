"""The numbers that quantised integers stand for, where a file tells scale and zero point: (q - zero_point) * scale."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from cnnkit.exporters.core.weight_file import Array, Tensor, WeightFile

_TABLES = ("quantised", "quantization")  # in the metadata of a format: {name: how its integers stand for numbers}


class Quantisation(NamedTuple):
    """The tensors of scale and zero point (None: 0), and the axis along which they vary (None: one value of each)."""

    scale: Tensor
    zero_point: Tensor | None
    axis: int | None

    def decode(self, integers: Array) -> Array:
        """Return the numbers in float32."""
        shape = [1] * integers.ndim
        if self.axis is not None:
            shape[self.axis] = -1
        zero = 0.0 if self.zero_point is None else self.zero_point.read().astype(np.float64).reshape(shape)
        scale = self.scale.read().astype(np.float64).reshape(shape)
        return np.asarray((integers.astype(np.float64) - zero) * scale, np.float32)


def find_quantisation(file: WeightFile, tensor: Tensor) -> Quantisation | None:
    """Return how the integers of `tensor` stand for numbers, None where the file does not tell or it does not fit."""
    about = next((table[tensor.name] for table in _list_tables(file) if tensor.name in table), None)
    names = [f"{tensor.name}.{part}" for part in ("scale", "zero_point")]
    if not isinstance(about, Mapping) or "details" in about:
        return None
    axis, (scale, zero) = about.get("axis"), (_find_tensor(file, name) for name in names)
    if axis is not None and (type(axis) is not int or not 0 <= axis < len(tensor.shape)):
        return None
    count = 1 if axis is None else tensor.shape[axis]
    if scale is None or any(part is not None and part.parameters != count for part in (scale, zero)):
        return None
    return Quantisation(scale, zero, axis)


def _list_tables(file: WeightFile) -> Iterator[Mapping[str, Any]]:
    for about in file.metadata.values():
        for key in _TABLES if isinstance(about, Mapping) else ():
            if isinstance(about.get(key), Mapping):
                yield about[key]


def _find_tensor(file: WeightFile, name: str) -> Tensor | None:
    return file[name] if name in file else None  # noqa: SIM401 (a WeightFile is no dictionary)
