"""Reads Keras files: tensors in the order of the model, the configuration as data in the metadata."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from cnnkit.exporters.core.faults import fault
from cnnkit.exporters.core.hdf5_tensors import Hdf5Tensors
from cnnkit.exporters.core.keras_config import iterate_layers, parse_config
from cnnkit.exporters.core.weight_file import NotRead, Tensor, WeightFile
from cnnkit.exporters.keras.archive import open_archive
from cnnkit.exporters.keras.legacy_reader import is_legacy, read_legacy
from cnnkit.exporters.keras.shards import KerasShards
from cnnkit.exporters.keras.weights_reader import is_saved, read_saved

NAME = "keras"


def read_archive(path: Path) -> WeightFile:
    """Return what a `.keras` zip holds. Raises WeightFileError."""
    archive = open_archive(path, NAME)
    not_read = archive.not_read
    config = parse_config(archive.config, "config.json", not_read)
    about = parse_config(archive.metadata, "metadata.json", not_read)
    known = {key: about[key] for key in ("keras_version", "date_saved") if isinstance(about, dict) and key in about}
    file = Hdf5Tensors.open(path, NAME, archive.window)
    return _build_weight_file(
        file, read_saved(file, list(iterate_layers(config))), known | {"config": config}, not_read
    )


def read_hdf5(path: Path) -> WeightFile:
    """Return what a Keras `.h5` or `.weights.h5` holds. Raises WeightFileError."""
    file = Hdf5Tensors.open(path, NAME)
    if not is_legacy(file.listing) and not is_saved(file.listing):
        raise fault(path, "HDF5 file that Keras did not write", format_name=NAME)
    root, not_read = file.listing.attributes, list[NotRead]()
    inner = file.listing.groups.get("model_weights", {})
    known: dict[str, Any] = {
        key: value for key in ("keras_version", "backend") if (value := root.get(key, inner.get(key))) is not None
    }
    for key in ("model_config", "training_config"):
        if key in root:
            known[key.replace("model_", "")] = parse_config(root[key], key, not_read)
    for key, kind in (("sequential_config", "Sequential"), ("functional_config", "Functional")):
        if key in root and "config" not in known:  # as write_keras leaves it beside the weights
            known["config"] = {"class_name": kind, "config": parse_config(root[key], key, not_read)}
    read = read_legacy if is_legacy(file.listing) else read_saved
    placed = read(file, list(iterate_layers(known.get("config"))))
    return _build_weight_file(file, placed, known | _list_mirrored(file, placed, known.get("backend")), not_read)


def read_shards(path: Path) -> WeightFile:
    """Return what the shards of a `.weights.json` hold. Raises WeightFileError when they do not fit together."""
    file = KerasShards.open(path, NAME)
    if not is_saved(file.listing):
        raise fault(path, "shards that Keras did not write", format_name=NAME)
    return replace(_build_weight_file(file, read_saved(file, []), {}, []), shards=file.index.files)


def _list_mirrored(file: Hdf5Tensors, placed: list[tuple[str, Tensor]], ran_on: Any) -> dict[str, list[str]]:
    """Return the names of kernels as Theano used them: its convolution mirrors the window, all others correlate.

    "mirrored" where the file says that Theano ran it, or comes from Keras 0, which had nothing else;
    "perhaps_mirrored" where only the order of the axes is Theano's.
    """
    theano_ran = ran_on == "theano" or (ran_on is None and "nb_layers" in file.listing.attributes)
    kernels = [
        t for _, t in placed if t.role == "weight" and {"k", "kw"} & {*t.axes} and (theano_ran or t.axes[0] == "o")
    ]
    names = [tensor.name for tensor in kernels if tensor.kind == "parameter"]
    if not names or ran_on not in (None, "theano"):
        return {}
    return {"mirrored" if theano_ran else "perhaps_mirrored": names}


def _build_weight_file(
    file: Hdf5Tensors | KerasShards,
    placed: list[tuple[str, Tensor]],
    known: dict[str, Any],
    not_read: list[NotRead],
) -> WeightFile:
    """Name tensors that share a name by their paths instead; keep the paths of all in the metadata."""
    counts = Counter(tensor.name for _, tensor in placed)
    named = [(place, t if counts[t.name] == 1 else replace(t, name=place)) for place, t in placed]
    about = {key: value for key, value in known.items() if value is not None}
    metadata = {"keras": about | {"paths": {tensor.name: f"/{place}" for place, tensor in named}}}
    tensors = tuple(tensor for _, tensor in named)
    return WeightFile(tensors, None, metadata, not_read=(*not_read, *file.not_read()), file=str(file.path))
