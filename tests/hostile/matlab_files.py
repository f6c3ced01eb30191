"""MAT-files of version 5 that lie; those of version 7.3 are HDF5."""

import struct
import zlib

from hostile.making import READ, make_cases

INT8, INT32, UINT32, DOUBLE, MATRIX, COMPRESSED = 1, 5, 6, 9, 14, 15
CELL, STRUCT, OBJECT, CHAR, SPARSE, NUMBERS = 1, 2, 3, 4, 5, 6
TWO = struct.pack("<2d", 1, 2)


def element(kind: int, data: bytes, size: int | None = None) -> bytes:
    padded = data + bytes(-len(data) % 8 if kind < MATRIX else 0)
    return struct.pack("<2I", kind, len(data) if size is None else size) + padded


def array(
    code: int = NUMBERS, shape: tuple[int, ...] = (1, 2), content: bytes = element(DOUBLE, TWO), name: bytes = b"x",
    flags: int = 0,
) -> bytes:  # fmt: skip
    parts = element(UINT32, struct.pack("<2I", code | flags << 8, 0))
    parts += element(INT32, struct.pack(f"<{len(shape)}i", *shape)) + element(INT8, name)
    return element(MATRIX, parts + content)


def mat(*elements: bytes, version: int = 0x0100, mark: bytes = b"IM") -> bytes:
    return b"MATLAB 5.0 MAT-file, by hand".ljust(124) + struct.pack("<H", version) + mark + b"".join(elements)


def packed(content: bytes) -> bytes:
    data = zlib.compress(content, 1)
    return struct.pack("<2I", COMPRESSED, len(data)) + data


def cells(depth: int) -> bytes:
    inner = array()
    for _ in range(depth):
        inner = array(CELL, (1, 1), inner)
    return mat(inner)


def struct_of(names: bytes, length: int, content: bytes, shape: tuple[int, ...] = (1, 1)) -> bytes:
    return mat(array(STRUCT, shape, element(INT32, struct.pack("<i", length)) + element(INT8, names) + content))


CASES = make_cases(
    "weights",
    [
        ("mat-values-less.mat", "fewer values than the shape", mat(array(shape=(1, 3)))),
        ("mat-values-more.mat", "more values than the shape", mat(array(shape=(1, 1)))),
        ("mat-shape-negative.mat", "two negative extents", mat(array(shape=(-1, -2)))),
        ("mat-shape-product.mat", "a product over 2^62", mat(array(shape=(1 << 30,) * 4))),
        ("mat-shape-one.mat", "one axis", mat(array(shape=(2,))), (0, 2)),
        ("mat-shape-rank.mat", "1,000 axes", mat(array(shape=(1,) * 999 + (2,)))),
        ("mat-shape-none.mat", "no axes", mat(array(shape=()))),
        ("mat-size.mat", "an array longer than the file", mat(array()[:4] + b"\xff\xff\xff\x7f" + array()[8:])),
        ("mat-inner-size.mat", "values longer than their array", mat(array(content=element(DOUBLE, TWO, 1 << 30)))),
        ("mat-cut.mat", "cut within the values", mat(array())[:-10]),
        ("mat-header-only.mat", "no arrays", mat(), (0, 2)),
        ("mat-header-cut.mat", "cut within the heading", mat()[:100]),
        ("mat-version.mat", "version 9", mat(array(), version=0x0900)),
        ("mat-mark.mat", "no byte order", mat(array(), mark=b"XX")),
        ("mat-kind.mat", "an element of type 99", mat(element(99, TWO))),
        ("mat-kind-values.mat", "values of type 99", mat(array(content=element(99, TWO)))),
        ("mat-kind-matrix.mat", "an array as the values of an array", mat(array(content=array()))),
        ("mat-small.mat", "a small element of 7 bytes", mat(array(content=struct.pack("<2H4s", DOUBLE, 7, b"abcd")))),
        ("mat-code.mat", "an array of class 99", mat(array(code=99)), READ),
        ("mat-object.mat", "an object", mat(array(code=OBJECT)), READ),
        ("mat-function.mat", "a function", mat(array(code=16)), READ),
        ("mat-opaque.mat", "an object of MATLAB's own", mat(array(code=17))),
        ("mat-sparse.mat", "sparse", mat(array(code=SPARSE)), READ),
        ("mat-complex.mat", "complex without an imaginary part", mat(array(flags=8))),
        ("mat-name-long.mat", "a name of 100,000 letters", mat(array(name=b"x" * 100_000)), (0, 2)),
        ("mat-name-control.mat", "a name that clears the screen", mat(array(name=b"\x1b[2J")), READ),
        ("mat-name-twice.mat", "two arrays of one name", mat(array(), array()), (0, 2)),
        ("mat-text-huge.mat", "a text of 2^60 letters", mat(array(CHAR, (1 << 30, 1 << 30), element(17, b"ab"))),
         (0, 2)),
        ("mat-cells-deep.mat", "2,000 cells in each other", cells(2_000)),
        ("mat-cells-many.mat", "2^40 cells", mat(array(CELL, (1 << 20, 1 << 20), array()))),
        ("mat-cells-less.mat", "fewer cells than the shape", mat(array(CELL, (1, 5), array()))),
        ("mat-cells-empty.mat", "100,000 empty arrays", mat(array(CELL, (1, 100_000), element(MATRIX, b"") * 100_000)),
         READ),
        ("mat-struct-name.mat", "names of fields of 0 bytes", struct_of(b"abc", 0, array())),
        ("mat-struct-negative.mat", "names of fields of -1 bytes", struct_of(b"abc", -1, array())),
        ("mat-struct-many.mat", "a struct of 2^40 elements",
         struct_of(b"a".ljust(8, b"\0"), 8, array(), (1 << 20,) * 2)),
        ("mat-struct-twice.mat", "two fields of one name", struct_of(b"a\0\0\0\0\0\0\0" * 2, 8, array() * 2), (0, 2)),
        ("mat-packed-bomb.mat", "unfolds to 256 MB", lambda: mat(packed(array(shape=(1, 1 << 25), content=element(
            DOUBLE, bytes(1 << 28)))))),
        ("mat-packed-lies.mat", "unfolds to less than it says", mat(packed(array()[:30]))),
        ("mat-packed-broken.mat", "damaged deflate",
         mat(struct.pack("<2I", COMPRESSED, 20) + b"\x78\x9c" + b"\xff" * 18)),
        ("mat-packed-packed.mat", "packed in packed", mat(packed(packed(array())))),
        ("mat-packed-empty.mat", "packed nothing", mat(struct.pack("<2I", COMPRESSED, 0))),
        ("mat-version-4.mat", "a file of version 4 of 2^60 values", struct.pack("<5i", 0, 1 << 30, 1 << 30, 0, 2)
         + b"x\0" + TWO),
        ("mat-7-3.mat", "the heading of version 7.3 without HDF5", mat(bytes(400), version=0x0200)),
    ],
)  # fmt: skip
