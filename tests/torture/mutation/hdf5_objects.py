"""Changes to HDF5 files by libhdf5 itself, so that every checksum and offset is right, and what they hold is not."""

import io
import random

import h5py
import numpy as np

from torture.mutation.raw_bytes import draw_edge
from torture.mutation.texts import change_json

_DTYPES = ("<f4", ">f8", "<f2", "<i8", "|u1", "|S4", "<c8", "?")


def change_hdf5(data: bytes, rng: random.Random) -> bytes:
    """Return a valid HDF5 file with one or two of its attributes, data sets, groups or links changed."""
    head = data.find(b"\x89HDF\r\n\x1a\n")
    stream = io.BytesIO(data[head:])
    try:
        with h5py.File(stream, "r+") as file:
            for _ in range(rng.choice((1, 1, 2))):
                names: list[str] = []
                file.visit(names.append)
                rng.choice((_change_attribute, _change_attribute, _change_dataset, _change_link))(file, names, rng)
    except Exception:  # of what h5py cannot write
        return data
    return data[:head] + stream.getvalue()


def _change_attribute(file: h5py.File, names: list[str], rng: random.Random) -> None:
    owners = [item for item in (file, *map(file.get, names)) if item is not None and item.attrs]
    if not owners:
        return
    owner = rng.choice(owners)
    key = rng.choice(list(owner.attrs))
    value = owner.attrs[key]
    match rng.randrange(5):
        case 0:
            del owner.attrs[key]
        case 1:
            owner.attrs[rng.choice(("layer_names", "weight_names", "format", key + "2"))] = value
        case _ if isinstance(value, str | bytes):
            text = change_json(value.encode() if isinstance(value, str) else value, rng)
            owner.attrs[key] = np.bytes_(text) if rng.random() < 0.5 else text.decode("utf-8", "surrogateescape")
        case _:
            edge = np.uint64(draw_edge(rng) % (1 << 64))
            owner.attrs[key] = rng.choice((edge, np.float32("nan"), np.zeros((2, 2)), np.zeros(0), "", b"\xff", value))


def _change_dataset(file: h5py.File, names: list[str], rng: random.Random) -> None:
    datasets = [name for name in names if isinstance(file.get(name), h5py.Dataset)]
    if not datasets:
        return
    name = rng.choice(datasets)
    shape, dtype = file[name].shape, file[name].dtype
    attributes = dict(file[name].attrs)
    del file[name]
    match rng.randrange(5):
        case 0:
            return
        case 1:
            shape = rng.choice(((), (0,), shape[::-1], (*shape, 1), shape[1:], (1,) * 9))
        case 2:
            dtype = np.dtype(rng.choice(_DTYPES))
        case 3:
            rows = rng.choice((1 << 16, 1 << 31, 1 << 40))
            file.create_dataset(name, (rows, *shape), dtype, chunks=(16, *shape), fillvalue=0)
            return
        case _:
            file[name] = h5py.Empty(dtype)
            return
    file.create_dataset(name, shape, dtype).attrs.update(attributes)


def _change_link(file: h5py.File, names: list[str], rng: random.Random) -> None:
    if not names:
        return
    name, other = rng.choice(names), rng.choice(names)
    match rng.randrange(5):
        case 0:
            file.move(name, rng.choice(("x", name + "2", f"{other}/y", "a\x1b[31m", ".", "layers/0")))
        case 1:
            file[f"{name}_link"] = h5py.SoftLink(rng.choice(("/", f"/{other}", "/nowhere", "")))
        case 2:
            file["outside"] = h5py.ExternalLink(rng.choice(("other.h5", "/etc/passwd", "")), f"/{name}")
        case 3:
            file[f"{other}_hard"] = file[name]
        case _:
            group = file[name] if isinstance(file.get(name), h5py.Group) else file
            group["loop"] = file["/"]
