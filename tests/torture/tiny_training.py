"""A training that lasts a tenth of a second, saves after each batch, and whose file can be compared with another's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnnkit.exporters import read

NET = """
name = "tiny"
data = "digits"
input_shape = [1, 8, 8]
[training]
epochs = 4
batch_size = 32
optimizer = "sgd:momentum=0.9"
learning_rate = 0.01
validation_split = 0.25
[[layers]]
type = "Conv2D"
features = 4
window = 3
[[layers]]
type = "ReLU"
[[layers]]
type = "Dropout"
rate = 0.25
[[layers]]
type = "Flatten"
[[layers]]
type = "Dense"
features = 10
"""
_TIMES = ("seconds", "images_per_second", "started", "finished_at")


def begin(folder: Path, backend: str) -> list[str]:
    """Write the network beside `folder` and return the words that train it there into w.h5; a batch is an epoch."""
    model = folder.parent / "tiny.toml"
    model.write_text(NET)
    words = "train --data digits --limit 40 --limit-test 20 --threads 1 --checkpoint-every 1 -q -o w.h5"
    return [*words.split(), "--backend", backend, "--model", str(model)]


def go_on() -> list[str]:
    """Return the words that continue it."""
    return ["train", "--resume", "--limit-test", "20", "--checkpoint-every", "1", "-q", "-o", "w.h5"]


def read_all(path: Path) -> dict[str, Any]:
    """Return everything in a weight file but times, each value verified by its SHA-256. Raises what reading raises."""
    weights = read(path)
    tensors = [(t.kind, t.name, t.dtype, t.shape, t.read().tobytes()) for t in weights]
    return {
        "tensors": tensors, "architecture": weights.architecture, "position": _drop_times(weights.position),
        "metadata": _drop_times(weights.metadata), "not_read": weights.not_read, "edited": weights.edited,
    }  # fmt: skip


def name_differences(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[str]:
    """Return the parts of two results of `read_all` that differ."""
    return [name for name in left if left[name] != right[name]]


def _drop_times(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _drop_times(item) for key, item in value.items() if key not in _TIMES}
    if isinstance(value, list | tuple):
        return [_drop_times(item) for item in value]
    return value
