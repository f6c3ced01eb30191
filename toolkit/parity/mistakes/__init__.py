"""Known mistakes: what a primitive, a layer or an optimizer gives when it is wrong in a way that people are."""

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
