"""JAX on the CPU: the primitives as XLA operations, and a training step that is compiled whole.

Arrays of JAX cannot be changed, so `assign` keeps its default body, which hands on the value. Automatic
differentiation takes no part in training: layers bring their own gradients. What is used of it is `linear_transpose`,
which turns a linear primitive (convolution, windows of an image) into its adjoint.
"""

import itertools
import math
import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from cnnkit import philox
from cnnkit.backends.protocol import Availability, Backend, Native, Padding, Pair, Shape, Sizes, Step
from cnnkit.tree import FlatTree, Layout, flatten, unflatten
from jax import lax

EXACT = lax.Precision.HIGHEST  # XLA may round the factors of products to fewer bits unless told not to


class JaxBackend(Backend):
    """The primitives on jax.Array.

    device: "cpu" or None. threads: not looked at, since XLA works on all cores that the process may use.
    float64 and int64 are switched on for the whole process: without that, JAX makes 32 bits of them.
    """

    name = "jax"

    def __init__(self, device: str | None = None, threads: int | None = None) -> None:
        jax.config.update("jax_enable_x64", True)
        self.threads = os.cpu_count() or 1
        self._cpu = jax.devices("cpu")[0]

    @classmethod
    def availability(cls) -> Availability:
        return Availability(usable=True)  # JAX always has a CPU; without JAX this file cannot be imported

    # ---- arrays in and out

    def asarray(self, values: Any, dtype: str | None = None) -> Native:
        return jnp.array(values, dtype, device=self._cpu)  # a copy: XLA may still read when the caller writes again

    def to_numpy(self, x: Native) -> Any:
        return np.asarray(x)

    def zeros(self, shape: Shape, dtype: str) -> Native:
        return jnp.zeros(shape, dtype, device=self._cpu)

    def arange(self, count: int) -> Native:
        return jnp.arange(count, device=self._cpu)

    def uniform(self, key: Pair, step: Any, shape: Shape, start: int = 0) -> Native:
        size = math.prod(shape)
        blocks = jnp.arange(start // 4, (start + size + 3) // 4, device=self._cpu)
        steps = jnp.asarray(step, "int64").reshape((1,))
        words = jnp.broadcast_arrays(*philox.philox4x32(philox.counters(blocks, steps), key))
        draws = jnp.stack(words, axis=1).reshape((-1,))[start % 4 : start % 4 + size]
        return ((draws >> 8).astype("float32") * 2**-24).reshape(shape)

    # ---- element by element

    def exp(self, x: Native) -> Native:
        return jnp.exp(x)

    def log(self, x: Native) -> Native:
        return jnp.log(x)

    def log1p(self, x: Native) -> Native:
        return jnp.log1p(x)

    def sqrt(self, x: Native) -> Native:
        return jnp.sqrt(x)

    def tanh(self, x: Native) -> Native:
        return jnp.tanh(x)

    def erf(self, x: Native) -> Native:
        return lax.erf(x)

    def maximum(self, x: Native, other: Native) -> Native:
        return jnp.maximum(x, other)

    def where(self, condition: Native, x: Native, y: Native) -> Native:
        return jnp.where(condition, x, y)

    # ---- reductions

    def sum(self, x: Native, axis: Any = None, keepdims: bool = False) -> Native:
        return jnp.sum(x, axis=axis, keepdims=keepdims)

    def mean(self, x: Native, axis: Any = None, keepdims: bool = False) -> Native:
        return jnp.mean(x, axis=axis, keepdims=keepdims)

    def max(self, x: Native, axis: int | None = None, keepdims: bool = False) -> Native:
        return jnp.max(x, axis=axis, keepdims=keepdims)

    def argmax(self, x: Native, axis: int) -> Native:
        return jnp.argmax(x, axis=axis)

    # ---- moving and joining

    def take(self, x: Native, indices: Native, axis: int = 0) -> Native:
        return jnp.take(x, indices, axis=axis)

    def transpose(self, x: Native, axes: tuple[int, ...]) -> Native:
        return jnp.transpose(x, axes)

    def concatenate(self, arrays: Sequence[Native], axis: int = 0) -> Native:
        return jnp.concatenate(arrays, axis=axis)

    def matmul(self, x: Native, y: Native) -> Native:
        return jnp.matmul(x, y, precision=EXACT)

    # ---- convolution and its adjoints

    def convolve(
        self, x: Native, weight: Native, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        axes = "DHW"[-len(stride) :]  # lax knows them by letters
        return lax.conv_general_dilated(
            x, weight, stride, padding, rhs_dilation=dilation, feature_group_count=groups,
            dimension_numbers=(f"NC{axes}", f"OI{axes}", f"NC{axes}"), precision=EXACT,
        )  # fmt: skip

    def convolve_input_gradient(
        self, dy: Native, weight: Native, x_shape: Shape, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        return _adjoint(lambda x: self.convolve(x, weight, stride, padding, dilation, groups), x_shape, dy)

    def convolve_weight_gradient(
        self, dy: Native, x: Native, weight_shape: Shape, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        return _adjoint(lambda weight: self.convolve(x, weight, stride, padding, dilation, groups), weight_shape, dy)

    # ---- pooling

    def max_pool(
        self, x: Native, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
    ) -> tuple[Native, Any]:
        geometry = window, stride, padding, dilation
        values = _windows(x, *geometry, -jnp.inf)
        inside = _windows(jnp.ones((1, 1, *x.shape[2:])), *geometry, 0.0) > 0
        best, places = values.max(axis=0), jnp.arange(len(values)).reshape((-1, *(1 for _ in x.shape)))
        # of equal values the first, but not padding
        first = jnp.where(best == -jnp.inf, inside.argmax(axis=0), values.argmax(axis=0))
        last_nan = jnp.where(jnp.isnan(values), places, -1).max(axis=0)
        return best, jnp.maximum(jnp.where(last_nan < 0, first, -1), last_nan)

    def max_pool_gradient(
        self, dy: Native, saved: Any, x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
    ) -> Native:
        places = jnp.arange(math.prod(window)).reshape((-1, *(1 for _ in x_shape)))
        dvalues = jnp.where(saved == places, dy, 0.0)
        return _adjoint(lambda x: _windows(x, window, stride, padding, dilation, 0.0), x_shape, dvalues)

    def average_pool(
        self, x: Native, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, counted: Padding
    ) -> Native:
        rest = tuple((b - cb, e - ce) for (b, e), (cb, ce) in zip(padding, counted, strict=True))
        ones = jnp.pad(jnp.ones((1, 1, *x.shape[2:]), x.dtype), ((0, 0), (0, 0), *counted), constant_values=1.0)
        counts = _windows(ones, window, stride, rest, dilation, 0.0).sum(axis=0)
        return _windows(x, window, stride, padding, dilation, 0.0).sum(axis=0) / counts

    def average_pool_gradient(
        self, dy: Native, x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes,
        counted: Padding,
    ) -> Native:  # fmt: skip
        return _adjoint(lambda x: self.average_pool(x, window, stride, padding, dilation, counted), x_shape, dy)

    # ---- running a step

    def compile(self, step: Step, impure: str | None = None) -> Step:
        return step if impure else jax.jit(step)  # numbers take the dtype of what they meet, as Python's numbers do

    def out_of_memory(self, error: BaseException) -> bool:
        return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)

    def synchronize(self) -> None:
        jax.block_until_ready(jax.live_arrays())


def _adjoint(linear: Any, x_shape: Shape, dy: Native) -> Native:
    """Return dx of x_shape: the adjoint of the linear function x -> y at dy."""
    (dx,) = jax.linear_transpose(linear, jax.ShapeDtypeStruct(x_shape, dy.dtype))(dy)
    return dx


@partial(jax.jit, static_argnums=(1, 2, 3, 4, 5))  # outside of a step, each slice would be compiled by itself
def _windows(x: Native, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, fill: float) -> Native:
    """Return what each window sees, (KH * KW, N, C, OH, OW): the window's places in row-major order come first."""
    framed = jnp.pad(x, ((0, 0), (0, 0), *padding), constant_values=fill)
    extents = [d * (w - 1) for w, d in zip(window, dilation, strict=True)]
    last = [(size - e - 1) // s * s for size, e, s in zip(framed.shape[2:], extents, stride, strict=True)]
    seen = [
        tuple(slice(k * d, k * d + end + 1, s) for k, d, end, s in zip(place, dilation, last, stride, strict=True))
        for place in itertools.product(*map(range, window))
    ]
    return jnp.stack([framed[:, :, *index] for index in seen])


# What goes through jax.jit is taken apart into arrays and put together again; JAX knows dictionaries and NamedTuples.


def _taken_apart(tree: FlatTree) -> tuple[tuple[Native, ...], Layout]:
    return (tree.flat, *flatten(tree).values()), tree.layout


def _put_together(layout: Layout, arrays: Sequence[Native]) -> FlatTree:
    tree = FlatTree.__new__(FlatTree)  # the leaves are there already: cutting them out of `flat` again would take time
    tree.update(unflatten({path: array for (path, *_), array in zip(layout, arrays[1:], strict=True)}))
    tree.flat, tree.layout = arrays[0], layout
    return tree


jax.tree_util.register_pytree_node(FlatTree, _taken_apart, _put_together)
