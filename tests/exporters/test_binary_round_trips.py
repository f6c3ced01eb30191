"""What goes into npz, safetensors and torch comes out bit for bit: all types, all patterns, odd shapes, odd names."""

import functools
import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cnnkit.errors import ExportError
from cnnkit.exporters import Tensor, WeightFile, formats
from cnnkit.exporters.core.weight_file import KINDS, ROLES

INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
EIGHTS = [f"float8_{kind}" for kind in ("e4m3fn", "e5m2", "e4m3fnuz", "e5m2fnuz", "e8m0fnu")]
DTYPES = ["bool", *INTEGERS, "float16", "float32", "float64", "complex64", "bfloat16", *EIGHTS]
CARRIERS = {"bfloat16": "uint16"} | dict.fromkeys(EIGHTS, "uint8")
ODD = [
    "",
    ".",
    "..",
    "/",
    "a/b",
    "\\",
    "a.npy",
    "__metadata__",
    "cnnkit.json",
    "tensor-0",
    "\0",
    "\ud800",
    "größe",
    "name",
]
ODD += ["<script>alert('x')</script>", '"quoted"', "\x1b[31mred", "\u202e", "a b.c d", "parameter/a", "😀"]
TEXT = st.text(st.characters(exclude_categories=()), max_size=8) | st.sampled_from(ODD)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def tensors(draw, names=TEXT, kinds=KINDS):
    dtype = draw(st.sampled_from(DTYPES))
    carrier = np.dtype(CARRIERS.get(dtype, dtype))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=6, min_side=0, max_side=3))
    if dtype == "bool":
        array = draw(hnp.arrays(carrier, shape))
    else:  # any bits at all: NaN with payloads, subnormals, negative zero
        bits = draw(st.binary(min_size=0, max_size=16)) or b"\0"
        array = np.resize(np.frombuffer(bits, np.uint8), (int(np.prod(shape)) * carrier.itemsize,)).view(carrier)
        array = array.reshape(shape)
    return Tensor.of(
        draw(names),
        array,
        layer=draw(TEXT),
        kind=draw(st.sampled_from(kinds)),
        role=draw(st.sampled_from(ROLES)),
        axes=tuple(draw(TEXT) for _ in shape),
        dtype=dtype,
    )


@st.composite
def weight_files(draw):
    chosen = draw(st.lists(tensors(), max_size=5, unique_by=lambda tensor: (tensor.kind, tensor.name)))
    trees = st.dictionaries(TEXT, JSON, max_size=3)
    return WeightFile(tuple(chosen), draw(st.none() | trees), draw(trees), draw(st.none() | trees))


@pytest.mark.parametrize("name", ["npz", "safetensors"])
@given(weight_files())
@settings(max_examples=70, deadline=None)
def test_everything_comes_back(tmp_path_factory, contents, name, weights):
    path, form = tmp_path_factory.getbasetemp() / f"round.{name}", formats()[name]
    form.write(weights, path)
    assert form.recognises(path, path.read_bytes()[:8192])
    form.check(weights, path)
    back = form.read(path)
    assert contents(back) == contents(weights)
    assert back.not_read == ()
    assert all(tensor.read().dtype.isnative and tensor.read().flags.c_contiguous for tensor in back)
    again = path.with_suffix(".again")
    form.write(back, again)
    assert again.read_bytes() == path.read_bytes()


@given(st.lists(tensors(kinds=("parameter",)), min_size=1, max_size=5, unique_by=lambda tensor: tensor.name))
@settings(max_examples=70, deadline=None)
def test_torch_keeps_names_types_shapes_and_bits(tmp_path_factory, chosen):
    path, form = tmp_path_factory.getbasetemp() / "round.pt", formats()["torch"]
    weights = WeightFile(tuple(chosen))
    try:
        form.write(weights, path)
    except ExportError as error:
        assert "of that name, got two" in str(error)  # noqa: PT017 (both gamma and weight of one layer)
        return
    form.check(weights, path)
    back = [tensor for tensor in form.read(path) if not tensor.name.endswith("num_batches_tracked")]
    wanted = [tensor for tensor in weights if not tensor.name.endswith("num_batches_tracked")]
    assert [(t.dtype, t.shape, t.sha256()) for t in back] == [(t.dtype, t.shape, t.sha256()) for t in wanted]


@pytest.mark.parametrize("name", ["npz", "safetensors", "torch"])
def test_all_patterns_of_sixteen_bits_and_many_of_more(tmp_path, name):
    every = np.arange(1 << 16, dtype=np.uint16)
    rng = np.random.default_rng(0)
    weights = WeightFile(
        (
            Tensor.of("half", every.view(np.float16).reshape(256, 256)),
            Tensor.of("brain", every, dtype="bfloat16"),
            Tensor.of("single", rng.integers(1 << 32, size=100_000, dtype=np.uint32).view(np.float32)),
            Tensor.of("double", rng.integers(1 << 64, size=1000, dtype=np.uint64).view(np.float64)),
        )
    )
    form = formats()[name]
    form.write(weights, tmp_path / "a")
    back = form.read(tmp_path / "a")
    assert [(t.name, t.dtype, t.read().tobytes()) for t in back] == [
        (t.name, t.dtype, t.read().tobytes()) for t in weights
    ]


@pytest.mark.parametrize("name", ["npz", "safetensors", "torch"])
def test_what_cannot_be_held_is_named(tmp_path, name):
    form = formats()[name]
    with pytest.raises(ExportError, match="parameter a: at most 32 axes can be held, got 40"):
        form.write(WeightFile((Tensor.of("a", np.zeros((1,) * 40)),)), tmp_path / "a")
    lying = Tensor("a", "", "parameter", "other", ("0",), "float32", (3,), lambda: np.zeros(2, np.float32))
    with pytest.raises(ExportError, match=r"parameter a: declares float32 \(3,\), holds float32 \(2,\)"):
        form.write(WeightFile((lying,)), tmp_path / "a")
    if name != "torch":
        with pytest.raises(ExportError, match="metadata is not JSON: Out of range float"):
            form.write(WeightFile((), metadata={"loss": float("nan")}), tmp_path / "a")
        assert form.losses(WeightFile((), {"a": 1}, {"b": 2}, {"c": 3})) == ()


def _only_text(real, data, *rest):
    return real(data, *rest) if data[:1].tobytes() == b"{" else pytest.fail("loaded")


@pytest.mark.parametrize("name", ["npz", "safetensors", "torch"])
def test_listing_loads_no_values_and_a_changed_file_is_noticed(weights, tmp_path, name, monkeypatch):
    form, path = formats()[name], tmp_path / "a"
    form.write(weights, path)
    with monkeypatch.context() as patched:
        for module in (
            "npz.reader.decode_array",
            "core.pickles.weights.decode_values",
            "core.file_values.decode_values",
        ):
            home, _, function = module.rpartition(".")
            real = getattr(importlib.import_module(f"cnnkit.exporters.{home}"), function)
            only_text = functools.partial(_only_text, real)
            patched.setattr(f"cnnkit.exporters.{module}", only_text)
        back = form.read(path)
        with pytest.raises(pytest.fail.Exception, match="loaded"):
            back["0.weight"].read()
    data = bytearray(path.read_bytes())
    path.write_bytes(data + b" ")
    with pytest.raises(Exception, match="a: changed since it was listed") as caught:
        back["0.weight"].read()
    assert type(caught.value).__name__ == "WeightFileError"
    path.unlink()
    with pytest.raises(Exception, match="a: cannot be read: No such file"):
        back["0.weight"].read()


@pytest.mark.parametrize("name", ["npz", "safetensors", "torch"])
def test_every_flipped_bit_is_noticed_or_harmless(weights, tmp_path, name):
    def everything(read):
        tensors = [(t.name, t.layer, t.kind, t.role, t.axes, t.dtype, t.shape, t.sha256()) for t in read]
        return tensors, read.architecture, read.metadata, read.position

    form, path = formats()[name], tmp_path / "a"
    form.write(weights, path)
    good = path.read_bytes()
    wanted = everything(form.read(path))
    rng = np.random.default_rng(0)
    for bit in rng.integers(8 * len(good), size=400):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bad)
        try:
            got = everything(form.read(path))
        except Exception as error:
            assert type(error).__name__ == "WeightFileError", error  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017
            continue
        assert got == wanted
