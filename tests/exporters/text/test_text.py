"""What goes into a text or JSON file comes out, bit for bit; one line counts it; the same net gives the same bytes."""

import json
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cnnkit import Model, recipes
from cnnkit.architecture import build
from cnnkit.errors import ExportError
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.exporters.core.number_text.patterns import WIDTHS
from cnnkit.exporters.core.weight_file import KINDS, ROLES
from cnnkit.exporters.json.format import JsonFormat
from cnnkit.exporters.text import reader
from cnnkit.exporters.text.format import TextFormat
from cnnkit.exporters.text.grammar import quote, unquote

FORMATS = {"txt": TextFormat(), "json": JsonFormat()}
NAMES = [
    "a b",
    "a.b",
    "a/b",
    "größe",
    '"',
    "'",
    "\\",
    "<script>",
    "\x1b[31m",
    "\ud800",
    "\x7f",
    "\0",
    "\n1",
    "",
    "#",
    "%d",
]
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8) | st.sampled_from(NAMES)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def tensors(draw):
    dtype = draw(st.sampled_from(sorted(WIDTHS)))
    carrier = np.dtype("uint16" if dtype == "bfloat16" else dtype)
    shape = draw(
        hnp.array_shapes(min_dims=0, max_dims=6, min_side=0, max_side=3) | st.sampled_from([(2, 50), (3, 48), (70,)])
    )
    bits = carrier if dtype == "bool" else np.dtype(f"u{carrier.itemsize}")
    array = draw(hnp.arrays(bits, shape)).view(carrier)
    axes = tuple(draw(TEXT) for _ in shape)
    kind, role = draw(st.sampled_from(KINDS)), draw(st.sampled_from(ROLES))
    return Tensor.of(draw(TEXT), array, layer=draw(TEXT), kind=kind, role=role, axes=axes, dtype=dtype)


@st.composite
def weight_files(draw):
    chosen = draw(st.lists(tensors(), max_size=4, unique_by=lambda tensor: (tensor.kind, tensor.name)))
    trees = st.dictionaries(TEXT, VALUES, max_size=3)
    return WeightFile(tuple(chosen), draw(st.none() | trees), draw(trees), draw(st.none() | trees))


@pytest.fixture(params=FORMATS)
def form(request):
    return FORMATS[request.param]


def recipe_weights(name):
    return Model(*build(recipes.get(name).architecture), seed=0).to_weights()


@given(weight_files())
@settings(max_examples=80, deadline=None)
@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_everything_comes_back_bit_for_bit(tmp_path_factory, contents, form, weights):
    path = tmp_path_factory.getbasetemp() / "round"
    if form.name == "json" and r"\ud800" in ascii(contents(weights)):  # which other parsers of JSON refuse
        with pytest.raises(ExportError, match="half a surrogate pair"):
            form.write(weights, path)
        return
    form.write(weights, path)
    assert form.recognises(path, path.read_bytes()[:8192])
    back = form.read(path)
    assert contents(back) == contents(weights)
    assert (back.edited, back.not_read) == ((), ())
    assert all(tensor.read().dtype.isnative and tensor.read().flags.c_contiguous for tensor in back)
    path.read_bytes().decode("ascii" if form.name == "txt" else "utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_names_come_back(name):
    assert unquote(quote(name)) == name
    assert quote(name).isascii()
    assert quote(name).isprintable()


@pytest.mark.parametrize(
    "shape", [(), (0,), (3, 0), (0, 3, 3), (1,), (33,), (2, 33), (2, 3, 40), (5, 2, 1, 3), (2, 2, 2, 2, 2, 2)]
)
@pytest.mark.parametrize("large", [False, True])
def test_every_shape_with_and_without_columns(form, contents, tmp_path, shape, large):
    if large:
        shape = (20_000 // max(math.prod(shape), 1) + 1, *shape)
    array = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape) / 4
    weights = WeightFile((Tensor.of("a", array), Tensor.of("b", array.astype(np.int64))))
    form.write(weights, tmp_path / "a")
    assert contents(form.read(tmp_path / "a")) == contents(weights)


def test_the_same_weights_give_the_same_bytes(form, weights, tmp_path):
    form.write(weights, tmp_path / "a")
    form.write(form.read(tmp_path / "a"), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(("recipe", "numbers"), [("scratch-mlp", 15_910), ("lecture-cnn", 1_853_034)])
def test_the_complaint_is_answered(recipe, numbers, tmp_path):
    """Somebody asked for all the numbers of a net in one text file; one line of Python counts them."""
    path = tmp_path / "weights.txt"
    weights = recipe_weights(recipe)
    FORMATS["txt"].write(weights, path)
    with open(path) as f:
        assert sum(len(l.split()) for l in f if l.strip()[:1] in set("0123456789+-.")) == numbers  # noqa: E741
    back = FORMATS["txt"].read(path)
    assert [tensor.sha256() for tensor in back] == [tensor.sha256() for tensor in weights]
    assert back.architecture == weights.architecture
    with open(path) as f:
        assert max(len(line.split()) for line in f if line.strip()[:1] in set("0123456789+-.")) <= 32


def test_any_json_parser_reads_it(tmp_path, weights):
    FORMATS["json"].write(weights, tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_bytes())
    tensors = {(row["kind"], row["name"]): row for row in document["tensors"]}
    kernel = tensors["parameter", "0.weight"]
    values = np.array(kernel["values"], kernel["dtype"]).reshape(kernel["shape"])
    np.testing.assert_array_equal(values, weights["0.weight"].read())
    assert tensors["parameter", "0.bias"]["values"][2:] == ["+nan", "+inf"]
    assert str(tensors["parameter", "0.bias"]["values"][1]) == "-0.0"
    assert (document["metadata"], document["format"], document["version"]) == (weights.metadata, "cnnkit-json", 1)


def test_writing_takes_constant_memory(form, tmp_path):
    weights = WeightFile((Tensor.of("a", np.random.default_rng(0).normal(size=(1000, 5000))),))
    tracemalloc.start()
    try:
        form.write(weights, tmp_path / "a")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20  # of 40 MB of values, and 100 MB of text


def test_what_is_more_than_memory_is_read_again(weights, contents, tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "_KEEP", 200)
    path = tmp_path / "a.txt"
    FORMATS["txt"].write(weights, path)
    back = FORMATS["txt"].read(path)
    assert contents(back) == contents(weights)
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(Exception, match="changed since it was listed"):
        back.select("optimizer")[0].read()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (WeightFile((Tensor.of("a", np.zeros(2, np.complex64)),)), "parameter a: cnnkit-.* has no complex64"),
        (WeightFile((Tensor.of("a", np.zeros(2, np.uint8), dtype="float8_e5m2"),)), "has no float8_e5m2"),
        (WeightFile((Tensor.of("a", np.zeros((1,) * 40)),)), "at most 32 axes"),
        (WeightFile((), metadata={"loss": float("nan")}), "metadata is not JSON"),
        (WeightFile((), architecture={"x": object()}), "architecture is not JSON"),
    ],
)
def test_what_cannot_be_held_is_named(form, weights, message, tmp_path):
    with pytest.raises(ExportError, match=message):
        form.write(weights, tmp_path / "a")
    assert bool(form.losses(weights)) is ("has no" in message)
