"""safetensors that lie: lengths, offsets, shapes, types, keys and texts of the header."""

import json
import struct

from hostile.making import READ, make_cases

A = b'"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'


def build(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype: object = "F32", shape: object = (2,), offsets: object = (0, 8), **more: object) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets} | more


def one(**parts: object) -> bytes:
    return build({"a": entry(**parts)}, bytes(8))


def two(first: tuple[int, int], second: tuple[int, int], stored: int) -> bytes:
    return build({"a": entry(offsets=first), "b": entry(offsets=second)}, bytes(stored))


def name(text: str) -> bytes:
    return build({text: entry()}, bytes(8))


CASES = make_cases(
    "weights",
    [
        ("st-header-2-63.safetensors", "a header of 2^63 bytes", struct.pack("<Q", 1 << 63) + b"{}"),
        ("st-header-full.safetensors", "a header of 2^64 - 1 bytes", b"\xff" * 8 + b"{}"),
        ("st-header-longer.safetensors", "a header longer than the file", build(b"{}", length=1000)),
        ("st-header-limit.safetensors", "a header over the format's limit", build(b"{}", length=100_000_001)),
        ("st-header-one.safetensors", "a header of one byte", struct.pack("<Q", 1) + b"{"),
        ("st-header-zero.safetensors", "a header of no bytes", struct.pack("<Q", 0) + b"{}"),
        ("st-header-cut.safetensors", "cut within the header", build({"a": entry()})[:30]),
        ("st-length-cut.safetensors", "cut within the length", b"\x20\0\0"),
        ("st-not-json.safetensors", "a header that is not JSON", build(b'{"a":1} x')),
        ("st-list.safetensors", "a header that is a list", build(b'{"a":[]}'.replace(b"a", b"x"))),
        ("st-nan.safetensors", "NaN in the header", build(b'{"a":NaN}')),
        ("st-infinity.safetensors", "Infinity as an extent", build(b'{"a":{"dtype":"F32","shape":[Infinity],'
                                                                   b'"data_offsets":[0,4]}}', bytes(4))),
        ("st-digits.safetensors", "an extent of 5,000 digits", build(b'{"a":{"dtype":"F32","shape":[' + b"9" * 5000
                                                                     + b'],"data_offsets":[0,4]}}', bytes(4))),
        ("st-digits-4000.safetensors", "an offset of 4,000 digits", build(b'{"a":{"dtype":"F32","shape":[1],"data_'
                                                                          b'offsets":[0,' + b"9" * 4000 + b"]}}")),
        ("st-deep.safetensors", "100,000 brackets", build(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}")),
        ("st-deep-objects.safetensors", "50,000 objects in each other",
         build(b'{"a":' * 50_000 + b"1" + b"}" * 50_000)),
        ("st-many-nodes.safetensors", "five million empty lists", lambda: build(b'{"a":[' + b"[]," * 2_500_000
                                                                                + b"0]}")),
        ("st-key-twice.safetensors", "a tensor's key twice", build(b'{"a":{"dtype":"F32","dtype":"F64","shape":[1],'
                                                                   b'"data_offsets":[0,4]}}', bytes(4))),
        ("st-name-twice.safetensors", "a name twice", build(b"{" + A + b"," + A + b"}", bytes(4)), READ),
        ("st-metadata-twice.safetensors", "metadata twice", build(b'{"__metadata__":{},"__metadata__":{},' + A + b"}",
                                                                  bytes(4))),
        ("st-metadata-number.safetensors", "metadata that is no text", build({"__metadata__": {"a": 1}})),
        ("st-metadata-list.safetensors", "metadata that is a list", build({"__metadata__": ["a"], "a": entry()},
                                                                          bytes(8))),
        ("st-not-utf-8.safetensors", "a name that is not UTF-8", build(b'{"\xff":1}')),
        ("st-utf-16.safetensors", "a header in UTF-16", build('{"a":1}'.encode("utf-16"))),
        ("st-overlap.safetensors", "two tensors of the same bytes", two((0, 8), (4, 12), 12)),
        ("st-same.safetensors", "two tensors at one place", two((0, 8), (0, 8), 8)),
        ("st-hole.safetensors", "a hole between tensors", two((0, 8), (16, 24), 24)),
        ("st-late.safetensors", "a first tensor that begins late", two((8, 16), (16, 24), 24)),
        ("st-behind.safetensors", "bytes behind the last tensor", build({"a": entry()}, bytes(100))),
        ("st-cut.safetensors", "values cut short", build({"a": entry()}, bytes(5))),
        ("st-empty-data.safetensors", "no values at all", build({"a": entry()})),
        ("st-backwards.safetensors", "an end before its begin", one(offsets=(8, 0))),
        ("st-offset-negative.safetensors", "a negative offset", one(offsets=(-8, 0))),
        ("st-offset-2-64.safetensors", "offsets that wrap around at 2^64", one(offsets=((1 << 64) - 8, 1 << 64))),
        ("st-offset-real.safetensors", "offsets that are not whole", one(offsets=(0.0, 8.0))),
        ("st-offset-true.safetensors", "an offset that is true", build({"a": entry("U8", (1,), (False, True))}, b"0")),
        ("st-offset-text.safetensors", "offsets that are texts", one(offsets=("0", "8"))),
        ("st-offset-three.safetensors", "three offsets", one(offsets=(0, 4, 8))),
        ("st-offset-null.safetensors", "offsets that are null", one(offsets=None)),
        ("st-shape-product.safetensors", "a product that overflows to 8", one(shape=(1 << 32, 1 << 32, 2))),
        ("st-shape-wraps.safetensors", "a size that wraps to 0", one(shape=(1 << 62, 4), offsets=(0, 0))),
        ("st-shape-negative.safetensors", "two negative extents", one(shape=(-2, -1))),
        ("st-shape-true.safetensors", "an extent that is true", one(shape=(True, 2))),
        ("st-shape-real.safetensors", "an extent of 2.0", one(shape=(2.0,))),
        ("st-shape-text.safetensors", "a shape that is a text", one(shape="2")),
        ("st-shape-object.safetensors", "a shape that is an object", one(shape={"0": 2})),
        ("st-shape-nested.safetensors", "a list as an extent", one(shape=[[2]])),
        ("st-shape-rank.safetensors", "10,000 axes of 1", build({"a": entry(shape=[1] * 9_999 + [2])}, bytes(8)),
         (0, 2)),
        ("st-dtype-unknown.safetensors", "a type that is not known", one(dtype="F128")),
        ("st-dtype-number.safetensors", "a type that is a number", one(dtype=4)),
        ("st-dtype-object.safetensors", "a type with a __reduce__", one(dtype={"__reduce__": "os.system"})),
        ("st-dtype-case.safetensors", "a type in small letters", one(dtype="f32")),
        ("st-dtype-size.safetensors", "more bytes than the type takes", one(dtype="F64")),
        ("st-half-byte.safetensors", "three values of half a byte", build({"a": entry("F4", (3,), (0, 1))}, b"0")),
        ("st-bool-2.safetensors", "a truth value of 2", build({"a": entry("BOOL", (2,), (0, 2))}, b"\1\2"), (0, 2)),
        ("st-missing-key.safetensors", "a tensor without offsets", build({"a": {"dtype": "F32", "shape": [2]}})),
        ("st-entry-number.safetensors", "a tensor that is a number", build({"a": 5})),
        ("st-entry-null.safetensors", "a tensor that is null", build({"a": None})),
        ("st-own-mark.safetensors", "calls itself cnnkit's own", build({"__metadata__": {"cnnkit": "1"}, "a": entry()},
                                                                       bytes(8))),
        ("st-own-tensors.safetensors", "cnnkit's own, with a list of tensors of its wishes",
         build({"__metadata__": {"cnnkit": "1", "cnnkit_sha256": "0" * 64, "tensors": "[[[["}, "a": entry()},
               bytes(8))),
        ("st-long-name.safetensors", "a name of a million letters", lambda: name("a" * 1_000_000), READ),
        ("st-name-empty.safetensors", "a name of no letters", name(""), READ),
        ("st-name-path.safetensors", "a name that is a path", name("../../../../etc/passwd"), READ),
        ("st-name-markup.safetensors", "a name that is rich's markup", name("[bold red]x[/] [link=file:///]y"), READ),
        ("st-name-dots.safetensors", "a name of dots", name("." * 5000), READ),
        ("st-name-nul.safetensors", "a name with a zero byte", name("a\0b"), READ),
        ("st-zip-behind.safetensors", "a zip behind it", build({"a": entry()}, bytes(8) + b"PK\5\6" + bytes(18))),
        ("st-extreme-values.safetensors", "NaN, infinities and the largest values",
         build({"a": entry("F32", (6,), (0, 24))}, struct.pack("<6f", float("nan"), float("inf"), -float("inf"), 3.4e38,
                                                               -3.4e38, 1e-45)), READ),
        ("st-zero-extent.safetensors", "no values, and an extent of 2^62", build(
            {"a": entry("F64", (0, 1 << 62, 8), (0, 0)), "b": entry(shape=(1,), offsets=(0, 4))}, bytes(4)), READ),
    ],
)  # fmt: skip
