"""Real weight files of many authors: each reads to the sums of its own library, or is refused with its reason."""

import json
import os
from pathlib import Path

import pytest

from cnnkit import exporters
from cnnkit.errors import WeightFileError

FOLDER = Path(os.environ.get("CNNKIT_CORPUS_DIR") or Path(__file__).parents[3] / "shared" / "corpus")
EXPECTED = json.loads((FOLDER / "expected.json").read_text()) if FOLDER.is_dir() else {}
REFUSED = {
    "087_syoyo_safetensors_abuse_attempt_1.safetensors": ("unreadable", "header length of 1000 in a file of 88 bytes"),
    "114_tensorlayer_resnet50_weights_tf_dim_ordering_tf_kernels.h5": ("unreadable", "truncated file: eof = 851968"),
}
WHOLE = "057_00arun00_lenet.pth"  # a model, not its state_dict
LISTED = "112_PavelNikolaichev_model.jld2"  # Julia's arrays stand behind object references, which are not followed
TFLITE = "116_google-ai-edge_fully_connected.tflite"
TFLITE_SUMS = {  # as LiteRT's own interpreter reads it
    "sequential/dense/MatMul": ((1, 1), "356cb4b3e9c8c70d63ac8ddc661dbbfc9c8c46a8b0e51c8c67df6b1e2bcc2ecb"),
    "sequential/dense/BiasAdd/ReadVariableOp": (
        (1,),
        "19ddd26d0923c08cf4eda3fa10b58d7d8ee299150563770876425178bd805e34",
    ),
}

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not EXPECTED, reason="no corpus of real weight files: set CNNKIT_CORPUS_DIR"),
]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_real_file_reads_to_its_sums(name):
    file = exporters.read(FOLDER / name)
    found = {(t.shape, t.dtype, t.sha256()) for t in file}
    wanted = {(tuple(e["shape"]), e["dtype"], e["sha256"]) for e in EXPECTED[name].values()}
    assert wanted <= found
    if file.format in {"torch", "npz", "safetensors"}:
        assert {t.name for t in file} == set(EXPECTED[name])
        assert len(found) == len(wanted)


@pytest.mark.parametrize(("name", "verdict"), REFUSED.items(), ids=REFUSED)
def test_a_bad_file_is_refused_with_its_reason(name, verdict):
    kind, reason = verdict
    with pytest.raises(WeightFileError) as caught:
        exporters.read(FOLDER / name)
    assert caught.value.kind == kind
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_not_read_of_a_file_is_said():
    file = exporters.read(FOLDER / LISTED)
    assert file.tensors == ()
    assert file.not_read


def test_a_whole_model_of_a_strangers_class_is_read_without_it():
    file = exporters.read(FOLDER / WHOLE)
    assert (len(file), file.parameters, file["features.0.weight"].shape) == (10, 61_706, (6, 1, 5, 5))
    assert [note.what for note in file.not_read] == ["core.model.lenet.LeNet"]


def test_a_model_of_tensorflow_lite_reads_to_the_sums_of_its_interpreter():
    file = exporters.read(FOLDER / TFLITE)
    assert {t.name: (t.shape, t.sha256()) for t in file} == TFLITE_SUMS
    assert {t.role: t.axes for t in file} == {"weight": ("out", "in"), "bias": ("out",)}
    assert {t.layer for t in file} == {"sequential/dense"}


def test_every_file_of_the_corpus_is_accounted_for():
    files = {path.name for path in FOLDER.iterdir()} - {"SOURCES.tsv", "expected.json"}
    assert files <= EXPECTED.keys() | REFUSED.keys() | {LISTED, TFLITE, WHOLE}
