"""Binary files of other programs that hold networks, as the programs write them.

Where no mark is documented, the first fields of a protocol buffers message tell. Sources: the .proto files of
TensorFlow (saved_model, meta_graph, graph, node_def), Caffe, Core ML, MindSpore (checkpoint), Paddle (framework);
LevelDB's table format for checkpoints; the specification of MessagePack; the readers of Darknet, MXNet, ncnn, Torch7.
"""

import re

from cnnkit.exporters.core.protobuf_head import BYTES, VARINT, HeadField, iterate_head
from cnnkit.exporters.marks import scripts
from cnnkit.exporters.marks.mark import Mark, quote
from cnnkit.exporters.marks.unknown_file import UnknownFile

_TABLE = bytes.fromhex("57fb808b247547db")  # the end of a table of LevelDB
_PART = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
_OUTSIDE = re.compile(r"[._]data$")
_SHARD = re.compile(r"(group\d+-shard\d+of\d+(\.bin)?|.+\.weights\.bin)$")
_TEXT = re.compile(rb"[ -~]+")
_OPERATION = re.compile(rb"[A-Z_>][A-Za-z0-9_>]*")
_FIELD_PARAMETERS = b"\xa2\x06"  # key of field 100, `layer` of Caffe's NetParameter


def _inner(field: HeadField) -> list[HeadField]:
    """Return the first fields inside a field."""
    return [inner for _, inner in zip(range(4), iterate_head(field.content), strict=False)]


def _is_message(fields: list[HeadField], *numbers: int) -> bool:
    """Return whether the first fields are these, all of them bytes."""
    return [field.number for field in fields[: len(numbers)]] == list(numbers) and all(
        field.wire == BYTES for field in fields[: len(numbers)]
    )


def _is_graph(sample: UnknownFile) -> bool:
    """GraphDef: nodes, each with a name and then the name of an operation."""
    inner = _inner(sample.fields[0]) if _is_message(sample.fields, 1) else []
    return _is_message(inner, 1, 2) and _OPERATION.fullmatch(inner[1].content) is not None


def _is_meta_graph(sample: UnknownFile) -> bool:
    """MetaGraphDef: about itself (a version, a list of operations), then a graph."""
    if not _is_message(sample.fields, 1, 2) or not sample.name.endswith(".meta"):
        return False
    return any(field.number == 2 and field.content[:1] == b"\x0a" for field in _inner(sample.fields[0]))


def _is_saved_model(sample: UnknownFile) -> bool:
    """SavedModel: version 1, then meta graphs up to the end of the file, each beginning with what it is."""
    fields = sample.fields
    if [(field.number, field.wire) for field in fields[:2]] != [(1, VARINT), (2, BYTES)] or fields[0].value != 1:
        return False
    return fields[1].content[:1] == b"\x0a" and all(field.number == 2 for field in fields[1:])


def _is_core_ml(sample: UnknownFile) -> bool:
    """Model: a version, a description, perhaps a flag (10), then the model in one of the fields from 200 on."""
    fields = [field for field in sample.fields if field.number != 10]
    return (
        [(field.number, field.wire) for field in fields[:2]] == [(1, VARINT), (2, BYTES)]
        and fields[2:3] != []
        and 200 <= fields[2].number < 4000
        and fields[2].wire == BYTES
    )


def _is_mindspore(sample: UnknownFile) -> bool:
    """Checkpoint: values, each a name and then a tensor that begins with its shape or the name of its type."""
    inner = _inner(sample.fields[0]) if _is_message(sample.fields, 1) else []
    if not _is_message(inner, 1, 2) or _TEXT.fullmatch(inner[0].content) is None:
        return False
    tensor = _inner(inner[1])
    return bool(tensor) and tensor[0].number in (1, 2) and any(_is_type(field) for field in tensor)


def _is_type(field: HeadField) -> bool:
    return (
        field.number == 2
        and re.fullmatch(rb"(U?Int|Float|BFloat|Bool|String|str|Complex)\w*", field.content) is not None
    )


def _is_caffe(sample: UnknownFile) -> bool:
    """NetParameter: its name, then layers (field 100; before 2014 field 2), each with a name or the names of inputs."""
    fields = sample.fields
    if sample.begins(_FIELD_PARAMETERS):
        return _is_message(fields, 100) and _TEXT.match(fields[0].content[2:]) is not None
    named = _is_message(fields, 1) and _TEXT.fullmatch(fields[0].content) is not None
    return named and len(fields) > 1 and fields[1].wire == BYTES and fields[1].number in (2, 3, 8, 100)


def _is_flax(sample: UnknownFile) -> bool:
    """A map of MessagePack whose first key is text; an array in it is an extension of type 1: shape, type, bytes."""
    first = sample.head[0]
    key = sample.head[1 if first >> 4 == 8 else 3 :]
    is_map = first >> 4 == 8 or first in (0xDE, 0xDF)
    return is_map and bool(key) and (key[0] >> 5 == 5 or key[0] == 0xD9) and _TEXT.match(key[1:]) is not None


def _is_darknet(sample: UnknownFile) -> bool:
    """Three numbers, of which 0.1.0, 0.2.0 and 0.2.5 occur, the images seen (32 or 64 bits), then float32."""
    major, minor, revision = (int.from_bytes(sample.head[n : n + 4], "little") for n in (0, 4, 8))
    return (major, minor) in ((0, 1), (0, 2)) and revision <= 5 and sample.size > 20 and sample.size % 4 == 0


def _is_paddle(sample: UnknownFile) -> bool:
    """Tensors without names: version 0, no levels, version 0, the length of a description, its type."""
    length, kind = sample.head[16:20], sample.head[20:21]
    return sample.begins(bytes(16)) and 4 <= int.from_bytes(length, "little") < 64 and kind == b"\x08"


def _advise_checkpoint(sample: UnknownFile) -> str:
    return scripts.convert_checkpoint(quote(_PART.sub("", str(sample.path))))


def _advise_paddle(sample: UnknownFile) -> str:
    return scripts.convert_paddle(quote(sample.path.with_suffix("")))


def _name_model(sample: UnknownFile) -> str:
    """Return the model whose values lie in a file of that name: net.onnx.data and net.onnx_data are net.onnx's."""
    stem = _OUTSIDE.sub("", sample.name)
    return stem if stem.endswith(".onnx") else f"{stem}.onnx"


def _is_outside(sample: UnknownFile) -> bool:
    return _OUTSIDE.search(sample.name) is not None and (
        ".onnx" in sample.name or sample.has_sibling(_name_model(sample))
    )


def _open_with(name: str) -> str:
    return f"cnnkit inspect {name} --external reads both"


NETWORKS: tuple[Mark[UnknownFile], ...] = (
    Mark(
        "a TensorFlow checkpoint",
        _advise_checkpoint,
        lambda s: s.tail == _TABLE or re.search(r"\.data-\d{5}-of-\d{5}$", s.name) is not None,
    ),
    Mark("the graph of a TensorFlow checkpoint, without weights", _advise_checkpoint, _is_meta_graph),
    Mark(
        "the graph of a TensorFlow SavedModel, whose weights lie beside it in variables/",
        lambda s: scripts.convert_checkpoint(quote(s.path.parent / "variables" / "variables")),
        _is_saved_model,
    ),
    Mark("a TensorFlow graph", scripts.GRAPH, _is_graph),
    Mark("a Core ML model", scripts.COREML, _is_core_ml),
    Mark("a MindSpore checkpoint", scripts.MINDSPORE, _is_mindspore),
    Mark("a Caffe model", scripts.CAFFE, _is_caffe),
    Mark("MXNet parameters", scripts.MXNET, lambda s: s.begins(b"\x12\x01" + bytes(14))),
    Mark(
        "the values of a TensorFlow.js model, without their names",
        lambda s: _open_with(quote(s.path.parent / "model.json")),
        lambda s: _SHARD.fullmatch(s.name) is not None,
    ),
    Mark(
        "values of an ONNX model, without their names",
        lambda s: _open_with(quote(s.path.parent / _name_model(s))),
        _is_outside,
    ),
    Mark("Paddle parameters without their names", _advise_paddle, _is_paddle),
    Mark(
        "a Paddle program, without weights",
        _advise_paddle,
        lambda s: _is_message(s.fields, 1) and s.fields[0].content.startswith(b"\x08\0\x10" + b"\xff" * 9),
    ),
    Mark("Darknet weights, whose shapes are in the .cfg alone", scripts.DARKNET, _is_darknet),
    Mark(
        "weights of ncnn, whose shapes are in the .param alone",
        "ncnn has no way back: read the PyTorch or ONNX file that it was made of",
        lambda s: s.begins(b"\x47\x6b\x30\x01") or (s.path.suffix == ".bin" and s.has_sibling(f"{s.path.stem}.param")),
    ),
    Mark(
        "a GGML file from before GGUF",
        "read the PyTorch or safetensors file that it was converted from",
        lambda s: s.begins(b"lmgg", b"fmgg", b"tjgg"),
    ),
    Mark("a Torch7 file", scripts.TORCH7, lambda s: s.begins(b"\4\0\0\0\1\0\0\0\3\0\0\0V 1")),
    Mark(
        "a TensorRT engine, for one kind of GPU",
        "it has no way back: read the ONNX file that it was built from",
        lambda s: s.begins(b"ftrt", b"ptrt"),
    ),
    Mark(
        "weights of OpenVINO, whose shapes are in the .xml alone",
        "OpenVINO has no way back: read the model that it was made of",
        lambda s: s.path.suffix == ".bin" and s.has_sibling(f"{s.path.stem}.xml"),
    ),
    Mark(
        "events of TensorBoard",
        "they hold figures of a training, no weights: name another file",
        lambda s: b"brain.Event:" in s.head[:64],
    ),
    Mark("Flax or Haiku parameters in MessagePack", scripts.FLAX, _is_flax),
)
