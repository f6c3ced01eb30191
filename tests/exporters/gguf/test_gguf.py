"""GGUF files, written here field by field, and files that lie."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnkit import exporters
from cnnkit.errors import WeightFileError
from cnnkit.exporters.gguf import cursor, header

CODES = {"float32": 0, "float16": 1, "int8": 24, "int16": 25, "int32": 26, "int64": 27, "float64": 28}
Q4_0, Q6_K, BRAIN = 2, 14, 30


def text(words, order="<"):
    data = words if isinstance(words, bytes) else words.encode()
    return struct.pack(f"{order}Q", len(data)) + data


def key(name, kind, value, order="<"):
    return text(name, order) + struct.pack(f"{order}I", kind) + value


def listed(kind, count, content=b"", order="<"):
    return struct.pack(f"{order}IQ", kind, count) + content


def entry(name, shape, code, start, order="<"):
    """Return the description of a tensor whose shape is in the order of rows."""
    axes = struct.pack(f"{order}I{len(shape)}Q", len(shape), *reversed(shape))
    return text(name, order) + axes + struct.pack(f"{order}IQ", code, start)


def build(entries=(), data=b"", keys=(), version=3, order="<", alignment=32, counts=None):
    tensors, metadata = counts or (len(entries), len(keys))
    head = b"GGUF" + struct.pack(f"{order}I2Q", version, tensors, metadata) + b"".join((*keys, *entries))
    return head + bytes(-len(head) % alignment) + data


def pack(arrays, order="<", alignment=32, keys=(), **options):
    """Return a file of arrays; a tuple is (code, shape, bytes)."""
    entries, data = [], b""
    for name, value in arrays.items():
        if isinstance(value, tuple):
            code, shape, content = value
        else:
            stored = value.astype(value.dtype.newbyteorder(order))
            code, shape, content = CODES[value.dtype.name], value.shape, stored.tobytes()
        data += bytes(-len(data) % alignment)
        entries.append(entry(name, shape, code, len(data), order))
        data += content
    return build(entries, data, keys, order=order, alignment=alignment, **options)


@pytest.fixture
def save(tmp_path):
    def write(content):
        path = tmp_path / "a.gguf"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("order", ["<", ">"])
def test_all_element_types_bit_for_bit(save, order, version):
    rng, arrays = np.random.default_rng(0), {}
    for name in CODES:
        for rank in range(5):
            shape = tuple(rng.integers(0 if rank == 3 else 1, 4, rank))
            raw = rng.integers(0, 256, int(np.prod(shape)) * np.dtype(name).itemsize, np.uint8)
            arrays[f"{name}.{rank}"] = raw.view(name).reshape(shape)
    brain = np.arange(6, dtype=f"{order}u2")
    back = exporters.read(save(pack(arrays | {"brain": (BRAIN, (2, 3), brain.tobytes())}, order, version=version)))
    assert [t.name for t in back] == [*arrays, "brain"]
    for name, wanted in arrays.items():
        assert (back[name].dtype, back[name].shape) == (wanted.dtype.name, wanted.shape)
        assert back[name].read().tobytes() == wanted.tobytes()
        assert back[name].sha256() == exporters.Tensor.of("", wanted).sha256()
    assert (back["brain"].dtype, back["brain"].read().tolist()) == ("bfloat16", [[0, 1, 2], [3, 4, 5]])
    assert back.format == "gguf"
    assert back.metadata == {"gguf": {"version": version, "metadata": {}}}


def test_the_names_of_pytorch_give_roles(save):
    arrays = {
        "blk.0.conv.weight": np.zeros((4, 2, 3, 3), np.float16), "blk.0.conv.bias": np.zeros(4, np.float32),
        "token_embd.weight": np.zeros((7, 4), np.float32), "output.weight": np.zeros((5, 4), np.float32),
    }  # fmt: skip
    assert [(t.layer, t.role, t.axes) for t in exporters.read(save(pack(arrays)))] == [
        ("blk.0.conv", "weight", ("o", "i", "kh", "kw")),
        ("blk.0.conv", "bias", ("o",)),
        ("token_embd", "embedding", ("vocabulary", "dimension")),
        ("output", "weight", ("out", "in")),
    ]


def test_quantised_blocks_are_named_with_their_type(save):
    arrays = {
        "a": (Q4_0, (2, 64), bytes(72)), "b": (Q6_K, (256,), bytes(210)), "c": np.arange(3.0), "d": (99, (5,), b""),
    }  # fmt: skip
    back = exporters.read(save(pack(arrays, keys=[key("split.count", 2, struct.pack("<H", 3))])))
    assert [t.name for t in back] == ["c"]
    assert back["c"].read().tolist() == [0, 1, 2]
    assert [(note.what, note.count, note.reason) for note in back.not_read] == [
        ("a (2, 64)", 1, "quantised: Q4_0, blocks of 32 values in 18 bytes"),
        ("b (256,)", 1, "quantised: Q6_K, blocks of 256 values in 210 bytes"),
        ("d (5,)", 1, "element type 99 is not known"),
        ("other files of the same model", 2, "other files are not opened"),
    ]


@pytest.mark.parametrize("order", ["<", ">"])
def test_metadata_of_all_types(save, order):
    def number(code, value):
        return struct.pack(order + code, value)

    words = listed(8, 2, text("ab", order) + text("", order), order)
    values = {
        "u8": (0, number("B", 200), 200), "i8": (1, number("b", -3), -3), "u16": (2, number("H", 60000), 60000),
        "i16": (3, number("h", -300), -300), "u32": (4, number("I", 1 << 31), 1 << 31), "i32": (5, number("i", -9), -9),
        "f32": (6, number("f", 0.5), 0.5), "yes": (7, b"\1", True), "text": (8, text("größe", order), "größe"),
        "u64": (10, number("Q", 1 << 63), 1 << 63), "i64": (11, number("q", -1), -1),
        "f64": (12, number("d", 0.1), 0.1), "nan": (6, number("f", float("nan")), "nan"),
        "words": (9, words, ["ab", ""]),
        "nested": (9, listed(9, 2, words + listed(4, 1, number("I", 7), order), order), [["ab", ""], [7]]),
        "general.alignment": (4, number("I", 128), 128),
    }  # fmt: skip
    keys = [key(name, kind, content, order) for name, (kind, content, _) in values.items()]
    back = exporters.read(save(pack({"x": np.arange(3.0), "y": np.arange(2.0)}, order, 128, keys)))
    assert back.metadata["gguf"]["metadata"] == {name: value for name, (_, _, value) in values.items()}
    assert back["y"].read().tolist() == [0, 1]


def test_long_metadata_is_left_out_and_named(save):
    vocabulary = listed(8, 1000, text("word") * 1000)
    keys = [
        key("tokens", 9, vocabulary),
        key("scores", 9, listed(6, 500, bytes(2000))),
        key("template", 8, text("x" * 20_000)),
        key("nested", 9, listed(9, 2, listed(0, 3, b"abc") + listed(0, 100, bytes(100)))),
        key("kept", 0, b"\7"),
    ]
    back = exporters.read(save(pack({"x": np.arange(3.0)}, keys=keys)))
    assert back.metadata["gguf"]["metadata"] == {"kept": 7}
    assert {note.what: note.count for note in back.not_read} == {
        "metadata tokens": 1000, "metadata scores": 500, "metadata template": 1, "metadata nested": 103,
    }  # fmt: skip
    assert back["x"].read().tolist() == [0, 1, 2]


def test_the_command_line_lists_exports_and_compares(save, run_commands):
    arrays = {"a.weight": np.arange(6, dtype=np.float16).reshape(2, 3), "a.bias": np.arange(2, dtype=np.float32)}
    keys = [key("general.name", 8, text(b"\xff name")), key("tokens", 9, listed(8, 99, text("word") * 99))]
    document = run_commands(save(pack(arrays, keys=keys)))
    assert [(t["name"], t["shape"], t["role"]) for t in document["tensors"]] == [
        ("a.weight", [2, 3], "weight"),
        ("a.bias", [2], "bias"),
    ]


ROW = entry("a", (2,), 0, 0)
LIST = b""
for _ in range(12):
    LIST = listed(9, 1, LIST)
BAD = {
    "only a mark": (b"GGUF", "unreadable", "truncated: 4 bytes expected at 4, 0 stored"),
    "version": (build(version=1), "refused", "version 1 of GGUF: expected 2 or 3"),
    "far version": (build(version=900, order=">"), "refused", "version 900 of GGUF"),
    "many tensors": (build(counts=(1 << 40, 0)), "too_big", "1,099,511,627,776 tensors, more than 200,000"),
    "many keys": (build(counts=(0, 1 << 40)), "too_big", "1,099,511,627,776 keys of metadata, more than 20,000"),
    "fewer tensors": (build(counts=(9, 0)), "unreadable", "truncated: 4 bytes expected at 32, 0 stored"),
    "cut": (build([ROW], bytes(7)), "unreadable", "truncated: tensor a takes 8 bytes at 64, 7 stored"),
    "far away": (build([entry("a", (2,), 0, 1 << 40)], bytes(8)), "unreadable", r"takes 8 bytes at \d+, 0 stored"),
    "odd": (build([entry("a", (2,), 0, 4)], bytes(16)), "unreadable", "begins at 4, not a multiple of 32"),
    "overlap": (build([ROW, entry("b", (3,), 0, 0)], bytes(64)), "unreadable", "tensor b overlaps another"),
    "twice": (build([ROW, entry("a", (2,), 0, 32)], bytes(64)), "unreadable", "tensor a occurs twice"),
    "rank": (build([entry("a", (1,) * 33, 0, 0)], bytes(8)), "unreadable", "tensor a: 33 axes, more than 32"),
    "product": (build([entry("a", (1 << 40,) * 2, 0, 0)], bytes(8)), "unreadable", "more than 2.62 bytes"),
    "no whole blocks": (build([entry("a", (33,), Q4_0, 0)], bytes(99)), "unreadable", "not whole blocks of 32"),
    "blocks cut": (build([entry("a", (64,), Q4_0, 0)], bytes(35)), "unreadable", "takes 36 bytes at 64, 35 stored"),
    "long text": (build(keys=[struct.pack("<Q", 1 << 60)]), "unreadable", "truncated: 1152921504606846976 bytes"),
    "kind": (build(keys=[key("a", 13, b"")]), "unreadable", "metadata of type 13"),
    "kind in a list": (build(keys=[key("a", 9, listed(13, 1))]), "unreadable", "metadata of type 13"),
    "long list": (build(keys=[key("a", 9, listed(12, 1 << 60))]), "unreadable", "truncated: 9223372036854775808 bytes"),
    "long list of texts": (build(keys=[key("a", 9, listed(8, 1 << 60))]), "unreadable", "truncated: 8 bytes"),
    "deep": (build(keys=[key("a", 9, LIST)]), "too_big", "nested deeper than 8"),
    "key twice": (build(keys=[key("a", 0, b"1")] * 2), "unreadable", "key a of metadata occurs twice"),
    "alignment": (build(keys=[key("general.alignment", 4, struct.pack("<I", 24))]), "unreadable", "of two, got 24"),
    "no alignment": (build(keys=[key("general.alignment", 8, text("x"))]), "unreadable", "power of two, got 'x'"),
    "long name": (build([entry("a" * 70_000, (2,), 0, 0)], bytes(64)), "unreadable", "name of more than 65536 bytes"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "kind", "message"), BAD.values(), ids=BAD)
def test_lies_are_one_line(save, assert_refused, content, kind, message):
    assert_refused(save(content), kind, message)


def test_texts_are_counted_and_their_sum_is_bounded(save, monkeypatch):
    keys = [key(f"k{n}", 8, text("x" * 100)) for n in range(10)]
    monkeypatch.setattr(header, "_MOST_TEXT", 500)
    back = exporters.read(save(build(keys=keys)))
    assert len(back.metadata["gguf"]["metadata"]) == 4
    assert len(back.not_read) == 6
    monkeypatch.setattr(cursor, "_MOST_ITEMS", 15)
    with pytest.raises(WeightFileError, match="more than 15 texts and lists"):
        exporters.read(save(build(keys=keys)))


SOUND = pack(
    {"a": np.arange(6.0).reshape(2, 3), "q": (Q4_0, (2, 32), bytes(36)), "b": np.arange(3, dtype=np.int16)},
    keys=[key("t", 9, listed(8, 2, text("ab") * 2)), key("n", 4, b"1234")],
)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_damage_is_a_line_or_values(read_damaged, damaged, data):
    read_damaged(damaged(data, SOUND))


def test_the_file_to_be_damaged_is_sound(read_damaged):
    assert read_damaged(SOUND) is None
