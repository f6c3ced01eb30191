"""Groups of operations that exporters write for one layer, found when the last of them is converted."""

from cnnkit.adopting.onnx.patterns.gates import find_product
from cnnkit.adopting.onnx.patterns.norms import find_groups, find_norm, find_quotient
from cnnkit.adopting.onnx.patterns.shuffle import find_shuffle

__all__ = ["find_groups", "find_norm", "find_product", "find_quotient", "find_shuffle"]
