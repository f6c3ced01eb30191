"""Hostile HDF5: each kind for a stranger's weights, for weights that call themselves cnnkit's, and for a data set."""

import functools
import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from hostile.case import Case
from hostile.hdf5_content import CONTENTS
from hostile.hdf5_damage import DAMAGES

_VARIANTS = {"foreign": "weights", "own": "weights", "data": "data"}
_MAIN = {"foreign": "g/weight", "own": "parameters/0.weight", "data": "x_train"}


def build(variant: str, modern: bool, add: Callable[[h5py.File, str], None] | None = None) -> bytearray:
    """Return a file of a variant with all structures that damage needs; `add` changes it further."""
    return bytearray(_build_plain(variant, modern) if add is None else _build(variant, modern, add))


@functools.cache
def _build_plain(variant: str, modern: bool) -> bytes:
    """Return the file that most damage begins with."""
    return _build(variant, modern)


def _build(variant: str, modern: bool, add: Callable[[h5py.File, str], None] | None = None) -> bytes:
    stream, main = io.BytesIO(), _MAIN[variant]
    with h5py.File(stream, "w", libver="latest" if modern else "earliest") as file:
        if variant == "own":
            file.attrs.create("format", np.bytes_(b"cnnkit-hdf5"))
            file.attrs["version"] = np.int64(1)
        images = np.arange(12 * 16, dtype="f4").reshape(12, 4, 4) / 192
        file.create_dataset(main, data=images, chunks=(5, 4, 4), compression="gzip", fletcher32=True)
        if variant == "own":
            texts = {"name": "0.weight", "layer": "0", "role": "weight", "axes": '["o", "i", "k"]'}
            for key, text in (texts | {"sha256": hashlib.sha256(images.tobytes()).hexdigest()}).items():
                file[main].attrs.create(key, np.bytes_(text.encode()))
            file[main].attrs["index"] = np.int64(0)
        if variant == "data":
            file["y_train"] = np.arange(12) % 3
        _add_structures(file)
        if add is not None:
            add(file, main)
    return stream.getvalue()


def _add_structures(file: h5py.File) -> None:
    """Groups of many links, attributes that continue a header and lie in heaps, chunks of each kind of index."""
    for index in range(40):
        file[f"beside/group{index}/x"] = np.float32([index])
    texts = np.array(["a text", "of varying", "length"], object)
    file["beside"].attrs.create("texts", texts, dtype=h5py.string_dtype())
    for index in range(12):
        file["beside/group0"].attrs[f"attribute{index}"] = np.arange(6)
    shapes: dict[str, tuple[int | None, ...]] = {"fixed": (64, 8), "growing": (None, 8), "both": (None, None)}
    for name, most in shapes.items():
        file.create_dataset(f"chunks_{name}", data=np.ones((64, 8), "f4"), chunks=(4, 8), maxshape=most)


def _write(data: Callable[[], bytes | bytearray], path: Path) -> None:
    path.write_bytes(data())


def _damage(variant: str, modern: bool, change: Callable[[bytearray], None]) -> bytearray:
    data = build(variant, modern)
    before = bytes(data)
    change(data)
    if data == before:
        raise ValueError("nothing was changed")
    return data


def _cut(variant: str, modern: bool, share: float) -> bytearray:
    data = build(variant, modern)
    return data[: int(len(data) * share)]


def _collect() -> list[Case]:
    cases = []
    for variant, door in _VARIANTS.items():
        for damage in DAMAGES:
            write = functools.partial(_damage, variant, damage.modern, damage.change)
            name = f"hdf5_{damage.name}_{variant}.h5"
            # Where libhdf5 never looks at the damaged place, the file reads as it was; a stranger's is read in part.
            cases.append(Case(name, door, damage.about, functools.partial(_write, write), (0, 2)))
        for content in CONTENTS:
            write = functools.partial(build, variant, content.modern, content.add)
            # Weights beside what must not be read are read; a data set without its images is none.
            statuses = (2,) if variant == "data" and content.replaces else content.statuses
            name = f"hdf5_{content.name}_{variant}.h5"
            cases.append(Case(name, door, content.about, functools.partial(_write, write), statuses))
        for modern in (False, True):
            for share in (0.02, 0.5, 0.98):
                write = functools.partial(_cut, variant, modern, share)
                name = f"hdf5_cut{round(share * 100)}_{'newer' if modern else 'older'}_{variant}.h5"
                cases.append(Case(name, door, f"{share:.0%} of a file", functools.partial(_write, write)))
    return cases


CASES = tuple(_collect())
