"""Checks of layers and combinators on small cases, which the tests of layers run too."""

from cnnkit.parity.layers.checks import CHECKS, LAYERS

__all__ = ["CHECKS", "LAYERS"]
