"""Seeds that are told, not read: files of other programs, which cnnkit recognises to say what to type."""

import bz2
import gzip
import json
import struct
from collections.abc import Iterator

from torture.mutation.seed import Seed

_FILES = {
    "page.h5": b"<!DOCTYPE html>\n<html>Google Drive</html>",
    "w.h5.gz": gzip.compress(b"\x89HDF\r\n\x1a\n" + bytes(99), mtime=0),
    "w.npz.bz2": bz2.compress(b"x" * 50),
    "model.toml": b'name = "a"\n[[layers]]\ntype = "Conv2D"\n',
    "deploy.prototxt": b'# deploy\nname: "LeNet"\nlayer {\n',
    "table.csv": b"# layer 1\n0.5,-1e-3,nan\n1,2,3\n",
    "config.json": json.dumps({"architectures": ["BertModel"], "model_type": "bert", "hidden_size": 8}).encode(),
    "m.index.json": json.dumps({"metadata": {}, "weight_map": {"a": "model-00001-of-00002.ckpt"}}).encode(),
    "a.xml": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "net.caffemodel": b"\x0a\x05LeNet\xa2\x06\x18\x0a\x05conv1\x12\x0bConvolution\x3a\x02\x2a\0",
    "net.ckpt": b"\x0a\x15\x0a\x04fc.w\x12\x0d\x08\x02\x12\x07Float32\x1a\0",
    "net.pdiparams": bytes(16) + b"\x06\0\0\0\x08\x05\x10\x03\x10\x02" + bytes(24),
    "yolo.weights": struct.pack("<3iQ3f", 0, 2, 5, 32013312, 1, 2, 3),
    "net.t7": struct.pack("<3i", 4, 1, 3) + b"V 1" + struct.pack("<i", 13) + b"nn.Sequential",
    "net-0000.params": struct.pack("<3Q", 0x112, 0, 2) + b"\xc9\xfa\x93\xf9",
    "net.msgpack": b"\x81\xa6params\x81\xa1w\xc7\x11\x01\x93\x91\x01\xa7float32\xc4\x04" + bytes(4),
    "net.index": b"\x00\x00\x02\x08\x01" + bytes(60) + bytes.fromhex("57fb808b247547db"),
}


def make() -> Iterator[Seed]:
    """Yield files of which the error says what they are; their names begin with "unread"."""
    for name, content in _FILES.items():
        yield Seed.of(f"unread-{name}", "weights", name, content)
