"""TensorFlow.js by hand: groups over several files, rounded weights, Keras' names; and what does not fit."""

import json

import numpy as np
import pytest

from cnnkit.errors import WeightFileError
from cnnkit.exporters import read

KERNEL = np.arange(36, dtype="<f4").reshape(3, 3, 1, 4) / 7
BIAS, DENSE = np.ones(4, "<f4"), np.arange(8, dtype="<f4").reshape(4, 2)
TOPOLOGY = {
    "model_config": {
        "class_name": "Sequential",
        "config": {
            "layers": [
                {"class_name": "Conv2D", "config": {"name": "first"}},
                {"class_name": "BatchNormalization", "config": {"name": "norm"}},
                {"class_name": "DepthwiseConv2D", "config": {"name": "deep"}},
                {"class_name": "Dense", "config": {"name": "last"}},
            ]
        },
    }
}


def weight(name, shape, dtype="float32", **more):
    return {"name": name, "shape": list(shape), "dtype": dtype} | more


@pytest.fixture
def save(tmp_path):
    """Return a function that writes a model: groups of ([(entry, bytes)], sizes of the files but the last)."""

    def save(*groups, topology=TOPOLOGY, **keys):
        folder, manifest = tmp_path / "web", []
        folder.mkdir(exist_ok=True)
        for number, (weights, cuts) in enumerate(groups):
            data, paths, begin = b"".join(content for _, content in weights), [], 0
            for shard, size in enumerate((*cuts, None)):
                paths.append(f"group{number + 1}-shard{shard + 1}of{len(cuts) + 1}.bin")
                (folder / paths[-1]).write_bytes(data[begin : None if size is None else begin + size])
                begin += size or 0
            manifest.append({"paths": paths, "weights": [entry for entry, _ in weights]})
        document = {"format": "layers-model", "generatedBy": "keras v2", "modelTopology": topology}
        (folder / "model.json").write_text(json.dumps(document | {"weightsManifest": manifest} | keys))
        return folder / "model.json"

    return save


def test_weights_over_several_files_by_keras_names(save):
    """The kernel begins in the first file, fills the second, and ends in the third."""
    first = [(weight("first/kernel", KERNEL.shape), KERNEL.tobytes()), (weight("first/bias", [4]), BIAS.tobytes())]
    second = [
        (weight("norm/moving_mean", [4]), BIAS.tobytes()),
        (weight("deep/depthwise_kernel", [3, 3, 4, 1]), KERNEL.tobytes()),
        (weight("last/kernel", DENSE.shape), DENSE.tobytes()),
        (weight("count", [], "int32"), np.array(7, "<i4").tobytes()),
        (weight("flags", [2], "bool"), b"\1\0"),
        (weight("waves", [1], "complex64"), np.array([1 + 2j], "<c8").tobytes()),
        (weight("none", [0, 3]), b""),
    ]
    weights = read(save((first, [5, 100]), (second, [])), external=True)
    assert weights.not_read == ()
    assert [(t.name, t.layer, t.kind, t.role, t.axes, t.dtype) for t in weights][:5] == [
        ("first.kernel", "first", "parameter", "weight", ("kh", "kw", "i", "o"), "float32"),
        ("first.bias", "first", "parameter", "bias", ("o",), "float32"),
        ("norm.moving_mean", "norm", "state", "mean", ("c",), "float32"),
        ("deep.depthwise_kernel", "deep", "parameter", "weight", ("kh", "kw", "i", "m"), "float32"),
        ("last.kernel", "last", "parameter", "weight", ("in", "out"), "float32"),
    ]
    assert weights["first.kernel"].read().tobytes() == KERNEL.tobytes()
    assert np.concatenate(list(weights["first.kernel"].stream())).tobytes() == KERNEL.tobytes()
    assert weights["last.kernel"].read().tobytes() == DENSE.tobytes()
    assert [weights[name].read().tolist() for name in ("count", "flags", "waves", "none")] == [
        7,
        [True, False],
        [1 + 2j],
        [],
    ]
    assert (weights.format, weights.metadata) == (
        "tfjs",
        {"tfjs": {"format": "layers-model", "generatedBy": "keras v2"}},
    )


def test_rounded_weights_are_decoded(save):
    half = np.array([1.5, -2], "<f2")
    group = [
        (
            weight("a", [3], dtype="float32") | {"quantization": {"dtype": "uint8", "scale": 0.1, "min": -1}},
            b"\0\x0a\xff",
        ),
        (
            weight("b", [2], quantization=None) | {"quantization": {"dtype": "uint16", "scale": 2, "min": 0.5}},
            b"\1\0\0\1",
        ),
        (weight("c", [2]) | {"quantization": {"dtype": "float16"}}, half.tobytes()),
        (weight("d", [3], "int32") | {"quantization": {"dtype": "uint8", "scale": 0.5, "min": -1}}, b"\0\3\4"),
    ]
    weights = read(save((group, [])), external=True)
    assert [(t.name, t.dtype) for t in weights] == [
        ("a", "float32"), ("b", "float32"), ("c", "float32"), ("d", "int32"),
    ]  # fmt: skip
    assert weights["a"].read().tolist() == np.float32([-1, 0, 255 * 0.1 - 1]).tolist()
    assert weights["b"].read().tolist() == [2.5, 512.5]
    assert weights["c"].read().tolist() == [1.5, -2]
    assert weights["d"].read().tolist() == [-1, 1, 1]  # 0.5 is rounded upwards
    assert weights.metadata["tfjs"]["quantized"] == {"a": "uint8", "b": "uint16", "c": "float16", "d": "uint8"}


def test_the_operation_that_reads_a_variable_of_a_graph_tells_what_it_is(save):
    prefix = "StatefulPartitionedCall/net/conv"
    group = [
        (weight(f"{prefix}/Conv2D/ReadVariableOp", KERNEL.shape), KERNEL.tobytes()),
        (weight(f"{prefix}/BiasAdd/ReadVariableOp", [4]), BIAS.tobytes()),
        (weight("StatefulPartitionedCall/net/fc/MatMul/ReadVariableOp", [4, 2]), DENSE.tobytes()),
        (weight("unknown", [1]), b"\0\0\0\0"),
    ]
    weights = read(save((group, []), topology={"node": []}), external=True)
    assert [(t.layer.rpartition(".")[2], t.role, t.axes) for t in weights] == [
        ("conv", "weight", ("kh", "kw", "i", "o")),
        ("conv", "bias", ("o",)),
        ("fc", "weight", ("in", "out")),
        ("unknown", "other", ("0",)),
    ]


def test_without_external_nothing_is_opened(save):
    weights = read(save(([(weight("first/kernel", [2]), bytes(8))], [4])))
    assert len(weights) == 0
    assert [(item.what, item.reason) for item in weights.not_read] == [
        ("first/kernel (2,)", "its values lie in group1-shard1of2.bin and 1 more: --external reads them")
    ]


def test_the_older_manifest_is_a_list(save):
    path = save(([(weight("w", [2]), BIAS[:2].tobytes())], []))
    manifest = json.loads(path.read_text())["weightsManifest"]
    path.write_text(json.dumps(manifest))
    weights = read(path, external=True)
    assert (weights.format, weights["w"].read().tolist()) == ("tfjs", [1, 1])


def test_texts_and_what_lies_behind_them_are_listed(save):
    group = [(weight("a", [1]), bytes(4)), (weight("t", [1], "string"), b"\1\0\0\0x"), (weight("b", [1]), bytes(4))]
    weights = read(save((group, [])), external=True)
    assert [t.name for t in weights] == ["a"]
    assert [(item.what, item.reason) for item in weights.not_read] == [
        ("t (1,)", "element type string is not read"),
        ("b (1,)", "texts come before it, whose length the manifest does not tell"),
    ]


@pytest.mark.parametrize(
    ("content", "paths", "reason"),
    [
        (bytes(7), None, "its files hold 7 bytes, where its weights take 8"),
        (bytes(9), None, "its files hold 9 bytes, where its weights take 8"),
        (bytes(8), ["none.bin"], "none.bin is missing: put it into the same folder"),
        (bytes(8), ["../secret"], "../secret is not a path inside the folder"),
        (bytes(8), ["https://example.com/a.bin"], "https://example.com/a.bin is missing"),
        (bytes(8), [], "its files hold 0 bytes"),
    ],
)
def test_files_that_do_not_fit_are_listed_with_the_reason(save, content, paths, reason):
    path = save(([(weight("w", [2]), content)], []))
    (path.parent.parent / "secret").write_bytes(bytes(8))
    if paths is not None:
        document = json.loads(path.read_text())
        document["weightsManifest"][0]["paths"] = paths
        path.write_text(json.dumps(document))
    weights = read(path, external=True)
    assert len(weights) == 0
    assert weights.not_read[0].reason.startswith(reason)


def test_a_name_that_occurs_twice_is_read_once(save):
    weights = read(save(([(weight("w", [1]), BIAS[:1].tobytes()), (weight("w", [1]), bytes(4))], [])), external=True)
    assert [t.read().tolist() for t in weights] == [[1]]
    assert weights.not_read[0].reason == "occurs twice: the first is read"


@pytest.mark.parametrize("names", [["a/b", "a.b"], ["a", "a/kernel"]])
def test_names_with_dots_stay_apart(save, names):
    group = [(weight(name, [1]), BIAS[:1].tobytes()) for name in names]
    assert len(read(save((group, [])), external=True)) == 2


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({}, "expected weightsManifest to be a list"),
        (None, "expected weightsManifest to be a list"),
        ([3], r"weightsManifest\[0\]: expected an object"),
        ([{"paths": [1], "weights": []}], "expected an object with a list of paths"),
        ([{"paths": [], "weights": [{"name": "a"}]}], r"weights\[0\]: expected an object with name, dtype and shape"),
        ([{"paths": [], "weights": [weight("a", [-1])]}], r"\(a\): expected a shape of whole numbers"),
        ([{"paths": [], "weights": [weight("a", [1 << 60, 1 << 60])]}], "more than 2.62 bytes"),
        ([{"paths": [], "weights": [weight("a", [1], "int7")]}], "element type int7 is not one of float32"),
        ([{"paths": [], "weights": [weight("a", [1], "uint4")]}], "element type uint4 is not one of"),
        (
            [{"paths": [], "weights": [weight("a", [1], quantization={"scale": 1})]}],
            "quantization of float32 as None is not known",
        ),
        (
            [{"paths": [], "weights": [weight("a", [1], quantization={"dtype": "uint8", "scale": "1"})]}],
            "numbers for scale and min",
        ),
        (
            [{"paths": [], "weights": [weight("a", [1], quantization={"dtype": ["uint8"]})]}],
            r"quantization of float32 as \['uint8'\] is not known",
        ),
        (
            [{"paths": [], "weights": [weight("a", [1], quantization={"dtype": "uint8", "scale": 10**400, "min": 0})]}],
            "beyond float64",
        ),
    ],
)
def test_a_damaged_manifest_is_one_line(save, manifest, message):
    with pytest.raises(WeightFileError, match=message) as caught:
        read(save(weightsManifest=manifest))
    assert "\n" not in str(caught.value)
    assert caught.value.format == "tfjs"


def test_scales_without_measure_do_no_harm(save):
    quantization = {"dtype": "uint8", "scale": 1e308, "min": 1e308}
    weights = read(save(([(weight("w", [1], quantization=quantization), b"\xff")], [])), external=True)
    assert weights["w"].read().tolist() == [np.inf]
