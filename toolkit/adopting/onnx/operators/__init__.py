"""Functions that convert a node to layers, one for each operator; a file holds a group of them."""

from cnnkit.adopting.onnx.operators.activations import ACTIVATION_OPERATORS
from cnnkit.adopting.onnx.operators.arithmetic import ARITHMETIC_OPERATORS
from cnnkit.adopting.onnx.operators.conversion import Conversion
from cnnkit.adopting.onnx.operators.convolutions import CONVOLUTION_OPERATORS
from cnnkit.adopting.onnx.operators.moved import MOVED_OPERATORS
from cnnkit.adopting.onnx.operators.normalisation import NORMALISATION_OPERATORS
from cnnkit.adopting.onnx.operators.passing import PASSING_OPERATORS
from cnnkit.adopting.onnx.operators.pooling import POOLING_OPERATORS
from cnnkit.adopting.onnx.operators.products import PRODUCT_OPERATORS
from cnnkit.adopting.onnx.operators.reducing import REDUCING_OPERATORS
from cnnkit.adopting.onnx.operators.resizing import RESIZING_OPERATORS
from cnnkit.adopting.onnx.operators.selecting import SELECTING_OPERATORS
from cnnkit.adopting.onnx.operators.shaping import SHAPING_OPERATORS

OPERATORS: dict[str, Conversion] = {
    **ACTIVATION_OPERATORS,
    **ARITHMETIC_OPERATORS,
    **CONVOLUTION_OPERATORS,
    **NORMALISATION_OPERATORS,
    **PASSING_OPERATORS,
    **POOLING_OPERATORS,
    **PRODUCT_OPERATORS,
    **REDUCING_OPERATORS,
    **RESIZING_OPERATORS,
    **SELECTING_OPERATORS,
    **SHAPING_OPERATORS,
    **MOVED_OPERATORS,
}

__all__ = ["OPERATORS", "Conversion"]
