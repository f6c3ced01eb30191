# ruff: noqa: ARG002 (a layer of one's own has the signature of all)
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from cnnkit import Model, Sequential
from cnnkit.data.scaling import Scaling
from cnnkit.errors import BackendUnavailableError, ConfigError, DataError, ShapeError, WeightFileError
from cnnkit.layers import (
    BatchNorm,
    Branches,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool2D,
    MaxPool2D,
    ReLU,
    Residual,
    Sigmoid,
)
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.losses import MeanSquaredError
from cnnkit.optimizers import SGD
from cnnkit.training.step import StepWork, TrainState, make_step

PLAIN = Sequential((Conv2D(3, 3), ReLU(), MaxPool2D(2), Flatten(), Dropout(0.5), Dense(4)))
NESTED = Sequential((
    Conv2D(4, 3, padding="same", bias=False), BatchNorm(), ReLU(),
    Residual(Sequential((Conv2D(6, 3, padding="same", groups=2), BatchNorm())), Conv2D(6, 1)),
    Branches((Conv2D(2, 1), Sequential((Conv2D(3, 3, padding=1), Sigmoid())))),
    GlobalAvgPool2D(), Dense(4),
))  # fmt: skip
SHAPE = (2, 8, 8)


@pytest.fixture
def x(normal):
    return normal(5, *SHAPE)


def make(network=PLAIN, **options) -> Model:
    return Model(network, SHAPE, **options)


# ---- building


def test_one_seed_gives_bit_equal_weights_on_every_backend() -> None:
    for dtype in ("float32", "float64"):
        nets = [make(NESTED, backend=name, dtype=dtype, seed=11).weights for name in ("numpy", "torch", "reference")]
        for other in nets[1:]:
            assert other.keys() == nets[0].keys()
            for name, values in nets[0].items():
                assert np.array_equal(other[name].astype(dtype), values)
        assert nets[0]["0.weight"].dtype == dtype
    changed = make(NESTED, seed=12).weights
    assert not np.array_equal(changed["0.weight"], make(NESTED, seed=11).weights["0.weight"])


def test_float32_weights_are_the_float64_ones_rounded() -> None:
    narrow, wide = make(dtype="float32", seed=3).weights, make(dtype="float64", seed=3).weights
    assert all(np.array_equal(narrow[name], wide[name].astype(np.float32)) for name in wide)


def test_names_shapes_and_count_of_weights() -> None:
    model = make()
    assert {n: w.shape for n, w in model.weights.items()} == {
        "0.weight": (3, 2, 3, 3), "0.bias": (3,), "5.weight": (4, 27), "5.bias": (4,),
    }  # fmt: skip
    assert model.parameters == 54 + 3 + 108 + 4
    assert model.output_shape == (4,)
    assert "3.body.1.variance" in make(NESTED).weights
    assert make(NESTED).parameters == make(NESTED).summary().parameters


def test_weights_are_copies(x) -> None:
    model = make()
    before = model.outputs(x)
    for values in model.weights.values():
        values[...] = np.nan
    assert np.array_equal(model.outputs(x), before)


def test_a_layer_alone_becomes_a_network() -> None:
    assert Model(Dense(3), (5,)).network == Sequential((Dense(3),))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"dtype": "int8"}, ConfigError, "dtype: expected one of float32, float64, bfloat16, float16, got 'int8'"),
        ({"seed": -1}, ConfigError, "seed: expected a whole number >= 0, got -1"),
        ({"loss": "guess"}, ConfigError, "loss: expected one of .*softmax_cross_entropy.* got 'guess'"),
        ({"backend": "abacus"}, BackendUnavailableError, "backend: expected one of .*numpy.* got 'abacus'"),
        ({"backend": "numpy", "device": "cuda"}, BackendUnavailableError, "expected device cpu, got 'cuda'"),
    ],
)
def test_what_cannot_be_built_is_said_in_one_line(options, error, message) -> None:
    with pytest.raises(error, match=message) as caught:
        make(**options)
    assert "\n" not in str(caught.value)


def test_layers_that_do_not_fit_are_located() -> None:
    with pytest.raises(ShapeError, match=r"layer 1 \(Dense\): expected x of shape \(N, I\), got \(N, 3, 6, 6\)"):
        make(Sequential((Conv2D(3, 3), Dense(4))))


# ---- using


def test_outputs_are_torch_nns(x) -> None:
    model = make(dtype="float64", seed=5)
    weights = {name: torch.tensor(values) for name, values in model.weights.items()}
    net = torch.nn.Sequential(
        torch.nn.Conv2d(2, 3, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Dropout(0.5),
        torch.nn.Linear(27, 4),
    ).double().eval()  # fmt: skip
    net.load_state_dict(weights)  # the names are those of torch
    wanted = net(torch.tensor(x)).detach()
    assert np.abs(model.outputs(x) - wanted.numpy()).max() < 1e-12
    assert np.abs(model.probabilities(x) - torch.softmax(wanted, 1).numpy()).max() < 1e-12
    assert np.array_equal(model.predict(x), wanted.argmax(1).numpy())


@pytest.mark.parametrize("name", ["numpy", "torch", "reference"])
@pytest.mark.parametrize("network", [PLAIN, NESTED])
def test_backends_agree_on_outputs(name, network, x, assert_close) -> None:
    wanted = make(network, backend="reference", dtype="float64").outputs(x)
    assert_close(make(network, backend=name, dtype="float64").outputs(x), wanted)
    narrow = make(network, backend=name)
    assert_close(narrow.outputs(x), make(network, backend="reference").outputs(x), "float32")
    assert narrow.outputs(x).shape == (5, 4)


@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_the_batch_size_changes_no_answer(name, x) -> None:
    model = make(NESTED, backend=name, dtype="float64")
    for batch_size in (1, 2, 5, 100):
        assert np.abs(model.outputs(x, batch_size) - model.outputs(x)).max() < 1e-12
    assert model.predict(x).dtype == np.int64
    assert np.abs(model.probabilities(x).sum(axis=1) - 1).max() < 1e-12


def test_one_output_answers_for_two_classes() -> None:
    model = Model(Dense(1), (2,), loss="binary_cross_entropy", dtype="float64")
    values = np.array([[3.0, 1.0], [-2.0, 0.5]])
    z = values @ model.weights["0.weight"].T
    p = model.probabilities(values)
    assert np.allclose(p[:, 1:], 1 / (1 + np.exp(-z)), rtol=0, atol=1e-12)
    assert np.array_equal(model.predict(values), (z[:, 0] > 0).astype(int))


@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 2, 8, 9), (0, 2, 8, 8), (2, 8, 8)])
def test_samples_of_another_shape_are_refused(shape) -> None:
    with pytest.raises(ConfigError, match=r"expected x of shape \(N, 2, 8, 8\) with N >= 1, got"):
        make().predict(np.zeros(shape))


# ---- regression


@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_a_net_learns_numbers(name, normal) -> None:
    """Targets of the outputs' shape: gradient descent on the mean squared error recovers a linear map."""
    model = Model(Dense(3), (4,), backend=name, dtype="float64", loss="mean_squared_error")
    inputs, truth = normal(64, 4), normal(3, 4, seed=1)
    x = model.backend.asarray(inputs, "float64")
    targets = model.backend.asarray(inputs @ truth.T + 0.5, "float64")
    step = make_step(StepWork(model.backend, model.network, MeanSquaredError(), SGD(), (0, 0)))
    variables, losses = TrainState(model.params, model.state, {}), []
    for i in range(200):
        variables, report = step(variables, x, targets, {"rate": 0.5, "step": i})
        losses.append(float(model.backend.to_numpy(report.loss)))
    assert losses[-1] < 1e-12 < losses[0]
    assert np.abs(model.backend.to_numpy(variables.params["0"]["weight"]) - truth).max() < 1e-5
    assert np.abs(model.backend.to_numpy(variables.params["0"]["bias"]) - 0.5).max() < 1e-5


# ---- files


@pytest.mark.parametrize("network", [PLAIN, NESTED])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_saved_on_one_backend_and_loaded_on_another(tmp_path, network, dtype, x, assert_close) -> None:
    names = ("numpy", "torch", "reference")
    for name in names[:2]:
        saved = make(network, backend=name, dtype=dtype, seed=4, class_names="abcd", scaling=Scaling(1.0, 0.5))
        saved.save(tmp_path / f"{name}.h5")
        for other in names:
            loaded = Model.load(tmp_path / f"{name}.h5", backend=other)
            assert (loaded.dtype, loaded.seed, loaded.class_names) == (dtype, 4, ("a", "b", "c", "d"))
            assert (loaded.scaling, loaded.network, loaded.input_shape) == (Scaling(1.0, 0.5), network, SHAPE)
            assert all(np.array_equal(loaded.weights[n], w) for n, w in saved.weights.items())
            assert_close(loaded.outputs(x), saved.outputs(x), dtype)
        assert np.array_equal(Model.load(tmp_path / f"{name}.h5", backend=name).outputs(x), saved.outputs(x))


def test_another_dtype_may_be_asked_for(tmp_path, x) -> None:
    make(seed=2).save(tmp_path / "w.h5")
    wide = Model.load(tmp_path / "w.h5", dtype="float64")
    assert wide.dtype == "float64"
    assert wide.weights["0.weight"].dtype == np.float64
    assert np.abs(wide.outputs(x) - make(seed=2).outputs(x)).max() < 1e-5


def test_metadata_and_loss_travel(tmp_path) -> None:
    made = make(loss="softmax_cross_entropy:label_smoothing=0.1", metadata={"note": "mine"})
    made.save(tmp_path / "w.h5")
    loaded = Model.load(tmp_path / "w.h5")
    assert loaded.loss == made.loss
    assert loaded.metadata["note"] == "mine"
    provenance = loaded.metadata["provenance"]
    assert (provenance["backend"], provenance["device"], provenance["dtype"]) == ("numpy", "cpu", "float32")
    assert provenance["versions"]["numpy"] == np.__version__


def test_provenance_names_the_library_of_the_backend() -> None:
    versions = {n: make(backend=n).to_weights().metadata["provenance"]["versions"] for n in ("torch", "reference")}
    assert versions["torch"]["torch"] == str(torch.__version__)
    assert set(versions["reference"]) == {"cnnkit", "numpy", "python"}


def test_the_same_model_gives_the_same_bytes(tmp_path) -> None:
    for name in ("a.h5", "b.h5"):
        make(NESTED, seed=9).save(tmp_path / name)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_save_replaces_unless_told_not_to(tmp_path) -> None:
    make(seed=1).save(tmp_path / "w.h5")
    make(seed=2).save(tmp_path / "w.h5")
    assert Model.load(tmp_path / "w.h5").seed == 2
    with pytest.raises(Exception, match="already exists"):
        make(seed=3).save(tmp_path / "w.h5", overwrite=False)


# ---- layers of one's own


@dataclass(frozen=True)
class Triple(Elementwise):
    factor: float = 2.0

    def forward(self, context, params, state, x):
        return x * self.factor, None

    def backward(self, context, params, cache, dy):
        return dy * self.factor, {}


def test_a_layer_of_ones_own_trains_saves_and_loads(tmp_path, x) -> None:
    model = make(Sequential((*PLAIN.layers, Triple(3.0))), dtype="float64")
    assert np.allclose(model.outputs(x), 3 * make(dtype="float64").outputs(x))
    model.save(tmp_path / "w.h5")
    with pytest.raises(WeightFileError, match=r"architecture: layers\[6\]: expected type to be one of .* got 'Triple'"):
        Model.load(tmp_path / "w.h5")
    loaded = Model.load(tmp_path / "w.h5", layers=[Triple])
    assert loaded.network.layers[-1] == Triple(3.0)
    assert np.array_equal(loaded.outputs(x), model.outputs(x))


# ---- training and judging, in short


def test_fit_and_evaluate() -> None:
    model = Model(Sequential((Flatten(), Dense(10))), (1, 8, 8))
    history = model.fit("digits", epochs=3, limit=400, learning_rate=0.01)
    assert [entry["epoch"] for entry in history] == [1, 2, 3]
    assert history[-1]["loss"] < history[0]["loss"]
    result = model.evaluate("digits", limit=100)
    assert result.report.images == 100
    assert result.accuracy > 0.5
    with pytest.raises(DataError, match="the network expects"):
        make().fit("digits")


@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_weights_that_are_not_finite_give_answers_that_say_so(name, x) -> None:
    """Libraries must not warn meanwhile: warnings are errors in tests."""
    model = make(backend=name)
    model.params["5"]["weight"].reshape((-1,))[0] = np.inf
    assert not np.isfinite(model.outputs(x)).all()
    assert not np.isfinite(model.probabilities(x)).all()
    assert model.predict(x).shape == (5,)
