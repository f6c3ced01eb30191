"""The same file, read by the library of its format: where both read it, they must see the same values."""

import io
import warnings
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from cnnkit.exporters import WeightFile

_MOST_BYTES = 1 << 20
Values = Mapping[str, np.ndarray]


def find_difference(path: Path, weights: WeightFile) -> str | None:
    """Return what cnnkit reads otherwise than the library does; None where there is no library, or it refuses."""
    load = {"safetensors": _load_safetensors, "npz": _load_npz, "npy": _load_npy}.get(weights.format or "")
    if load is None or path.stat().st_size > _MOST_BYTES:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = load(path.read_bytes())
    except _REFUSALS:
        return None
    names = Counter(tensor.name for tensor in weights)
    for tensor in weights:
        if tensor.name not in values or names[tensor.name] > 1:  # a name that cnnkit gave
            continue
        theirs = values[tensor.name]
        if tensor.dtype != theirs.dtype.name:  # as bfloat16, which NumPy lacks
            continue
        ours = tensor.read()
        if ours.shape != theirs.shape or ours.tobytes() != theirs.astype(ours.dtype).tobytes():
            return f"{tensor.name!r}: {theirs.dtype} {theirs.shape} by its library, here other values"
    return None


def _load_safetensors(data: bytes) -> Values:
    return safetensors.numpy.load(data)


def _load_npz(data: bytes) -> Values:
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _load_npy(data: bytes) -> Values:
    return {"array": np.load(io.BytesIO(data), allow_pickle=False)}


_REFUSALS = (
    ValueError, TypeError, OSError, EOFError, KeyError, SyntaxError, MemoryError, OverflowError, IndexError,
    NotImplementedError, RuntimeError, AttributeError, RecursionError, zipfile.BadZipFile, safetensors.SafetensorError,
)  # fmt: skip
