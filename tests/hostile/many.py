"""Weight files of very many small things, of huge names, of holes, and such that declare more than they hold."""

import functools
import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hostile.case import Case
from hostile.small_tensors import WRITERS, field, npy, varint

_TENSORS, _TIB = 4_000, 1 << 40
_LONG = 4 << 20
_SUFFIXES = ("", ".safetensors", ".npz", ".pt", ".onnx", ".h5", ".gguf", ".json", ".txt", ".npy", ".mat", ".tflite",
             ".pkl", ".keras", ".svg")  # fmt: skip


def _case(name: str, about: str, content: Callable[[], bytes], *statuses: int, hole: int = 0) -> Case:
    """hole: bytes behind the content that are never written."""

    def write(path: Path) -> None:
        path.write_bytes(content())
        if hole:
            os.truncate(path, path.stat().st_size + hole)

    return Case(f"many-{name}", "weights", about, write, statuses or (2,))


def safetensors(entries: dict[str, object], size: int = 0) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


def _entry(shape: list[int], begin: int, end: int, code: str = "F32") -> dict[str, object]:
    return {"dtype": code, "shape": shape, "data_offsets": [begin, end]}


def gguf(tensors: bytes = b"", count: int = 0, keys: bytes = b"", key_count: int = 0) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, count, key_count) + keys + tensors
    return head + bytes(-len(head) % 32)


def _gguf_tensor(name: bytes, extent: int) -> bytes:
    return struct.pack("<Q", len(name)) + name + struct.pack("<IQIQ", 1, extent, 0, 0)


def onnx(graph: bytes) -> bytes:
    return b"\x08\x08" + field(2, b"by hand") + field(7, graph)


def _onnx_tensor(name: bytes, dims: bytes, values: bytes) -> bytes:
    return field(5, dims + b"\x10\1" + field(8, name) + values)


def npy_of(shape: str) -> bytes:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode()


def zipped(**members: bytes) -> bytes:
    import io

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def matlab(kind: int, size: int, content: bytes) -> bytes:
    return b"MATLAB 5.0 MAT-file, by hand".ljust(124) + b"\0\1IM" + struct.pack("<II", kind, size) + content


def _matlab_cell(content: bytes) -> bytes:
    parts = struct.pack("<IIII", 6, 8, 1, 0) + struct.pack("<IIii", 5, 8, 1, 1) + struct.pack("<II", 1, 0) + content
    return struct.pack("<II", 14, len(parts)) + parts


def _nest_cells(depth: int) -> bytes:
    content = struct.pack("<II", 14, 0)
    for _ in range(depth):
        content = _matlab_cell(content)
    return b"MATLAB 5.0 MAT-file, by hand".ljust(124) + b"\0\1IM" + content


def _nest_graphs(depth: int) -> bytes:
    graph = b""
    for _ in range(depth):
        graph = field(1, field(5, field(1, b"body") + field(6, graph)))
    return onnx(field(2, b"main") + graph)


def own_json(tensors: str) -> bytes:
    return f'{{"format": "cnnkit-json", "version": 1, "tensors": [{tensors}]}}'.encode()


_ROW = '{"name": "a", "layer": "", "kind": "parameter", "role": "other", "axes": ["0"], "dtype": "float32", '


def _one(name: str) -> bytes:
    return safetensors({name: _entry([1], 0, 4)}, 4)


def _write_many(writer: Callable[[Path, int], None], path: Path) -> None:
    writer(path, _TENSORS)


def _write_hole(path: Path) -> None:
    with path.open("wb"):
        os.truncate(path, _TIB)


def _write_hdf5_hole(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("a", (1 << 20,), "f4")[0] = 1
        place, length = file["a"].id.get_offset(), (1 << 20) * 4
    content = path.read_bytes()[: place + length]
    extent = struct.pack("<Q", 1 << 20)  # of the data set, and its bytes: what is declared grows to the hole
    content = content.replace(extent, struct.pack("<Q", _TIB >> 2)).replace(
        struct.pack("<Q", length), struct.pack("<Q", _TIB)
    )
    path.write_bytes(content)
    os.truncate(path, place + _TIB)


_PICKLE_END = b"K\1s."
_MANY = [
    Case(
        f"many-tensors-{name}",
        "weights",
        f"{_TENSORS:,} small tensors",
        functools.partial(_write_many, WRITERS[name]),
        (0,),
    )
    for name in WRITERS
    if "h5" not in name and not name.startswith("own")
]
_HOLES = [
    Case(f"many-zeros{suffix or '-bare'}", "weights", "1 TiB of zeros that are not stored", _write_hole)
    for suffix in _SUFFIXES
]
_HONEST_HOLES = [
    _case("hole.safetensors", "an honest header, 1 TiB of values in a hole",
          lambda: safetensors({"a": _entry([_TIB >> 2], 0, _TIB)}), hole=_TIB),
    _case("hole.gguf", "the same", lambda: gguf(_gguf_tensor(b"a", _TIB >> 2), 1), hole=_TIB),
    _case("hole.npy", "the same", lambda: npy_of(f"({_TIB >> 2},)"), hole=_TIB),
    _case("hole.onnx", "the same", lambda: b"\x08\x08" + varint(7 << 3 | 2) + varint(_TIB + 18)
          + varint(5 << 3 | 2) + varint(_TIB + 11) + b"\x08" + varint(_TIB >> 2) + b"\x10\1" + varint(9 << 3 | 2),
          hole=_TIB),
    _case("hole.json", "JSON, and then a hole", lambda: own_json(""), hole=_TIB),
    _case("hole.txt", "text, and then a hole", lambda: b"# cnnkit weights 1\n", hole=_TIB),
    _case("hole.mat", "an array, and then a hole", lambda: matlab(14, 8, bytes(8)), hole=_TIB),
    _case("hole.pkl", "a pickle, and then a hole", lambda: b"\x80\4}.", hole=_TIB),
    _case("hole.npz", "a zip, and then a hole", lambda: zipped(**{"a.npy": npy(np.ones(2, "<f4"))}), hole=_TIB),
    _case("hole.tflite", "a mark, and then a hole", lambda: struct.pack("<I", 8) + b"TFL3" + bytes(8), hole=_TIB),
    Case("many-hole.h5", "weights", "a data set of 1 TiB in a hole", _write_hdf5_hole),
]  # fmt: skip
_LIES = [
    _case("length.safetensors", "a header of 2^63 bytes", lambda: struct.pack("<Q", 1 << 63) + b"{}"),
    _case("values.safetensors", "1 TiB of values declared, 4 bytes held",
          lambda: safetensors({"a": _entry([_TIB >> 2], 0, _TIB)}, 4)),
    _case("empty-axis.safetensors", "2^62 columns of no row",
          lambda: safetensors({"a": _entry([0, 1 << 62], 0, 0)}), 0),
    _case("count.gguf", "2^40 tensors declared", lambda: gguf(count=1 << 40)),
    _case("some.gguf", "150,000 tensors declared, none held", lambda: gguf(count=150_000)),
    _case("keys.gguf", "20,000 keys declared, none held", lambda: gguf(key_count=20_000)),
    _case("name.gguf", "a name of 2^60 bytes", lambda: gguf(struct.pack("<Q", 1 << 60), 1)),
    _case("list.gguf", "a list of 2^60 numbers",
          lambda: gguf(keys=struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 4, 1 << 60), key_count=1)),
    _case("values.npy", "1 TiB of values declared", lambda: npy_of(f"({_TIB >> 2},)") + bytes(4)),
    _case("values.npz", "the same in a zip", lambda: zipped(**{"a.npy": npy_of(f"({_TIB >> 2},)") + bytes(4)})),
    _case("dims.onnx", "2^40 values declared",
          lambda: onnx(_onnx_tensor(b"a", b"\x08" + varint(_TIB), field(9, bytes(4))))),
    _case("element.mat", "an element of 2^32 - 1 bytes", lambda: matlab(14, (1 << 32) - 1, bytes(64))),
    _case("vector.tflite", "a table far outside", lambda: struct.pack("<I", 1 << 31) + b"TFL3" + bytes(64)),
    _case("bytes.pkl", "bytes of 2^40", lambda: b"\x80\4}\x8c\1a\x8e" + struct.pack("<Q", _TIB) + _PICKLE_END),
    _case("text.pkl", "a text of 2^40", lambda: b"\x80\4}\x8d" + struct.pack("<Q", _TIB) + _PICKLE_END),
    _case("frame.pkl", "a frame of 2^60", lambda: b"\x80\4\x95" + struct.pack("<Q", 1 << 60) + b"}."),
    _case("shape.json", "10^12 values declared",
          lambda: own_json(_ROW + '"shape": [1000000000000], "values": [1]}')),
]  # fmt: skip
_COUNTS = [
    _case("names.safetensors", "200,000 tensors of one byte", lambda: safetensors(
        {f"a{n}": _entry([1], n, n + 1, "U8") for n in range(200_000)}, 200_000)),
    _case("metadata.safetensors", "700,000 keys of metadata",
          lambda: safetensors({"__metadata__": {f"{n}": "" for n in range(700_000)}})),
    _case("commas.safetensors", "a list of two million commas",
          lambda: struct.pack("<Q", 2_000_010) + b'{"a":' + b"[" + b"1," * 1_000_000 + b"1]} "),
    _case("nodes.onnx", "a million nodes without content", lambda: onnx(b"\x0a\0" * 1_000_000)),
    _case("tensors.onnx", "a million tensors without content", lambda: onnx(b"\x2a\0" * 1_000_000)),
    _case("inputs.onnx", "a million names of inputs", lambda: onnx(field(1, b"\x0a\0" * 1_000_000)), 0),
    _case("strings.pkl", "a million texts", lambda: b"\x80\4](" + b"\x8c\1a" * 1_000_000 + b"e."),
    _case("dicts.pkl", "a million dictionaries", lambda: b"\x80\4](" + b"}" * 1_000_000 + b"e."),
    _case("memo.pkl", "a million places of the memo", lambda: b"\x80\4]" + b"\x94" * 1_000_000 + b"."),
    _case("keys.json", "600,000 keys", lambda: own_json("")[:-1] + b"," + b",".join(
        b'"%d":1' % n for n in range(600_000)) + b"}", 0, 1, 2),
    _case("brackets.json", "JSON nested a million deep", lambda: own_json("[" * 1_000_000)),
    _case("brackets-tfjs.json", "the same in a list of weights",
          lambda: b'{"format": "layers-model", "weightsManifest": ' + b"[" * 500_000),
    _case("deep.pkl", "lists nested 100,000 deep", lambda: b"\x80\4" + b"](" * 100_000 + b"e" * 100_000 + b".", 2),
    _case("deep.onnx", "graphs nested 60 deep", lambda: _nest_graphs(60)),
    _case("deep.mat", "cells nested 60 deep", lambda: _nest_cells(60), 0),
]  # fmt: skip
_NAMES = [
    _case("name.safetensors", "a name of 4 MiB", lambda: _one("a" * _LONG), 0),
    _case("digits.safetensors", "a name of 4 MiB of digits", lambda: _one("1" * _LONG), 0),
    _case("dots.safetensors", "a name of 100,000 parts", lambda: _one("a." * 100_000 + "weight"), 0),
    _case("turns.safetensors", "letters and digits by turns", lambda: _one("a1" * 200_000), 0),
    _case("name.npz", "a name of 60,000 bytes", lambda: zipped(**{"a" * 60_000 + ".npy": npy(np.ones(2, "<f4"))}), 0),
    _case("name.onnx", "a name of 4 MiB",
          lambda: onnx(_onnx_tensor(b"a" * _LONG, b"\x08\1", field(9, bytes(4)))), 0),
    _case("long-name.gguf", "a name of 4 MiB", lambda: gguf(_gguf_tensor(b"a" * _LONG, 1), 1)),
]  # fmt: skip
CASES = (*_MANY, *_HOLES, *_HONEST_HOLES, *_LIES, *_COUNTS, *_NAMES)
