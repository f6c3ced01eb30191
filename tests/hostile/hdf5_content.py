"""HDF5 files that are right by themselves, and hold what no file of weights or images needs."""

import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import h5py
import numpy as np


class Content(NamedTuple):
    """name, what is in the file, what adds it to an open one, the statuses that are right, whether it is newer HDF5."""

    name: str
    about: str
    add: Callable[[h5py.File, str], None]
    statuses: tuple[int, ...] = (2,)
    modern: bool = False

    @property
    def replaces(self) -> bool:
        """Whether it stands in the place of the main data set."""
        return self.statuses == _EITHER


def _replace(add: Callable[[h5py.File, str], object]) -> Callable[[h5py.File, str], None]:
    """Return what puts something else in the place of the main data set."""

    def replace(file: h5py.File, main: str) -> None:
        del file[main]
        add(file, main)

    return replace


def _link_virtual(file: h5py.File, main: str) -> None:
    layout = h5py.VirtualLayout((12, 4, 4), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (12, 4, 4))
    file.create_virtual_dataset(main, layout)


def _link_virtual_itself(file: h5py.File, main: str) -> None:
    layout = h5py.VirtualLayout((12, 4, 4), "f4")
    layout[:] = h5py.VirtualSource(".", main, (12, 4, 4))
    file.create_virtual_dataset(main, layout)


def _nest(file: h5py.File, main: str) -> None:  # noqa: ARG001
    group = file.create_group("deep")
    for _ in range(300):
        group = group.create_group("g")


def _add_links(file: h5py.File, main: str) -> None:
    for index in range(110_000):
        file.id.links.create_soft(b"l%d" % index, main.encode())


def _add_circles(file: h5py.File, main: str) -> None:  # noqa: ARG001
    for name in "abcdefgh":
        group = file.create_group(f"circle/{name}")
        for other in "abcdefgh":
            group[f"to_{other}"] = file["circle"]


def _add_aliases(file: h5py.File, main: str) -> None:  # noqa: ARG001
    file["big"] = np.zeros(1 << 20, "u1")
    for index in range(2000):
        file[f"big{index}"] = file["big"]


def _add_bombs(file: h5py.File, main: str) -> None:  # noqa: ARG001
    for index in range(200):
        file.create_dataset(f"bomb{index}", (60 << 20,), "u1", chunks=(1 << 20,), compression="gzip")


def _add_zeros(file: h5py.File, main: str) -> None:
    """A chunk of 64 MiB that is packed into 300 KiB."""
    data = zlib.compress(bytes(64 << 20), 1)
    dataset = file.create_dataset(
        main, (12, 1 << 21, 1), "f4", chunks=(8, 1 << 21, 1), compression="gzip", shuffle=True
    )
    for begin in (0, 8):
        dataset.id.write_direct_chunk((begin, 0, 0), data)


def _add_longer_chunk(file: h5py.File, main: str) -> None:
    """A chunk that unpacks to far more than the data set declares."""
    dataset = file.create_dataset(main, (12, 4, 4), "f4", chunks=(12, 4, 4), compression="gzip")
    dataset.id.write_direct_chunk((0, 0, 0), zlib.compress(bytes(100 << 20), 1))


def _add_names(file: h5py.File, main: str) -> None:  # noqa: ARG001
    for name in (b"\x1b[2J\x07red", b"two\nlines", b"\xff\xfe", "\u202etxt.exe".encode(), b"<script>", b"a" * 20_000):
        space = h5py.h5s.create_simple((2,))
        h5py.h5d.create(file.id, name, h5py.h5t.NATIVE_FLOAT, space).write(h5py.h5s.ALL, h5py.h5s.ALL, np.ones(2, "f4"))


def _add_attributes(file: h5py.File, main: str) -> None:
    file[main].attrs.create("large", np.zeros(3 << 20, "u1"))
    for index in range(500):
        file[main].attrs[f"a{index}"] = "x" * 100


def _add_repeated_text(file: h5py.File, main: str) -> None:
    """One text of 60 KB, 8,000 times in an attribute: 480 MB."""
    texts = np.array(["x" * 60_000] + [""] * 7_999, object)
    file[main].attrs.create("texts", texts, dtype=h5py.string_dtype())


def _create(shape: Any, dtype: Any, **options: Any) -> Callable[[h5py.File, str], None]:
    return _replace(lambda file, main: file.create_dataset(main, shape, dtype, **options))


def _write_filter(file: h5py.File, main: str) -> None:
    """A chunk of a filter that is a plug-in, as a stranger's program writes it."""
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((12, 4, 4))
    creation.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (1,))
    h5py.h5d.create(file.id, main.encode(), h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((12, 4, 4)), creation)


def _add_bad_times(file: h5py.File, main: str) -> None:
    kind = h5py.h5t.UNIX_D32LE
    h5py.h5d.create(file.id, main.encode(), kind, h5py.h5s.create_simple((12, 4, 4)))


# Instead of the main data set: weights beside it can be read, a data set without its images cannot.
_EITHER = (0, 2)
CONTENTS = (
    Content("external_link", "the data set lies in another file",
            _replace(lambda f, main: f.__setitem__(main, h5py.ExternalLink("/etc/passwd", "/x"))), _EITHER),
    Content("soft_link", "the data set is a soft link to nothing",
            _replace(lambda f, main: f.__setitem__(main, h5py.SoftLink("/nowhere"))), _EITHER),
    Content("soft_link_itself", "the data set is a soft link to itself",
            _replace(lambda f, main: f.__setitem__(main, h5py.SoftLink(f"/{main}"))), _EITHER),
    Content("virtual", "the values lie in another file", _replace(_link_virtual), _EITHER),
    Content("virtual_itself", "the values lie in the data set itself", _replace(_link_virtual_itself), _EITHER),
    Content("external_storage", "the bytes are those of /etc/passwd",
            _create((12, 4, 4), "u1", external=[("/etc/passwd", 0, 192)]), _EITHER),
    Content("deep_groups", "groups nested 300 deep", _nest),
    Content("many_links", "110,000 links", _add_links),
    Content("circles", "groups that hold each other", _add_circles, (0,)),
    Content("aliases", "one data set by 2,000 names", _add_aliases, (0,)),
    Content("empty_bombs", "200 data sets of 60 MiB, none of it written", _add_bombs, (0,)),
    Content("zeros", "96 MiB of zeros in 600 KiB, in chunks of 64 MiB", _replace(_add_zeros), _EITHER),
    Content("longer_chunk", "a chunk that unpacks to 100 MiB instead of 768 bytes", _replace(_add_longer_chunk),
            _EITHER),
    Content("huge", "2^40 images, none written", _create((1 << 40, 4, 4), "f4", chunks=(64, 4, 4)), _EITHER),
    Content("huge_chunk", "a chunk of 2 GiB", _create((12, 4, 4), "f4", chunks=(1 << 25, 4, 4), maxshape=(None, 4, 4)),
            _EITHER),
    Content("filter_plugin", "a filter that is a plug-in", _replace(_write_filter), _EITHER),
    Content("filter_scale", "a filter that loses digits", _create((12, 4, 4), "i4", scaleoffset=3), _EITHER),
    Content("compound", "elements of two fields", _create((12, 4, 4), "f4,i4"), _EITHER),
    Content("texts", "texts of varying length", _create((12, 4, 4), h5py.string_dtype()), _EITHER),
    Content("lists", "lists of varying length", _create((12, 4, 4), h5py.vlen_dtype(np.int32)), _EITHER),
    Content("references", "references", _create((12, 4, 4), h5py.ref_dtype), _EITHER),
    Content("regions", "references to regions", _create((12, 4, 4), h5py.regionref_dtype), _EITHER),
    Content("opaque", "opaque bytes", _create((12, 4, 4), "V16"), _EITHER),
    Content("times", "elements of a type that no library reads", _replace(_add_bad_times), _EITHER),
    Content("null", "no values at all",
            _replace(lambda f, main: f.create_dataset(main, data=h5py.Empty("f4"))), _EITHER),
    Content("no_rows", "no images", _create((0, 4, 4), "f4"), _EITHER),
    Content("axes32", "32 axes", _create((1,) * 32, "f4"), _EITHER),
    Content("names", "names with control bytes, bytes that are no text, turned writing, markup", _add_names, (0,)),
    Content("attributes", "500 attributes and one of 3 MiB", _add_attributes, (0,), True),
    Content("repeated_text", "an attribute of 8,000 texts", _add_repeated_text, (0,), True),
)  # fmt: skip
