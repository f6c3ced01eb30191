"""Writes files of many small tensors in each format, byte by byte: what other programs would have written."""

import json
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

_WEIGHT, _BIAS = np.array([[1.5, -2.0], [0.25, 3.0]], "<f4"), np.array([0.5, -0.25], "<f4")


def list_arrays(count: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, values) of `count` tensors: a weight (2, 2) and a bias (2,) for each layer in turn."""
    for index in range(count):
        yield f"net.{index // 2}.{'bias' if index % 2 else 'weight'}", _BIAS if index % 2 else _WEIGHT


def write_safetensors(path: Path, count: int) -> None:
    entries, position = {}, 0
    for name, array in list_arrays(count):
        offsets = [position, position + array.nbytes]
        entries[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": offsets}
        position = offsets[1]
    text = json.dumps(entries).encode()
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.writelines(array.tobytes() for _, array in list_arrays(count))


def write_npz(path: Path, count: int) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in list_arrays(count):
            archive.writestr(f"{name}.npy", npy(array))


def npy(array: np.ndarray) -> bytes:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {array.shape}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode() + array.tobytes()


def write_pickle(path: Path, count: int) -> None:
    path.write_bytes(pickle.dumps({name: array.copy() for name, array in list_arrays(count)}, protocol=4))


def write_torch(path: Path, count: int, shared: bool = False) -> None:
    """shared: all tensors lie in one storage."""
    parts = [b"\x80\2}("]
    for index, (name, array) in enumerate(list_arrays(count)):
        shape = b"(" + b"".join(b"K" + bytes([extent]) for extent in array.shape) + b"t"
        strides = b"(K\2K\1t" if array.ndim == 2 else b"(K\1t"
        parts.append(
            _text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n((" + _text("storage") + b"ctorch\nFloatStorage\n"
            + _text(str(0 if shared else index)) + _text("cpu") + b"K" + bytes([4 if shared else array.size]) + b"tQ"
            + b"K\0" + shape + strides + b"\x89ccollections\nOrderedDict\n)RtR"
        )  # fmt: skip
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", b"".join([*parts, b"u."]))
        archive.writestr("net/byteorder", b"little")
        for index, (_, array) in enumerate(list_arrays(1 if shared else count)):
            archive.writestr(f"net/data/{index}", array.tobytes())
        archive.writestr("net/version", b"3\n")


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text)) + text.encode()


def write_onnx(path: Path, count: int) -> None:
    """A chain of Gemm nodes, one for each two tensors."""
    nodes, tensors = [], []
    for index, (name, array) in enumerate(list_arrays(count)):
        shape = b"".join(b"\x08" + bytes([extent]) for extent in array.shape)
        tensors.append(field(5, shape + b"\x10\1" + field(8, name.encode()) + field(9, array.tobytes())))
        if index % 2:
            layer = index // 2
            inputs = (f"x{layer}", f"net.{layer}.weight", name)
            ends = b"".join(field(1, text.encode()) for text in inputs) + field(2, f"x{layer + 1}".encode())
            nodes.append(field(1, ends + field(3, f"gemm{layer}".encode()) + field(4, b"Gemm")))
    graph = b"".join(nodes) + field(2, b"main") + b"".join(tensors)
    path.write_bytes(b"\x08\x08" + field(2, b"by hand") + field(7, graph) + field(8, field(1, b"") + b"\x10\x0d"))


def field(number: int, content: bytes) -> bytes:
    """Return a field of protocol buffers that holds bytes."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])


def write_gguf(path: Path, count: int) -> None:
    parts = [b"GGUF" + struct.pack("<IQQ", 3, count, 0)]
    for index, (name, array) in enumerate(list_arrays(count)):
        shape = struct.pack(f"<I{array.ndim}Q", array.ndim, *array.shape)
        parts.append(struct.pack("<Q", len(name)) + name.encode() + shape + struct.pack("<IQ", 0, 32 * index))
    head = b"".join(parts)
    values = (array.tobytes().ljust(32, b"\0") for _, array in list_arrays(count))
    path.write_bytes(head + bytes(-len(head) % 32) + b"".join(values))


def write_matlab(path: Path, count: int) -> None:
    """Level 5, a variable for each tensor."""
    with path.open("wb") as stream:
        stream.write(b"MATLAB 5.0 MAT-file, by hand".ljust(124) + b"\0\1IM")
        for name, array in list_arrays(count):
            rows, columns = array.shape if array.ndim == 2 else (1, array.size)
            content = _element(6, struct.pack("<II", 7, 0)) + _element(5, struct.pack("<ii", rows, columns))
            content += _element(1, name.replace(".", "_").encode()) + _element(7, array.tobytes("F"))
            stream.write(_element(14, content))


def _element(kind: int, content: bytes) -> bytes:
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def write_tfjs(path: Path, count: int) -> None:
    """The values lie beside it, in a file named after it."""
    weights = [
        {"name": name.replace(".", "/"), "shape": list(array.shape), "dtype": "float32"}
        for name, array in list_arrays(count)
    ]
    manifest = [{"paths": [f"{path.stem}.bin"], "weights": weights}]
    path.write_text(json.dumps({"format": "layers-model", "modelTopology": {}, "weightsManifest": manifest}))
    path.with_suffix(".bin").write_bytes(b"".join(array.tobytes() for _, array in list_arrays(count)))


def write_tflite(path: Path, count: int) -> None:
    """A graph of constants without operators; a table and its vtable, its vectors and texts before it."""
    import flatbuffers

    builder = flatbuffers.Builder(1 << 20)

    def table(fields: dict[int, tuple[str, int]]) -> int:
        builder.StartObject(max(fields, default=-1) + 1)
        for slot, (kind, value) in fields.items():
            if kind == "Ref":
                builder.PrependUOffsetTRelativeSlot(slot, value, 0)
            else:
                getattr(builder, f"Prepend{kind}Slot")(slot, value, None)
        return int(builder.EndObject())

    def refs(items: list[int]) -> tuple[str, int]:
        builder.StartVector(4, len(items), 4)
        for item in reversed(items):
            builder.PrependUOffsetTRelative(item)
        return "Ref", builder.EndVector()

    buffers, tensors = [table({})], []
    for index, (name, array) in enumerate(list_arrays(count)):
        shape = "Ref", builder.CreateNumpyVector(np.asarray(array.shape, "i4"))
        title = "Ref", builder.CreateString(name)
        tensors.append(table({0: shape, 1: ("Int8", 0), 2: ("Uint32", index + 1), 3: title}))
        buffers.append(table({0: ("Ref", builder.CreateByteVector(array.tobytes()))}))
    graph = table({0: refs(tensors)})
    builder.Finish(table({0: ("Uint32", 3), 2: refs([graph]), 4: refs(buffers)}), b"TFL3")
    path.write_bytes(builder.Output())


def write_hdf5(path: Path, count: int) -> None:
    import h5py

    with h5py.File(path, "w", libver="latest") as file:
        for name, array in list_arrays(count):
            file.create_dataset(name.replace(".", "/"), data=array)


def write_keras_weights(path: Path, count: int) -> None:
    """Keras' .weights.h5: layers/dense_N/vars/0 and 1."""
    import h5py

    with h5py.File(path, "w", libver="latest") as file:
        for index, (_, array) in enumerate(list_arrays(count)):
            file.create_dataset(f"layers/dense_{index // 2}/vars/{index % 2}", data=array)


def write_by_export(path: Path, count: int) -> None:
    """A format of cnnkit's own, by its suffix."""
    from cnnkit.exporters import Tensor, WeightFile, write

    write(WeightFile(tuple(Tensor.of(name, array) for name, array in list_arrays(count))), path, overwrite=True)


WRITERS: dict[str, Callable[[Path, int], None]] = {
    "many.safetensors": write_safetensors,
    "many.npz": write_npz,
    "many.pkl": write_pickle,
    "many.pt": write_torch,
    "shared.pt": lambda path, count: write_torch(path, count, shared=True),
    "many.onnx": write_onnx,
    "many.gguf": write_gguf,
    "many.mat": write_matlab,
    "many-tfjs.json": write_tfjs,
    "many.tflite": write_tflite,
    "many.json": write_by_export,
    "many.txt": write_by_export,
    "own.safetensors": write_by_export,
    "own.npz": write_by_export,
    "own.pt": write_by_export,
    "plain.h5": write_hdf5,
    "many.weights.h5": write_keras_weights,
    "own.h5": write_by_export,
}
