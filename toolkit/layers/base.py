"""What a layer is: a frozen value that turns arrays into arrays, forward and backward, and holds no array itself."""

import functools
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from cnnkit.backends.protocol import Array, Backend, Pair, Shape
from cnnkit.errors import ShapeError
from cnnkit.tree import Tree


class Variables(NamedTuple):
    """A layer's arrays: `params` are trained by gradients, `state` is carried along (running statistics)."""

    params: Tree
    state: Tree


NO_VARIABLES = Variables({}, {})


class Context(NamedTuple):
    """What a pass needs besides arrays.

    key: two words of 32 bits that address the layer's random draws; derived from its path.
    step: counts updates from 0; may live on the device.
    first_sample: position in the whole batch of the first sample at hand.
    """

    backend: Backend
    training: bool = False
    key: Pair = (0, 0)
    step: int | Array = 0
    first_sample: int = 0

    def child(self, name: str) -> "Context":
        """Return the context of the child layer `name`."""
        return self._replace(key=_derive(self.key, name)) if self.training else self


@functools.lru_cache(maxsize=4096)
def _derive(key: Pair, name: str) -> Pair:
    digest = hashlib.blake2b(name.encode(), digest_size=8, key=b"%08x%08x" % key).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")


class Layer(ABC):
    """A function of (params, state, x). Subclasses are frozen dataclasses whose fields are configuration only.

    Shapes named x_shape leave out the batch axis: (C, H, W) or (F,).
    """

    couples_samples: bool = False  # True where one sample's output depends on another's while training
    whole_batch: bool = False  # True where one call on the whole batch beats shards of it

    def init(self, rng: np.random.Generator, x_shape: Shape) -> Variables:
        """Return fresh variables as float64 NumPy arrays; no backend in sight, so one seed gives one net."""
        return NO_VARIABLES

    @abstractmethod
    def output_shape(self, x_shape: Shape) -> Shape:
        """Return the shape of one sample's output. Raises ShapeError when x_shape does not fit."""

    @abstractmethod
    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        """Return (y, cache); cache is what backward needs."""

    @abstractmethod
    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        """Return (dx, grads): the gradient in x and a tree of gradients named like params."""

    def parameter_gradients(self, context: Context, params: Tree, cache: Any, dy: Array) -> Tree:
        """Return grads alone, for a first layer whose dx nobody needs."""
        return self.backward(context, params, cache, dy)[1]

    def next_state(self, state: Tree, cache: Any) -> Tree:
        """Return the state after a training step whose forward pass left `cache`."""
        return state

    def children(self, x_shape: Shape) -> Iterator[tuple[str, "Layer", Shape]]:
        """Yield (name, layer, its x_shape) of the layers inside a combinator, in order."""
        return iter(())

    @property
    def type(self) -> str:
        """The name of the layer in files, summaries and messages."""
        return type(self).__name__

    def refuse(self, expected: str, x_shape: Shape, hint: str | None = None) -> ShapeError:
        """Return the error for samples of x_shape where `expected` (a shape with N) was needed."""
        return ShapeError(self.type, f"expected x of shape {expected}, got {with_batch(x_shape)}", hint)


def with_batch(shape: Shape) -> str:
    """(1, 28, 28) -> "(N, 1, 28, 28)"."""
    return f"({', '.join(['N', *map(str, shape)])})"


def reshape_hint(x_shape: Shape) -> str:
    """Return what to put before a layer that needs images."""
    return f"put Reshape((channels, height, width)) before it, with {'*'.join(map(str, x_shape))} values in all"
