"""The first weights of a network; one that no memory can hold is refused before anything is allocated."""

import math

import numpy as np

from cnnkit.backends.protocol import Shape
from cnnkit.errors import ConfigError
from cnnkit.layers.base import Layer, Variables
from cnnkit.memory import describe_bytes, find_memory
from cnnkit.tree import flatten

_ITEM = 8 + 4  # bytes of a weight that is drawn in float64, and of its copy on a backend


def draw(network: Layer, rng: np.random.Generator, x_shape: Shape) -> Variables:
    """Return network.init(rng, x_shape). Raises ConfigError where the weights are more than the machine's memory."""
    shapes = {name: shape for tree in network.variable_shapes(x_shape) for name, shape in flatten(tree).items()}
    weights, memory = sum(map(math.prod, shapes.values())), find_memory()
    available = memory.describe()
    try:
        if _ITEM * weights <= memory.size:
            return network.init(rng, x_shape)
    except MemoryError:
        available = "the machine has less to give"
    largest = max(shapes, key=lambda name: math.prod(shapes[name]))
    raise ConfigError(
        f"the {weights:,} weights need {describe_bytes(_ITEM * weights)} while they are drawn, {available}: the "
        f"largest is {largest} of shape {shapes[largest]}: give that layer fewer features or inputs"
    ) from None
