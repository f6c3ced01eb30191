"""Folders in which programs keep networks: by the names of the files inside, none of which is opened."""

import os
import re
from itertools import islice
from pathlib import Path

from cnnkit.exporters.marks import scripts
from cnnkit.exporters.marks.mark import Mark, quote

_MOST_NAMES = 10_000
_INDEX = re.compile(r".\.index$")
_WEIGHTS = re.compile(
    r"\.(h5|hdf5|keras|pth?|onnx|npz|safetensors|tflite|gguf)$|^(pytorch_model|model)\.bin$", re.IGNORECASE
)


class Folder:
    """A folder and the names in it, sorted; of very many, the first ones found."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with os.scandir(path) as entries:
            self.names = sorted(entry.name for entry in islice(entries, _MOST_NAMES))

    def has(self, *names: str) -> bool:
        """Return whether all these are in it."""
        return {*names} <= {*self.names}

    def find(self, pattern: re.Pattern[str]) -> str | None:
        """Return the first name that a pattern finds itself in."""
        return next((name for name in self.names if pattern.search(name)), None)

    def inside(self, name: str | None) -> str:
        """Return the path of a file in it, as a shell takes it."""
        return quote(self.path / (name or ""))


def _advise_checkpoint(folder: Folder) -> str:
    prefix = (folder.find(_INDEX) or "").removesuffix(".index")
    return scripts.convert_checkpoint(folder.inside(prefix))


FOLDERS: tuple[Mark[Folder], ...] = (
    Mark(
        "a folder with a SavedModel of TensorFlow",
        lambda f: scripts.convert_checkpoint(f.inside("variables/variables")),
        lambda f: f.has("saved_model.pb"),
    ),
    Mark(
        "a folder with a TensorFlow checkpoint",
        _advise_checkpoint,
        lambda f: f.find(_INDEX) is not None and f.find(re.compile(r"\.data-\d{5}-of-\d{5}$")) is not None,
    ),
    Mark(
        "a folder with a TensorFlow.js model",
        lambda f: f"cnnkit inspect {f.inside('model.json')} --external",
        lambda f: f.has("model.json") and f.find(re.compile(r"^group\d+-shard\d+of\d+|\.weights\.bin$")) is not None,
    ),
    Mark(
        "a .keras file that was unpacked",
        lambda f: f"cnnkit inspect {f.inside('model.weights.h5')}",
        lambda f: f.has("config.json", "model.weights.h5"),
    ),
    Mark(
        "a PyTorch file that was unpacked",
        lambda f: (
            f"(cd {quote(f.path.resolve().parent)} && zip -0 -r net.pt {quote(f.path.resolve().name)}), "
            "then cnnkit inspect net.pt there"
        ),
        lambda f: f.has("data.pkl", "data"),
    ),
    Mark(
        "a distributed checkpoint of PyTorch",
        "python -m torch.distributed.checkpoint.format_utils dcp_to_torch FILE weights.pt",
        lambda f: f.has(".metadata") and f.find(re.compile(r"\.distcp$")) is not None,
    ),
    Mark(
        "a checkpoint of Orbax (JAX)",
        "load it with orbax.checkpoint.PyTreeCheckpointer().restore, and save the arrays with numpy.savez",
        lambda f: f.has("_METADATA") or f.has("_CHECKPOINT_METADATA") or f.has("manifest.ocdbt"),
    ),
    Mark(
        "a package of Core ML",
        "read the model that it was converted from",
        lambda f: f.has("Manifest.json", "Data"),
    ),
    Mark(
        "a folder, not a file",
        lambda f: f"cnnkit inspect {f.inside(f.find(_WEIGHTS))}",
        lambda f: f.find(_WEIGHTS) is not None,
    ),
)
