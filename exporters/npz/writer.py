"""Writes a WeightFile as NPZ: one array per tensor, and one of bytes, cnnkit.json, that describes them."""

from itertools import chain
from pathlib import Path

import numpy as np

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.raw_values import encode_blocks, read_checked, require_rank
from cnnkit.exporters.core.tensor_list import FORMAT, VERSION, choose_keys, describe_tensors
from cnnkit.exporters.core.weight_file import JSON_FIELDS, Array, WeightFile
from cnnkit.exporters.npz.reader import DOCUMENT
from cnnkit.files.zips.writer import ZipWriter

_LONGEST_NAME = 60_000  # a zip holds 65,535 bytes


def write_npz(weights: WeightFile, path: Path, level: int) -> None:
    """Write `weights` to `path`, arrays deflated at `level`. Raises ExportError for what cannot be held."""
    for tensor in weights:
        require_rank(tensor)
    names = choose_keys(weights, [DOCUMENT], _is_possible)
    texts = {name: getattr(weights, name) for name in JSON_FIELDS if getattr(weights, name) is not None}
    document = {"format": FORMAT, "version": VERSION} | texts | {"tensors": describe_tensors(weights, names)}
    for name, text in texts.items():
        strict_json.dumps(name, text)  # so that an error names the text
    with path.open("wb") as stream:
        archive = ZipWriter(stream)
        for name, tensor in zip(names, weights, strict=True):
            _add(archive, name, read_checked(tensor), carrier(tensor.dtype), level)
        text = np.frombuffer(strict_json.dumps(DOCUMENT, document).encode(), np.uint8)
        _add(archive, DOCUMENT, text, text.dtype, level)
        archive.finish()


def _add(archive: ZipWriter, name: str, values: Array, dtype: np.dtype[np.generic], level: int) -> None:
    header = _make_header(values.shape, dtype)
    parts = chain[bytes | memoryview]((header,), encode_blocks(values))
    archive.add(f"{name}.npy", parts, len(header) + values.nbytes, level)


def _make_header(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> bytes:
    """Return an NPY header, version 1, padded so that the values begin at a multiple of 64."""
    descr = dtype.newbyteorder("<").str
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {tuple(map(int, shape))}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text.encode()


def _is_possible(name: str) -> bool:
    """Return whether zip and numpy.load keep a name: not empty, without NUL and lone surrogates, not too long."""
    try:
        return 0 < len(name.encode()) <= _LONGEST_NAME and "\0" not in name
    except UnicodeEncodeError:
        return False
