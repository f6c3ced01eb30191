"""What a layer is: a frozen value that turns arrays into arrays, forward and backward, and holds no array itself."""

import functools
import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from cnnkit.backends.protocol import Array, Backend, Padding, Pair, Shape, Sizes
from cnnkit.errors import ShapeError
from cnnkit.layers.spatial import measure_extents
from cnnkit.purity import Part, inner_parts
from cnnkit.tree import Tree, map_leaves

Values = Any  # of a layer of several inputs or outputs: a tuple of arrays, in their order; of one, an array
Shapes = Any  # of samples: a tuple of shapes where Values is a tuple of arrays, else one Shape


class Variables(NamedTuple):
    """A layer's arrays: `params` are trained by gradients, `state` is carried along (running statistics)."""

    params: Tree
    state: Tree


NO_VARIABLES = Variables({}, {})


def join_variables(made: Iterable[Variables]) -> Variables:
    """Return the variables of several layers, each under a name of its own, as those of their parent."""
    params: Tree = {}
    state: Tree = {}
    for variables in made:
        params |= variables.params
        state |= variables.state
    return Variables(params, state)


class Reach(NamedTuple):
    """The input pixels that one output value depends on: `extent`, `stride` further for the next value.

    Both have a number for each spatial axis, such as (height, width).
    remainder: pixels at the end that no window covers. before: how far the first window begins before the first pixel,
    () where it does not; less than 0 where it begins behind it.
    """

    extent: Sizes
    stride: Sizes
    remainder: Sizes = (0, 0)
    before: Sizes = ()


POINTWISE = Reach((1, 1), (1, 1))  # whatever the number of axes


class Context(NamedTuple):
    """What a forward or backward pass needs besides arrays.

    key: two words of 32 bits that address the layer's random draws; derived from its path.
    step: counts updates from 0; may live on the device.
    first_sample: position in the whole batch of the first sample of this part.
    keeps_caches: False says that no backward pass follows, so that a combinator may drop what layers leave for one.
    half: the 16-bit type of a network of half precision, None in any other; only `half_layer` reads it.
    """

    backend: Backend
    training: bool = False
    key: Pair = (0, 0)
    step: int | Array = 0
    first_sample: int = 0
    keeps_caches: bool = True
    half: str | None = None

    def child(self, name: str) -> "Context":
        """Return the context of the child layer `name`."""
        if not self.training:
            return self
        return Context(self.backend, True, _derive(self.key, name), self.step, self.first_sample, half=self.half)

    def shifted(self, samples: int) -> "Context":
        """Return the context of a part of the batch that begins that many samples later."""
        return self._replace(first_sample=self.first_sample + samples) if samples else self


@functools.lru_cache(maxsize=4096)
def _derive(key: Pair, name: str) -> Pair:
    digest = hashlib.blake2b(name.encode(), digest_size=8, key=b"%08x%08x" % key).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")


class Layer(Part, ABC):
    """A function of (params, state, x). Subclasses are frozen dataclasses whose fields are configuration only.

    Shapes named x_shape leave out the batch axis: (C, H, W) or (F,). Where input_count is not 1, x, dx and x_shape are
    tuples with an entry for each input; where output_count is not 1, so are y, dy and the output's shape.
    pure: True says that its methods depend on their arguments and its fields alone, and do nothing but return; then a
    step may be captured, and its Python is not run at every call (cnnkit.purity).
    half_precision: True says that the layer may compute in a 16-bit type: products, which add up in float32, and values
    that are moved, chosen or added; False that it always computes in float32; None that its children decide. A class
    from elsewhere has to say True itself.
    """

    axis_names: ClassVar[Mapping[str, tuple[str, ...]]] = {}  # what the axes of each variable are called in files
    half_precision: ClassVar[bool | None] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.external and cls.half_precision and "half_precision" not in vars(cls):
            cls.half_precision = False

    def init(self, rng: np.random.Generator, x_shape: Shape) -> Variables:
        """Return fresh variables as float64 NumPy arrays; without a backend, so one seed gives one net."""
        return NO_VARIABLES

    def variable_shapes(self, x_shape: Shape) -> Variables:
        """Return the shapes of what `init` returns, in trees of the same names; cnnkit's own layers draw nothing."""
        drawn = self.init(np.random.default_rng(0), x_shape)
        return Variables(*(map_leaves(lambda values: tuple(np.shape(values)), tree) for tree in drawn))

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

    def multiply_adds(self, x_shape: Shape) -> int:
        """Return the number of multiplications with a weight that one sample costs."""
        return 0

    def reach(self, x_shape: Shape) -> Reach | None:
        """Return how far an output value looks along each spatial axis; None where it sees the whole sample."""
        return POINTWISE

    @property
    def input_count(self) -> int | None:
        """How many inputs the layer takes; None for any number of them, as a tuple."""
        return 1

    @property
    def output_count(self) -> int:
        """How many outputs the layer has."""
        return 1

    @property
    def couples_samples(self) -> bool:
        """Whether one sample's output depends on another's while training; of a combinator, whether a child's does.

        Override it as a property or a class attribute.
        """
        return any(part.couples_samples for part in inner_parts(self) if isinstance(part, Layer))

    @property
    def whole_batch(self) -> bool:
        """Whether one call on the whole batch is faster than shards of it; of a combinator, whether a child's is.

        Only speed depends on it. Override it as a property or a class attribute.
        """
        return any(part.whole_batch for part in inner_parts(self) if isinstance(part, Layer))

    @property
    def type(self) -> str:
        """The name of the layer in files, summaries and messages."""
        return type(self).__name__

    def refuse(self, expected: str, x_shape: Shape, hint: str | None = None) -> ShapeError:
        """Return the error for samples of x_shape where `expected` (a shape with N) was needed."""
        return ShapeError(self.type, f"expected x of shape {expected}, got {with_batch(x_shape)}", hint)


def window_reach(sizes: Sizes, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Reach:
    """Return the reach of windows that slide over spatial axes of these sizes."""
    extents = measure_extents(window, dilation)
    remainders = tuple(
        (n + sum(sides) - extent) % s for n, extent, s, sides in zip(sizes, extents, stride, padding, strict=True)
    )
    before = tuple(begin for begin, _ in padding)
    return Reach(extents, stride, remainders, before if any(before) else ())


def moved_reach(before: Sizes) -> Reach:
    """Return the reach of values that are copied to so many pixels further on each spatial axis."""
    axes = len(before)
    return Reach((1,) * axes, (1,) * axes, (0,) * axes, before) if any(before) else POINTWISE


def list_shapes(shapes: Shapes) -> tuple[Shape, ...]:
    """Return the shapes of all inputs or outputs of a layer, also where it has one."""
    return shapes if shapes and isinstance(shapes[0], tuple) else (shapes,)


def count_values(shapes: Shapes) -> int:
    """Return how many values a sample has in all inputs or outputs of a layer."""
    return sum(map(math.prod, list_shapes(shapes)))


def with_batch(shape: Shapes) -> str:
    """(1, 28, 28) -> "(N, 1, 28, 28)"; shapes of several values are joined by "and"."""
    if shape and isinstance(shape[0], tuple):
        return " and ".join(map(with_batch, shape))
    return f"({', '.join(['N', *map(str, shape)])})"
