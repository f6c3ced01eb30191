"""Operations on constants, computed by NumPy: the shape arithmetic that exporters write into a graph."""

from cnnkit.adopting.onnx.folding.arithmetic import ARITHMETIC
from cnnkit.adopting.onnx.folding.fold import Fold, FoldBudget, FoldError, fold
from cnnkit.adopting.onnx.folding.making import MAKING
from cnnkit.adopting.onnx.folding.reducing import REDUCING
from cnnkit.adopting.onnx.folding.reshaping import RESHAPING
from cnnkit.adopting.onnx.folding.selecting import SELECTING

FOLDS = {**ARITHMETIC, **MAKING, **REDUCING, **RESHAPING, **SELECTING}

__all__ = ["FOLDS", "Fold", "FoldBudget", "FoldError", "fold"]
