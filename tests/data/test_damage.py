"""Random damage from a seed: every reader returns a data set or raises a DataError of one line, nothing else."""

import gzip
import shutil

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
