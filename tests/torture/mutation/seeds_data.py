"""Seeds of data sets: one for each reader of images and labels."""

import gzip
import io
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from torture.mutation.seed import Seed

_IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def make() -> Iterator[Seed]:
    """Yield a data set in each form that cnnkit reads."""
    rng = np.random.default_rng(3)
    arrays = {
        "x_train": rng.integers(0, 256, (4, 3, 5), np.uint8),
        "y_train": np.array([0, 1, 2, 1]),
        "x_test": rng.integers(0, 256, (2, 3, 5), np.uint8),
        "y_test": np.array([2, 0]),
    }
    idx = {name: _pack_idx(array) for name, array in zip(_IDX, arrays.values(), strict=True)}
    yield Seed("data-idx", "data", idx, "")
    yield Seed("data-idx-gz", "data", {f"{name}.gz": gzip.compress(data) for name, data in idx.items()}, "")
    yield Seed("data-npy", "data", {f"{name}.npy": _pack_npy(array) for name, array in arrays.items()}, "")
    for name, save in {"data-npz": np.savez, "data-npz-deflated": np.savez_compressed}.items():
        stream = io.BytesIO()
        save(stream, **arrays)
        yield Seed.of(name, "data", "a.npz", stream.getvalue())
    yield Seed.of("data-csv", "data", "a.csv", _pack_csv(arrays["x_train"], arrays["y_train"]))
    yield Seed.of("data-csv-float", "data", "a.csv", _pack_csv(arrays["x_train"] / 256, arrays["y_train"]))
    packed = gzip.compress(_pack_csv(arrays["x_train"], arrays["y_train"]))
    yield Seed.of("data-csv-gz", "data", "a.csv.gz", packed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.h5")
        with h5py.File(path, "w") as file:
            for key, array in arrays.items():
                file[key] = array
        yield Seed.of("data-hdf5", "data", "a.h5", path.read_bytes())
    for suffix in ("png", "jpg", "bmp", "ppm", "gif", "webp"):
        files = {}
        for number, image in enumerate(arrays["x_train"]):
            stream = io.BytesIO()
            Image.fromarray(image.repeat(2, 0)).save(stream, {"jpg": "jpeg"}.get(suffix, suffix))
            files[f"{'ab'[number % 2]}/{number}.{suffix}"] = stream.getvalue()
        yield Seed(f"data-{suffix}", "data", files, "")


def _pack_idx(values: np.ndarray) -> bytes:
    return struct.pack(f">I{values.ndim}I", 0x0800 | values.ndim, *values.shape) + values.astype(np.uint8).tobytes()


def _pack_npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _pack_csv(images: np.ndarray, labels: np.ndarray) -> bytes:
    lines = ["label," + ",".join(f"pixel{number}" for number in range(9))]
    lines += [",".join(map(str, [label, *image.flat[:9]])) for image, label in zip(images, labels, strict=True)]
    return "\n".join(lines).encode()
