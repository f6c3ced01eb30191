"""Files and folders that are not read: each is named, by bytes as its program writes them, with what to type."""

import bz2
import gzip
import io
import json
import lzma
import os
import shlex
import struct
import tarfile
import zipfile

import pytest

from cnnkit import exporters
from cnnkit.errors import WeightFileError
from cnnkit.exporters.marks.folders import FOLDERS
from cnnkit.exporters.marks.recognition import MARKS
from cnnkit.exporters.marks.unknown_file import UnknownFile


def field(number, content):
    """A field of protocol buffers: a number, bytes, or a message as a list of such fields."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    content = b"".join(content) if isinstance(content, list) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value):
    value &= (1 << 64) - 1
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def pack_zip(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return stream.getvalue()


def pack_tar(compression=""):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{compression}") as archive:
        archive.addfile(tarfile.TarInfo("weights.h5"))
    return stream.getvalue()


NODE = [field(1, b"dense/kernel"), field(2, b"Const"), field(5, [field(1, b"dtype"), field(2, [field(6, 1)])])]
META = [field(1, [field(2, [field(1, [field(1, b"Add")])]), field(5, b"2.16.1")]), field(2, [field(1, NODE)])]
IMAGE = field(1, [field(1, b"x"), field(3, [field(5, [field(1, b"\x03"), field(2, 65600)])])])
LAYER = [field(1, b"conv1"), field(2, b"Convolution"), field(7, [field(5, bytes(8))])]
VALUE = [field(1, b"fc.weight"), field(2, [field(1, 2), field(1, 3), field(2, b"Float32"), field(3, bytes(24))])]
TABLE = b"\x00\x00\x02\x08\x01" + bytes(60) + bytes.fromhex("57fb808b247547db")
FLAX = b"\x81\xa6params\x81\xa1w\xc7\x11\x01\x93\x91\x01\xa7float32\xc4\x04" + bytes(4)
CONFIG = json.dumps({"architectures": ["BertModel"], "model_type": "bert", "hidden_size": 8}).encode()
INDEX = {"metadata": {}, "weight_map": {"a": "pytorch_model-00001-of-00002.bin"}}
FILES = {
    "w.h5.gz": (
        gzip.compress(b"\x89HDF\r\n\x1a\n" + bytes(99)),
        "packed with gzip",
        "gzip -dc DIR/w.h5.gz > DIR/w.h5, then",
    ),
    "gzip without suffix": (gzip.compress(b"x"), "packed with gzip", "> 'DIR/gzip without suffix.unpacked'"),
    "w.npz.bz2": (bz2.compress(b"x" * 50), "packed with bzip2", "bzip2 -dc"),
    "w.xz": (lzma.compress(b"x"), "packed with xz", "xz -dc DIR/w.xz > DIR/w,"),
    "w.zst": (b"\x28\xb5\x2f\xfd\x04\x58\x09", "packed with Zstandard", "zstd -dc"),
    "w.lz4": (b"\x04\x22\x4d\x18\x64\x40", "packed with LZ4", "lz4 -dc"),
    "w.7z": (b"7z\xbc\xaf\x27\x1c\0\4", "a 7z archive", "7z x"),
    "w.rar": (b"Rar!\x1a\x07\x01\0", "a RAR archive", "unrar x"),
    "w.tar": (pack_tar(), "a tar archive", "tar -xf"),
    "w.tgz": (pack_tar("gz"), "a tar archive in gzip", "tar -xzf"),
    "dl4j.zip": (pack_zip(configuration_json="{}", coefficients_bin="x"), "Deeplearning4j", "paramTable"),
    "no_weights.keras": (pack_zip(metadata_json="{}", config_json="{}"), "without its weights", "model.save"),
    "empty.zip": (pack_zip(), "a zip without members", "download"),
    "net.zip": (pack_zip(README="x", best__net_h5="x"), "a zip of 2 files (best/net.h5, ...)", "inspect best/net.h5"),
    "a.png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG picture", "cnnkit predict weights.h5 --image DIR/a.png"),
    "a.jpg": (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG picture", "--image"),
    "a.gif": (b"GIF89a\1\0", "a GIF picture", "--image"),
    "a.bmp": (b"BM\x0c\0\0\0" + bytes(6), "a BMP picture", "--image"),
    "a.webp": (b"RIFF\x24\0\0\0WEBPVP8 ", "a WebP picture", "--image"),
    "a.tif": (b"II*\0\x08\0\0\0", "a TIFF picture", "--image"),
    "a.pdf": (b"%PDF-1.7\n%\xe2\xe3", "a PDF document", "name another file"),
    "a.out": (b"\x7fELF\2\1\1\0", "a program", "name another file"),
    "a.db": (b"SQLite format 3\0\x10\0", "an SQLite database", "name another file"),
    "train.parquet": (b"PAR1\x15\x04", "a data set in Parquet", "no weights"),
    "train-images": (b"\0\0\x08\3\0\0\xea\x60", "a data set in IDX", "cnnkit data show DIR shows"),
    "._weights.h5": (b"\0\5\x16\7\0\2\0\0Mac OS X", "what macOS keeps beside a file", "cnnkit inspect DIR/weights.h5"),
    "model.toml": (b'name = "a"\n[[layers]]\ntype = "Conv2D"\n', "a model file", "train --model DIR/model.toml trains"),
    "ggml.bin": (b"lmgg" + bytes(20), "a GGML file from before GGUF", "converted from"),
    "half.h5": (bytes(1000), "an interrupted download", "download it again"),
    "lfs.h5": (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer", "git lfs pull"),
    "page.h5": (b"<!DOCTYPE html>\n<html>Google Drive</html>", "an HTML page", "Raw"),
    "page2.pt": (b"\xef\xbb\xbf\n  <HTML><head>", "an HTML page", "/resolve/"),
    "denied.onnx": (b'<?xml version="1.0"?><Error><Code>AccessDenied', "an answer of a server", "again"),
    "gated.safetensors": (b'{"error": "Access to model is restricted"}', "'Access to model is restricted'", "again"),
    "checkpoint": (b'model_checkpoint_path: "net-1"\n', "the index of TensorFlow checkpoints", "load_checkpoint"),
    "net.param": (b"7767517\n3 3\nInput x 0 1 x\n", "an ncnn network", "read the PyTorch or ONNX file"),
    "yolo.cfg": (b"[net]\nbatch=1\n", "a Darknet network", "cnnkit inspect net.weights"),
    "deploy.prototxt": (b'# deploy\nname: "LeNet"\nlayer {\n', "a Caffe network", "cnnkit inspect net.caffemodel"),
    "ir.xml": (b'<?xml version="1.0"?>\n<net name="a" version="11">', "an OpenVINO network", "no way back"),
    "a.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "an SVG picture without", "--format svg"),
    "b.svg": (b"<?xml version='1.0'?><svg></svg>", "an SVG picture without", "--format svg"),
    "a.xml": (b"<?xml version='1.0'?><a/>", "XML", "another file"),
    "odd.index.json": (b'{"weight_map": 3}', "an index of weights in files that are not read", "one by one"),
    "arch.json": (b'{"class_name": "Sequential", "config": {}}', "an architecture of Keras", "save_weights"),
    "metadata.json": (b'{"keras_version": "3.4.0"}', "a description by Keras", "model.weights.h5"),
    "config.json": (CONFIG, "a configuration of Hugging Face", "cnnkit inspect model.safetensors"),
    "symbol.json": (b'{"nodes": [], "arg_nodes": [0], "heads": []}', "an architecture of MXNet", ".params"),
    "net.json": (b'{"base_code": {"magic": "pir"}, "program": {}}', "a Paddle program", "paddle.jit.load"),
    "a.ipynb": (b'{"cells": [], "nbformat": 4}', "a Jupyter notebook", "run it"),
    "xgb.json": (b'{"learner": {}, "version": [2]}', "XGBoost", "another file"),
    "any.json": (b'{"lr": 1, "net": 2}', "JSON that holds no weights that cnnkit knows (keys: lr, net)", "values"),
    "cut.json": (b'{"model_type": "bert", "layers": [1,', "a configuration of Hugging Face", "model.safetensors"),
    "w.csv": (b"# layer 1\n0.5,-1e-3,nan\n1,2,3\n", "a table of numbers", "numpy.loadtxt(sys.argv[1], delimiter=',')"),
    "cut.txt": (
        b"W1\n[[0.5 1. 2. ... 3. 4.]\n ...]",
        "of each row only the first 3 and the last 2",
        "threshold=sys.maxsize",
    ),
    "w.dat": (b"0.5 -1e-3\n1 2\n", "a table of numbers", "numpy.loadtxt(sys.argv[1])"),
    "notes.h5": ("Größe 1\n".encode(), "plain text, begins with 'Größe 1'", "look into it"),
    "utf16.h5": ("Hello".encode("utf-16"), "plain text, begins with Hello", "look into it"),
    "blank.pt": (b" \n\n", "plain text, begins with blanks", "look into it"),
    "net-1.index": (TABLE, "a TensorFlow checkpoint", "if not k.startswith('_')})\" DIR/net-1"),
    "net-1.data-00000-of-00001": (b"\1\2\3\4\5\xff", "a TensorFlow checkpoint", "DIR/net-1"),
    "net-1.meta": (b"".join(META), "the graph of a TensorFlow checkpoint", "DIR/net-1"),
    "model.ckpt": (TABLE, "a TensorFlow checkpoint", "DIR/model.ckpt"),
    "saved_model.pb": (field(1, 1) + field(2, META), "a TensorFlow SavedModel", "DIR/variables/variables"),
    "frozen.pb": (field(1, NODE) + field(4, [field(1, 1395)]), "a TensorFlow graph", "n.op == 'Const'"),
    "net.mlmodel": (
        field(1, 1) + field(2, IMAGE) + field(500, [field(1, b"x")]),
        "a Core ML model",
        "ct.utils.load_spec",
    ),
    "up.mlmodel": (field(1, 4) + field(2, IMAGE) + field(10, 1) + field(303, b"x"), "a Core ML model", "coremltools"),
    "net.ckpt": (field(1, VALUE) * 2, "a MindSpore checkpoint", "mindspore.load_checkpoint"),
    "net.caffemodel": (field(1, b"LeNet") + field(100, LAYER), "a Caffe model", "DIR/net.caffemodel deploy.prototxt"),
    "old.caffemodel": (field(1, b"CaffeNet") + field(2, [field(4, b"conv1")]), "a Caffe model", "caffe.Net"),
    "bare.caffemodel": (field(100, LAYER), "a Caffe model", "caffe.Net"),
    "net-0000.params": (struct.pack("<3Q", 0x112, 0, 2) + b"\xc9\xfa\x93\xf9", "MXNet parameters", "mxnet.nd.load"),
    "group1-shard1of1.bin": (
        struct.pack("<2f", 1.5, 2),
        "TensorFlow.js model",
        "cnnkit inspect DIR/model.json --external",
    ),
    "net.onnx.data": (struct.pack("<2f", 1.5, 2), "values of an ONNX model", "cnnkit inspect DIR/net.onnx --external"),
    "net.onnx_data": (struct.pack("<2f", 1.5, 2), "values of an ONNX model", "cnnkit inspect DIR/net.onnx --external"),
    "net.pdiparams": (bytes(16) + b"\x06\0\0\0\x08\x05\x10\x03\x10\x02" + bytes(24), "Paddle parameters", "DIR/net"),
    "net.pdmodel": (field(1, [field(1, 0), field(2, -1), field(3, b"x")]), "a Paddle program", "paddle.jit.load"),
    "yolo.weights": (struct.pack("<3iQ3f", 0, 2, 5, 32013312, 1, 2, 3), "Darknet weights", "DIR/yolo.weights net.cfg"),
    "half.bin": (b"\x47\x6b\x30\x01" + bytes(20), "weights of ncnn", "no way back"),
    "net.t7": (struct.pack("<3i", 4, 1, 3) + b"V 1" + struct.pack("<i", 13) + b"nn.Sequential", "Torch7", "torchfile"),
    "net.engine": (b"ftrt\0\0\0\xb8", "a TensorRT engine", "ONNX"),
    "events.out": (
        struct.pack("<QI", 24, 7) + b"\x09\0\0\0\0\0\0\0\0\x1a\x0dbrain.Event:2",
        "TensorBoard",
        "no weights",
    ),
    "net.msgpack": (FLAX, "Flax", "flax.serialization.msgpack_restore"),
    "noise": (b"\x9f\x01\xfe\x02\xc3\x28", "unknown content, begins with 9f 01 fe 02 c3 28", "cnnkit reads"),
}


def fail(path):
    """Return (message, hint) of the error about a path."""
    with pytest.raises(WeightFileError) as caught:
        exporters.read(path)
    assert "\n" not in str(caught.value)
    assert caught.value.file == str(path)
    return str(caught.value), caught.value.hint


@pytest.mark.parametrize(
    ("name", "content", "what", "advice"), [(name, *row) for name, row in FILES.items()], ids=FILES
)
def test_each_file_is_named_with_what_to_type(tmp_path, name, content, what, advice):
    (tmp_path / name).write_bytes(content)
    message, hint = fail(tmp_path / name)
    assert what in message
    assert advice.replace("DIR", str(tmp_path)) in hint
    assert "FILE" not in hint


def test_each_file_cut_anywhere_is_one_line_too(tmp_path):
    """Bytes beyond the end are looked for in none: 16 zero bytes, say, once ended in an IndexError."""
    path = tmp_path / "cut"
    for content in sorted({row[0][:count] for row in FILES.values() for count in range(1, min(len(row[0]), 48))}):
        path.write_bytes(content)
        fail(path)


SIBLINGS = {
    ("net.bin", "net.param"): ("weights of ncnn", "no way back"),
    ("net.bin", "net.xml"): ("weights of OpenVINO", "no way back"),
    ("net.data", "net.onnx"): ("values of an ONNX model", "cnnkit inspect DIR/net.onnx --external"),
    ("config.json", "model.safetensors"): ("Hugging Face", "cnnkit inspect DIR/model.safetensors"),
    ("arch.json", "model.weights.h5"): ("an architecture of Keras", "cnnkit inspect DIR/model.weights.h5"),
    ("config.json", "model.safetensors.index.json"): ("Hugging Face", "model.safetensors.index.json"),
}


@pytest.mark.parametrize(("names", "texts"), SIBLINGS.items(), ids=map(str, SIBLINGS))
def test_some_files_are_known_by_the_file_beside_them(tmp_path, names, texts):
    texts_of = {"config.json": CONFIG, "arch.json": b'{"class_name": "Sequential", "config": {}}'}
    content = texts_of.get(names[0], b"\1\2\3\4\5\xff")
    (tmp_path / names[0]).write_bytes(content)
    alone = fail(tmp_path / names[0])
    (tmp_path / names[1]).write_bytes(b"")
    message, hint = fail(tmp_path / names[0])
    assert (message, hint) != alone
    assert texts[0] in message
    assert texts[1].replace("DIR", str(tmp_path)) in hint


FOLDER = {
    ("saved_model.pb", "variables"): ("a SavedModel of TensorFlow", "DIR/variables/variables"),
    ("checkpoint", "net-1.index", "net-1.data-00000-of-00001"): ("a TensorFlow checkpoint", "DIR/net-1"),
    ("model.json", "group1-shard1of1.bin"): ("a TensorFlow.js model", "cnnkit inspect DIR/model.json --external"),
    ("config.json", "model.weights.h5", "metadata.json"): ("a .keras file that was unpacked", "DIR/model.weights.h5"),
    ("data.pkl", "data", "version"): ("a PyTorch file that was unpacked", "zip -0 -r net.pt"),
    (".metadata", "__0_0.distcp"): ("a distributed checkpoint", "format_utils dcp_to_torch DIR weights.pt"),
    ("_METADATA", "d"): ("a checkpoint of Orbax", "numpy.savez"),
    ("Manifest.json", "Data"): ("a package of Core ML", "converted"),
    ("notes", "best.pt"): ("a folder, not a file", "cnnkit inspect DIR/best.pt"),
}


@pytest.mark.parametrize(("names", "texts"), FOLDER.items(), ids=map(str, FOLDER))
def test_folders_are_named_with_the_file_to_read(tmp_path, names, texts):
    for name in names:
        (tmp_path / name).touch()
    message, hint = fail(tmp_path)
    assert texts[0] in message
    assert texts[1].replace("DIR", str(tmp_path)) in hint
    assert "FILE" not in hint


def test_every_row_of_the_tables_is_tried_above(tmp_path):
    reached = set()
    for name, (content, *_) in FILES.items():
        (tmp_path / name).write_bytes(content)
        sample = UnknownFile(tmp_path / name, content[:8192])
        reached |= {next((mark for mark in MARKS if mark.fits(sample)), None)}
        (tmp_path / name).unlink()
    texts = [text for text, _ in SIBLINGS.values()]
    assert [mark.what for mark in MARKS if mark not in reached and mark.what[: len(texts[1])] not in texts] == []
    assert len(FOLDER) == len(FOLDERS)


def double_members():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("notes.txt", "x")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("notes.txt", "x")
    return stream.getvalue()


def test_why_a_zip_cannot_be_read_is_said(tmp_path):
    """The cut one and the one with a name twice have no member that a format knows."""
    (tmp_path / "twice.keras").write_bytes(double_members())
    assert "zip member notes.txt occurs twice" in fail(tmp_path / "twice.keras")[0]
    (tmp_path / "cut.keras").write_bytes(pack_zip(metadata_json="{}", config_json="{}" * 99)[:-60])
    message, hint = fail(tmp_path / "cut.keras")
    assert "truncated zip" in message
    assert "copy or download it again" in hint


def test_names_are_quoted_for_the_shell_and_cannot_reach_the_terminal(tmp_path):
    path = tmp_path / "my $(net)\x1b[31m.gz"
    path.write_bytes(gzip.compress(b"x"))
    message, hint = fail(path)
    assert "\x1b" not in message + hint
    assert shlex.split(hint)[2] == str(tmp_path / "my $(net)\\x1b[31m.gz")


def test_the_keys_of_json_that_is_too_large_are_found_at_its_beginning(tmp_path, monkeypatch):
    from cnnkit.exporters.marks import unknown_file

    monkeypatch.setattr(unknown_file, "_LARGEST_JSON", 10)
    (tmp_path / "config.json").write_bytes(CONFIG)
    assert "a configuration of Hugging Face" in fail(tmp_path / "config.json")[0]


def test_a_folder_of_very_many_files_is_not_listed_to_its_end(tmp_path, monkeypatch):
    from cnnkit.exporters.marks import folders

    monkeypatch.setattr(folders, "_MOST_NAMES", 3)
    for number in range(9):
        (tmp_path / f"{number}").touch()
    assert len(folders.Folder(tmp_path).names) == 3
    assert fail(tmp_path) == (f"{tmp_path}: a folder, not a file", None)


def test_a_file_that_may_not_be_opened_is_one_line(tmp_path):
    os.symlink("loop", tmp_path / "loop")
    assert "cannot be opened" in fail(tmp_path / "loop")[0]
