"""Changes to bytes that know nothing of what they mean."""

import random
from collections.abc import Callable

EDGES = (0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 65535, 65536, (1 << 24) - 1, *(
    (1 << bits) + step for bits in (31, 32, 33, 40, 48, 53, 62, 63, 64) for step in (-1, 0)
))  # fmt: skip
"""Numbers at which programs go wrong."""
_WORDS = (b"\0", b"\xff", b"\n", b"\r\n", b"\x1b[31m", b"\xe2\x80\xae", b"\xed\xa0\x80", b"{", b"[", b'"', b"1e400",
          b"NaN", b"-", b"../", b"PK\3\4", b"\x89HDF\r\n\x1a\n", b"<!DOCTYPE a>", b"&#0;", b"%s" * 8)  # fmt: skip


def change_bytes(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """Return `data` after 1 to 4 changes; `other`: a file to take parts of."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        rng.choice(_CHANGES)(changed, rng, other)
    return bytes(changed)


def draw_edge(rng: random.Random, *near: int) -> int:
    """Return a number at which programs go wrong, or one beside those of `near`."""
    if near and rng.random() < 0.5:
        return rng.choice(near) + rng.choice((-1, 0, 1, 8))
    return rng.choice(EDGES)


def _place(data: bytearray, rng: random.Random) -> int:
    """Return a place in `data`, more often near its begin and end, where headers lie."""
    size = len(data)
    ends = rng.randrange(min(64, size + 1)), size - rng.randrange(min(64, size + 1)), rng.randrange(size + 1)
    return rng.choice(ends)


def _flip(data: bytearray, rng: random.Random, _: bytes) -> None:
    at = _place(data, rng)
    if at < len(data):
        data[at] ^= 1 << rng.randrange(8)


def _set(data: bytearray, rng: random.Random, _: bytes) -> None:
    at = _place(data, rng)
    if at < len(data):
        data[at] = rng.choice((0, 255, 127, 128, rng.randrange(256)))


def _insert(data: bytearray, rng: random.Random, _: bytes) -> None:
    at = _place(data, rng)
    data[at:at] = rng.choice((rng.choice(_WORDS), rng.randbytes(rng.randrange(1, 17)), bytes(rng.randrange(1, 65))))


def _delete(data: bytearray, rng: random.Random, _: bytes) -> None:
    at = _place(data, rng)
    del data[at : at + rng.choice((1, 2, 4, 8, 32, rng.randrange(1, len(data) + 2)))]


def _repeat(data: bytearray, rng: random.Random, _: bytes) -> None:
    at = _place(data, rng)
    block = data[at : at + rng.choice((1, 4, 8, 32, 128))]
    data[at:at] = block * rng.choice((1, 1, 2, 16))


def _move(data: bytearray, rng: random.Random, _: bytes) -> None:
    at, to, size = _place(data, rng), _place(data, rng), rng.choice((1, 4, 8, 32, 128))
    block = bytes(data[at : at + size])
    data[to : to + len(block)] = block


def _splice(data: bytearray, rng: random.Random, other: bytes) -> None:
    at, size = rng.randrange(len(other) + 1), rng.choice((4, 8, 32, 128, len(other)))
    to = _place(data, rng)
    data[to : to + rng.choice((0, size))] = other[at : at + size]


def _write_number(data: bytearray, rng: random.Random, _: bytes) -> None:
    width = rng.choice((1, 2, 4, 8))
    at = _place(data, rng) // width * width
    number = draw_edge(rng, len(data), at, len(data) - at) % (1 << 8 * width)
    if at + width <= len(data):
        data[at : at + width] = number.to_bytes(width, rng.choice(("little", "little", "big")))


def _add_number(data: bytearray, rng: random.Random, _: bytes) -> None:
    width, order = rng.choice((1, 2, 4, 8)), rng.choice(("little", "little", "big"))
    at = _place(data, rng) // width * width
    if at + width <= len(data):
        number = int.from_bytes(data[at : at + width], order) + rng.choice((-8, -1, 1, 8))
        data[at : at + width] = (number % (1 << 8 * width)).to_bytes(width, order)


def _cut(data: bytearray, rng: random.Random, _: bytes) -> None:
    del data[_place(data, rng) :]


_CHANGES: tuple[Callable[[bytearray, random.Random, bytes], None], ...] = (
    _flip, _flip, _set, _set, _insert, _delete, _repeat, _move, _splice, _write_number, _write_number, _add_number,
    _cut,
)  # fmt: skip
