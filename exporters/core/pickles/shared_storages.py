"""Tensors whose values are those of an earlier one: tied weights, views, the same array met twice."""

from collections.abc import Sequence

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.pickles.content import NamedRef
from cnnkit.exporters.core.pickles.values import Storage, TensorRef


def find_shared(tensors: Sequence[NamedRef]) -> dict[int, str]:
    """Return {place in the list: name of the earlier tensor of the same owner that holds all its values}.

    An earlier tensor holds those of a later one when it has no gaps, and the later one lies between its first value
    and its last in the same storage. Nothing is compared: equal values in two storages are not shared.
    """
    widest: dict[tuple[str, Storage], tuple[int, int, str]] = {}
    same: dict[tuple[str, Storage, int, int], str] = {}
    shared: dict[int, str] = {}
    for index, (name, owner, ref) in enumerate(tensors):
        if not ref.span:
            continue
        item = carrier(ref.dtype).itemsize
        begin, end = ref.offset * item, (ref.offset + ref.span) * item
        key, place = (owner, ref.storage), (owner, ref.storage, begin, end)
        held = widest.get(key, (0, 0, ""))
        if place in same:
            shared[index] = same[place]
        elif held[0] <= begin and end <= held[1]:
            shared[index] = held[2]
        elif _is_dense(ref):
            same[place] = name
            if end - begin > held[1] - held[0]:
                widest[key] = begin, end, name
    return shared


def _is_dense(ref: TensorRef) -> bool:
    """Return whether every element from the first to the last is a value of the tensor, once."""
    count = 1
    for extent, step in sorted(zip(ref.shape, ref.strides, strict=True), key=lambda axis: axis[1]):
        if extent > 1:
            if step != count:
                return False
            count *= extent
    return True
