"""Known mistakes: the wrong results that common errors in primitives, layers and optimizers give."""

from cnnkit.parity.mistakes import composites, convolution, moving, pooling, updates
from cnnkit.parity.mistakes.table import Mistakes

MISTAKES: Mistakes = {
    **moving.MISTAKES,
    **convolution.MISTAKES,
    **pooling.MISTAKES,
    **composites.MISTAKES,
    **updates.MISTAKES,
}

__all__ = ["MISTAKES"]
