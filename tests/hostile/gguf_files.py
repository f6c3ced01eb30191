"""GGUF files that lie: counts, texts, types, alignments and places."""

import struct

from hostile.making import READ, make_cases

F32, Q4_0 = 0, 2


def text(words: bytes | str) -> bytes:
    data = words if isinstance(words, bytes) else words.encode()
    return struct.pack("<Q", len(data)) + data


def key(name: bytes | str, kind: int, value: bytes) -> bytes:
    return text(name) + struct.pack("<I", kind) + value


def entry(name: bytes | str = "w", shape: tuple[int, ...] = (2,), code: int = F32, start: int = 0) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape) + struct.pack("<IQ", code, start)


def build(
    *entries: bytes, data: bytes = bytes(32), keys: tuple[bytes, ...] = (), version: int = 3,
    counts: tuple[int, int] | None = None,
) -> bytes:  # fmt: skip
    tensors, metadata = counts or (len(entries), len(keys))
    head = b"GGUF" + struct.pack("<I2Q", version, tensors, metadata) + b"".join((*keys, *entries))
    return head + bytes(-len(head) % 32) + data


def listed(depth: int) -> bytes:
    return struct.pack("<IQ", 9, 1) * depth + struct.pack("<IQ", 0, 1) + b"\1"


W = entry()
CASES = make_cases(
    "weights",
    [
        ("gguf-tensors-2-63.gguf", "2^63 tensors", build(counts=(1 << 63, 0))),
        ("gguf-keys-2-63.gguf", "2^63 keys", build(counts=(0, 1 << 63))),
        ("gguf-tensors-more.gguf", "more tensors than there are", build(W, data=b"", counts=(5, 0))),
        ("gguf-version-9.gguf", "version 9", build(W, version=9)),
        ("gguf-version-0.gguf", "version 0", build(W, version=0)),
        ("gguf-cut.gguf", "cut within the header", build(W)[:30]),
        ("gguf-magic.gguf", "the mark alone", b"GGUF"),
        ("gguf-beyond.gguf", "values beyond the end", build(entry(start=1 << 40))),
        ("gguf-place-odd.gguf", "values at a place that is not aligned", build(entry(start=3))),
        ("gguf-place-2-64.gguf", "a place that wraps around", build(entry(start=(1 << 64) - 32))),
        ("gguf-overlap.gguf", "two tensors of the same bytes", build(W, entry("v"))),
        ("gguf-twice.gguf", "two tensors of one name", build(W, entry(start=32), data=bytes(64))),
        ("gguf-shape-product.gguf", "a product that overflows", build(entry(shape=(1 << 32, 1 << 32, 2)))),
        ("gguf-shape-huge.gguf", "2^60 values", build(entry(shape=(1 << 60,)))),
        ("gguf-rank-2-31.gguf", "2^31 axes", build(text("w") + struct.pack("<I", 1 << 31))),
        ("gguf-rank-0.gguf", "no axes", build(entry(shape=())), READ),
        ("gguf-zero.gguf", "no values", build(entry(shape=(0, 7))), READ),
        ("gguf-type-unknown.gguf", "a type that is not known", build(entry(code=99)), READ),
        ("gguf-quantised.gguf", "rows that are no whole blocks", build(entry(shape=(33,), code=Q4_0))),
        ("gguf-quantised-beyond.gguf", "blocks beyond the end", build(entry(shape=(32 * 1000,), code=Q4_0))),
        ("gguf-text-2-63.gguf", "a name of 2^63 bytes", build(struct.pack("<Q", 1 << 63) + b"w")),
        ("gguf-name-long.gguf", "a name of 100,000 bytes", build(entry("w" * 100_000))),
        ("gguf-name-not-utf-8.gguf", "a name that is not UTF-8", build(entry(b"\xff\xfe")), READ),
        ("gguf-name-control.gguf", "a name that clears the screen", build(entry("\x1b[2J")), READ),
        ("gguf-key-twice.gguf", "a key twice", build(W, keys=(key("a", 0, b"\1"), key("a", 0, b"\2")))),
        ("gguf-key-type.gguf", "a value of type 99", build(W, keys=(key("a", 99, b"\1"),))),
        ("gguf-key-bool.gguf", "a truth value of 7", build(W, keys=(key("a", 7, b"\7"),)), READ),
        ("gguf-key-nan.gguf", "a value that is not a number", build(W, keys=(key("a", 6, b"\0\0\xc0\x7f"),)), READ),
        ("gguf-list-2-60.gguf", "a list of 2^60 numbers",
         build(W, keys=(key("a", 9, struct.pack("<IQ", 4, 1 << 60)),))),
        ("gguf-list-texts.gguf", "a list of 2^60 texts", build(W, keys=(key("a", 9, struct.pack("<IQ", 8, 1 << 60)),))),
        ("gguf-list-deep.gguf", "10,000 lists in each other", build(W, keys=(key("a", 9, listed(10_000)),))),
        ("gguf-list-empty-lists.gguf", "2^40 empty lists", build(W, keys=(key("a", 9, struct.pack("<IQ", 9, 1 << 40)),),
                                                                data=bytes(12 * 100_000))),
        ("gguf-many-texts.gguf", "six million empty texts", lambda: build(W, keys=(key("a", 9, struct.pack(
            "<IQ", 8, 6_000_000) + bytes(48_000_000)),))),
        ("gguf-alignment-0.gguf", "an alignment of 0", build(W, keys=(key("general.alignment", 4, bytes(4)),))),
        ("gguf-alignment-3.gguf", "an alignment of 3", build(W, keys=(key("general.alignment", 4, b"\3\0\0\0"),))),
        ("gguf-alignment-2-31.gguf", "an alignment of 2^31", build(W, keys=(key("general.alignment", 4,
                                                                              b"\0\0\0\x80"),))),
        ("gguf-alignment-text.gguf", "an alignment that is a text", build(W, keys=(key("general.alignment", 8,
                                                                                     text("32")),))),
        ("gguf-template.gguf", "a chat template with code", build(W, keys=(key("tokenizer.chat_template", 8, text(
            "{{ self.__init__.__globals__.__builtins__.__import__('os').system('touch cnnkit-was-here') }}")),)), READ),
    ],
)  # fmt: skip
