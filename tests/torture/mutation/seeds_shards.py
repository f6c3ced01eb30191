"""Seeds of weights in shards: safetensors' and torch's by their libraries, Keras' laid out as its own, and cnnkit's."""

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import safetensors.numpy
import torch

from cnnkit.exporters import Tensor, WeightFile, write_shards
from torture.mutation.seed import Seed

_FIRST = {"conv.weight": np.arange(8, dtype=np.float32).reshape(2, 1, 2, 2) / 7, "conv.bias": np.array([0.5, -1.0])}
_SECOND = {"fc.weight": np.arange(6, dtype=np.float64).reshape(2, 3)}


def make() -> Iterator[Seed]:
    """Yield a seed of each kind of shards."""
    yield _lay_out("safetensors-shards", "model", ".safetensors", safetensors.numpy.save_file)
    yield _lay_out("torch-shards", "pytorch_model", ".bin", _save_torch)
    yield _lay_out_keras()
    with tempfile.TemporaryDirectory() as folder:
        tensors = tuple(Tensor.of(name, array) for name, array in (_FIRST | _SECOND).items())
        index = write_shards(WeightFile(tensors, metadata={"recipe": "x"}), Path(folder, "a"), 50, "safetensors")
        yield _collect("safetensors-own-shards", index)


def _save_torch(arrays: dict[str, Any], path: Path) -> None:
    torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, path)


def _lay_out(name: str, stem: str, suffix: str, save: Callable[[dict[str, Any], Path], object]) -> Seed:
    with tempfile.TemporaryDirectory() as folder:
        places = {}
        for number, arrays in enumerate((_FIRST, _SECOND), 1):
            shard = f"{stem}-{number:05}-of-00002{suffix}"
            save(arrays, Path(folder, shard))
            places |= dict.fromkeys(arrays, shard)
        index = Path(folder, f"{stem}{suffix}.index.json")
        total = sum(array.nbytes for array in (_FIRST | _SECOND).values())
        index.write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": places}, indent=2))
        return _collect(name, index)


def _lay_out_keras() -> Seed:
    with tempfile.TemporaryDirectory() as folder:
        places = {}
        for number, (layer, arrays) in enumerate((("conv2d", _FIRST), ("dense", _SECOND))):
            shard = f"net_{number:05}.weights.h5"
            with h5py.File(Path(folder, shard), "w") as file:
                for key, array in enumerate(arrays.values()):
                    file[f"layers/{layer}/vars/{key}"] = array
            places[f"/layers/{layer}/vars"] = [shard]
        index = Path(folder, "net.weights.json")
        index.write_text(json.dumps({"metadata": {"total_size": 96.0}, "weight_map": places}, indent=4))
        return _collect("keras-shards", index)


def _collect(name: str, index: Path) -> Seed:
    files = {path.name: path.read_bytes() for path in sorted(index.parent.iterdir())}
    return Seed(name, "weights", files, index.name)
