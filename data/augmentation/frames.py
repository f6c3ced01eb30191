"""Objects on a pipe between cnnkit's own processes: a pickle, with the arrays in it behind it, copied once."""

import pickle
from typing import IO, Any

_LENGTH = 8  # bytes


def dump(value: Any) -> list[memoryview]:
    """Return the parts of a value as bytes. Raises pickle.PicklingError, or another error, for what cannot be sent."""
    arrays: list[pickle.PickleBuffer] = []
    first = pickle.dumps(value, protocol=5, buffer_callback=arrays.append)
    return [memoryview(first), *(array.raw() for array in arrays)]


def send(stream: IO[bytes], parts: list[memoryview]) -> None:
    """Write what `dump` returned. Raises OSError where nobody reads."""
    stream.write(len(parts).to_bytes(_LENGTH, "big") + b"".join(len(p).to_bytes(_LENGTH, "big") for p in parts))
    for part in parts:
        stream.write(part)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Return the next value. Raises EOFError at the end of the stream."""
    count = int.from_bytes(_read(stream, _LENGTH), "big")
    sizes = [int.from_bytes(_read(stream, _LENGTH), "big") for _ in range(count)]
    first, *arrays = (_read(stream, size) for size in sizes)
    return pickle.loads(first, buffers=arrays)  # noqa: S301 (of cnnkit's own processes)


def _read(stream: IO[bytes], size: int) -> bytearray:
    content = bytearray(size)
    view, filled = memoryview(content), 0
    while filled < size:
        count = stream.readinto(view[filled:])  # type: ignore[attr-defined]  # IO lacks it
        if not count:
            raise EOFError
        filled += count
    return content
