"""The first weights of a network; one that no memory can hold is refused before anything is allocated."""

import math
import os
import sys

import numpy as np

from cnnkit.backends.protocol import Shape
from cnnkit.errors import ConfigError
from cnnkit.layers.base import Layer, Variables
from cnnkit.tree import flatten

_ITEM = 8  # bytes of a float64, in which weights are drawn


def draw(network: Layer, rng: np.random.Generator, x_shape: Shape) -> Variables:
    """Return network.init(rng, x_shape). Raises ConfigError where the weights are more than the machine's memory."""
    shapes, memory = flatten(network.variable_shapes(x_shape).params), _memory_bytes()
    needed = _ITEM * sum(map(math.prod, shapes.values()))
    try:
        if needed <= memory:
            return network.init(rng, x_shape)
    except MemoryError:
        memory = 0
    largest = max(shapes, key=lambda name: math.prod(shapes[name]))
    available = f"this machine has {memory / 2**30:,.0f} GiB" if memory else "the machine has less to give"
    raise ConfigError(
        f"the weights need {needed / 2**30:,.0f} GiB while they are drawn, {available}: the largest is {largest} of "
        f"shape {shapes[largest]}: give that layer fewer features or inputs"
    ) from None


def _memory_bytes() -> int:
    """Return the bytes of memory of the machine, or of the address space where it does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return sys.maxsize
