"""Arrays of NumPy whose headers lie: in NPZ and NPY."""

import io
import struct

import numpy as np

from hostile.making import READ, Row, make_cases
from hostile.zips import Entry, write_zip

F4 = "'descr': '<f4', 'fortran_order': False, 'shape': (2,), "


def npy(header: str | bytes, data: bytes = bytes(8), version: int = 1, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else header.encode("latin-1")
    width = "<H" if version == 1 else "<I"
    return (
        b"\x93NUMPY" + bytes((version, 0)) + struct.pack(width, len(text) if length is None else length) + text + data
    )


def shaped(shape: str, data: bytes = bytes(8), descr: str = "'<f4'") -> bytes:
    return npy(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n", data)


def npz(content: bytes) -> bytes:
    return write_zip([Entry(b"a.npy", content)])


def objects() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([{}, None], object), allow_pickle=True)
    return stream.getvalue()


HEADERS: list[Row] = [
    ("shape-more", "more values declared than stored", shaped("(3,)")),
    ("shape-less", "fewer values declared than stored", shaped("(1,)")),
    ("shape-product", "a product that overflows to 8", shaped("(4294967296, 4294967296, 2)")),
    ("shape-negative", "two negative extents", shaped("(-1, -2)")),
    ("shape-huge", "a shape of 2^62 values", shaped(f"({1 << 62},)")),
    ("shape-digits", "an extent of 5,000 digits", shaped("(" + "9" * 5000 + ",)")),
    ("shape-true", "an extent that is True", shaped("(True, 2)")),
    ("shape-real", "an extent of 2.0", shaped("(2.0,)")),
    ("shape-number", "a shape that is no tuple", shaped("2")),
    ("shape-code", "a shape that is a call", shaped("(__import__('os').system('touch cnnkit-was-here'),)")),
    ("shape-add", "a shape that must be computed", shaped("(1+1,)")),
    ("shape-long", "3,000 axes", shaped("(" + "1, " * 3000 + "2)")),
    ("shape-names", "a shape of names", shaped("(a, b)")),
    ("descr-code", "a type that is a call", shaped("(2,)", descr="exec('1')")),
    ("descr-records", "a type of records", shaped("(1,)", descr="[('a', '<f4'), ('b', '<f4')]"), (0, 2)),
    ("descr-text", "a type of texts", shaped("(2,)", descr="'<U1'"), (0, 2)),
    ("descr-unknown", "a type that is not known", shaped("(2,)", descr="'<q9'"), (0, 2)),
    ("descr-size", "a float of 99 bytes", shaped("(2,)", descr="'<f99'"), (0, 2)),
    ("descr-void", "2^31 bytes a value", shaped("(2,)", descr="'|V2147483647'"), (0, 2)),
    ("descr-nested", "a type within a type", shaped("(2,)", descr="('<f4', (2,))"), (0, 2)),
    ("key-missing", "no shape", npy("{'descr': '<f4', 'fortran_order': False, }\n")),
    ("key-more", "a key too many", npy(f"{{{F4}'extra': 1, }}\n")),
    ("key-twice", "shape twice", npy(f"{{{F4}'shape': (9,), }}\n")),
    ("order-number", "an order that is a number", npy("{'descr': '<f4', 'fortran_order': 1, 'shape': (2,), }\n")),
    ("braces", "1,000 braces", npy("{" * 1000)),
    ("header-empty", "no header", npy("")),
    ("header-blank", "a header of blanks", npy(" " * 100)),
    ("header-2-31", "a header of 2^31 bytes", npy("{}", version=2, length=1 << 31)),
    ("header-longer", "a header longer than the file", npy("{}", length=60_000)),
    ("header-9000", "a header of 9,000 brackets", npy("{'descr': " + "(" * 9_000)),
    ("version-9", "version 9", npy(f"{{{F4}}}\n", version=9)),
    ("not-utf-8", "version 3, not UTF-8", npy(b"{'descr': '\xff\xfe'}", version=3)),
    ("magic-only", "the mark alone", b"\x93NUMPY"),
    ("cut", "cut within the header", npy(f"{{{F4}}}\n")[:20]),
]

CASES = (
    *make_cases("weights", [(f"npz-{name}.npz", about, npz(data), *rest) for name, about, data, *rest in HEADERS]),  # type: ignore[arg-type, misc]
    *make_cases(
        "weights",
        [
            ("npz-objects.npz", "an array of Python objects", npz(objects()), (0, 2)),
            (
                "npz-own-mark.npz",
                "calls itself cnnkit's own",
                write_zip([Entry(b"cnnkit.json.npy", shaped("(20,)", b'{"format": "cnnkit" ', "'|u1'"))]),
            ),
            (
                "npz-own-huge.npz",
                "its own description of 2^40 bytes",
                write_zip([Entry(b"cnnkit.json.npy", shaped(f"({1 << 40},)", b"{}", "'|u1'"))]),
            ),
            ("npz-not-arrays.npz", "members that are no arrays", write_zip([Entry(b"readme.txt", b"hello")])),
            ("npz-empty.npz", "no members", write_zip([])),
            (
                "npz-extremes.npz",
                "NaN and infinities",
                npz(shaped("(2,)", struct.pack("<2f", float("nan"), float("inf")))),
                READ,
            ),
            ("npy-shape-more.npy", "more values declared than stored", shaped("(3,)")),
            ("npy-shape-less.npy", "fewer values declared than stored", shaped("(1,)"), READ),
            ("npy-shape-huge.npy", "a shape of 2^62 values", shaped(f"({1 << 62},)")),
            ("npy-shape-code.npy", "a shape that is a call", shaped("(__import__('os').getcwd(),)")),
            ("npy-objects.npy", "an array of Python objects", objects(), (0, 2)),
            ("npy-magic-only.npy", "the mark alone", b"\x93NUMPY"),
            ("npy-header-2-31.npy", "a header of 2^31 bytes", npy("{}", version=2, length=1 << 31)),
            ("npy-records.npy", "a type of records", shaped("(1,)", descr="[('a', '<f4'), ('b', '<f4')]"), (0, 2)),
            ("npy-two.npy", "two arrays in one file", shaped("(2,)") * 2, (0, 2)),
        ],
    ),
)
