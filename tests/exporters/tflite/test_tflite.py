"""TensorFlow Lite models that Google's flatbuffers package writes, and files that lie."""

import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnnkit import exporters
from cnnkit.cli.app import run
from cnnkit.errors import WeightFileError
from cnnkit.exporters.tflite import flatbuffer
from cnnkit.inspection.layouts import find_transform
from cnnkit.inspection.pairing import pair

ADD, CONV, DEPTHWISE, DEQUANTIZE, DENSE, LSTM, RESHAPE, CUSTOM, GATHER = 0, 3, 4, 6, 9, 44, 22, 32, 36
BATCH_MATMUL, TRANSPOSE_CONV, CONV_3D = 126, 67, 132


@pytest.fixture
def save(tmp_path):
    def write(content):
        path = tmp_path / "a.tflite"
        path.write_bytes(content)
        return path

    return write


def normal(*shape, dtype="float32"):
    return np.random.default_rng(len(shape)).normal(size=shape).astype(dtype)


def convnet(model, prefix="net/"):
    """Add conv, depthwise, reshape and dense; return the arrays by name."""
    arrays = {
        "c/Conv2D": normal(4, 3, 5, 2), "c/Bias": normal(4), "d/depthwise": normal(1, 3, 3, 8), "d/Bias": normal(8),
        "shape": np.array([1, 32], np.int32), "f/MatMul": normal(10, 32), "f/BiasAdd/ReadVariableOp": normal(10),
    }  # fmt: skip
    x = model.tensor("x", shape=(1, 4, 4, 2), code=0)
    index = {name: model.tensor(prefix + name, array) for name, array in arrays.items()}
    y = [model.tensor(f"y{n}", shape=(1, 2), code=0) for n in range(4)]
    model.operator(CONV, [x, index["c/Conv2D"], index["c/Bias"]], [y[0]])
    model.operator(DEPTHWISE, [y[0], index["d/depthwise"], index["d/Bias"]], [y[1]])
    model.operator(RESHAPE, [y[1], index["shape"]], [y[2]])
    model.operator(DENSE, [y[2], index["f/MatMul"], index["f/BiasAdd/ReadVariableOp"]], [y[3]])
    model.graph("main", [x], [y[3]])
    return {prefix + name: array for name, array in arrays.items()}


def test_constants_come_in_the_order_of_use_with_roles_and_axes(model, save):
    arrays = convnet(model)
    back = exporters.read(save(model.finish(documents=["min_runtime_version"])))
    assert [(t.name, t.layer, t.kind, t.role, t.axes) for t in back] == [
        ("net/c/Conv2D", "net/c", "parameter", "weight", ("o", "kh", "kw", "i")),
        ("net/c/Bias", "net/c", "parameter", "bias", ("o",)),
        ("net/d/depthwise", "net/d", "parameter", "weight", ("i", "kh", "kw", "o")),
        ("net/d/Bias", "net/d", "parameter", "bias", ("o",)),
        ("net/shape", "net", "other", "other", ("0",)),
        ("net/f/MatMul", "net/f", "parameter", "weight", ("out", "in")),
        ("net/f/BiasAdd/ReadVariableOp", "net/f", "parameter", "bias", ("out",)),
    ]
    assert all(back[name].read().tobytes() == array.tobytes() for name, array in arrays.items())
    assert all(back[name].sha256() == exporters.Tensor.of("", array).sha256() for name, array in arrays.items())
    assert back.metadata == {
        "tflite": {"description": "by hand", "subgraphs": ["main"], "inputs": ["x"], "outputs": ["y3"]}
    }
    assert [(n.what, n.count) for n in back.not_read] == [("metadata: min_runtime_version", 1)]


def test_layers_pair_with_those_of_pytorch_in_order(model, save):
    """OHWI and (1, H, W, C) become (O, I, H, W), of grouped kernels too."""
    arrays = convnet(model)
    turned = {
        "features.0.weight": arrays["net/c/Conv2D"].transpose(0, 3, 1, 2), "features.0.bias": arrays["net/c/Bias"],
        "features.1.weight": arrays["net/d/depthwise"].transpose(3, 0, 1, 2), "features.1.bias": arrays["net/d/Bias"],
        "head.weight": arrays["net/f/MatMul"], "head.bias": arrays["net/f/BiasAdd/ReadVariableOp"],
    }  # fmt: skip
    roles = {"weight": ("out", "in"), "bias": ("o",)}
    theirs = exporters.WeightFile(
        tuple(
            exporters.Tensor.of(
                name, array, role=name.rpartition(".")[2],
                axes=("o", "i", "kh", "kw") if array.ndim == 4 else roles[name.rpartition(".")[2]],
            )
            for name, array in turned.items()
        )
    )  # fmt: skip
    pairing = pair(exporters.read(save(model.finish())), theirs)
    assert [p.b.name for p in pairing.pairs] == list(turned)
    for a, b, _ in pairing.pairs:
        np.testing.assert_array_equal(find_transform(a, b).apply(a.read()), b.read())


@pytest.mark.parametrize("each", [1, 2])
def test_layers_pair_with_those_of_keras_in_order(model, save, each):
    """Kernels become (H, W, I, O), depthwise ones (H, W, I, M) of `each` output for an input."""
    arrays = convnet(model)
    theirs = {
        "conv2d/kernel": (arrays["net/c/Conv2D"].transpose(1, 2, 3, 0), ("kh", "kw", "i", "o")),
        "depthwise/kernel": (arrays["net/d/depthwise"].reshape(3, 3, 8 // each, each), ("kh", "kw", "i", "m")),
        "dense/kernel": (arrays["net/f/MatMul"].T, ("in", "out")),
    }
    tensors = tuple(
        exporters.Tensor.of(name, np.ascontiguousarray(array), layer=name.partition("/")[0], role="weight", axes=axes)
        for name, (array, axes) in theirs.items()
    )
    ours = exporters.read(save(model.finish()))
    kernels = exporters.WeightFile(tuple(t for t in ours if t.role == "weight"))
    pairing = pair(kernels, exporters.WeightFile(tensors))
    assert [p.b.name for p in pairing.pairs] == list(theirs)
    for a, b, _ in pairing.pairs:
        np.testing.assert_array_equal(find_transform(a, b).apply(a.read()), b.read())
        np.testing.assert_array_equal(find_transform(b, a).apply(b.read()), a.read())


def test_inputs_of_a_dense_layer_behind_images_change_their_order(model, save, tmp_path, capsys):
    """H, W, C in TensorFlow Lite, C, H, W in PyTorch: `diff` finds the same network."""
    kernel, dense = normal(4, 3, 3, 2), normal(10, 2, 3, 4)  # of maps of 2 x 3 pixels in 4 channels
    x, y = model.tensor("x", shape=(1,), code=0), model.tensor("y", shape=(1,), code=0)
    model.operator(CONV, [x, model.tensor("c", kernel), -1], [y])
    model.operator(DENSE, [y, model.tensor("d", dense.reshape(10, 24)), -1], [x])
    theirs = (
        exporters.Tensor.of("0.weight", kernel.transpose(0, 3, 1, 2), role="weight", axes=("o", "i", "kh", "kw")),
        exporters.Tensor.of("2.weight", dense.transpose(0, 3, 1, 2).reshape(10, 24), role="weight", axes=("out", "in")),
    )
    exporters.write(exporters.WeightFile(theirs), tmp_path / "b.safetensors")
    assert run(["diff", str(save(model.finish())), str(tmp_path / "b.safetensors")]) == 0
    assert "2 equal" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "slot", "shape", "role", "axes"),
    [
        (TRANSPOSE_CONV, 1, (4, 3, 3, 2), "weight", ("o", "kh", "kw", "i")),
        (TRANSPOSE_CONV, 3, (4,), "bias", ("o",)),
        (CONV_3D, 1, (3, 3, 3, 2, 4), "weight", ("kd", "kh", "kw", "i", "o")),
        (GATHER, 0, (7, 4), "embedding", ("vocab", "dim")),
        (LSTM, 4, (5, 4), "weight", ("out", "in")),
        (LSTM, 8, (5, 5), "recurrent_weight", ("out", "in")),
        (LSTM, 13, (5,), "bias", ("out",)),
        (BATCH_MATMUL, 1, (6, 7), "weight", ("in", "out")),
        (CONV, 1, (5, 4), "other", ("0", "1")),
        (999, 1, (5, 4), "other", ("0", "1")),
        (-5, 1, (5, 4), "other", ("0", "1")),
    ],
)
def test_the_operator_gives_role_and_axes(model, save, code, slot, shape, role, axes):
    x = model.tensor("x", shape=(1,), code=0)
    w = model.tensor("w", normal(*shape))
    inputs = [x] * slot + [w, -1]
    model.operator(code, inputs, [x])
    (tensor,) = exporters.read(save(model.finish()))
    assert (tensor.role, tensor.axes, tensor.shape) == (role, axes, shape)


def test_a_turned_product_and_a_bias_that_is_added(model, save):
    x, y = (model.tensor(name, shape=(1, 6), code=0) for name in "xy")
    w, b = model.tensor("w", normal(7, 6)), model.tensor("b", normal(7))
    options = {3: ("Uint8", 101), 4: ("Ref", model.table({1: ("Bool", True)}))}
    model.operator(BATCH_MATMUL, [x, w], [y], extra=options)
    model.operator(ADD, [b, y], [x])
    back = exporters.read(save(model.finish()))
    assert [(t.name, t.role, t.axes) for t in back] == [("w", "weight", ("out", "in")), ("b", "bias", ("out",))]


def test_float16_weights_behind_dequantize_are_those_of_the_convolution(model, save):
    x, wide = model.tensor("x", shape=(1,), code=0), model.tensor("w32", shape=(2, 3, 3, 1), code=0)
    w = model.tensor("w", normal(2, 3, 3, 1, dtype="float16"))
    model.operator(DEQUANTIZE, [w], [wide])
    model.operator(CONV, [x, wide, -1], [x])
    (tensor,) = exporters.read(save(model.finish()))
    assert (tensor.dtype, tensor.role, tensor.axes) == ("float16", "weight", ("o", "kh", "kw", "i"))


def test_quantised_tensors_are_integers_with_their_scales_beside_them(model, save):
    kernel = np.arange(-64, 64, dtype=np.int8).reshape(4, 4, 4, 2)
    table = np.arange(6, dtype=np.uint8).reshape(2, 3)
    x = model.tensor("x", shape=(1,), code=9, scale=[0.5], zero=[3])
    w = model.tensor("w", kernel, scale=[0.5, 0.25, 0.125, 2], axis=0)
    b = model.tensor("b", np.arange(4, dtype=np.int32), scale=[0.1] * 4)
    t = model.tensor("t", table, scale=[0.3], zero=[128])
    model.operator(CONV, [x, w, b], [x])
    model.operator(GATHER, [t, x], [x])
    back = exporters.read(save(model.finish()))
    assert [(t.name, t.kind, t.dtype, t.axes) for t in back] == [
        ("w", "parameter", "int8", ("o", "kh", "kw", "i")),
        ("w.scale", "other", "float32", ("o",)),
        ("b", "parameter", "int32", ("o",)),
        ("b.scale", "other", "float32", ("o",)),
        ("t", "parameter", "uint8", ("vocab", "dim")),
        ("t.scale", "other", "float32", ("0",)),
        ("t.zero_point", "other", "int64", ("0",)),
    ]
    np.testing.assert_array_equal(back["w"].read(), kernel)
    assert back["w.scale"].read().tolist() == [0.5, 0.25, 0.125, 2]
    assert back["t.zero_point"].read().tolist() == [128]
    assert back.metadata["tflite"]["quantization"] == {
        "w": {"scale": "w.scale", "zero_point": 0, "axis": 0},
        "b": {"scale": "b.scale", "zero_point": 0, "axis": 0},
        "t": {"scale": "t.scale", "zero_point": "t.zero_point"},
    }


def test_all_element_types_bit_for_bit(model, save):
    names = ["float16", "float32", "float64", "complex64", "complex128", "bool"]
    names += [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
    rng = np.random.default_rng(0)
    arrays = {}
    for name in names:
        dtype = np.dtype(name)
        raw = rng.integers(0, 2 if name == "bool" else 256, 6 * dtype.itemsize, np.uint8)
        arrays[name] = raw.view(dtype).reshape(2, 3)
        model.tensor(name, arrays[name])
    model.tensor("scalar", np.float32(1.5))
    model.tensor("brain", np.arange(3, dtype=np.uint16).tobytes(), shape=(3,), code=18)
    model.tensor("eight", bytes(range(3)), shape=(3,), code=21)
    for name, code in (("nibbles", 17), ("words", 5), ("unknown", 77)):
        model.tensor(name, b"\x12", shape=(2,), code=code)
    back = exporters.read(save(model.finish()))
    for name, array in arrays.items():
        assert (back[name].dtype, back[name].read().tobytes()) == (name, array.tobytes())
    assert back["scalar"].shape == ()
    assert (back["brain"].dtype, back["eight"].dtype) == ("bfloat16", "float8_e4m3fn")
    assert [(note.what, note.reason, note.weights) for note in back.not_read] == [
        ("nibbles (2,)", "element type int4 is not read", True),
        ("words (2,)", "element type texts is not read", False),
        ("unknown (2,)", "element type 77 is not read", True),
    ]


def test_what_lies_behind_the_flatbuffer_and_what_is_sparse_or_elsewhere(model, save):
    far = normal(3, 4)
    model.tensor("far", far)
    model.tensor("near", normal(2))
    sparse = {6: ("Ref", model.table({}))}
    model.tensor("sparse", bytes(8), shape=(4, 4), code=0, extra=sparse)
    model.tensor("away", shape=(5,), code=0, extra={10: ("Uint32", 1)})
    model.operator(CUSTOM, [0], [0], "edgetpu-custom-op", {5: model.vector([1, 2, 3], "u1")})
    back = exporters.read(save(model.finish(behind=[1])))
    assert [t.name for t in back] == ["far", "near"]
    np.testing.assert_array_equal(back["far"].read(), far)
    assert [(note.what, note.count, note.reason.split(":")[0]) for note in back.not_read] == [
        ("sparse (4, 4)", 1, "sparse"),
        ("away (5,)", 1, "its values lie in another file, which is not opened"),
        ("data of operator edgetpu-custom-op", 1, "an operator by others, whose data only they know"),
    ]


def test_graphs_and_names_that_occur_twice(model, save):
    for graph in ("main", "body", ""):
        for name in ("w", "w", ""):
            model.tensor(name, normal(2))
        model.graph(graph)
    back = exporters.read(save(model.finish()))
    assert [t.name for t in back] == [
        "w",
        "w#1",
        "tensor2",
        "body/w",
        "body/w#1",
        "body/tensor2",
        "2/w",
        "2/w#1",
        "2/tensor2",
    ]


def test_the_command_line_lists_exports_and_compares(model, save, run_commands):
    convnet(model)
    document = run_commands(save(model.finish(documents=["min_runtime_version"])))
    assert document["format"] == "tflite"
    assert [t["shape"] for t in document["tensors"]][:2] == [[4, 3, 5, 2], [4]]


def lies():
    yield "cut", lambda m: m.finish()[:60], "unreadable", "damaged TensorFlow Lite file"
    yield "only a mark", lambda _: b"\x08\0\0\0TFL3", "unreadable", "4 bytes where 0 are left at byte 8"
    yield "root outside", lambda m: b"\xff\xff\xff\x7f" + m.finish()[4:], "unreadable", "where 0 are left"
    yield "version", lambda m: m.finish(version=1), "refused", "version 1 of the schema"
    yield "shape", lambda m: m.tensor("x", bytes(8), shape=(3,), code=0), "unreadable", "x: float32 .3,. takes 12 bytes"
    yield "negative", lambda m: m.tensor("x", bytes(8), shape=(-2,), code=0), "unreadable", "shape of whole numbers"
    huge = (1 << 30,) * 4
    yield "huge", lambda m: m.tensor("x", bytes(8), shape=huge, code=0), "unreadable", "more than 2.62 bytes"
    yield "rank", lambda m: m.tensor("x", bytes(4), shape=(1,) * 33, code=0), "unreadable", "33 axes, more than 32"
    yield "buffer", lambda m: m.tensor("y2", shape=(1,), code=0, buffer=9), "unreadable", "y2 has buffer 9 of 2"
    yield "operand", lambda m: m.operator(CONV, [0, 7], [0]), "unreadable", "uses tensor 7 of 1"


@pytest.mark.parametrize(("make", "kind", "message"), [lie[1:] for lie in lies()], ids=[lie[0] for lie in lies()])
def test_lies_are_one_line(model, save, assert_refused, make, kind, message):
    model.tensor("y", normal(2))
    made = make(model)
    assert_refused(save(made if isinstance(made, bytes) else model.finish()), kind, message)


def test_a_buffer_behind_the_end_of_the_file(model, save):
    model.tensor("far", normal(3))
    with pytest.raises(WeightFileError, match="12 bytes where 8 are left"):
        exporters.read(save(model.finish(behind=[1])[:-4]))


def test_offsets_that_lead_to_the_same_tables_again_are_counted(model, save, monkeypatch):
    """A vector of a thousand offsets to one graph of a thousand offsets to one tensor: a million tensors in 10 kB."""
    model.tensor("y", normal(2))
    model.tensors *= 1000
    model.graph()
    model.graphs *= 1000
    monkeypatch.setattr(flatbuffer, "_MOST_ITEMS", 20_000)
    with pytest.raises(WeightFileError, match="tables and numbers, more than 20,000") as caught:
        exporters.read(save(model.finish()))
    assert caught.value.kind == "too_big"


def test_one_long_name_a_thousand_times(model, save, monkeypatch):
    name = "n" * 50_000
    model.tensor(name, normal(2))
    model.tensors *= 1000
    monkeypatch.setattr(flatbuffer, "_MOST_TEXT", 1 << 20)
    with pytest.raises(WeightFileError, match="names of more than 1048576 bytes"):
        exporters.read(save(model.finish()))


def test_tables_with_one_long_list_of_fields(model, save, monkeypatch):
    """A thousand offsets to one table whose list of fields takes 60 kB: only fields of the schema are looked at."""
    model.tensor("y", normal(2))
    model.graph()
    model.graphs[:] = [model.table({30_000: ("Int8", 1)})] * 1000
    path, sizes, content = save(model.finish()), [], flatbuffer.Flatbuffer.content
    monkeypatch.setattr(
        flatbuffer.Flatbuffer, "content", lambda self, start, size: sizes.append(size) or content(self, start, size)
    )
    assert len(exporters.read(path)) == 0
    assert 1000 < sum(sizes) < 1 << 20


def test_tensors_with_one_buffer_are_counted_once_and_do_not_unfold_to_too_much(model, save):
    weight = normal(1 << 10, 1 << 10)
    number = model.tensor("w", weight) + 1
    for name in ("v", "u"):
        model.tensor(name, shape=weight.shape, code=0, buffer=number)
    model.tensor("bytes", shape=(1 << 22,), code=9, buffer=number)
    model.graph()
    back = exporters.read(save(model.finish()))
    assert [t.shares for t in back] == [None, "w", "w", None]
    assert back.parameters == 1 << 20


def test_many_tensors_with_one_buffer(model, save):
    number = model.tensor("w", normal(1 << 20)) + 1
    for index in range(40):
        model.tensor(f"v{index}", shape=(1 << 20,), code=0, buffer=number)
    model.graph()
    with pytest.raises(WeightFileError, match="bytes and more in a file of") as caught:
        exporters.read(save(model.finish()))
    assert caught.value.kind == "too_big"


def test_a_vtable_that_is_too_short_or_odd(model, save):
    model.tensor("y", normal(2))
    data = bytearray(model.finish())
    root = struct.unpack_from("<I", data)[0]
    vtable = root - struct.unpack_from("<i", data, root)[0]
    for size in (0, 2, 5, 65535):
        struct.pack_into("<H", data, vtable, size)
        with pytest.raises(WeightFileError, match="damaged TensorFlow Lite file"):
            exporters.read(save(bytes(data)))
    struct.pack_into("<H", data, vtable, 12)
    for offset in (2, 4000):
        struct.pack_into("<H", data, vtable + 4, offset)
        with pytest.raises(WeightFileError, match="field 0 outside its table"):
            exporters.read(save(bytes(data)))
    struct.pack_into("<H", data, vtable, 4)  # no fields at all: version 0
    with pytest.raises(WeightFileError, match="version 0 of the schema"):
        exporters.read(save(bytes(data)))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_a_line_or_values(model, read_damaged, damaged, data):
    if not model.graphs:
        convnet(model)
        model.sound = model.finish()
        assert read_damaged(model.sound) is None
    read_damaged(damaged(data, model.sound))
