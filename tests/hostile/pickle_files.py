"""Pickles that only want to exhaust or confuse the reader; those that run code are in execution_files.py."""

import pickle
import struct
import zlib

import numpy as np

from hostile.making import READ, make_cases
from hostile.zips import deflate_zeros


def text(words: bytes) -> bytes:
    return b"X" + struct.pack("<I", len(words)) + words


def gzip_zeros(size: int) -> bytes:
    packed = b"\x1f\x8b\x08" + bytes(6) + b"\xff" + deflate_zeros(size)
    return packed + struct.pack("<2I", zlib.crc32(bytes(size)), size & 0xFFFFFFFF)


def pairs(count: int) -> bytes:
    """Return lists that each hold the one before twice: 2^count values when they are followed."""
    steps = (b"](h%bh%beq%b" % (bytes((n,)), bytes((n,)), bytes((n + 1,))) for n in range(count))
    return b"\x80\2]q\0" + b"".join(steps) + b"."


ENDLESS = b"\x80\2()q\0" + b"".join(b"h%bh%b\x86q%b" % (bytes((n,)), bytes((n,)), bytes((n + 1,))) for n in range(60))
ARRAY = pickle.dumps({"w": np.arange(3.0)}, 2)


CASES = make_cases(
    "weights",
    [
        ("pkl-cut.pkl", "cut within an array", ARRAY[:-20]),
        ("pkl-no-stop.pkl", "no end", ARRAY[:-1]),
        ("pkl-empty-dict.pkl", "nothing in it", pickle.dumps({}, 2)),
        ("pkl-number.pkl", "one number", pickle.dumps(3, 2)),
        ("pkl-shape-lies.pkl", "an array of more values than it has", ARRAY.replace(b"K\3\x85", b"K\4\x85")),
        ("pkl-shape-negative.pkl", "an array of -3 values", ARRAY.replace(b"K\3\x85", b"J\xfd\xff\xff\xff\x85")),
        ("pkl-shape-huge.pkl", "an array of 2^40 values", ARRAY.replace(b"K\3\x85", b"\x8a\6\0\0\0\0\0\1\x85")),
        ("pkl-type-lies.pkl", "an array of a type of 99 bytes", ARRAY.replace(b"f8", b"f9"), READ),
        ("pkl-lists.pkl", "2^60 values in 60 lists", pairs(60)),
        ("pkl-tuples.pkl", "2^60 values in 60 tuples", ENDLESS + b"t."),
        ("pkl-tuples-key.pkl", "2^60 values as a key", b"\x80\2}" + ENDLESS[2:] + b"tK\1s."),
        ("pkl-itself.pkl", "a list that holds itself", b"\x80\2]q\0h\0a."),
        ("pkl-itself-dict.pkl", "a dictionary that holds itself", b"\x80\2}q\0" + text(b"a") + b"h\0s."),
        ("pkl-deep-tuple.pkl", "500,000 tuples in each other", b"\x80\2)" + b"\x85" * 500_000 + b"."),
        ("pkl-deep-lists.pkl", "900 lists in each other", b"\x80\2" + b"]" * 900 + b"a" * 899 + b"."),
        ("pkl-marks.pkl", "2,000,000 open marks", lambda: b"\x80\2" + b"(" * 2_000_000 + b"."),
        ("pkl-operations.pkl", "5,000,000 operations", lambda: b"\x80\2" + b"N0" * 2_500_000 + b"."),
        ("pkl-memo.pkl", "places in the memo up to 2^32", b"\x80\2Nr\xff\xff\xff\xff0j\xff\xff\xff\xff."),
        ("pkl-memo-missing.pkl", "a place of the memo that holds nothing", b"\x80\2h\7."),
        ("pkl-empty-stack.pkl", "takes from an empty stack", b"\x80\2\x86."),
        ("pkl-pop-nothing.pkl", "drops what is not there", b"\x80\x020."),
        ("pkl-no-mark.pkl", "a tuple without a mark", b"\x80\2t."),
        ("pkl-opcode.pkl", "an operation that there is not", b"\x80\2\xff."),
        ("pkl-protocol.pkl", "protocol 255", b"\x80\xff}."),
        ("pkl-frame.pkl", "a frame of 2^63 bytes", b"\x80\4\x95" + struct.pack("<Q", 1 << 63) + b"}."),
        ("pkl-text-2-31.pkl", "a text of 2^31 bytes", b"\x80\2X" + struct.pack("<I", 1 << 31) + b"x."),
        ("pkl-text-2-63.pkl", "a text of 2^63 bytes", b"\x80\4\x8d" + struct.pack("<Q", 1 << 63) + b"x."),
        ("pkl-bytes-2-63.pkl", "2^63 bytes", b"\x80\4\x8e" + struct.pack("<Q", 1 << 63) + b"x."),
        ("pkl-bytearray.pkl", "2^63 bytes to be written", b"\x80\5\x96" + struct.pack("<Q", 1 << 63) + b"x."),
        ("pkl-number-long.pkl", "a number of 2^31 bytes", b"\x80\2\x8b\xff\xff\xff\x7f\1."),
        ("pkl-number-negative.pkl", "a number of -1 bytes", b"\x80\2\x8b\xff\xff\xff\xff\1."),
        ("pkl-number-digits.pkl", "a number of 100,000 digits", b"I" + b"9" * 100_000 + b"\n."),
        ("pkl-number-words.pkl", "a number that is an expression", b"I__import__('os')\n."),
        ("pkl-real-words.pkl", "a real number that is an expression", b"Fexec('1')\n."),
        ("pkl-name-long.pkl", "a name without an end", b"\x80\2c" + b"x" * 100_000),
        ("pkl-name-number.pkl", "a name that is a number", b"\x80\4K\1K\2\x93."),
        ("pkl-not-utf-8.pkl", "a text that is not UTF-8", b"\x80\2" + text(b"\xff\xfe") + b"."),
        ("pkl-quotes.pkl", "a text with one quote", b"S'abc\n."),
        ("pkl-escapes.pkl", "a text with a broken escape", b"V\\uD8\n."),
        ("pkl-next-buffer.pkl", "values in a buffer that is not there", b"\x80\5\x97.", READ),
        ("pkl-build-plain.pkl", "sets attributes of a dictionary", b"\x80\2}}b."),
        ("pkl-append-tuple.pkl", "appends to a tuple", b"\x80\2)K\1a."),
        ("pkl-item-list.pkl", "an item of a list", b"\x80\2]K\1K\1s."),
        ("pkl-odd-items.pkl", "three items, key and value in turn", b"\x80\2}(K\1K\1K\1u."),
        ("pkl-call-dict.pkl", "calls a dictionary", b"\x80\2})R."),
        ("pkl-call-text.pkl", "calls a text", b"\x80\2" + text(b"os.system") + b")R."),
        ("pkl-codecs-size.pkl", "bytes by an encoding that grows them",
         b"\x80\2c_codecs\nencode\n" + text(b"x" * 1000) + text(b"zlib") + b"\x86R."),
        ("pkl-dtype-itself.pkl", "a type of elements made of itself",
         b"\x80\2cnumpy\ndtype\nq\0" + text(b"f8") + b"K\0K\1\x87Rq\1(K\3U\1<h\1NNtb."),
        ("pkl-two.pkl", "two pickles in one file", pickle.dumps({"a": 1}, 2) * 2),
        ("pkl-gzip.pkl", "gzip that unfolds to 1 GB", lambda: gzip_zeros(1 << 30)),
    ],
)  # fmt: skip
