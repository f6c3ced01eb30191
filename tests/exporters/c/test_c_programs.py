"""Exported C, compiled: every layer against the reference, several compilers and levels, exact weights, odd names."""

import ctypes
import re
import shutil
import subprocess

import numpy as np
import pytest

from cnnkit import Model, data, layers, recipes
from cnnkit.architecture import build
from cnnkit.errors import ExportError
from cnnkit.exporters import WeightFile, write
from cnnkit.exporters.c.memory import place_values
from cnnkit.exporters.c.program import CCall, CValue
from cnnkit.parity.layers import LAYERS

STRICT = ("-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror")
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
CASES = [
    pytest.param(layer, shape, id=f"{kind}-{number}")
    for kind, cases in LAYERS.items()
    for number, (layer, shape) in enumerate(cases)
    if number < 2 or kind in ("Conv2D", "Upsample", "Graph")
]
SAMPLES = 3
BOUND = 1e-5  # of the parity contract, forward


def compile_c(path, compiler="gcc", *flags):
    """Return predict of a file, as a function of samples (N, inputs)."""
    library = path.with_suffix(f".{compiler}{''.join(flags)}.so")
    subprocess.run([compiler, *STRICT, *flags, "-shared", "-fPIC", path, "-o", library, "-lm"], check=True)
    sizes = dict(re.findall(r"#define (INPUTS|OUTPUTS) (\d+)", path.read_text()))
    dtype = np.float64 if "void predict(const double" in path.read_text() else np.float32
    function = ctypes.CDLL(str(library)).predict

    def predict(x):
        x, y = np.ascontiguousarray(x.reshape(len(x), -1), dtype), np.zeros((len(x), int(sizes["OUTPUTS"])), dtype)
        assert x.shape[1] == int(sizes["INPUTS"])
        for sample, result in zip(x, y, strict=True):
            function(sample.ctypes.data_as(ctypes.c_void_p), result.ctypes.data_as(ctypes.c_void_p))
        return y

    return predict


def export(model, path):
    write(model.to_weights(), path, overwrite=True)
    return path


def draw(shape):
    several = not isinstance(shape[0], int)
    rng = np.random.default_rng(4)
    xs = [rng.normal(size=(SAMPLES, *one)).astype(np.float32) for one in (shape if several else (shape,))]
    return tuple(xs) if several else xs[0]


def join(values):
    several = values if isinstance(values, tuple | list) else (values,)
    return np.concatenate([np.asarray(one).reshape(SAMPLES, -1) for one in several], 1)


@pytest.mark.parametrize(("layer", "shape"), CASES)
def test_every_layer_computes_what_the_reference_does(layer, shape, tmp_path):
    network = layer if isinstance(layer, layers.Graph) else layers.Sequential((layer,))
    try:
        model = Model(network, shape, seed=1, backend="reference")
    except Exception:
        pytest.skip("no network by itself")  # of one number a sample
    x = draw(shape)
    wanted = join(model.forward(x))
    got = compile_c(export(model, tmp_path / "net.c"), "gcc", "-O0")(join(x))
    np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
    assert np.nanmax(np.abs(got - wanted)) <= BOUND * (1 + np.nanmax(np.abs(wanted)))


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("name", ["mini-resnet", "scratch-mlp"])
def test_compilers_and_levels_agree_to_the_last_bit(name, compiler, tmp_path):
    """Sums have one order; no compiler may change it without -ffast-math."""
    model = Model(*build(recipes.get(name).architecture), seed=0)
    path, x = export(model, tmp_path / "net.c"), draw(model.input_shape)
    first, *others = (compile_c(path, compiler, level)(x) for level in ("-O0", "-O1", "-O2", "-O3"))
    assert all(np.array_equal(first, other) for other in others)
    reference = Model.from_weights(model.to_weights(), backend="reference").forward(x)
    assert np.abs(first - reference).max() <= BOUND * (1 + np.abs(reference).max())


def test_a_wrong_kernel_would_be_caught(tmp_path):
    model = Model(*build(recipes.get("digits-cnn").architecture), seed=0)
    path, x = export(model, tmp_path / "net.c"), draw(model.input_shape)
    right = compile_c(path)(x)
    path.write_text(path.read_text().replace("row = p + k - 1", "row = p + k", 1))
    assert np.abs(compile_c(path, "gcc", "-O0")(x) - right).max() > 1e-3


def test_weights_are_exact(tmp_path):
    values = np.array([[0.1, -0.0, 1e-45, 3.4028235e38, np.pi, -1.5, 2.0**-126, np.nan, np.inf]], np.float32).T
    model = Model(layers.Sequential((layers.Dense(9, bias=False),)), (1,), variables=None, seed=0)
    model.params["0"]["weight"] = model.backend.asarray(values)
    got = compile_c(export(model, tmp_path / "net.c"))(np.ones((1, 1), np.float32))
    np.testing.assert_array_equal(got[0].view(np.uint32), (values[:, 0] + np.float32(0)).view(np.uint32))


def test_double_precision(tmp_path):
    model = Model(*build(recipes.get("digits-cnn").architecture), seed=0, dtype="float64")
    x = draw(model.input_shape).astype(np.float64)
    wanted = Model.from_weights(model.to_weights(), backend="reference").forward(x)
    np.testing.assert_allclose(compile_c(export(model, tmp_path / "net.c"))(x), wanted, rtol=1e-12, atol=1e-12)


def test_the_program_reads_numbers_and_names_the_class(tmp_path):
    digits = data.load("digits").test.images[:2].reshape(2, -1)
    model = Model(layers.Sequential((layers.Flatten(), layers.Dense(2))), (1, 8, 8), seed=0, class_names=['a"?\\', "é"])
    path = export(model, tmp_path / "net.c")
    program = tmp_path / "net"
    subprocess.run(["gcc", *STRICT, "-DCNNKIT_MAIN", path, "-o", program, "-lm"], check=True)
    text = "\n".join(" ".join(map(str, row)) for row in digits)
    said = subprocess.run([program], input=text, capture_output=True, text=True, check=True).stdout.splitlines()
    outputs = model.forward(digits.reshape(2, 1, 8, 8).astype(np.float32))
    for line, row in zip(said, outputs, strict=True):
        first, second, name = line.split()
        np.testing.assert_allclose([float(first), float(second)], row, rtol=1e-5)
        assert name == ['a"?\\', "é"][int(np.argmax(row))]
    short = subprocess.run([program], input="1 2 3", capture_output=True, text=True, check=False)
    assert (short.returncode, short.stderr) == (2, "expected 64 numbers a sample\n")


def test_what_cannot_be_written_is_refused_in_a_line(tmp_path):
    model = Model(layers.Sequential((layers.Dense(2),)), (3,), seed=0)
    file = model.to_weights()
    with pytest.raises(ExportError, match="come without an architecture"):
        write(WeightFile(file.tensors), tmp_path / "a.c")
    odd = {"input_shape": [3], "layers": [{"type": "Wave", "path": "0"}]}
    with pytest.raises(ExportError, match=r"layer 0 \(Wave\): not known as C"):
        write(WeightFile(file.tensors, odd), tmp_path / "a.c")
    assert list(tmp_path.iterdir()) == []


def test_a_name_cannot_end_a_comment(tmp_path):
    model = Model(layers.Sequential((layers.Dense(2),)), (3,), seed=0)
    model.metadata["recipe"] = "*/ int x; /*"
    compile_c(export(model, tmp_path / "net.c"))


def test_values_that_are_alive_never_overlap():
    rng = np.random.default_rng(0)
    for _ in range(200):
        calls = list[CCall]()
        for number in range(12):
            known = [CValue(None, (4,)), *(call.output for call in calls)]
            inputs = tuple(known[i] for i in rng.integers(0, len(known), rng.integers(1, 4)))
            calls.append(CCall("f", inputs, CValue(number, (int(rng.integers(1, 9)),)), ""))
        outputs = [calls[-1].output, calls[int(rng.integers(0, 12))].output]
        offsets, total = place_values(calls, outputs)
        owner = dict[int, int]()
        for call in calls:
            for value in call.inputs:
                if value.number is not None:
                    assert all(owner[offsets[value.number] + i] == value.number for i in range(value.size))
            for i in range(call.output.size):
                owner[offsets[call.output.number] + i] = call.output.number
        assert all(owner[offsets[v.number] + i] == v.number for v in outputs for i in range(v.size))
        assert total <= sum(call.output.size for call in calls)


@pytest.mark.parametrize("layer", [layers.Hardsigmoid(), layers.Hardswish(), layers.ReLU6(), layers.ReLU()])
def test_bounds_keep_nan(layer, tmp_path):
    """A network that gives NaN is broken, and must show it."""
    model = Model(layers.Sequential((layers.Dense(1, bias=False), layer)), (1,), seed=0)
    got = compile_c(export(model, tmp_path / "net.c"), "gcc", "-O2")(np.array([[np.nan]], np.float32))
    assert np.isnan(got).all()
