"""A node of the file as the functions that convert it see it: operands, attributes, version, the layers it makes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cnnkit.adopting.onnx.operands import BATCHES, FLAT, Draft, Flow, Known, Operand, Values
from cnnkit.adopting.onnx.refusal import refuse_node
from cnnkit.backends.protocol import Shape
from cnnkit.errors import CnnkitError, WeightFileError
from cnnkit.exporters.onnx.network import FileNetwork, FileNode
from cnnkit.files.names import printable
from cnnkit.layers import LAYERS
from cnnkit.layers.base import NO_VARIABLES

_MOST_VALUES = 1 << 36  # of one sample's output


class Operation:
    """One node. version: of the operator set; uses: how many nodes and outputs read each value.

    Its methods raise WeightFileError, one line that names the node, where the file asks for what cnnkit lacks.
    """

    def __init__(
        self, file: FileNetwork, node: FileNode, operands: Sequence[Operand | None], uses: Mapping[str, int]
    ) -> None:
        self.file, self.node, self.uses = file, node, uses
        self.operands = tuple(operands)
        self.version = file.versions.get(node.domain, 0)

    def refuse(self, problem: str) -> WeightFileError:
        """Return the error about this node."""
        return refuse_node(self.file.file, self.node, problem)

    # ---- operands

    def has(self, index: int) -> bool:
        """Return whether the optional input is there."""
        return index < len(self.operands) and self.operands[index] is not None

    def operand(self, index: int) -> Operand:
        """Return an input that must be there."""
        found = self.operands[index] if index < len(self.operands) else None
        if found is None:
            raise self.refuse(f"input {index} is missing")
        return found

    def flow(self, index: int = 0) -> Flow:
        """Return an input that must be an activation."""
        found = self.operand(index)
        if not isinstance(found, Flow):
            raise self.refuse(f"input {index} is a constant, where cnnkit needs an activation")
        return found

    def known(self, index: int) -> Known:
        """Return an input that must be a constant."""
        found = self.operand(index)
        if not isinstance(found, Known):
            raise self.refuse(f"input {index} is computed from the samples, where cnnkit needs a constant")
        return found

    def integers_of(self, index: int) -> tuple[int, ...]:
        """Return the numbers of a constant input that do not depend on the batch."""
        known = self.known(index)
        if known.varies:
            raise self.refuse(f"input {index} depends on the size of the batch")
        return tuple(self._read_integers(index, known.values))

    def integer_pairs(self, index: int) -> tuple[tuple[int, ...], ...]:
        """Return the numbers of a constant input for each of BATCHES."""
        known = self.known(index)
        return tuple(self._read_integers(index, known.at(batch)) for batch in range(len(BATCHES)))

    def _read_integers(self, index: int, values: Values) -> tuple[int, ...]:
        if values.dtype.kind not in "iu" or values.ndim > 1 or values.size > 64:
            raise self.refuse(f"input {index}: expected a list of whole numbers, got {values.dtype} {values.shape}")
        return tuple(int(value) for value in values.reshape(-1))

    def scalar_of(self, index: int) -> float:
        """Return the one number of a constant input."""
        known = self.known(index)
        if known.varies or known.values.size != 1 or known.values.dtype.kind not in "fiub":
            raise self.refuse(f"input {index}: expected one number, got {known.dtype} {known.shape}")
        return float(known.values.reshape(-1)[0])

    # ---- attributes

    def attribute(self, name: str, kind: type, default: Any) -> Any:
        """Return an attribute of one number or text."""
        value: Any = self.node.attributes.get(name)
        if value is None:
            return default
        if kind is float and isinstance(value, int):
            value = float(value)
        finite = not isinstance(value, float) or math.isfinite(value)
        if not isinstance(value, kind) or not finite:
            raise self.refuse(f"attribute {name}: expected {_KINDS[kind]}")
        return value

    def integer(self, name: str, default: int = 0) -> int:
        """Return a whole number."""
        return int(self.attribute(name, int, default))

    def real(self, name: str, default: float) -> float:
        """Return a finite number; one stored in float32 has the shortest digits that say it."""
        value = float(self.attribute(name, float, default))
        return float(str(np.float32(value))) if name in self.node.attributes else value

    def text(self, name: str, default: str = "") -> str:
        """Return a text."""
        return str(self.attribute(name, str, default))

    def integers(self, name: str) -> tuple[int, ...] | None:
        """Return a list of whole numbers, None where it is left out."""
        value = self.node.attributes.get(name)
        if value is None or value == ():
            return None if value is None else ()
        if not isinstance(value, tuple) or not all(type(n) is int for n in value):
            raise self.refuse(f"attribute {name}: expected whole numbers")
        return value  # type: ignore[return-value]  # all are int

    def axis(self, axis: int, rank: int) -> int:
        """Return the number of an axis from the front."""
        if not -rank <= axis < rank:
            raise self.refuse(f"axis {axis} of {rank} axes")
        return axis % rank

    def axes(self, axes: Sequence[int], rank: int, *, batch: bool = False) -> tuple[int, ...]:
        """Return the numbers of axes from the front, in order; the batch's is not among them unless `batch`."""
        found = tuple(sorted(self.axis(axis, rank) for axis in axes))
        if len(set(found)) < len(found):
            raise self.refuse(f"axes {tuple(axes)}: one of them twice")
        if 0 in found and not batch:
            raise self.refuse("works along the axis of the batch, which cnnkit keeps apart")
        return found

    def read_result(self, index: int) -> bool:
        """Return whether something reads the output of that number."""
        return index < len(self.node.outputs) and self.uses.get(self.node.outputs[index], 0) > 0

    def is_only_use(self, index: int) -> bool:
        """Return whether nothing else reads the input of that number."""
        return self.uses.get(self.node.inputs[index], 0) == 1

    # ---- layers

    def make(
        self,
        layer: str,
        inputs: Flow | tuple[Flow, ...],
        params: Mapping[str, Known] | None = None,
        state: Mapping[str, Known] | None = None,
        named: FileNode | None = None,
        **fields: Any,
    ) -> Flow:
        """Return the first output of a new layer. named: another node that gives it its name."""
        return Flow(self.draft(layer, inputs, params, state, named, **fields))

    def draft(
        self,
        layer: str,
        inputs: Flow | tuple[Flow, ...],
        params: Mapping[str, Known] | None = None,
        state: Mapping[str, Known] | None = None,
        named: FileNode | None = None,
        **fields: Any,
    ) -> Draft:
        """Return a new layer; several inputs are those of a join."""
        cls = LAYERS.get(layer)
        if cls is None:
            raise self.refuse(f"cnnkit has no layer {layer}")
        flows = inputs if isinstance(inputs, tuple) else (inputs,)
        given: Any = tuple(flow.shape for flow in flows) if isinstance(inputs, tuple) else flows[0].shape
        try:
            made = cls(**fields)
            output: Any = made.output_shape(given)
            expected = made.variable_shapes(given) if params or state else NO_VARIABLES
        except CnnkitError as error:
            raise self.refuse(printable(str(error), 400)) from None
        shapes = output if output and isinstance(output[0], tuple) else (output,)
        for shape in shapes:
            self._require_size(shape)
        params, state = params or {}, state or {}
        self._require_shapes(expected.params, params)
        self._require_shapes(expected.state, state)
        return Draft(made, layer, named or self.node, flows, tuple(map(tuple, shapes)), params, state)

    def stand(self, name: str, x: Flow) -> Flow:
        """Return an operation that cnnkit lacks, but knows as a part of larger ones: "Erf", or FLAT."""
        return Flow(Draft(None, name, self.node, (x,), (() if name == FLAT else x.shape,)))

    def _require_size(self, shape: Shape) -> None:
        count = 1
        for extent in shape:
            count *= extent
            if extent < 1 or count > _MOST_VALUES:
                raise self.refuse(f"gives samples of shape {shape}")

    def _require_shapes(self, expected: Mapping[str, Any], known: Mapping[str, Known]) -> None:
        if expected.keys() != known.keys():
            raise self.refuse(f"has weights {', '.join(known)}, where the layer has {', '.join(expected)}")
        for name, values in known.items():
            if tuple(expected[name]) != tuple(values.shape):
                problem = f"{name}: expected a constant of shape {tuple(expected[name])}, got {tuple(values.shape)}"
                raise self.refuse(problem)
            if "float" not in values.dtype:
                raise self.refuse(f"{name}: expected floats, got {values.dtype}")


_KINDS: Mapping[type, str] = {int: "a whole number", float: "a finite number", str: "a text"}
