"""Layers of Keras that move values: Flatten, Reshape, Permute, padding and cropping."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from cnnkit.adopting.keras.layer_call import LayerCall
from cnnkit.adopting.keras.values import FlattenedTensor, Value, lies_alike
from cnnkit.files.names import describe_value
from cnnkit.layers import Crop, Flatten, Pad

Pairs = tuple[tuple[int, int], ...]


def permute(x: Value, axes: Sequence[int]) -> Value:
    """Return a sample of which axis k was axes[k]: only what the axes mean changes, no value moves."""
    shape = tuple(x.shape[axis] for axis in axes)
    return Value(x.ref, shape, tuple(list(axes).index(axis) for axis in x.order))


def reshape(call: LayerCall, x: Value, target: Sequence[Any]) -> Value:
    """Return a sample in another shape; one size of it may be -1 or null."""
    total = math.prod(x.shape)
    sizes = [-1 if size in (None, -1) else call.as_integer("target_shape", size) for size in target]
    known = math.prod(size for size in sizes if size != -1)
    if sizes.count(-1) == 1 and total % known == 0:
        sizes[sizes.index(-1)] = total // known
    if -1 in sizes or math.prod(sizes) != total:
        raise call.refuse(f"cannot reshape {x.shape} into {describe_value(list(target))}")
    if tuple(sizes) == x.shape:
        return x
    if len(sizes) == 1:
        return flatten(call, x)
    y = call.builder.reshape(call.name, x, tuple(sizes), call.builder.prefer_order(len(sizes)))
    if y.ref == x.ref:
        call.notes.append("nothing to do: the values lie so already")
    return y


def flatten(call: LayerCall, x: Value) -> Value:
    """Return a vector that remembers in which sequence Keras has its values."""
    if x.rank == 1:
        return x
    y = call.emit(Flatten(), x, order=(0,))
    if lies_alike(x.shape, x.order):
        return y
    return Value(y.ref, y.shape, y.order, (FlattenedTensor(x.shape, x.order),))


def _convert_flatten(call: LayerCall) -> Value:
    x = call.x
    if x.rank > 1 and call.channel_axis(x.rank) == 0:  # Keras puts the channels last first
        x = permute(x, (*range(1, x.rank), 0))
    return flatten(call, x)


def convert_reshape(call: LayerCall) -> Value:
    """Give a sample another shape, its values in Keras's sequence."""
    target = call.get("target_shape")
    if not isinstance(target, list) or not target:
        raise call.expect("target_shape", "a list of sizes", target)
    return reshape(call, call.x, target)


def _convert_permute(call: LayerCall) -> Value:
    x, dims = call.x, call.get("dims")
    if not isinstance(dims, list) or sorted(map(str, dims)) != sorted(map(str, range(1, x.rank + 1))):
        raise call.expect("dims", f"the axes 1 to {x.rank}", dims)
    call.notes.append("the axes change their meaning alone")
    return permute(call.builder.straighten(x), [int(axis) - 1 for axis in dims])


def _convert_padding(call: LayerCall, rank: int) -> Value:
    x, pairs = call.take_images(rank), _read_pairs(call, "padding", rank)
    return call.emit(call.build(Pad, ((0, 0), *pairs)), x)


def _convert_cropping(call: LayerCall, rank: int) -> Value:
    x, pairs = call.take_images(rank), _read_pairs(call, "cropping", rank)
    return call.emit(call.build(Crop, pairs), x)


def _read_pairs(call: LayerCall, name: str, rank: int) -> Pairs:
    """Return (begin, end) for each axis: one number for all, one for both ends of each axis, or pairs."""
    given = call.get(name, 1)
    if isinstance(given, dict):  # Keras 1
        sides = ("top", "bottom", "left", "right") if rank == 2 else ("left", "right")
        given = [given.get(f"{side}_pad", 0) for side in sides]
        given = [given[i : i + 2] for i in range(0, len(given), 2)]
    if not isinstance(given, list):
        given = [[given] * 2] * rank
    elif rank == 1 and len(given) == 2 and not isinstance(given[0], list):
        given = [given]
    elif rank == 2 and len(given) == 4:
        given = [given[:2], given[2:]]
    if len(given) != rank:
        raise call.expect(name, f"{rank} numbers or pairs", given)
    pairs = [side if isinstance(side, list) else [side, side] for side in given]
    if any(len(side) != 2 for side in pairs):
        raise call.expect(name, f"{rank} numbers or pairs", given)
    return tuple((call.as_integer(name, a, least=0), call.as_integer(name, b, least=0)) for a, b in pairs)


HANDLERS: Mapping[str, Callable[[LayerCall], Value]] = {
    "Flatten": _convert_flatten,
    "Permute": _convert_permute,
    **{f"ZeroPadding{rank}D": partial(_convert_padding, rank=rank) for rank in (1, 2, 3)},
    **{f"Cropping{rank}D": partial(_convert_cropping, rank=rank) for rank in (1, 2, 3)},
}
