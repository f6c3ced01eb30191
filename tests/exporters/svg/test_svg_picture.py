"""What is drawn and titled says the same as the data; budgets of cells, groups and colours hold."""

import math
import re
import zlib
from xml.etree import ElementTree

import ml_dtypes
import numpy as np
import pytest

from cnnkit import recipes
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.exporters.core.small_floats import FLOAT8
from cnnkit.exporters.svg import numbers, palette, writer
from cnnkit.exporters.svg.lettering import CellNumbers, cut, format_signed, measure, wrap
from cnnkit.exporters.svg.scale import NAN, NEGATIVE_INFINITY, POSITIVE_INFINITY, scale_of
from cnnkit.files import png
from cnnkit.model import Model

NS = "{http://www.w3.org/2000/svg}"


def parsed(weights):
    return ElementTree.fromstring(writer.draw_svg(weights))


def titles(root):
    """{"name[index]": (text, class of the cell)} of every titled cell; a duplicate fails."""
    cells = {}
    for element in root.iter():
        title = element.find(NS + "title")
        if title is not None and " = " in title.text:
            name, _, text = title.text.partition(" = ")
            assert name not in cells
            cells[name] = text, element.get("class")
    return cells


def words(root):
    return [element.text for element in root.iter(NS + "text")]


@pytest.fixture(scope="module", params=["bright-dark", "scratch-mlp", "numpy-mlp", "diy-cnn"])
def net(request):
    recipe = recipes.get(request.param)
    return Model(*recipe.network(), metadata={"recipe": request.param}).to_weights()


@pytest.fixture(scope="module")
def drawn(net):
    return parsed(net)


def test_every_parameter_is_a_cell_that_says_its_value(net, drawn):
    cells = titles(drawn)
    assert len(cells) == net.parameters
    for tensor in net:
        values, levels = tensor.read(), scale_of(tensor.read().astype(float)).levels(tensor.read().astype(float))
        for index in np.ndindex(values.shape):
            text, name = cells[f"{tensor.name}[{','.join(map(str, index))}]"]
            assert np.float32(text) == values[index]
            assert name == palette.css_class(int(levels[index]))


def test_the_head_adds_the_parameters_up(net, drawn):
    sizes = " + ".join(f"{tensor.parameters:,}" for tensor in net)
    assert f"{sizes} = {net.parameters:,} parameters" in " ".join(words(drawn))


def test_groups_and_colours_stay_few(drawn):
    assert max(len(element) for element in drawn.iter() if element.tag == NS + "g") <= 200
    fills = {element.get("class") for element in drawn.iter(NS + "rect")}
    assert len({name for name in fills if re.fullmatch(r"[pqz]\d+", name or "")}) <= 63


def test_the_budget_goes_to_the_smallest_first(monkeypatch):
    monkeypatch.setattr(writer, "TITLED", 100)
    monkeypatch.setattr(writer, "_PIXELS", 1000)
    shapes = {"large": (50, 60), "small": (5, 5), "middle": (20, 40), "tiny": (3,), "kernel": (4, 3, 3, 3)}
    weights = WeightFile(tuple(Tensor.of(name, np.ones(shape), layer=name) for name, shape in shapes.items()))
    root = parsed(weights)
    assert {name.partition("[")[0] for name in titles(root)} == {"tiny", "small"}
    text = " ".join(words(root))
    assert "middle: 800 values drawn 1 px each, values in this file's data block" in text
    assert "kernel: 108 values drawn 1 px each" in text
    assert "1 tensor too big to draw: 3,000 values in this file's data block" in text
    images = [element.find(NS + "title").text for element in root.iter(NS + "image")]
    assert images == ["middle: 800 values", *(f"kernel, block {i}: 27 values" for i in range(4))]


def test_many_tensors_stay_within_the_budget(monkeypatch):
    monkeypatch.setattr(writer, "TITLED", 2000)
    weights = WeightFile(tuple(Tensor.of(str(i), np.zeros((60, 15)), layer="a") for i in range(5)))
    assert len(titles(parsed(weights))) == 1800


def test_what_is_no_number_has_a_form_of_its_own():
    values = np.array([np.nan, np.inf, -np.inf, 1.0, -1.0, 0.0, -0.0])
    levels = scale_of(values).levels(values).tolist()
    assert levels == [NAN, POSITIVE_INFINITY, NEGATIVE_INFINITY, 31, -31, 0, 0]
    root = parsed(WeightFile((Tensor.of("a", values),)))
    assert [name for _, name in titles(root).values()] == ["nan", "inf", "inf", "p31", "q31", "z0", "z0"]
    assert "1 NaN (hatched; magenta in images), 2 infinite" in " ".join(words(root))


def test_the_scale_ends_at_the_99th_percentile_when_few_are_far_out():
    values = np.concatenate([np.linspace(-1, 1, 999), [50.0]])
    scale = scale_of(values)
    assert (scale.clipped, scale.high) == (True, 50.0)
    assert scale.limit < 1.01
    assert "beyond, from −1.00 to +50.00" in " ".join(words(parsed(WeightFile((Tensor.of("a", values[:, None]),)))))


def test_optimizer_is_kept_and_not_drawn(weights):
    root = parsed(weights)
    assert not any(name.startswith("0.weight[0,0,0,0,") for name in titles(root))
    assert "36 values of the optimizer are not drawn; they are in this file's data block" in words(root)


def test_activations_are_drawn_beside_their_layers(net):
    layers = net.architecture["layers"]
    shapes = {"input": net.architecture["input_shape"]} | {p["path"]: p["output_shape"] for p in layers}
    sample = tuple(
        Tensor.of(name, np.random.default_rng(0).random(shape), layer=name, kind="activation")
        for name, shape in shapes.items()
    )
    cells = titles(parsed(WeightFile((*net.tensors, *sample), net.architecture, net.metadata)))
    assert set(shapes) <= {name.partition("[")[0] for name in cells}
    assert sum(name.startswith("input[") for name in cells) == math.prod(shapes["input"])


@pytest.mark.parametrize("dtype", ["bfloat16", *FLOAT8])
def test_small_floats_say_their_shortest_digits(dtype):
    kind = np.dtype(getattr(ml_dtypes, dtype))
    codes = np.arange(65_536, dtype=np.uint16)[::7] if dtype == "bfloat16" else np.arange(256, dtype=np.uint8)
    with np.errstate(all="ignore"):
        expected = codes.view(kind).astype(np.float64)
    np.testing.assert_array_equal(numbers.decode_floats(codes, dtype), expected)
    for code, value, text in zip(codes, expected, numbers.write_digits(codes, dtype), strict=True):
        with np.errstate(all="ignore"):
            back = np.array(float(text)).astype(kind).view(codes.dtype)
        assert back == code or (text == "nan" and np.isnan(value))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "bool", "complex64"])
def test_digits_of_numpy_types_read_back(dtype):
    kind = np.dtype(dtype)
    raw = np.random.default_rng(0).integers(0, 256, 800 * kind.itemsize, np.uint8)
    array = (raw & 1 if dtype == "bool" else raw).view(kind)
    for value, text in zip(array, numbers.write_digits(array, dtype), strict=True):
        back = {"b": lambda t: t == "True", "c": complex, "i": int}.get(kind.kind, float)(text)
        assert np.isnan(value) or np.array(back).astype(kind) == value


def test_the_png_is_one():
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    data = png.encode(pixels, palette.image_palette())
    assert data.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\4\0\0\0\3\x08\x03")
    start = data.index(b"IDAT") + 4
    rows = zlib.decompress(data[start:-16])
    assert [rows[i * 5 + 1 : i * 5 + 5] for i in range(3)] == [pixels[i].tobytes() for i in range(3)]
    assert len(palette.image_palette()) == 66


def test_text_on_every_level_is_legible_in_light_and_dark():
    for theme in (palette._LIGHT, palette._DARK):
        for level in range(-31, 32):
            ink = (0x16, 0x19, 0x1D) if palette._needs_black(level, theme) else (255, 255, 255)
            bright, dim = sorted((luminance(ink), luminance(palette._mix(level, theme))), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) > 4.0


def luminance(colour):
    linear = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.234, "+1.23"), (-0.0346, "−0.035"), (0, "0"), (1234.5, "+1.23e3"), (3.6e-5, "+3.6e-5"), (np.nan, "NaN")],
)
def test_numbers_beside_things_are_short(value, text):
    assert format_signed(value).replace("−", "-").replace("e3", "e3") == text.replace("−", "-")


def test_numbers_in_cells_have_at_most_five_characters():
    for largest in (1e-30, 1e-3, 0.02, 0.5, 9.9, 99.0, 999.0, 1e4, 1e38):
        cell_numbers = CellNumbers(largest)
        assert max(len(cell_numbers.text(sign * largest * share)) for share in (1, 0.5, 1e-9) for sign in (1, -1)) <= 5
    assert (CellNumbers(0.02).text(-0.0123), CellNumbers(0.02).note()) == ("−1.23", "×10⁻²")
    assert (CellNumbers(1.0).text(-1e-9), CellNumbers(1.0).text(0.0)) == ("0.00", "0")


def test_long_text_is_broken_or_cut():
    assert wrap(["aaaa", "bbbb", "cccc"], " → ", 125) == ["aaaa → bbbb →", "cccc"]
    assert measure(cut("a" * 500, 100)) <= 100
    assert cut("short", 100) == "short"
