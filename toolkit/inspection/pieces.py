"""A tensor's values as flat pieces, so that what looks at them needs little memory, and their SHA-256 beside."""

from collections.abc import Generator, Iterator

from cnnkit.exporters.weight_file import Array, Tensor, hashed

VALUES = 1 << 21  # of a piece


def pieces(tensor: Tensor, multiple: int = 1) -> Generator[Array, None, str]:
    """Yield the values in C order, flat, a whole number of times `multiple` at once; return their SHA-256."""
    if tensor.stream is not None:
        return tensor.stream()
    return hashed(_slices(tensor.read(), multiple))


def _slices(values: Array, multiple: int) -> Iterator[Array]:
    flat = values.reshape(-1)
    step = multiple * max(VALUES // multiple, 1)
    for start in range(0, flat.size, step):
        yield flat[start : start + step]
