"""Random damage from a seed: every reader returns a data set or raises a DataError of one line, nothing else."""

import gzip
import shutil
import zipfile

import h5py
import numpy as np
import pytest
from PIL import Image

from cnnkit.data import load
from cnnkit.errors import DataError
from cnnkit.files.names import printable


def build(kind, folder, arrays, write_idx):
    """Write a valid data set of this kind; return the argument of `load` and the file to damage."""
    if kind in {"idx", "idx.gz"}:
        write_idx(folder, zipped=kind == "idx.gz")
        return folder, next(folder.glob("train-images*"))
    if kind == "npy":
        for key, values in arrays.items():
            np.save(folder / f"{key}.npy", values)
        return folder, folder / "x_train.npy"
    if kind == "png":
        for at, name in enumerate("ab"):
            (folder / name).mkdir()
            Image.fromarray(arrays["x_train"][at]).save(folder / name / "1.png")
        return folder, folder / "a/1.png"
    file = folder / f"set.{kind}"
    if kind == "npz":
        np.savez_compressed(file, **arrays)
    else:
        rows = [
            ",".join(map(str, [y, *x.flat[:25]])) for x, y in zip(arrays["x_train"], arrays["y_train"], strict=True)
        ]
        text = "\n".join(["label," + ",".join(f"pixel{i}" for i in range(25)), *rows]).encode()
        file.write_bytes(gzip.compress(text) if kind == "csv.gz" else text)
    return file, file


def damaged(good, rng):
    data = bytearray(good)
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(len(data)))
        match int(rng.integers(5)):
            case 0:
                data[at] ^= 1 << int(rng.integers(8))
            case 1:
                data[at] = int(rng.choice([0, 255, 10, 44]))
            case 2:
                data[at : at + 4] = bytes([255, 255, 255, 255])
            case 3:
                del data[at:]
                data += b"\0"
            case 4:
                data[at:at] = data[: int(rng.integers(1, 30))]
    return bytes(data)


@pytest.mark.parametrize("kind", ["idx", "idx.gz", "npz", "npy", "csv", "csv.gz", "png"])
def test_random_damage_is_refused_in_one_line_or_harmless(tmp_path, arrays, write_idx, kind):
    rng = np.random.default_rng(11)
    source, file = build(kind, tmp_path, arrays, write_idx)
    good, refusals = file.read_bytes(), []
    assert len(load(source).fingerprint()) == 64
    spare = file.with_name("spare" + "".join(file.suffixes)) if source == file else None
    for _ in range(300):
        file.write_bytes(damaged(good, rng))
        target = shutil.copy(file, spare) if spare else source
        try:
            load(target).fingerprint()
        except DataError as error:
            refusals.append(str(error))
    assert len(refusals) > 100
    assert all(printable(line, 10_000) == line for line in refusals)


def write_npz(path, images, labels):
    np.savez_compressed(path, x_train=images, y_train=labels)


def write_gzipped(path, images, labels):  # noqa: ARG001
    path.write_bytes(gzip.compress(b"label,pixel0\n" + b"0,0\n" * len(labels), 1))


def write_packed_idx(path, images, labels):
    path.mkdir()
    for name, values in (("train-images-idx3-ubyte.gz", images), ("train-labels-idx1-ubyte.gz", labels)):
        head = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
        (path / name).write_bytes(gzip.compress(head + values.tobytes(), 1))


def write_packed_hdf5(path, images, labels):
    with h5py.File(path, "w") as file:
        file.create_dataset("x_train", data=images, compression="gzip", chunks=(1 << 20, 1, 1))
        file.create_dataset("y_train", data=labels, compression="gzip", chunks=(1 << 20,))


@pytest.mark.parametrize(
    ("write", "name"),
    [(write_npz, "a.npz"), (write_gzipped, "a.csv.gz"), (write_packed_idx, "a"), (write_packed_hdf5, "a.h5")],
)
def test_labels_count_as_what_they_take_in_memory(tmp_path, write, name):
    """A byte of a packed label becomes eight: of pictures of one pixel that is more than all pixels."""
    count = 10 << 20
    write(tmp_path / name, np.zeros((count, 1, 1), np.uint8), np.zeros(count, np.uint8))
    with pytest.raises(DataError, match="after unpacking"):
        load(tmp_path / name)


def test_a_shape_that_no_array_can_have(tmp_path):
    """Nothing is in it, and yet NumPy refuses it: the other axes overflow."""
    empty = np.zeros((4, 0, 0), np.uint8)
    write_npz(tmp_path / "good.npz", empty, np.zeros(4))
    np.save(tmp_path / "x_train.npy", empty)
    np.save(tmp_path / "y_train.npy", np.zeros(4))
    text = (tmp_path / "x_train.npy").read_bytes()
    huge = text.replace(b"(4, 0, 0), }" + b" " * 18, b"(4, 0, 9223372036854775807), }")
    assert len(huge) == len(text)
    assert huge != text
    (tmp_path / "x_train.npy").write_bytes(huge)
    with zipfile.ZipFile(tmp_path / "bad.npz", "w") as archive:
        archive.writestr("x_train.npy", huge)
        archive.write(tmp_path / "y_train.npy", "y_train.npy")
    for place in (tmp_path, tmp_path / "bad.npz"):
        with pytest.raises(DataError, match="expected a shape that an array can have"):
            load(place)
