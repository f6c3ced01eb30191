"""An honest file of cnnkit in each of its forms of text, for cases that change a part of it."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cnnkit import exporters
from cnnkit.exporters import Tensor, WeightFile


@functools.cache
def write_honest(name: str) -> bytes:
    """Return a file of four and two numbers in a format: txt, json, svg."""
    weights = WeightFile(
        (
            Tensor.of("0.weight", np.arange(4, dtype=np.float32).reshape(2, 2)),
            Tensor.of("0.bias", np.ones(2, np.float32)),
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"honest.{name}"
        exporters.write(weights, path)
        return path.read_bytes()


def change(name: str, old: str, new: str | bytes | Callable[[], str]) -> Callable[[], bytes]:
    """Return what makes the honest file with one text of it, which must occur, replaced; a long one is made then."""

    def make() -> bytes:
        content = write_honest(name)
        assert old.encode() in content, (name, old)
        put = new() if callable(new) else new
        return content.replace(old.encode(), put.encode() if isinstance(put, str) else put, 1)

    return make
