"""Seeds that other programs write, or that are laid out here as those write them."""

import io
import json
import pickle
import struct
import tempfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import joblib
import numpy as np
import safetensors.numpy
import scipy.io
import torch

from torture.mutation.seed import Seed

_KERNEL = np.arange(8, dtype=np.float32).reshape(2, 1, 2, 2) / 7
_BIAS, _DENSE = np.array([0.5, -1.0], np.float32), np.arange(6, dtype=np.float64).reshape(2, 3)
_ARRAYS = {"conv.weight": _KERNEL, "conv.bias": _BIAS, "fc.weight": _DENSE, "count": np.array(7)}
_CONFIG = {
    "class_name": "Sequential",
    "config": {
        "name": "net",
        "layers": [
            {"class_name": "Conv2D", "config": {"name": "conv", "filters": 2, "kernel_size": [2, 2]}},
            {"class_name": "Dense", "config": {"name": "fc", "units": 3}},
        ],
    },
}


def make() -> Iterator[Seed]:
    """Yield a seed of each way in which other programs write weights."""
    yield from _make_arrays()
    yield from _make_torch()
    yield from _make_pickles()
    yield from _make_hdf5()
    yield from _make_matlab()
    yield _single("safetensors-official", "a.safetensors", safetensors.numpy.save(_ARRAYS, {"by": "hand"}))
    yield _single("gguf", "a.gguf", _pack_gguf())
    yield _single("tflite", "a.tflite", _pack_tflite())
    yield _single("diy-cnn", "a.json", _pack_diy())
    yield _make_tfjs()


def _single(name: str, main: str, content: bytes) -> Seed:
    return Seed.of(name, "weights", main, content)


def _save(name: str, main: str, save: Callable[[Path], object]) -> Seed:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, main)
        save(path)
        return _single(name, main, path.read_bytes())


def _make_arrays() -> Iterator[Seed]:
    yield _save("npy", "a.npy", lambda path: np.save(path, _KERNEL))
    yield _save("npy-fortran", "a.npy", lambda path: np.save(path, np.asfortranarray(_DENSE.astype(">f4"))))
    yield _save("npz-stored", "a.npz", lambda path: np.savez(path, **_ARRAYS))
    yield _save("npz-deflated", "a.npz", lambda path: np.savez_compressed(path, **_ARRAYS))


def _make_torch() -> Iterator[Seed]:
    tensors = OrderedDict((name, torch.from_numpy(np.asarray(array))) for name, array in _ARRAYS.items())
    tensors["tied"] = tensors["conv.weight"]
    tensors["half"] = torch.ones(3, dtype=torch.bfloat16)
    checkpoint = {"epoch": 3, "state_dict": tensors, "optimizer": {"state": {0: {"step": 2.0}}, "param_groups": []}}
    legacy = {"_use_new_zipfile_serialization": False}
    for name, value in (("state", tensors), ("checkpoint", checkpoint)):
        yield _save(f"torch-{name}", "a.pt", lambda path, value=value: torch.save(value, path))
        yield _save(f"torch-legacy-{name}", "a.pt", lambda path, value=value: torch.save(value, path, **legacy))


def _make_pickles() -> Iterator[Seed]:
    values = {**_ARRAYS, "list": [[1.0, 2.0], [3.0, 4.5]], "rate": 0.1}
    for protocol in (0, 2, 4, 5):
        yield _single(f"pickle-{protocol}", "a.pkl", pickle.dumps(values, protocol))
    yield _save("joblib", "a.joblib", lambda path: joblib.dump({"model": values}, path))


def _make_hdf5() -> Iterator[Seed]:
    def plain(file: h5py.File) -> None:
        for name, array in _ARRAYS.items():
            file[name.replace(".", "/")] = array
        file.create_dataset("packed", data=np.zeros((16, 4), np.float32), chunks=(4, 4), compression="gzip")
        file.attrs["note"] = "by hand"

    def keras(file: h5py.File) -> None:
        file.attrs["model_config"], file.attrs["keras_version"] = json.dumps(_CONFIG), "2.6.0"
        group = file.create_group("model_weights")
        layers = {
            "conv": {"conv/kernel:0": _KERNEL.transpose(2, 3, 1, 0), "conv/bias:0": _BIAS},
            "fc": {"fc/kernel:0": _DENSE},
        }
        group.attrs["layer_names"] = [name.encode() for name in layers]
        for layer, weights in layers.items():
            group.create_group(layer).attrs["weight_names"] = [name.encode() for name in weights]
            for name, array in weights.items():
                group[layer][name] = array

    yield _save("hdf5-plain", "a.h5", _write_hdf5(plain))
    yield _save("hdf5-latest", "a.h5", _write_hdf5(plain, libver="latest"))
    yield _save("keras-2", "a.h5", _write_hdf5(keras))
    inner = _save("", "w.h5", _write_hdf5(_lay_out_variables)).files["w.h5"]
    yield _single("keras-weights-3", "a.weights.h5", inner)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.5.0", "date_saved": "2024-10-01@10:00:00"}))
        archive.writestr("config.json", json.dumps(_CONFIG))
        archive.writestr("model.weights.h5", inner)
    yield _single("keras-3", "a.keras", stream.getvalue())


def _write_hdf5(fill: Callable[[h5py.File], None], **options: Any) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        with h5py.File(path, "w", **options) as file:
            fill(file)

    return save


def _lay_out_variables(file: h5py.File) -> None:
    for layer, arrays in {"conv2d": [_KERNEL.transpose(2, 3, 1, 0), _BIAS], "dense": [_DENSE]}.items():
        file.create_group(f"layers/{layer}/vars").parent.attrs["name"] = layer
        for number, array in enumerate(arrays):
            file[f"layers/{layer}/vars/{number}"] = array


def _make_matlab() -> Iterator[Seed]:
    values = {"W": _DENSE, "net": {"b": _BIAS, "name": "conv", "cells": np.array([_BIAS, "x"], object)}}
    for packing in (False, True):
        name = "matlab-5-packed" if packing else "matlab-5"
        yield _save(name, "a.mat", lambda path, packing=packing: scipy.io.savemat(path, values, do_compression=packing))

    def save(path: Path) -> None:
        with h5py.File(path, "w", userblock_size=512) as file:
            file["W"] = _DENSE
            file["W"].attrs["MATLAB_class"] = np.bytes_("double")
            file["#refs#/0"] = _BIAS
            file["#refs#/0"].attrs["MATLAB_class"] = np.bytes_("single")
            cell = np.array([[file["#refs#/0"].ref]], h5py.ref_dtype)
            file.create_dataset("c", data=cell, dtype=h5py.ref_dtype).attrs["MATLAB_class"] = np.bytes_("cell")
        with path.open("r+b") as stream:
            stream.write(b"MATLAB 7.3 MAT-file, by hand".ljust(116) + bytes(8) + b"\x00\x02IM")

    yield _save("matlab-7.3", "a.mat", save)


def _pack_gguf() -> bytes:
    def text(words: str) -> bytes:
        return struct.pack("<Q", len(words)) + words.encode()

    keys = [text("general.name") + struct.pack("<I", 8) + text("net")]
    keys += [text("general.alignment") + struct.pack("<2I", 4, 32)]
    keys += [text("tokens") + struct.pack("<2IQ", 9, 8, 2) + text("a") + text("b")]
    keys += [text("rope") + struct.pack("<If", 6, 0.5)]
    entries, data = [], b""
    for name, code, shape, content in (
        ("conv.weight", 0, _KERNEL.shape, _KERNEL.tobytes()),
        ("blk.0.q", 2, (2, 32), bytes(range(36))),
        ("half", 1, (3,), bytes(6)),
    ):
        axes = struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape))
        entries.append(text(name) + axes + struct.pack("<IQ", code, len(data)))
        data += content + bytes(-len(content) % 32)
    head = b"GGUF" + struct.pack("<I2Q", 3, len(entries), len(keys)) + b"".join((*keys, *entries))
    return head + bytes(-len(head) % 32) + data


def _pack_tflite() -> bytes:
    from torture.mutation.tflite_writer import ModelWriter

    model = ModelWriter()
    model.tensor("input", shape=(1, 4, 4, 1), code=0)
    model.tensor("kernel", _KERNEL.transpose(0, 2, 3, 1))
    model.tensor("bias", _BIAS)
    model.tensor("scaled", np.arange(4, dtype=np.int8).reshape(2, 2), scale=[0.5, 0.25], zero=[0, 0])
    model.tensor("output", shape=(1, 3, 3, 2), code=0)
    model.operator(3, [0, 1, 2], [4])
    return bytes(model.finish())


def _pack_diy() -> bytes:
    def entry(*shape: int) -> Mapping[str, Any]:
        return {"v": 1, "dim": shape, "data": [i / 4 for i in range(int(np.prod(shape)))]}

    names = {"conv_filters": (2, 1, 3, 3), "conv_biases": (2,), "fc_weights": (3, 8), "fc_biases": (3,)}
    return json.dumps({name: entry(*shape) for name, shape in names.items()}).encode()


def _make_tfjs() -> Seed:
    weights = [
        {"name": "conv/kernel", "shape": [2, 2, 1, 2], "dtype": "float32"},
        {"name": "conv/bias", "shape": [2], "dtype": "float32", "quantization": {"min": -1.0, "scale": 0.1,
                                                                               "dtype": "uint8"}},
    ]  # fmt: skip
    manifest = [{"paths": ["group1-shard1of1.bin"], "weights": weights}]
    document = {"format": "layers-model", "generatedBy": "keras v2", "modelTopology": {"model_config": _CONFIG}}
    text = json.dumps(document | {"weightsManifest": manifest}).encode()
    return Seed("tfjs", "weights", {"model.json": text, "group1-shard1of1.bin": bytes(range(34))}, "model.json")
