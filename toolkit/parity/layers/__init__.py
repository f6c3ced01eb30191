"""Checks of layers and combinators on small cases, which the tests of layers run too."""

from cnnkit.parity.layers.checks import CHECKS, LAYERS
from cnnkit.parity.layers.half import HALF_CHECKS

__all__ = ["CHECKS", "HALF_CHECKS", "LAYERS"]
