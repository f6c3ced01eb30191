"""What a function that converts a node is: it takes the node as an Operation and returns what its outputs are."""

from collections.abc import Callable, Mapping

from cnnkit.adopting.onnx.operands import Operand
from cnnkit.adopting.onnx.operation import Operation

Result = Operand | tuple[Operand, ...]
Conversion = Callable[[Operation], Result]
Table = Mapping[str, Conversion]
