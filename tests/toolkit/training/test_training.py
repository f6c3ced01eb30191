from dataclasses import dataclass, field, replace
from typing import Any

import h5py
import numpy as np
import pytest

from cnnkit import Model, Options, Sequential, Training, load_data, recipes
from cnnkit.data.dataset import Dataset
from cnnkit.data.scaling import Scaling
from cnnkit.data.split import Split
from cnnkit.errors import ConfigError, DataError
from cnnkit.layers import BatchNorm, Context, Conv2D, Dense, Dropout, Flatten, MaxPool2D, ReLU
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.seeds import Purpose, key
from cnnkit.training.batches import split_images
from cnnkit.training.position import Position

KEYS = {"epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate", "seconds"}
SMALL = Sequential((Flatten(), Dense(10)))


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_data("digits")


def trained(dataset, network=SMALL, backend="numpy", dtype="float32", **options) -> Training:
    options = Options(**({"limit": 200, "epochs": 2, "learning_rate": 0.01} | options))
    threads = 1 if backend == "torch" else None  # small products are slower with a second thread
    model = Model(network, dataset.image_shape, backend=backend, dtype=dtype, seed=options.seed, threads=threads)
    training = Training(model, dataset, options)
    for _ in training.epochs():
        pass
    return training


def same_bits(one: Model, other: Model) -> bool:
    a, b = one.weights, other.weights
    return a.keys() == b.keys() and all(a[n].tobytes() == b[n].tobytes() for n in a)


def without_seconds(training: Training) -> list[dict]:
    return [{k: v for k, v in entry.items() if k != "seconds"} for entry in training.position.history]


# ---- repeated runs


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_the_same_options_give_the_same_bits(digits, backend) -> None:
    network, _ = recipes.get("digits-cnn").network()
    one, two = (trained(digits, network, backend, seed=4, validation_split=0.1) for _ in range(2))
    assert same_bits(one.model, two.model)
    assert without_seconds(one) == without_seconds(two)
    other = trained(digits, network, backend, seed=5, validation_split=0.1)
    assert not same_bits(one.model, other.model)  # the comparison can fail


def test_every_option_reaches_the_weights(digits) -> None:
    base = {"validation_split": 0.1, "optimizer": "sgd:momentum=0.5"}
    plain = trained(digits, **base).model
    for change in (
        {"epochs": 3}, {"batch_size": 31}, {"optimizer": "sgd"}, {"learning_rate": 0.011}, {"schedule": "cosine"},
        {"loss": "mean_squared_error"}, {"seed": 1}, {"shuffle": False}, {"validation_split": 0.2}, {"limit": 190},
    ):  # fmt: skip
        assert not same_bits(plain, trained(digits, **(base | change)).model), change


# ---- reports


def test_one_report_per_epoch_with_the_keys_of_the_history(digits) -> None:
    model = Model(SMALL, digits.image_shape)
    training = Training(model, digits, Options(epochs=3, limit=200, schedule="step:epochs=1,gamma=0.5"))
    reports = list(training.epochs())
    assert [set(r.entry) for r in reports] == [KEYS] * 3
    assert [r.entry["epoch"] for r in reports] == [1, 2, 3]
    assert [r.entry["learning_rate"] for r in reports] == [0.001, 0.0005, 0.00025]
    assert all(r.entry["validation_loss"] is None and r.images == 200 and r.images_per_second > 0 for r in reports)
    assert model.metadata["history"] == [r.entry for r in reports]
    assert training.finished


def test_loss_and_accuracy_are_means_over_the_images_before_each_update(digits) -> None:
    """With a learning rate near 0 weights do not change: the epoch's loss is that of the untrained net."""
    network = recipes.get("digits-cnn").network()[0]
    plain = Sequential(tuple(layer for layer in network.layers if not isinstance(layer, Dropout)))
    options = {"learning_rate": 1e-300, "epochs": 1, "batch_size": 48, "optimizer": "sgd", "dtype": "float64"}
    entry = trained(digits, plain, **options).position.history[0]
    wanted = Model(plain, digits.image_shape, dtype="float64").evaluate(digits, split="train", limit=200)
    assert entry["loss"] == pytest.approx(wanted.loss, rel=1e-12)
    assert entry["accuracy"] == wanted.accuracy


def test_progress_is_reported(digits) -> None:
    seen = []
    training = Training(Model(SMALL, digits.image_shape), digits, Options(epochs=2, limit=100))
    list(training.epochs(lambda position: seen.append((position.epoch, position.batch, position.images))))
    assert seen[0] == (0, 4, 100)
    assert seen[-1] == (1, 4, 100)


def test_epochs_of_one_batch_can_be_stopped_too(digits) -> None:
    training = Training(Model(SMALL, digits.image_shape), digits, Options(epochs=1000, limit=8, batch_size=8))
    asked = iter([False, True])
    assert len(list(training.epochs(stop=lambda: next(asked)))) == 2
    assert not training.finished


# ---- which images


def test_validation_images_are_not_trained_on(digits) -> None:
    options = Options(validation_split=0.13)
    chosen, held_out = split_images(1000, options, 3)
    assert len(held_out) == 130
    assert sorted([*chosen, *held_out]) == list(range(1000))
    again = split_images(1000, options, 3)
    assert np.array_equal(chosen, again[0])
    assert not np.array_equal(held_out, split_images(1000, options, 4)[1])
    training = trained(digits, validation_split=0.25)
    assert (len(training.chosen), len(training.held_out)) == (150, 50)
    assert not set(training.chosen) & set(training.held_out)


def test_limit_is_the_first_images(digits) -> None:
    assert np.array_equal(split_images(1000, Options(limit=7), 0)[0], np.arange(7))
    assert np.array_equal(split_images(5, Options(limit=7), 0)[0], np.arange(5))
    few = replace(digits, train=Split(np.asarray(digits.train.images)[:64], digits.train.labels[:64]))
    assert same_bits(trained(digits, limit=64).model, trained(few, limit=None).model)


def test_the_last_partial_batch_is_trained_on(digits) -> None:
    training = trained(digits, limit=70, batch_size=32, epochs=1)
    assert (training.steps_per_epoch, training.position.step) == (3, 3)
    assert not same_bits(training.model, trained(digits, limit=64, batch_size=32, epochs=1).model)


def test_without_shuffle_images_stay_in_order(digits) -> None:
    training = Training(Model(SMALL, (1, 8, 8)), digits, Options(shuffle=False, limit=64, batch_size=64))
    labels = next(training.batches(Position(epoch=3))).targets
    assert np.array_equal(labels, digits.train.take(range(64))[1])


# ---- validation


def test_the_best_weights_are_kept(digits) -> None:
    """A learning rate that grows ruins the net after its best epoch."""
    model = Model(SMALL, digits.image_shape)
    options = Options(epochs=6, limit=300, validation_split=0.2, learning_rate=3.0, schedule="warmup:epochs=6,start=0")
    training, kept, losses = Training(model, digits, options), {}, []
    for report in training.epochs():
        losses.append(report.entry["validation_loss"])
        if report.improved:
            kept = model.weights
    best = int(np.argmin(losses))
    assert best < len(losses) - 1
    assert training.position.best.epoch == best + 1
    assert all(np.array_equal(model.weights[n], w) for n, w in kept.items())
    held_out = replace(digits, train=Split(*digits.train.take(training.held_out)))
    assert model.evaluate(held_out, split="train").loss == pytest.approx(losses[best], rel=1e-6)


def test_without_validation_the_latest_weights_are_the_result(digits) -> None:
    training = trained(digits)
    assert training.position.best is None
    latest = training.model.to_host(training.variables.params)
    assert np.array_equal(latest["1"]["weight"], training.model.weights["1.weight"])


@pytest.mark.parametrize("patience", [1, 3])
def test_patience(digits, patience) -> None:
    options = {"epochs": 30, "validation_split": 0.2, "learning_rate": 3.0, "schedule": "warmup:epochs=6,start=0"}
    training = trained(digits, patience=patience, **options)
    losses = [entry["validation_loss"] for entry in training.position.history]
    assert len(losses) < 30
    best = int(np.argmin(losses))
    assert all(loss >= losses[best] for loss in losses[best + 1 :])
    assert len(losses) == best + 1 + patience
    assert training.finished


# ---- one seed on every backend


@dataclass(frozen=True)
class Recorder(Elementwise):
    """Stores its inputs."""

    seen: list[Any] = field(default_factory=list)

    def forward(self, context, params, state, x):  # noqa: ARG002
        self.seen.append(np.array(context.backend.to_numpy(x)))
        return x, None

    def backward(self, context, params, cache, dy):  # noqa: ARG002
        return dy, {}


def test_batches_come_in_the_same_order_with_the_same_bits(digits) -> None:
    found = {}
    for name in ("numpy", "torch"):
        recorder = Recorder()
        trained(digits, Sequential((Flatten(), recorder, Dense(10))), name, epochs=3, validation_split=0.1)
        found[name] = recorder.seen
    assert len(found["numpy"]) == len(found["torch"]) == 3 * (6 + 1)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(*found.values(), strict=True))
    assert found["numpy"][0].tobytes() != found["numpy"][7].tobytes()  # shuffled: the comparison can fail


@pytest.mark.parametrize("path", [("0",), ("3", "body", "1")])
def test_dropout_masks_are_equal_bit_for_bit(path) -> None:
    masks = {}
    for name in ("numpy", "torch", "reference"):
        backend = Model(Dense(1), (1,), backend=name).backend
        context = Context(backend, True, key(9, Purpose.DROPOUT), step=41)
        for part in path:
            context = context.child(part)
        x = backend.asarray(np.ones((6, 3, 5, 5)), "float32")
        y, _ = Dropout(0.3).forward(context, {}, {}, x)
        masks[name] = np.asarray(backend.to_numpy(y)) != 0
    assert np.array_equal(masks["numpy"], masks["torch"])
    assert np.array_equal(masks["numpy"], masks["reference"])
    assert 0.55 < masks["numpy"].mean() < 0.85


def test_dropout_masks_differ_from_step_to_step_and_place_to_place() -> None:
    backend = Model(Dense(1), (1,)).backend
    context = Context(backend, True, key(9, Purpose.DROPOUT), step=0)
    x = np.ones((4, 100), np.float32)
    masks = [
        Dropout(0.5).forward(c, {}, {}, x)[0]
        for c in (context, context._replace(step=1), context.child("0"), context.child("1"))
    ]
    assert all(not np.array_equal(a, b) for i, a in enumerate(masks) for b in masks[:i])
    assert not np.array_equal(masks[0][0], masks[0][1])  # nor do two samples share one


def test_an_epoch_of_digits_cnn_is_the_same_on_numpy_and_torch(digits) -> None:
    network, _ = recipes.get("digits-cnn").network()
    fresh = [Model(network, digits.image_shape, backend=b, dtype="float64", seed=8) for b in ("numpy", "torch")]
    assert same_bits(*fresh)
    one, two = (trained(digits, network, b, "float64", seed=8, limit=300, epochs=1) for b in ("numpy", "torch"))
    a, b, start = one.model.weights, two.model.weights, fresh[0].weights
    moved = max(np.abs(a[n] - start[n]).max() for n in a)
    assert moved > 1e-2  # something was learned
    assert max(np.abs(a[n] - b[n]).max() for n in a) <= 1e-7
    assert one.position.history[0]["loss"] == pytest.approx(two.position.history[0]["loss"], abs=1e-9)
    assert one.position.history[0]["accuracy"] == two.position.history[0]["accuracy"]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_predictions_of_a_trained_file_agree(digits, tmp_path, backend) -> None:
    network, _ = recipes.get("digits-cnn").network()
    trained(digits, network, backend, limit=300).model.save(tmp_path / "w.h5")
    x, _ = digits.batch("test", np.arange(100))
    one, two = (Model.load(tmp_path / "w.h5", backend=b) for b in ("numpy", "torch"))
    assert np.abs(one.probabilities(x) - two.probabilities(x)).max() <= 1e-5
    assert np.abs(one.outputs(x) - two.outputs(x)).max() <= 1e-5 * (1 + np.abs(one.outputs(x)).max())
    assert np.array_equal(one.predict(x), two.predict(x))
    assert one.evaluate(digits).accuracy == two.evaluate(digits).accuracy > 0.3


# ---- data that stay on disk


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_data_larger_than_memory_train_the_same_net(tmp_path, digits, backend) -> None:
    raw, labels = digits.train.take(np.arange(150))
    raw = (raw * 15).astype(np.uint8)
    np.savez(tmp_path / "all.npz", x_train=raw, y_train=labels)
    with h5py.File(tmp_path / "lazy.h5", "w") as file:
        file.create_dataset("x_train", data=raw, chunks=(7, 1, 8, 8))
        file["y_train"] = labels
    (tmp_path / "maps").mkdir()
    np.save(tmp_path / "maps" / "x_train.npy", raw)
    np.save(tmp_path / "maps" / "y_train.npy", labels)
    network = Sequential((Conv2D(4, 3), BatchNorm(), ReLU(), MaxPool2D(2), Flatten(), Dropout(0.2), Dense(10)))
    nets, kinds = [], []
    for source in ("all.npz", "lazy.h5", "maps"):
        dataset = load_data(str(tmp_path / source))
        kinds.append(type(dataset.train.images).__name__)
        nets.append(trained(dataset, network, backend, limit=None, validation_split=0.1).model)
    assert kinds[1] == "Hdf5Images"
    assert same_bits(nets[0], nets[1])
    assert same_bits(nets[0], nets[2])


# ---- what does not fit


def test_net_data_and_options_that_do_not_fit(digits) -> None:
    with pytest.raises(DataError, match=r"images are \(1, 8, 8\), the network expects \(1, 9, 9\)"):
        Training(Model(SMALL, (1, 9, 9)), digits, Options())
    with pytest.raises(
        ConfigError, match=r"10 classes, the network's output is \(9,\): a network for them ends with Dense\(10\)"
    ):
        Training(Model(Sequential((Flatten(), Dense(9))), (1, 8, 8)), digits, Options())
    one = replace(digits, train=Split(np.asarray(digits.train.images)[:1], digits.train.labels[:1]))
    assert len(Training(Model(SMALL, (1, 8, 8)), one, Options(validation_split=0.9)).chosen) == 1


def test_scaling_belongs_to_the_data(digits) -> None:
    """Raw pixels of another range, with the scaling that compensates it, give the same net."""
    raw = np.asarray(digits.train.images).astype(np.float64)
    shifted = replace(digits, train=Split(raw * 4 + 8, digits.train.labels), scaling=Scaling(8.0, 1 / 64))
    assert same_bits(trained(digits).model, trained(shifted).model)


def test_numpys_numbers_are_as_good_as_pythons(digits, tmp_path) -> None:
    plain = trained(digits, learning_rate=0.25, seed=3, limit=64)
    numbers = {"learning_rate": np.float32(0.25), "seed": np.int64(3), "limit": np.int32(64)}
    for backend in ("numpy", "cupy-sim"):
        other = trained(digits, backend=backend, **numbers)
        assert abs(other.position.history[-1]["loss"] - plain.position.history[-1]["loss"]) < 1e-4
        other.model.save(tmp_path / f"{backend}.h5")


def test_a_network_without_parameters_is_refused(digits) -> None:
    with pytest.raises(ConfigError, match="no parameters to train"):
        Training(Model(Sequential((MaxPool2D(2), Flatten())), (10, 2, 2)), _ten_channels(digits), Options())


def _ten_channels(digits) -> Dataset:
    part = Split(np.ones((20, 10, 2, 2), np.float32), np.arange(20) % 10)
    return Dataset("ten", part, None, digits.class_names, (10, 2, 2), Scaling())
