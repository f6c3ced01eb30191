"""What a person sees: headings, labels, columns, folded rows; one changed weight is one changed line; rounding."""

import difflib
import math

import numpy as np
import pytest

from cnnkit import Model, exporters, recipes
from cnnkit.architecture import build
from cnnkit.errors import ExportError
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.exporters.text.format import TextFormat
from cnnkit.exporters.text.reader import ROUNDED

TXT = TextFormat()


def text_of(weights, path, **options):
    TXT.write(weights, path, **options)
    return path.read_text("ascii")


def body(text):
    lines = text.splitlines()
    start = max(i for i, line in enumerate(lines) if line.startswith("# "))
    return lines[start + 1 : next(i for i, line in enumerate(lines) if line.startswith("end "))]


def test_a_kernel_slice_by_slice(tmp_path):
    kernel = np.arange(16, dtype=np.float32).reshape(2, 2, 2, 2) / 8 - 1
    tensor = Tensor.of("0.weight", kernel, role="weight", axes=("o", "i", "kh", "kw"))
    architecture = {"layers": [{"type": "Conv2D", "features": 2, "window": 2, "path": "0"}]}
    text = text_of(WeightFile((tensor,), architecture), tmp_path / "a.txt")
    figures = "min -1, max 0.875, mean -0.0625, std 0.5762"
    heading = f"""\
tensor 0.weight float32 (2, 2, 2, 2)
layer 0
role weight
axes (o, i, kh, kw)
sha256 {tensor.sha256()}
# weight of layer 0, Conv2D(features=2, window=2): 2 x 2 x 2 x 2 = 16 numbers, {figures}
"""
    assert heading in text
    assert body(text) == [
        *("[o 0, i 0, kh, kw]", "             -1         -0.875", "          -0.75         -0.625"),
        *("[o 0, i 1, kh, kw]", "           -0.5         -0.375", "          -0.25         -0.125"),
        *("[o 1, i 0, kh, kw]", "              0          0.125", "           0.25          0.375"),
        *("[o 1, i 1, kh, kw]", "            0.5          0.625", "           0.75          0.875"),
    ]
    assert "end 16 numbers\n\n@ {\n" in text
    assert text.endswith("@ }\n\nend of file, 1 tensors, 16 numbers\n")


def test_numbers_begin_on_the_first_screen(tmp_path):
    model = Model(*build(recipes.get("mini-resnet").architecture), seed=0)
    model.metadata["history"] = [{"epoch": epoch, "loss": 1.0} for epoch in range(100)]
    lines = text_of(model.to_weights(), tmp_path / "a.txt").splitlines()
    assert sum(line.lstrip()[:1] in set("0123456789+-.") for line in lines[:24]) >= 9


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((), ["1"]),
        ((32,), ["32"]),
        ((40,), ["16", "16", "8"]),
        ((2, 3), ["3", "3"]),
        ((2, 33), ["[0 0, 1]", "16", "16", "1", "[0 1, 1]", "16", "16", "1"]),
        ((2, 1, 2), ["[0 0, 1, 2]", "2", "[0 1, 1, 2]", "2"]),
        ((1, 1, 34), ["[0 0, 1 0, 2]", "16", "16", "2"]),
        ((0, 3), []),
        ((3, 0, 2), []),
    ],
)
def test_rows_are_lines_of_at_most_32_numbers(shape, expected, tmp_path):
    for dtype in ("float32", "int8"):
        text = text_of(WeightFile((Tensor.of("a", np.ones(shape, dtype)),)), tmp_path / "a.txt")
        assert [line if line.startswith("[") else str(len(line.split())) for line in body(text)] == expected


def test_a_dense_layer_after_flatten_is_maps(tmp_path):
    model = Model(*build(recipes.get("diy-cnn").architecture), seed=0)
    text = text_of(model.to_weights(), tmp_path / "a.txt")
    dense = text.partition("tensor 4.weight")[2].partition("[out 1, in]")[0].partition("[out 0, in]\n")[2]
    maps = dense.rstrip("\n").split("\n\n")
    assert [[len(line.split()) for line in one.splitlines()] for one in maps] == [[13] * 13] * 8
    assert max(len(line) for line in text.splitlines() if not line.startswith("@")) <= 207


@pytest.mark.parametrize(("neurons", "maps"), [(30, (40, 5, 7)), (2, (90, 15, 15))])
def test_maps_of_a_large_layer_are_the_same(neurons, maps, tmp_path):
    """Large tensors are made into text in bulk, in slices; it must not show."""
    layers = [{"type": "Flatten", "path": "0", "input_shape": list(maps)}, {"type": "Dense", "path": "1"}]
    values = np.random.default_rng(0).uniform(0.1, 1, size=(neurons, math.prod(maps))).astype(np.float32)
    tensor = Tensor.of("1.weight", values, axes=("out", "in"))
    lines = body(text_of(WeightFile((tensor,), {"layers": layers}), tmp_path / "a.txt"))
    expected = []
    for out, row in enumerate(values):
        expected.append(f"[out {out}, in]")
        for channel in row.reshape(maps):
            expected += ["".join(f" {number!s}" for number in line) for line in channel] + [""]
        expected.pop()
    assert lines == expected


def test_one_changed_weight_is_one_short_line(tmp_path):
    weights = Model(*build(recipes.get("diy-cnn").architecture), seed=0).to_weights()
    before = text_of(weights, tmp_path / "a.txt").splitlines()
    array = weights["4.weight"].read().copy()
    array[3, 700] = -1.2345679e-5
    changed = Tensor.of("4.weight", array, role="weight", axes=("out", "in"))
    tensors = tuple(changed if tensor.name == "4.weight" else tensor for tensor in weights)
    after = text_of(WeightFile(tensors, weights.architecture, weights.metadata), tmp_path / "b.txt").splitlines()
    lines = [
        line
        for line in difflib.ndiff(before, after)
        if line[:2] in ("+ ", "- ") and line[2:8] != "sha256" and line[2] != "#"
    ]
    assert len(lines) == 2
    assert max(map(len, lines)) <= 210
    assert len(lines[0].split()) == len(lines[1].split()) == 14
    assert (
        sum(a != b for a, b in zip(lines[0].split(), lines[1].split(), strict=True)) == 2
    )  # the sign of the line, the number


def test_statistics_are_those_of_the_finite_values(tmp_path):
    values = np.array([1.5, -2, np.nan, np.inf, 4], np.float32)
    text = text_of(WeightFile((Tensor.of("a", values),)), tmp_path / "a.txt")
    assert "# other: 5 numbers, min -2, max 4, mean 1.167, std 2.461, 2 not finite\n" in text
    assert math.isclose(np.std([1.5, -2, 4]), 2.461, rel_tol=1e-3)
    large = np.random.default_rng(0).normal(3, 2, 100_000)
    text = text_of(WeightFile((Tensor.of("a", large, layer="x", kind="state"),)), tmp_path / "a.txt")
    figures = f"min {large.min():.6g}, max {large.max():.6g}, mean {large.mean():.4g}, std {large.std():.4g}"
    assert f"# state, other of layer x: 100,000 numbers, {figures}\n" in text


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("digits", [1, 3, 17])
def test_rounded_to_digits(dtype, digits, tmp_path):
    carrier = {"bfloat16": "uint16"}.get(dtype, dtype)
    bits = np.random.default_rng(0).integers(
        0, 256, 20_100 * np.dtype(carrier).itemsize, np.uint8
    )  # NaN and infinities too
    weights = WeightFile((Tensor.of("a", bits.view(carrier), dtype=dtype), Tensor.of("b", np.arange(9))))
    exporters.write(weights, tmp_path / "a.txt", precision=digits)  # reads it back and checks it
    assert f"\nprecision {digits}\n\ntensor a" in (tmp_path / "a.txt").read_text()
    assert "sha256" not in (tmp_path / "a.txt").read_text()
    back = exporters.read(tmp_path / "a.txt")
    assert (back.metadata[ROUNDED], back.edited) == (digits, ())
    assert np.array_equal(back["b"].read(), np.arange(9))
    if digits == 17:
        assert np.array_equal(back["a"].read().view(np.uint8), bits)
    exporters.write(back, tmp_path / "b.txt")  # from here on exact, and it still says that it was rounded
    assert exporters.read(tmp_path / "b.txt").metadata[ROUNDED] == digits


@pytest.mark.parametrize("precision", [0, 18, "3", 2.0, True])
def test_a_precision_that_is_none(precision, tmp_path):
    with pytest.raises(ExportError, match="precision: expected significant digits from 1 to 17"):
        TXT.write(WeightFile(()), tmp_path / "a.txt", precision=precision)


@pytest.mark.parametrize("precision", [None, 3])
def test_a_writer_that_errs_is_caught(precision, tmp_path, monkeypatch):
    other = WeightFile((Tensor.of("a", np.array([1.0, 2.1])),))
    monkeypatch.setattr("cnnkit.exporters.text.format.write_text", _writing(other))
    for values in ([1.0, 2.2], [1.0, np.nan], [1.0]):
        with pytest.raises(ExportError, match="parameter a: what was written reads back differently"):
            exporters.write(WeightFile((Tensor.of("a", np.array(values)),)), tmp_path / "a.txt", precision=precision)
    assert list(tmp_path.iterdir()) == []


def _writing(other):
    from cnnkit.exporters.text import writer

    return lambda _, path, precision: writer.write_text(other, path, precision)
