"""Changes to pickles by operation."""

import pickletools
import random
import struct

from torture.mutation.raw_bytes import change_bytes, draw_edge

_EXTRA = (b"N", b"\x88", b"0", b"2", b"(", b"1", b")", b"]", b"}", b"\x8f", b"t", b"l", b"d", b"\x85", b"\x86", b"\x87",
          b"R", b"b", b"s", b"u", b"a", b"e", b"Q", b"\x94", b"\x93", b"\x81", b"\x92", b"o", b".", b"q\0", b"h\0",
          b"h\1", b"ccollections\nOrderedDict\n", b"cbuiltins\ndict\n", b"ctorch._utils\n_rebuild_tensor_v2\n",
          b"cnumpy\ndtype\n", b"cnumpy\nndarray\n", b"cnumpy.core.multiarray\n_reconstruct\n",
          b"cnumpy.core.multiarray\nscalar\n", b"c_codecs\nencode\n", b"X\1\0\0\0x", b"U\4abcd", b"C\4abcd",
          b"G?\xf0\0\0\0\0\0\0", b"P0\n", b"S'a'\n", b"\x82\1")  # fmt: skip


def change_pickle(data: bytes, rng: random.Random) -> bytes:
    """Return a pickle, or several behind each other, with 1 to 3 of its operations changed."""
    parts = _split(data)
    if len(parts) < 3:
        return change_bytes(data, rng, data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        at, to = rng.randrange(len(parts)), rng.randrange(len(parts))
        match rng.randrange(7):
            case 0:
                del parts[at : at + rng.choice((1, 1, 2, 5))]
            case 1:
                parts[at:at] = parts[to : to + rng.choice((1, 1, 3, 8))]
            case 2:
                parts[at] = parts[to]
            case 3:
                parts.insert(at, rng.choice(_EXTRA))
            case 4:
                parts[at] = _draw_number(rng)
            case 5:
                parts[at] = rng.choice(_EXTRA)
            case _:
                parts[at] = parts[at][:1] + change_bytes(parts[at][1:] or b"\0", rng, data[:64])
        if not parts:
            break
    return b"".join(parts)


def _draw_number(rng: random.Random) -> bytes:
    number = draw_edge(rng) * rng.choice((1, 1, -1))
    return (
        b"\x8a\x0a" + number.to_bytes(10, "little", signed=True)
        if rng.random() < 0.7
        else b"J" + struct.pack("<i", number % (1 << 31))
    )


def _split(data: bytes) -> list[bytes]:
    """Return the operations of all pickles at the begin of `data`, and the rest."""
    parts, begin = [], 0
    try:
        while begin < len(data):
            places = [place for _, _, place in pickletools.genops(data[begin:]) if place is not None]
            if not places or data[begin + places[-1]] != ord("."):
                break
            ends = [*places[1:], places[-1] + 1]
            parts += [data[begin + a : begin + b] for a, b in zip(places, ends, strict=True)]
            begin += places[-1] + 1
    except Exception:  # pickletools raises many kinds
        pass
    return [*parts, data[begin:]] if begin < len(data) else parts
