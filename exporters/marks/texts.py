"""Texts: pages that were saved instead of a file, JSON without values, descriptions of networks."""

import re
import shlex
from collections.abc import Callable

from cnnkit.exporters.core.printed_matrix import HINT, describe_cut, is_cut
from cnnkit.exporters.marks import scripts
from cnnkit.exporters.marks.mark import Mark, quote
from cnnkit.exporters.marks.unknown_file import UnknownFile
from cnnkit.files.names import printable

_PAGE = re.compile(r"<(!doctype\s+html|html|head|body|script)\b", re.IGNORECASE)
_PROTOTXT = re.compile(r'(#.*\n\s*)*(name\s*:\s*["\']|layers?\s*\{|input\s*:\s*["\'])')
_NUMBERS = re.compile(r"(#.*\n\s*)*([-+]?[\d.]+([eE][-+]?\d+)?|nan|inf)([\s,;]|$)", re.IGNORECASE)
_NUMBER_TEXT = frozenset("0123456789+-.eEnaifNAIFxX,; \t\r\n")
_AGAIN = (
    "download it again: on GitHub from the page's Raw link, on Hugging Face with /resolve/ for /blob/ in the address, "
    "elsewhere after logging in"
)


def _advise_saved(sample: UnknownFile) -> str:
    """Return what to type for a description by Keras, whose weights may lie beside it."""
    if sample.has_sibling("model.weights.h5"):
        return f"cnnkit inspect {quote(sample.path.parent / 'model.weights.h5')}"
    return (
        "the weights lie in the file that save_weights wrote, such as model.weights.h5: cnnkit inspect model.weights.h5"
    )


def _advise_sibling(sample: UnknownFile) -> str:
    """Return what to type for a file that describes weights which lie beside it."""
    shards = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
    for name in ("model.safetensors", "pytorch_model.bin", *shards):
        if sample.has_sibling(name):
            return f"cnnkit inspect {quote(sample.path.parent / name)}"
    return "the weights lie beside it, in model.safetensors or pytorch_model.bin: cnnkit inspect model.safetensors"


def _has(*keys: str) -> Callable[[UnknownFile], bool]:
    """Return whether a file is a JSON object with one of these keys."""
    return lambda sample: not sample.json.keys().isdisjoint(keys)


def _starts(*marks: str) -> Callable[[UnknownFile], bool]:
    """Return whether a file is text that begins with one of these."""
    return lambda sample: sample.text.startswith(marks)


def _is_answer(sample: UnknownFile) -> bool:
    return isinstance(sample.json.get("error", sample.json.get("message")), str)


def _describe_answer(sample: UnknownFile) -> str:
    said = sample.json.get("error", sample.json.get("message"))
    return f"an answer of a server instead of the file, {printable(repr(said), 120)}"


def _describe_json(sample: UnknownFile) -> str:
    keys = ", ".join(printable(key, 30) for key in list(sample.json)[:5])
    return f"JSON that holds no weights that cnnkit knows (keys: {keys})"


def _is_table(sample: UnknownFile) -> bool:
    text = sample.text
    lines = [line.split("#")[0] for line in text.splitlines()]
    return _NUMBERS.match(text) is not None and all(_NUMBER_TEXT.issuperset(line) for line in lines)


def _advise_table(sample: UnknownFile) -> str:
    separator = next((mark for mark in ",;" if mark in sample.text), None)
    option = "" if separator is None else f", delimiter='{separator}'"
    call = f"import sys, numpy; numpy.save('weights.npy', numpy.loadtxt(sys.argv[1]{option}))"
    return f'python -c "{call}" FILE, then cnnkit inspect weights.npy'


def _describe_text(sample: UnknownFile) -> str:
    text = sample.text
    first = text.splitlines()[0] if text else "blanks"
    return f"plain text, begins with {printable(shlex.quote(first), 60)}"


TEXTS: tuple[Mark[UnknownFile], ...] = (
    Mark("a Git LFS pointer, not the file itself", "git lfs pull", _starts("version https://git-lfs")),
    Mark("an HTML page, not the file itself", _AGAIN, lambda s: _PAGE.match(s.text) is not None),
    Mark(
        "a model file, a network without weights",
        "cnnkit train --model FILE trains it, cnnkit summary --model FILE shows it",
        lambda s: any(line.lstrip().startswith("[[layers]]") for line in s.text.splitlines()),
    ),
    Mark(
        "the index of TensorFlow checkpoints",
        lambda s: scripts.convert_checkpoint(quote(s.path.parent)),
        _starts("model_checkpoint_path:"),
    ),
    Mark(
        "the description of an ncnn network, without weights",
        "ncnn has no way back: read the PyTorch or ONNX file that it was made of",
        _starts("7767517"),
    ),
    Mark(
        "the description of a Darknet network, without weights",
        "the weights lie in the .weights file: cnnkit inspect net.weights says how to read it",
        _starts("[net]", "[network]"),
    ),
    Mark(
        "the description of a Caffe network, without weights",
        "the weights lie in the .caffemodel: cnnkit inspect net.caffemodel says how to read it",
        lambda s: _PROTOTXT.match(s.text) is not None,
    ),
    Mark(
        "the description of an OpenVINO network, without weights",
        "OpenVINO has no way back: read the model that it was made of",
        lambda s: _starts("<?xml", "<net")(s) and "<net " in s.text,
    ),
    Mark("an answer of a server instead of the file", _AGAIN, lambda s: _starts("<?xml")(s) and "<Error>" in s.text),
    Mark("an SVG picture without cnnkit's data", "cnnkit export weights.h5 --format svg makes one", _starts("<svg")),
    Mark(
        "an SVG picture without cnnkit's data",
        "cnnkit export weights.h5 --format svg makes one",
        lambda s: _starts("<?xml")(s) and "<svg" in s.text,
    ),
    Mark("XML, which holds no weights that cnnkit knows", "name another file", _starts("<?xml")),
    Mark(
        "an index of weights in files that are not read: neither safetensors, .bin of PyTorch nor .weights.h5 of Keras",
        "read the files that it names one by one: cnnkit inspect FILE",
        _has("weight_map"),
    ),
    Mark(
        "an architecture of Keras, without weights",
        _advise_saved,
        lambda s: _has("class_name")(s) and "config" in s.json,
    ),
    Mark("a description by Keras, without weights", _advise_saved, _has("keras_version")),
    Mark(
        "a configuration of Hugging Face, without weights",
        _advise_sibling,
        _has("model_type", "architectures", "transformers_version", "_class_name"),
    ),
    Mark(
        "an architecture of MXNet, without weights",
        "the weights lie in the .params file: cnnkit inspect net-0000.params says how to read it",
        lambda s: _has("arg_nodes")(s) and "nodes" in s.json,
    ),
    Mark(
        "a Paddle program, without weights",
        lambda s: scripts.convert_paddle(quote(s.path.with_suffix(""))),
        _has("base_code"),
    ),
    Mark("a Jupyter notebook", "run it, then read the weight file that it saves", _has("nbformat")),
    Mark("a model of XGBoost", "it is no network: name another file", _has("learner")),
    Mark(_describe_answer, _AGAIN, _is_answer),
    Mark(_describe_json, "name the file with the values", lambda s: bool(s.json)),
    Mark(lambda s: describe_cut(s.text), HINT, lambda s: is_cut(s.text)),
    Mark("a table of numbers as text", _advise_table, _is_table),
    Mark(
        _describe_text,
        "look into it: a download may have saved a message instead of the file",
        lambda s: s.is_text,
    ),
)
