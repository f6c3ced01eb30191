"""Pickles of arrays by NumPy, joblib, scikit-learn, Paddle and torch, against what these libraries load."""

import bz2
import gzip
import lzma
import pickle
import subprocess
import sys
import types
import zlib

import joblib
import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cnnkit import exporters
from cnnkit.errors import WeightFileError

RNG = np.random.default_rng(0)
TIED = RNG.normal(size=(5, 2)).astype(np.float32)
ARRAYS = {
    "w": RNG.normal(size=(3, 4)).astype(np.float32),
    "fortran": np.asfortranarray(RNG.normal(size=(2, 3, 4))),
    "big": np.arange(5, dtype=">i2"),
    "bool": np.array([True, False]),
    "complex": np.array([1 + 2j]),
    "half": np.arange(3, dtype=np.float16),
    "scalar": np.array(3.5),
    "empty": np.zeros((0, 3)),
    "long": RNG.normal(size=(70, 60)),  # longer than what is kept of bytes
    "slice": np.arange(12.0).reshape(3, 4)[::2, 1:],
    "bytes": np.arange(256, dtype=np.uint8),
    "nan": np.array([0x7FC00001, 0x80000000], np.uint32).view(np.float32),
}


@pytest.fixture
def saved(tmp_path):
    def write(document, protocol=4):
        (tmp_path / "a").write_bytes(pickle.dumps(document, protocol))
        return exporters.read(tmp_path / "a")

    return write


def check(back, wanted):
    assert [t.name for t in back] == list(wanted)
    for name, array in wanted.items():
        native = np.asarray(array, array.dtype.newbyteorder("="), order="C")
        values = back[name].read()
        assert (values.dtype, values.shape, values.tobytes()) == (native.dtype, native.shape, native.tobytes()), name
        if back[name].stream is not None:
            assert back[name].sha256() == exporters.Tensor.of(name, native).sha256(), name


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol(saved, protocol):
    back = saved(ARRAYS, protocol)
    assert (back.format, back.not_read) == ("pickle", ())
    check(back, ARRAYS)


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_values_beside_and_nests(saved, protocol):
    document = {"layers": [{"W": TIED}, {"W": ARRAYS["w"], "b": ARRAYS["half"]}], "rate": np.float32(0.5), "epochs": 3}
    back = saved(document | {"name": "net", "none": None, "yes": True}, protocol)
    check(back, {"layers.0.W": TIED, "layers.1.W": ARRAYS["w"], "layers.1.b": ARRAYS["half"]})
    values = {"rate": 0.5, "epochs": 3, "name": "net", "none": None, "yes": True}
    assert back.metadata == {"pickle": {"values": values}}
    check(saved([TIED, (ARRAYS["w"],)], protocol), {"0": TIED, "1.0": ARRAYS["w"]})
    check(saved(TIED, protocol), {"tensor": TIED})
    check(saved([("conv.w", TIED), ("conv.b", ARRAYS["half"])], protocol), {"conv.w": TIED, "conv.b": ARRAYS["half"]})


def test_python_2(tmp_path):
    """What Python 2 wrote: texts for bytes, and the names of its own modules."""
    head = "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\ntcnumpy\ndtype\n(S'f4'\n"
    body = "I0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\x00\\x00\\x80?\\n\\x00\\x00\\x00'\ntb"
    (tmp_path / "a").write_bytes(f"(dp0\nS'w'\np1\n{head}{body}s.".encode())
    assert exporters.read(tmp_path / "a")["w"].read().tobytes() == b"\0\0\x80?\n\0\0\0"


def test_an_array_met_twice_is_counted_once(saved):
    back = saved({"a": TIED, "b": TIED, "c": TIED.copy()})
    assert [t.shares for t in back] == [None, "a", None]
    assert back.parameters == 20
    assert back["b"].read().tobytes() == TIED.tobytes()


def test_arrays_that_are_no_numbers_are_listed(saved):
    back = saved({
        "w": TIED, "text": np.array(["a"]), "time": np.array(["2020"], "M8[Y]"), "records": np.zeros(2, "i4,f4"),
        "wide": np.zeros(1, np.longdouble), "objects": np.array([TIED, "x"], object),
    })  # fmt: skip
    assert [t.name for t in back] == ["w", "objects.0"]
    assert [note.what for note in back.not_read] == ["tensor text", "tensor time", "tensor records", "tensor wide"]
    assert [note.what for note in back.lacks] == ["tensor records", "tensor wide"]
    assert back.metadata["pickle"]["values"] == {"objects.1": "x"}


def test_buffers_outside_of_the_file(tmp_path):
    data = pickle.dumps({"w": TIED, "v": 1}, 5, buffer_callback=lambda _: None)
    (tmp_path / "a").write_bytes(data)
    back = exporters.read(tmp_path / "a")
    assert [(n.what, n.reason) for n in back.not_read] == [
        ("tensor w", "its values are in a buffer outside of the file")
    ]


def test_joblib(tmp_path):
    joblib.dump({"model": ARRAYS, "rate": 0.1, "objects": np.array([TIED, None], object)}, tmp_path / "a")
    back = exporters.read(tmp_path / "a")
    check(back, ARRAYS | {"objects.0": TIED})


def test_estimators(tmp_path):
    x = RNG.normal(size=(30, 3))
    linear = LogisticRegression().fit(x, x[:, 0] > 0)
    (tmp_path / "a").write_bytes(pickle.dumps(linear))
    back = exporters.read(tmp_path / "a")
    assert {"coef_", "intercept_", "classes_"} <= {t.name for t in back}
    np.testing.assert_array_equal(back["coef_"].read(), linear.coef_)
    assert "scikit-learn" in back.not_read[0].reason
    pipe = make_pipeline(
        StandardScaler(), MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", max_iter=2, tol=1e9)
    ).fit(x, x[:, 0])
    joblib.dump(pipe, tmp_path / "b")
    back = exporters.read(tmp_path / "b")
    np.testing.assert_array_equal(back["steps.0.1.mean_"].read(), pipe[0].mean_)
    np.testing.assert_array_equal(back["steps.1.1.coefs_.1"].read(), pipe[1].coefs_[1])
    assert not any("random" in t.name for t in back)


class PaddleTensor:
    def __init__(self, name, data):
        self.name, self.data = name, data

    def __reduce__(self):
        return tuple, ((self.name, self.data),)


def test_paddle(saved):
    weight, ones = RNG.normal(size=(4, 3)).astype(np.float32), np.ones(3, np.float32)
    document = {"fc.weight": weight, "fc.bias": ones}
    document |= {f"bn.{name}": ones.copy() for name in ("weight", "bias", "_mean", "_variance")}
    table = {name: f"p_{number}" for number, name in enumerate(document)}
    pickled = {name: PaddleTensor(table[name], data) for name, data in document.items()}
    for form in (document, pickled):
        back = saved(form | {"StructuredToParameterName@@": table})
        check(back, document)
        assert back["fc.weight"].axes == ("in", "out")
        assert [t.role for t in back][2:] == ["gamma", "beta", "mean", "variance"]


@pytest.mark.parametrize("protocol", [2, 4])
def test_torch_in_a_pickle(saved, protocol):
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(30, 20), torch.nn.BatchNorm1d(20))
    wanted = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    check(saved(module.state_dict(), protocol), wanted)
    whole = saved(module, protocol)
    check(whole, wanted)
    assert "torch.save(model.state_dict(), FILE)" in whole.not_read[0].reason
    tied = torch.ones(3)
    assert [t.shares for t in saved({"a": tied, "b": tied}, protocol)] == [None, "a"]


PACKED = {"gzip": gzip.compress, "zlib": zlib.compress, "bzip2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("name", PACKED)
def test_a_compressed_pickle_is_named(tmp_path, name):
    (tmp_path / "a").write_bytes(PACKED[name](pickle.dumps(ARRAYS)))
    with pytest.raises(WeightFileError, match=f"a pickle compressed with {name}") as caught:
        exporters.read(tmp_path / "a")
    command, then = caught.value.hint.split(", then ")
    assert then == "cnnkit inspect weights.pkl"
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert (tmp_path / "weights.pkl").read_bytes() == pickle.dumps(ARRAYS)
    (tmp_path / "b").write_bytes(PACKED[name](b"plain text"))
    with pytest.raises(WeightFileError, match=r"^(?!.*a pickle compressed)"):
        exporters.read(tmp_path / "b")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_ragged_lists_in_npz(tmp_path, save):
    layers = np.empty(2, object)
    layers[:] = [RNG.normal(size=(3, 2)), RNG.normal(size=(4, 3))]
    single = np.array({"b": TIED}, object)
    grid = np.empty((1, 2), object)
    grid[0, 0], grid[0, 1] = TIED, ARRAYS["half"]
    save(tmp_path / "a.npz", w=layers, plain=TIED, single=single, grid=grid, note=np.array([{"lr": 0.1}], object))
    back = exporters.read(tmp_path / "a.npz")
    wanted = {"w.0": layers[0], "w.1": layers[1], "plain": TIED, "single.b": TIED}
    check(back, dict(sorted((wanted | {"grid.0.0": TIED, "grid.0.1": ARRAYS["half"]}).items())))
    assert [note.what for note in back.not_read] == ["values in note"]
    np.save(tmp_path / "b.npy", layers, allow_pickle=True)
    check(exporters.read(tmp_path / "b.npy"), {"arr_0.0": layers[0], "arr_0.1": layers[1]})
    back = exporters.read(tmp_path / "b.npy")
    exporters.write(back, tmp_path / "c.safetensors")
    assert exporters.read(tmp_path / "c.safetensors")["arr_0.1"].sha256() == back["arr_0.1"].sha256()


@pytest.mark.parametrize(
    "text", [b"info\nabc\n", b"d\n1\n", b"[1, 2]\n", b"]quit\n", b"conv1\nweight\n", b"(1, 2)\n", b"import os\n"]
)
def test_a_plain_text_is_no_pickle(tmp_path, text):
    (tmp_path / "a").write_bytes(text)
    with pytest.raises(WeightFileError, match=r"^(?!.*pickle: )(?!.*no tensors)"):
        exporters.read(tmp_path / "a")


def test_old_classes_of_python_2(tmp_path):
    data = pickle.dumps(ARRAYS["w"], 0)
    (tmp_path / "a").write_bytes(b"(i__main__\nNet\n(dS'w'\n" + data[:-1] + b"sb.")
    back = exporters.read(tmp_path / "a")
    assert back["w"].read().tobytes() == ARRAYS["w"].tobytes()
    assert [note.what for note in back.not_read] == ["__main__.Net"]


class JaxArray:
    """Pickled as jax._src.array.ArrayImpl of JAX 0.10 is: the call of NumPy's array, and a note of weak types."""

    def __init__(self, values):
        self.values = values

    def __reduce__(self):
        make, arguments, state = self.values.__reduce__()
        return sys.modules["jax._src.array"]._reconstruct_array, (make, arguments, state, {"weak_type": False})


def test_arrays_of_jax(saved, monkeypatch):
    module = types.ModuleType("jax._src.array")
    exec(
        "def _reconstruct_array(*arguments): raise AssertionError", module.__dict__
    )  # of that module, and never called
    for name in ("jax", "jax._src", "jax._src.array"):
        monkeypatch.setitem(sys.modules, name, module if name.endswith("array") else types.ModuleType(name))
    values = RNG.normal(size=(2, 3)).astype(np.float32)
    check(saved({"w": JaxArray(values), "steps": [JaxArray(np.arange(4))]}), {"w": values, "steps.0": np.arange(4)})
