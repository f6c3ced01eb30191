"""An SVG's data block returns every bit, and the picture is valid, safe and the same each time."""

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cnnkit import recipes
from cnnkit.errors import ExportError
from cnnkit.exporters import Tensor, WeightFile, read, write
from cnnkit.exporters.core.element_types import _NATIVE, _RAW, carrier
from cnnkit.exporters.core.weight_file import KINDS, ROLES
from cnnkit.exporters.svg import data_block, writer
from cnnkit.exporters.svg.format import SvgFormat
from cnnkit.model import Model

SVG = SvgFormat()
NS = "{http://www.w3.org/2000/svg}"
NASTY = [
    "<script>alert(1)</script>",
    "a\"b'c&d",
    "\x1b[31mred\x1b[0m",
    "\ud800",
    "]]>",
    "a/b.c d",
    "größe \u202e",
    "",
    "\0",
]
TEXT = st.text(st.characters(exclude_categories=()), max_size=8) | st.sampled_from(NASTY)
DTYPES = [*_NATIVE, *_RAW]


@st.composite
def tensors(draw):
    dtype = draw(st.sampled_from(DTYPES))
    kind = carrier(dtype)
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=6, min_side=0, max_side=3))
    size = int(np.prod(shape)) * kind.itemsize
    raw = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), np.uint8)
    array = (raw & 1 if dtype == "bool" else raw).view(kind).reshape(shape)
    names = draw(TEXT), draw(TEXT)
    kinds = draw(st.sampled_from(KINDS)), draw(st.sampled_from(ROLES))
    axes = tuple(draw(TEXT) for _ in shape)
    return Tensor.of(names[0], array, layer=names[1], kind=kinds[0], role=kinds[1], axes=axes, dtype=dtype)


@st.composite
def weight_files(draw):
    chosen = draw(st.lists(tensors(), max_size=4, unique_by=lambda tensor: (tensor.kind, tensor.name)))
    trees = st.dictionaries(TEXT, st.none() | st.integers() | TEXT | st.lists(TEXT, max_size=2), max_size=3)
    return WeightFile(tuple(chosen), draw(st.none() | trees), draw(trees), draw(st.none() | trees))


@given(weight_files())
@settings(max_examples=100, deadline=None)
def test_everything_comes_back_bit_for_bit(tmp_path_factory, contents, weights):
    path = tmp_path_factory.getbasetemp() / "round.svg"
    SVG.write(weights, path)
    assert SVG.recognises(path, path.read_bytes()[:8192])
    assert contents(SVG.read(path)) == contents(weights)
    ElementTree.parse(path)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_every_pattern_of_sixteen_bits(dtype, tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "TITLED", 1000)
    bits = np.arange(65_536, dtype=np.uint16)
    array = bits if dtype == "bfloat16" else bits.view(np.float16)
    weights = WeightFile((Tensor.of("a", array.reshape(256, 256), dtype=dtype),))
    write(weights, tmp_path / "a.svg")
    assert read(tmp_path / "a.svg")["a"].sha256() == weights["a"].sha256()


def test_through_svg_to_hdf5_the_bits_stay(weights, contents, tmp_path):
    write(weights, tmp_path / "a.svg")
    drawn = read(tmp_path / "a.svg")
    assert drawn.format == "svg"
    write(drawn, tmp_path / "a.h5")
    assert contents(read(tmp_path / "a.h5")) == contents(weights)


def test_the_same_weights_give_the_same_bytes(weights, tmp_path):
    SVG.write(weights, tmp_path / "a.svg")
    SVG.write(SVG.read(tmp_path / "a.svg"), tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_listing_loads_no_values(weights, tmp_path, monkeypatch):
    SVG.write(weights, tmp_path / "a.svg")
    monkeypatch.setattr("cnnkit.exporters.svg.reader.decode", lambda *_: pytest.fail("loaded"))
    back = SVG.read(tmp_path / "a.svg")
    with pytest.raises(pytest.fail.Exception, match="loaded"):
        back["0.weight"].read()


def test_names_from_a_file_cannot_become_markup(tmp_path):
    tensors = [
        Tensor.of(name, np.ones((2, 2)), layer=name, role="weight", axes=(name, name), kind=kind)
        for name in NASTY
        for kind in ("parameter", "state", "activation")
    ]
    layers = [{"type": name, "path": name, "window": name, "padding": [name], "output_shape": [2]} for name in NASTY]
    architecture = {"input_shape": [1, 2, 2], "layers": layers}
    weights = WeightFile(tuple(tensors), architecture, {"recipe": "<script>\x1b\ud800"})
    SVG.write(weights, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text("utf-8")
    assert "<script" not in text
    assert not {character for character in text if ord(character) < 32} - {"\n"}
    assert "\u202e" not in text
    root = ElementTree.fromstring(text)
    assert {element.tag for element in root.iter()}.isdisjoint({NS + "script", NS + "a", NS + "foreignObject"})


def test_nothing_runs_and_nothing_is_fetched(recipe_files):
    for name in ("bright-dark", "numpy-mlp"):
        weights = recipe_files[name]
        root = ElementTree.fromstring(writer.draw_svg(weights))
        for element in root.iter():
            assert not any(key.lower().startswith("on") for key in element.attrib)
            for key, value in element.attrib.items():
                if key.endswith("href"):
                    assert value.startswith(("#", "data:image/png;base64,"))
        style = root.find(f"{NS}defs/{NS}style").text
        assert "url(" not in style
        assert "@import" not in style


@pytest.fixture(scope="session")
def recipe_files():
    """{name: freshly initialised net} of three recipes."""
    nets = {}
    for name in ("bright-dark", "scratch-mlp", "numpy-mlp"):
        recipe = recipes.get(name)
        nets[name] = Model(*recipe.network(), metadata={"recipe": name}).to_weights()
    return nets


@pytest.mark.parametrize("name", ["bright-dark", "scratch-mlp"])
def test_svgwrite_finds_every_element_valid(recipe_files, name):
    assert writer.draw_svg(recipe_files[name], debug=True) == writer.draw_svg(recipe_files[name])


def test_xmllint_finds_it_well_formed(recipe_files, tmp_path):
    if shutil.which("xmllint") is None:
        pytest.skip("xmllint (Debian: libxml2-utils) is not installed")
    SVG.write(recipe_files["bright-dark"], tmp_path / "a.svg")
    command = ["xmllint", "--noout", "--nonet", "--huge", str(tmp_path / "a.svg")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_more_values_than_a_picture_may_carry(weights, monkeypatch, tmp_path):
    monkeypatch.setattr(data_block, "LIMIT", 100)
    with pytest.raises(ExportError, match="too much for a picture"):
        SVG.write(weights, tmp_path / "a.svg")


def test_metadata_that_is_no_json(tmp_path):
    with pytest.raises(ExportError, match="not JSON"):
        SVG.write(WeightFile((), metadata={"a": float("nan")}), tmp_path / "a.svg")


def test_values_that_deflate_too_well_are_stored_uncompressed(monkeypatch, tmp_path):
    monkeypatch.setattr(data_block, "_FREE", 1000)
    weights = WeightFile((Tensor.of("a", np.zeros((400, 400))),))
    SVG.write(weights, tmp_path / "a.svg")
    assert SVG.read(tmp_path / "a.svg")["a"].sha256() == weights["a"].sha256()


def test_the_page_reads_a_file_without_cnnkit(recipe_files, tmp_path, monkeypatch, capsys):
    text = (Path(__file__).parents[3] / "docs" / "svg.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    monkeypatch.chdir(tmp_path)
    weights = recipe_files["bright-dark"]
    SVG.write(weights, tmp_path / "weights.svg")
    names = {}
    exec(compile(code, "docs/svg.md", "exec", dont_inherit=True), names)
    assert "0.weight (16, 1, 3, 3) float32" in capsys.readouterr().out
    np.testing.assert_array_equal(names["values"], weights["4.bias"].read())
