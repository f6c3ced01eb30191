"""The network as functions and calls, and the memory that its values need."""

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnnkit.exporters.c import code
from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.core.claims import Claims
from cnnkit.exporters.core.raw_values import read_checked
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.files.names import printable

Shape = tuple[int, ...]


@dataclass(frozen=True)
class CValue:
    """An array that a layer gives: number None for an input of the network, which lies `offset` behind its start."""

    number: int | None
    shape: Shape
    offset: int = 0

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return int(np.prod(self.shape, dtype=np.int64))

    def reshaped(self, shape: Sequence[int]) -> "CValue":
        """Return the same numbers with other axes."""
        return CValue(self.number, tuple(shape), self.offset)


@dataclass(frozen=True)
class CCall:
    """A call of a layer's function: its inputs, and the value that it gives."""

    function: str
    inputs: tuple[CValue, ...]
    output: CValue
    what: str


@dataclass
class CProgram:
    """What the layers have added so far.

    real: "float" or "double", the type of all values; sums are double
    """

    weights: dict[str, Tensor]
    real: str
    constants: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    calls: list[CCall] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._claims, self._count = Claims(self.weights), 0

    @property
    def used(self) -> tuple[Tensor, ...]:
        """The weights that layers have taken, each once."""
        return self._claims.taken

    def sharing(self, path: str, shared: str | None) -> AbstractContextManager[None]:
        """Return a context in which a layer's weights are those of another one."""
        return self._claims.sharing(path, shared)

    def weight(self, path: str, name: str, shape: Sequence[int]) -> str:
        """Return the name of the array of a layer's weight. Raises ExportError when there is none of that shape."""
        tensor = self._claims.take(path, name, shape)
        if tensor.name not in self.names:
            self.names[tensor.name] = self._name(tensor.name)
            values = np.asarray(read_checked(tensor), "float32" if self.real == "float" else "float64")
            what = f"{code.comment(printable(tensor.name))}: {' x '.join(map(str, tensor.shape)) or 'one number'}"
            self.constants += code.array(self.names[tensor.name], values, self.real, what)
        return self.names[tensor.name]

    def table(self, path: str, part: str, values: Any) -> str:
        """Return the name of an array of numbers that the layer's fields give: int of whole ones, else double."""
        array = np.asarray(values)
        name = self._name(f"{path}.{part}")
        self.constants += code.array(name, array, "int" if array.dtype.kind in "iu" else "double")
        return name

    def add(
        self, layer: LayerFields, inputs: Sequence[CValue], shape: Sequence[int], body: Sequence[str], details: str = ""
    ) -> CValue:
        """Add a function that fills y from its inputs, named x or x0, x1, ..., and its call; return what it gives."""
        inputs, output = tuple(inputs), CValue(self._count, tuple(int(n) for n in shape))
        self._count += 1
        path, kind = str(layer.get("path", "")), str(layer["type"])
        function = self._name(f"{path}.{kind}", lower=True)
        names = ["x"] if len(inputs) == 1 else [f"x{i}" for i in range(len(inputs))]
        shapes = " and ".join(_tell_shape(value.shape) for value in inputs)
        what = f"{code.comment(printable(path))} {kind}: {shapes} -> {_tell_shape(output.shape)}"
        parameters = ", ".join([*(f"const {self.real} *{name}" for name in names), f"{self.real} *y"])
        self.functions += [
            f"/* layer {what}{': ' + code.comment(details) if details else ''} */",
            f"static void {function}({parameters})", "{", *code.indent(body), "}", "",
        ]  # fmt: skip
        self.calls.append(CCall(function, inputs, output, what))
        return output

    def map(self, layer: LayerFields, x: CValue, expression: str, details: str = "") -> CValue:
        """Add a layer that computes each number by itself; expression: of the double v."""
        body = code.nest([("i", x.size)], ["const double v = x[i];", f"y[i] = ({self.real})({expression});"])
        return self.add(layer, [x], x.shape, body, details or f"y = {expression}")

    def _name(self, text: str, lower: bool = False) -> str:
        """Return a name for C that is not taken."""
        plain = re.sub(r"\W+", "_", text.lower() if lower else text, flags=re.ASCII).strip("_") or "value"
        base = f"layer_{plain}" if plain[0].isdigit() else f"w_{plain}" if not lower else f"run_{plain}"
        name, number = base[:60], 1
        while name in self._taken:
            number += 1
            name = f"{base[:56]}_{number}"
        self._taken.add(name)
        return name

    _taken: set[str] = field(default_factory=set)


def _tell_shape(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape))})"


Operator = Callable[[CProgram, LayerFields, CValue], CValue]
JoiningOperator = Callable[[CProgram, LayerFields, tuple[CValue, ...]], tuple[CValue, ...]]
