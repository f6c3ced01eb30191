"""A tensor's values as flat pieces, so that what looks at them needs little memory, and their SHA-256 beside."""

from collections.abc import Generator, Iterator

import numpy as np

from cnnkit.exporters.core.weight_file import Array, Tensor, hash_blocks

VALUES = 1 << 20  # of a piece


def pieces(tensor: Tensor, multiple: int = 1) -> Generator[Array, None, str]:
    """Yield the values in C order, flat, a whole number of times `multiple` at once; return their SHA-256."""
    if tensor.stream is None:
        return hash_blocks(_slices(tensor.read(), multiple))
    return _whole(tensor.stream(), multiple)


def _slices(values: Array, multiple: int) -> Iterator[Array]:
    flat = values.reshape(-1)
    step = multiple * max(VALUES // multiple, 1)
    for start in range(0, flat.size, step):
        yield flat[start : start + step]


def _whole(parts: Generator[Array, None, str], multiple: int) -> Generator[Array, None, str]:
    """Yield the same values in pieces of a whole number of times `multiple`; what is left over waits for the next."""
    rest: Array | None = None
    while True:
        try:
            part = next(parts)
        except StopIteration as end:
            if rest is not None and rest.size:
                yield rest
            return str(end.value)
        if rest is not None and rest.size:
            lacking = -rest.size % multiple
            rest, part = np.concatenate((rest, part[:lacking])), part[lacking:]
            if rest.size % multiple:
                continue
            yield rest
        cut = part.size - part.size % multiple
        if cut:
            yield part[:cut]
        rest = part[cut:]
