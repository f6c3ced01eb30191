from dataclasses import replace

import h5py
import numpy as np
import pytest

from cnnkit import Model, Sequential, exporters, weights
from cnnkit.errors import WeightFileError
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.layers import BatchNorm, Conv2D, Dense, Flatten, ReLU, Residual

NETWORK = Sequential((
    Conv2D(3, 3, padding=1), BatchNorm(), Residual(Sequential((Conv2D(3, 1), ReLU()))), Flatten(), Dense(2),
))  # fmt: skip


@pytest.fixture
def file() -> WeightFile:
    return Model(NETWORK, (1, 4, 4), seed=3, class_names=("no", "yes")).to_weights()


def load_error(file: WeightFile, **options) -> str:
    with pytest.raises(WeightFileError) as caught:
        Model.from_weights(file, **options)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    return str(caught.value)


# ---- what is written


def test_tensors_say_what_they_are(file) -> None:
    rows = [(t.name, t.layer, t.kind, t.role, t.axes, t.shape) for t in file]
    assert rows == [
        ("0.weight", "0", "parameter", "weight", ("o", "i", "kh", "kw"), (3, 1, 3, 3)),
        ("0.bias", "0", "parameter", "bias", ("o",), (3,)),
        ("1.gamma", "1", "parameter", "gamma", ("c",), (3,)),
        ("1.beta", "1", "parameter", "beta", ("c",), (3,)),
        ("1.mean", "1", "state", "mean", ("c",), (3,)),
        ("1.variance", "1", "state", "variance", ("c",), (3,)),
        ("2.body.0.weight", "2.body.0", "parameter", "weight", ("o", "i", "kh", "kw"), (3, 3, 1, 1)),
        ("2.body.0.bias", "2.body.0", "parameter", "bias", ("o",), (3,)),
        ("4.weight", "4", "parameter", "weight", ("out", "in"), (2, 48)),
        ("4.bias", "4", "parameter", "bias", ("out",), (2,)),
    ]
    assert {t.dtype for t in file} == {"float32"}
    assert file.parameters == Model(NETWORK, (1, 4, 4)).parameters


def test_the_file_is_readable_with_h5py_alone(tmp_path) -> None:
    model = Model(NETWORK, (1, 4, 4), seed=3)
    model.save(tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5") as plain:
        stored = {**plain["parameters"], **plain["state"]}
        assert stored.keys() == {name.replace("/", "") for name in model.weights}
        for name, values in model.weights.items():
            assert np.array_equal(stored[name][()], values)
        first = plain["parameters/0.weight"].attrs
        assert (first["layer"].decode(), first["role"].decode()) == ("0", "weight")


def test_a_file_read_again_says_the_same(tmp_path, file) -> None:
    exporters.write(file, tmp_path / "w.h5")
    again = exporters.read(tmp_path / "w.h5")
    assert [t.name for t in again] == [t.name for t in file]
    assert again.architecture == file.architecture
    assert again.metadata == file.metadata
    assert all(np.array_equal(again[t.name].read(), t.read()) for t in file)


# ---- what a stranger's file may say


def test_a_missing_tensor(file) -> None:
    less = replace(file, tensors=tuple(t for t in file if t.name != "2.body.0.bias"), file="w.h5")
    assert load_error(less) == "expected parameter 2.body.0.bias, which the architecture needs; the file has none"
    less = replace(file, tensors=tuple(t for t in file if t.kind != "state"))
    assert load_error(less) == "expected state 1.mean, which the architecture needs; the file has none"


def test_a_tensor_too_many(file) -> None:
    more = replace(file, tensors=(*file.tensors, Tensor.of("9\n.weight", np.zeros(3))))
    assert load_error(more) == "parameter 9\\x0a.weight belongs to no layer of the architecture"


def changed(file: WeightFile, name: str, array, dtype=None) -> WeightFile:
    def other(t: Tensor) -> Tensor:
        if t.name != name:
            return t
        return Tensor.of(t.name, array, layer=t.layer, kind=t.kind, role=t.role, dtype=dtype)

    return replace(file, tensors=tuple(map(other, file)))


def test_a_tensor_of_another_shape(file) -> None:
    message = "parameter 4.weight: expected shape (2, 48), got (48, 2)"
    assert load_error(changed(file, "4.weight", np.zeros((48, 2)))) == message


@pytest.mark.parametrize(("array", "dtype"), [(np.zeros(2, np.uint8), "float8_e5m2"), (np.zeros(2, np.int64), None),
                                              (np.zeros(2, np.complex64), None)])  # fmt: skip
def test_values_that_are_no_floats_are_refused(file, array, dtype) -> None:
    """Raw bits of a float8 would pass as numbers otherwise."""
    message = f"parameter 4.bias: expected one of float32, float64, bfloat16, float16, got {dtype or array.dtype.name}"
    assert load_error(changed(file, "4.bias", array, dtype)) == message


def test_float16_values_are_numbers(file) -> None:
    model = Model.from_weights(changed(file, "4.bias", np.array([0.5, -2], np.float16)))
    assert model.weights["4.bias"].tolist() == [0.5, -2]
    assert model.dtype == "float32"


def test_no_architecture(file) -> None:
    bare = replace(file, architecture=None)
    assert "holds tensors but no architecture" in load_error(bare)
    named = replace(bare, metadata={"recipe": "lenet-5"})
    assert "the file has no architecture, and its recipe: expected one of" in load_error(named)
    assert "metadata recipe: expected a name, got 5" in load_error(replace(bare, metadata={"recipe": 5}))


@pytest.mark.parametrize("name", ["digits-cnn", "diy-cnn", "bright-dark", "mini-resnet"])
def test_a_file_that_names_a_recipe_gets_its_architecture(name) -> None:
    from cnnkit import recipes

    made = Model(*recipes.get(name).network(), seed=6)
    bare = WeightFile(made.to_weights().tensors, metadata={"recipe": name})
    model = Model.from_weights(bare)
    assert model.network == made.network
    assert all(np.array_equal(model.weights[n], w) for n, w in made.weights.items())
    assert model.scaling.factor == {"digits": 1 / 16, "mnist": 1 / 255, "bright-dark": 1.0}[recipes.get(name).data]
    assert model.metadata["data"] == {"name": recipes.get(name).data}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("scaling", "x", "finite numbers offset and factor"),
        ("scaling", {"offset": 0.0}, "finite numbers offset and factor"),
        ("scaling", {"offset": 0.0, "factor": "2"}, "finite numbers offset and factor"),
        ("scaling", {"offset": 0.0, "factor": 1.0, "more": 1}, "finite numbers offset and factor"),
        ("scaling", {"offset": float("nan"), "factor": 1.0}, "finite numbers offset and factor"),
        ("scaling", None, "finite numbers offset and factor"),
        ("seed", "a", "a whole number >= 0"),
        ("seed", -1, "a whole number >= 0"),
        ("seed", 1.5, "a whole number >= 0"),
        ("seed", True, "a whole number >= 0"),
        ("seed", None, "a whole number >= 0"),
        ("loss", "nonsense", "one of binary_cross_entropy"),
        ("loss", 5, "NAME:key=value"),
        ("loss", ["l1"], "NAME:key=value"),
        ("class_names", 5, "a list of names"),
        ("class_names", [1, 2], "a list of names"),
        ("class_names", "ab", "a list of names"),
        ("recipe", ["x"], "a name"),
        ("history", 5, "a list of epochs"),
        ("history", [5], "a list of epochs"),
        ("provenance", [], "names and values"),
    ],
)
def test_metadata_of_a_stranger(file, name, value, expected) -> None:
    message = load_error(replace(file, metadata=file.metadata | {name: value}))
    assert message.startswith(f"metadata {name}: expected {expected}")
    assert ", got " in message


def test_a_loss_out_of_range(file) -> None:
    message = load_error(replace(file, metadata=file.metadata | {"loss": "huber:delta=-1"}))
    assert message == "metadata loss: huber: expected delta > 0, got -1.0"


def test_metadata_may_be_left_out(file) -> None:
    model = Model.from_weights(replace(file, metadata={}))
    assert (model.seed, model.class_names, model.scaling.factor) == (0, (), 1.0)


def test_what_is_shown_of_a_strangers_metadata_is_harmless(file) -> None:
    message = load_error(replace(file, metadata={"class_names": "\x1b[2J" + "x" * 10_000}))
    assert "\x1b" not in message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_shape": "8"}, "architecture: input_shape: expected whole numbers"),
        ({"input_shape": [1, 4, -4]}, "architecture: input_shape: expected whole numbers"),
        ({"input_shape": [True, 4, 4]}, "architecture: input_shape: expected whole numbers"),
        ({"input_shape": [16]}, r"architecture: layer 0 (Conv2D): expected x of shape (N, C, H, W)"),
        ({"layers": []}, "architecture: layers: expected at least one"),
        ({"layers": {}}, "architecture: layers: expected at least one"),
        ({"layers": [5]}, "architecture: layers[0]: expected a table with a type, got 5"),
        ({"layers": [{"type": "Conv4D"}]}, "architecture: layers[0]: expected type to be one of"),
        ({"layers": [{"type": "Dense", "features": "ten"}]}, "architecture: layers[0]: Dense: expected features"),
        ({"layers": [{"type": "Dense"}]}, "architecture: layers[0] (Dense): expected a value for features"),
        ({"layers": [{"type": "Dense", "features": 2, "kind": 1}]}, "layers[0] (Dense): expected fields of"),
    ],
)  # fmt: skip
def test_an_architecture_of_a_stranger(file, change, message) -> None:
    assert message in load_error(replace(file, architecture=file.architecture | change))


def test_errors_carry_the_file(file) -> None:
    for broken in (
        replace(file, file="w.h5", metadata={"seed": "a"}),
        replace(file, file="w.h5", architecture={}),
        replace(file, file="w.h5", tensors=()),
    ):
        with pytest.raises(WeightFileError) as caught:
            Model.from_weights(broken)
        assert caught.value.file == "w.h5"


def test_the_dtype_is_that_of_the_parameters(file) -> None:
    assert weights.stored_dtype(file) == "float32"
    assert weights.stored_dtype(changed(file, "4.bias", np.zeros(2))) == "float64"
    assert weights.stored_dtype(changed(file, "1.mean", np.zeros(3))) == "float32"
