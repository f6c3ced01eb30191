"""Around a training: interruptions, repeated use, threads, processes, memory, untrusted files."""

# ruff: noqa: ARG001, ARG002, ARG005 (layers and losses have one form, whatever they look at)

import gc
import multiprocessing
import threading
from dataclasses import dataclass, replace

import numpy as np
import pytest
import threadpoolctl

from cnnkit import Model, Options, Sequential, Training, load_data
from cnnkit.backends import get_backend
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.backends.numpy_cpu.threads.blas_threads import single_threaded_blas
from cnnkit.errors import BackendUnavailableError, ConfigError, TrainingError, WeightFileError
from cnnkit.layers import BatchNorm, Conv2D, Dense, Flatten, Layer, ReLU
from cnnkit.losses import MeanSquaredError
from cnnkit.training.run import differences
from cnnkit.tree import flatten


@pytest.fixture
def digits():
    return load_data("digits")


def small(**more) -> Model:
    return Model(Sequential((Conv2D(4, 3), ReLU(), Flatten(), Dense(10))), (1, 8, 8), backend=NumpyBackend(), **more)


def blas() -> set[int]:
    return {pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"}


def test_an_interrupted_loop_continues_from_the_last_safe_position(digits) -> None:
    """Ctrl-C in the middle of a batch loses only the steps whose losses were not read yet."""
    plain, broken = (Training(small(), digits, Options(epochs=2, limit=320)) for _ in range(2))
    step, calls = broken.step, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return step(*arguments)

    broken.step = interrupted
    with pytest.raises(KeyboardInterrupt):
        list(broken.epochs())
    wanted, got = ([report.entry for report in training.epochs()] for training in (plain, broken))
    assert [{**entry, "seconds": 0} for entry in got] == [{**entry, "seconds": 0} for entry in wanted]
    for name, values in plain.model.weights.items():
        assert np.array_equal(values, broken.model.weights[name]), name


def test_a_failed_training_returns_to_where_its_losses_were_last_finite(digits, monkeypatch) -> None:
    """The diagnosis runs steps again; that must not change the position that the training returns to."""
    monkeypatch.setattr("cnnkit.training.agreement.READ_EVERY", 1e9)
    linear = Model(Sequential((Flatten(), Dense(10))), (1, 8, 8), backend=NumpyBackend())
    options = Options(epochs=1, limit=320, optimizer="sgd", learning_rate=1e6, loss="mean_squared_error")
    training = Training(linear, digits, options)
    before = training.model.weights
    with pytest.raises(TrainingError, match=r"step ([2-9]|10)\)"):
        list(training.epochs())
    assert training.position.step == 0
    for name, values in training.model.weights.items():
        assert np.array_equal(values, before[name]), name


def test_models_do_not_leave_threads_behind(digits) -> None:
    before = threading.active_count()
    for _ in range(10):
        model = Model(Sequential((Conv2D(2, 3), Flatten(), Dense(10))), (1, 28, 28), backend=NumpyBackend(threads=2))
        model.outputs(np.zeros((32, 1, 28, 28), "float32"))
    del model
    gc.collect()
    assert threading.active_count() <= before + 2


def _predict_in_child(queue) -> None:
    model = Model(Sequential((Conv2D(2, 3), Flatten(), Dense(10))), (1, 28, 28), backend=NumpyBackend(threads=2))
    queue.put(model.outputs(np.ones((32, 1, 28, 28), "float32")).shape)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own() -> None:
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    backend = NumpyBackend(threads=2)
    backend.map_samples(lambda first, x: x, 4, np.zeros((32, 1)))
    child = context.Process(target=_predict_in_child, args=(queue,))
    child.start()
    child.join(30)
    alive = child.is_alive()
    child.kill()
    assert not alive
    assert queue.get() == (32, 10)


def test_interleaved_blas_limits_leave_the_setting_as_it_was() -> None:
    before = blas()
    first, second = single_threaded_blas(), single_threaded_blas()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert blas() == {1}
    second.__exit__(None, None, None)
    assert blas() == before


def test_a_backend_that_is_made_takes_no_more_settings() -> None:
    for setting in ({"threads": 1}, {"device": "cpu"}, {"tf32": True}):
        with pytest.raises(BackendUnavailableError, match="already exists"):
            get_backend(NumpyBackend(), **setting)


def test_two_models_of_one_file_share_no_arrays(digits) -> None:
    file = small().to_weights()
    first, second = (Model.from_weights(file, backend=NumpyBackend()) for _ in range(2))
    before = second.weights
    first.fit(digits, epochs=1, limit=64)
    for name, values in second.weights.items():
        assert np.array_equal(values, before[name]), name
        assert np.array_equal(file[name].read(), before[name]), name


def test_fit_takes_seed_and_loss_and_the_file_names_its_data(digits, tmp_path) -> None:
    model = small(metadata={"run": {"options": "of another training"}})
    model.fit(digits, epochs=1, limit=64, seed=5, loss="mean_squared_error")
    assert (model.seed, model.loss) == (5, MeanSquaredError())
    model.save(tmp_path / "net.h5")
    again = Model.load(tmp_path / "net.h5", backend=NumpyBackend())
    assert again.scaling == digits.scaling
    assert again.class_names == digits.class_names
    assert again.metadata["data"] == {"name": "digits"}
    assert "run" not in again.metadata


def test_patience_needs_validation_images(digits) -> None:
    with pytest.raises(ConfigError, match="keeps none out"):
        Training(small(), digits, Options(limit=8, validation_split=0.1, patience=2))


def test_a_last_batch_of_one_is_refused_before_training(digits) -> None:
    layers = (Flatten(), Dense(8), BatchNorm(), Dense(10))
    model = Model(Sequential(layers), (1, 8, 8), backend=NumpyBackend())
    with pytest.raises(ConfigError, match=r"leave a batch of 1.*layer 2 \(BatchNorm\)"):
        Training(model, digits, Options(limit=65))
    Training(model, digits, Options(limit=66))


def test_a_small_file_with_a_huge_architecture_takes_no_memory() -> None:
    file = small().to_weights()
    for features in (10**7, 10**18):
        huge = dict(file.architecture)
        huge["layers"] = [dict(layer) for layer in huge["layers"]]
        huge["layers"][0]["features"] = features
        with pytest.raises(WeightFileError, match=r"expected shape|no machine can hold"):
            Model.from_weights(replace(file, architecture=huge), backend=NumpyBackend())


@dataclass(frozen=True)
class Counter(Layer):
    """y = x, and counts training steps."""

    def init(self, rng, x_shape):
        from cnnkit.layers import Variables

        return Variables({}, {"count": np.zeros(1)})

    def output_shape(self, x_shape):
        return x_shape

    def forward(self, context, params, state, x):
        return x, None

    def backward(self, context, params, cache, dy):
        return dy, {}

    def next_state(self, state, cache):
        return {"count": state["count"] + 1}


def test_a_layer_with_state_is_updated(digits) -> None:
    model = Model(Sequential((Counter(), Flatten(), Dense(10))), (1, 8, 8), backend=NumpyBackend())
    model.fit(digits, epochs=2, limit=320)
    assert flatten(model.to_host(model.state)) == {"0.count": np.array([20.0])}


IDENTITY = {
    "recipe": "a", "architecture": {"layers": [1]}, "data": {"name": "d", "sha256": "0"}, "backend": "numpy",
    "device": "cpu", "dtype": "float32", "threads": 2, "init_from": None, "tf32": False, "numerics": "plain",
    "class_names": ["x", "y"], "options": {"epochs": 1, "seed": 0},
}  # fmt: skip


@pytest.mark.parametrize("key", [key for key in IDENTITY if key != "options"])
def test_every_part_of_a_runs_identity_counts(key: str) -> None:
    assert differences(IDENTITY, IDENTITY) == {}
    assert list(differences(IDENTITY | {key: "other"}, IDENTITY)) == [key]


def test_the_name_of_the_data_does_not_count_and_older_files_lack_class_names() -> None:
    older = {key: value for key, value in IDENTITY.items() if key != "class_names"}
    assert differences(older | {"data": {"name": "/home/anna/d", "sha256": "0"}}, IDENTITY) == {}
    assert list(differences(IDENTITY | {"data": {"name": "d", "sha256": "1"}}, IDENTITY)) == ["data"]


@pytest.mark.parametrize("option", ["epochs", "seed"])
def test_every_option_of_a_run_counts(option: str) -> None:
    other = IDENTITY | {"options": IDENTITY["options"] | {option: 7}}
    assert differences(other, IDENTITY) == {option: f"{option}: 7, now {IDENTITY['options'][option]}"}


def test_a_file_that_lacks_an_option_had_its_default() -> None:
    """So a training that was saved before an option existed can be resumed."""
    wanted = IDENTITY | {"options": Options(epochs=3).to_json()}
    older = wanted | {"options": {"epochs": 3}}
    assert differences(older, wanted) == {}
    other = wanted | {"options": Options(epochs=3, shuffle=False).to_json()}
    assert list(differences(older, other)) == ["shuffle"]
