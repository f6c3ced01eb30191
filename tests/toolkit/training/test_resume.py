from dataclasses import replace

import numpy as np
import pytest

from cnnkit import Model, Options, Sequential, Training, exporters, load_data
from cnnkit.errors import WeightFileError
from cnnkit.exporters import Tensor
from cnnkit.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, GlobalAvgPool2D, ReLU, Residual
from cnnkit.training import checkpoint
from cnnkit.tree import flatten

DROPPING = Sequential((Conv2D(4, 3), ReLU(), Dropout(0.3), Flatten(), Dense(10)))
RESIDUAL = Sequential((
    Conv2D(4, 3, padding="same", bias=False), BatchNorm(), ReLU(),
    Residual(
        Sequential((Conv2D(6, 3, stride=2, padding="same", bias=False), BatchNorm())),
        Sequential((Conv2D(6, 1, stride=2, padding="same", bias=False), BatchNorm())),
    ),
    ReLU(), GlobalAvgPool2D(), Dense(10),
))  # fmt: skip
BASE = {
    "limit": 90,
    "epochs": 3,
    "batch_size": 16,
    "learning_rate": 0.02,
    "validation_split": 0.1,
}  # 6 batches an epoch


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


def fresh(dataset, network, options, backend="numpy", dtype="float32") -> Training:
    threads = 1 if backend == "torch" else None
    model = Model(network, dataset.image_shape, backend=backend, dtype=dtype, seed=options.seed, threads=threads)
    return Training(model, dataset, options)


def run(training: Training, batches: int | None = None) -> Training:
    """Run to the end, or until `batches` batches are done."""
    done = 0

    def stop() -> bool:
        nonlocal done
        done += 1
        return done == batches

    for _ in training.epochs(stop=None if batches is None else stop):
        if done == batches:
            break
    return training


def reload(training: Training, path, options=None) -> Training:
    """Write the training to a file and continue from it."""
    exporters.write(checkpoint.to_weights(training), path, overwrite=True)
    file = exporters.read(path)
    model = Model.from_weights(file, backend=training.model.backend, dtype=training.model.dtype)
    return checkpoint.resume(model, training.dataset, options or training.options, file)


def everything(training: Training) -> dict[str, bytes]:
    """All values of a training: the result, the latest variables, and the history without times."""
    found = {f"model.{n}": w.tobytes() for n, w in training.model.weights.items()}
    for part, tree in zip(training.variables._fields, training.variables, strict=True):
        found |= {f"{part}.{n}": a.tobytes() for n, a in flatten(training.model.to_host(tree)).items()}
    position = replace(training.position, seconds=0.0, best=None, history=())
    history = [{k: v for k, v in entry.items() if k != "seconds"} for entry in training.position.history]
    best = training.position.best
    return found | {"position": repr((position, history, best and (best.epoch, best.loss))).encode()}


def assert_same(one: Training, other: Training) -> None:
    a, b = everything(one), everything(other)
    assert a.keys() == b.keys()
    assert [name for name in a if a[name] != b[name]] == []


@pytest.mark.parametrize("batches", [1, 4, 5, 6, 7, 11, 12, 15, 17])
@pytest.mark.parametrize(
    ("network", "optimizer"), [(DROPPING, "sgd:momentum=0.9"), (RESIDUAL, "adam")], ids=["dropout", "residual"]
)
def test_stopped_after_any_batch(tmp_path, digits, network, optimizer, batches) -> None:
    options = Options(**BASE, optimizer=optimizer)
    whole = run(fresh(digits, network, options))
    stopped = run(fresh(digits, network, options), batches)
    assert stopped.position.step == batches
    assert not stopped.finished
    resumed = reload(stopped, tmp_path / "w.h5")
    assert_same(resumed, stopped)
    assert_same(run(resumed), whole)


def test_the_comparison_fails_on_a_wrong_bit(digits) -> None:
    options = Options(**BASE)
    one, other = (run(fresh(digits, DROPPING, options)) for _ in range(2))
    assert_same(one, other)
    other.variables.slots["first_moment"]["0"]["bias"][1] *= 1 + 2**-23
    with pytest.raises(AssertionError, match=r"slots\.first_moment\.0\.bias"):
        assert_same(one, other)
    other = run(fresh(digits, DROPPING, options))
    other.position = replace(other.position, loss_sum=other.position.loss_sum + 1e-9)
    with pytest.raises(AssertionError, match="position"):
        assert_same(one, other)


@pytest.mark.parametrize(
    ("backend", "dtype", "change"),
    [
        ("torch", "float32", {}),
        ("torch", "float64", {"optimizer": "rmsprop:momentum=0.5", "schedule": "onecycle"}),
        ("numpy", "float64", {"optimizer": "adamw:clip_norm=1", "schedule": "cosine"}),
        ("numpy", "float32", {"optimizer": "sgd", "validation_split": 0.0}),
        ("numpy", "float32", {"shuffle": False, "schedule": "warmup:epochs=2"}),
        ("reference", "float64", {"limit": 20, "batch_size": 4, "epochs": 2}),
    ],
)
def test_stopped_on_other_backends_and_with_other_options(tmp_path, digits, backend, dtype, change) -> None:
    options = Options(**(BASE | change))
    for network in (DROPPING, RESIDUAL):
        whole = run(fresh(digits, network, options, backend, dtype))
        stopped = run(fresh(digits, network, options, backend, dtype), whole.steps_per_epoch + 2)
        assert_same(run(reload(stopped, tmp_path / "w.h5")), whole)


FOLLOWED = {"accumulate": 2, "batch_size": 8, "epochs": 4, "optimizer": "adam", "freeze": ("1.gamma", "3.body.1")}


@pytest.mark.parametrize("average", [{"ema": 0.9}, {"swa": 0.5, "validation_split": 0.0}], ids=["ema", "swa"])
def test_averages_of_a_training_stopped_at_every_update(tmp_path, digits, average) -> None:
    options = Options(**(BASE | FOLLOWED | {"limit": 36} | average))
    whole = run(fresh(digits, RESIDUAL, options))
    stopped, steps = fresh(digits, RESIDUAL, options), 0
    while not stopped.finished:
        stopped, steps = reload(run(stopped, 1), tmp_path / "w.h5"), steps + 1
    assert steps == whole.position.step == 4 * whole.steps_per_epoch
    assert_same(stopped, whole)


def test_averages_of_a_training_stopped_on_torch(tmp_path, digits) -> None:
    for average in ({"ema": 0.9}, {"swa": 0.3}):
        options = Options(**(BASE | FOLLOWED | average))
        whole = run(fresh(digits, RESIDUAL, options, "torch"))
        stopped = run(fresh(digits, RESIDUAL, options, "torch"), 2 * whole.steps_per_epoch + 1)
        assert_same(run(reload(stopped, tmp_path / "w.h5")), whole)


def test_stopped_again_and_again(tmp_path, digits) -> None:
    options = Options(**BASE)
    training = fresh(digits, RESIDUAL, options)
    while not training.finished:
        training = reload(run(training, 4), tmp_path / "w.h5")
    assert_same(training, run(fresh(digits, RESIDUAL, options)))


def test_stopped_past_the_best_epoch(tmp_path, digits) -> None:
    """The file's own weights are the best ones; training continues from the latest."""
    options = Options(**(BASE | {"epochs": 8, "learning_rate": 2.0, "schedule": "warmup:epochs=8,start=0",
                                 "optimizer": "sgd:momentum=0.9", "patience": 4}))  # fmt: skip
    whole = run(fresh(digits, DROPPING, options))
    best = whole.position.best.epoch
    assert best < len(whole.position.history)
    stopped = run(fresh(digits, DROPPING, options), 6 * best + 8)
    assert stopped.position.waited == 1
    result, latest = stopped.model.weights, flatten(stopped.model.to_host(stopped.variables.params))
    assert any(not np.array_equal(result[n], latest[n]) for n in latest)
    resumed = reload(stopped, tmp_path / "w.h5")
    assert_same(resumed, stopped)
    assert_same(run(resumed), whole)


def test_more_epochs_continue(tmp_path, digits) -> None:
    five, ten = (Options(**(BASE | {"epochs": n})) for n in (5, 10))
    short = run(fresh(digits, RESIDUAL, five))
    assert short.finished
    longer = reload(short, tmp_path / "w.h5", ten)
    assert not longer.finished
    assert_same(run(longer), run(fresh(digits, RESIDUAL, ten)))


def test_a_finished_training_has_nothing_to_do(tmp_path, digits) -> None:
    done = run(fresh(digits, DROPPING, Options(**BASE)))
    again = reload(done, tmp_path / "w.h5")
    assert again.finished
    assert list(again.epochs()) == []
    assert_same(again, done)
    assert exporters.read(tmp_path / "w.h5").position["finished"] is True


def test_the_stopped_model_is_usable(tmp_path, digits) -> None:
    stopped = run(fresh(digits, DROPPING, Options(**BASE)), 9)
    exporters.write(checkpoint.to_weights(stopped), tmp_path / "w.h5")
    loaded = Model.load(tmp_path / "w.h5", backend="torch")
    assert all(np.array_equal(loaded.weights[n], w) for n, w in stopped.model.weights.items())
    position = exporters.read(tmp_path / "w.h5").position
    assert (position["epoch"], position["batch"], position["step"], position["finished"]) == (1, 3, 9, False)


# ---- what a stranger's file may say


@pytest.fixture(scope="module")
def stopped(digits):
    return run(fresh(digits, DROPPING, Options(**BASE)), 9)


def refused(stopped: Training, file, options=None) -> str:
    file = replace(file, file="w.h5")
    model = Model.from_weights(file)
    with pytest.raises(WeightFileError) as caught:
        checkpoint.resume(model, stopped.dataset, options or stopped.options, file)
    assert caught.value.file == "w.h5"
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("epoch", -1, "a whole number >= 0"),
        ("epoch", "1", "a whole number >= 0"),
        ("epoch", 1.0, "a whole number >= 0"),
        ("step", True, "a whole number >= 0"),
        ("step", None, "a whole number >= 0"),
        ("batch", 6, "below 6, the batches of an epoch"),
        ("batch", 10**30, "a whole number >= 0"),
        ("waited", [], "a whole number >= 0"),
        ("images", "x", "a whole number >= 0"),
        ("correct", {}, "a whole number >= 0"),
        ("loss_sum", "0.5", "a finite number"),
        ("loss_sum", float("inf"), "a finite number"),
        ("seconds", float("nan"), "a finite number"),
        ("history", None, "a list of epochs"),
        ("history", 5, "a list of epochs"),
        ("history", [5], "a list of epochs"),
        ("history", [], "1 epochs"),
        ("best", 5, "an epoch and its loss, or null"),
        ("best", {"epoch": 1}, "an epoch and its loss, or null"),
        ("best", {"epoch": 1, "loss": "low"}, "an epoch and its loss, or null"),
    ],
)
def test_a_position_of_a_stranger(stopped, name, value, expected) -> None:
    file = checkpoint.to_weights(stopped)
    message = refused(stopped, replace(file, position=file.position | {name: value}))
    assert message.startswith(f"the training cannot be resumed: position {name}: expected {expected}")
    if value is not None:
        less = {key: value for key, value in file.position.items() if key != name}
        assert f"position {name}: expected" in refused(stopped, replace(file, position=less))


def test_no_position(stopped) -> None:
    assert "holds no training to resume" in refused(stopped, replace(checkpoint.to_weights(stopped), position=None))
    assert "position epoch" in refused(stopped, replace(checkpoint.to_weights(stopped), position={}))


def test_slots_that_are_missing_or_wrong(stopped) -> None:
    file = checkpoint.to_weights(stopped)

    def with_slot(name, array):
        kept = [t for t in file.tensors if t.name != name]
        new = [] if array is None else [Tensor.of(name, array, kind="optimizer", role="slot")]
        return replace(file, tensors=(*kept, *new))

    for name in ("first_moment.0.bias", "latest.params.0.bias"):
        for array in (None, np.zeros(5), np.zeros(4, np.int64)):
            message = refused(stopped, with_slot(name, array))
            assert message == f"the training cannot be resumed: the file lacks {name} of shape (4,)"
    other = replace(stopped.options, optimizer="sgd:momentum=0.9")
    assert "lacks velocity.0.weight" in refused(stopped, file, other)


def test_a_position_older_than_scaled_losses_goes_on(digits) -> None:
    training = run(fresh(digits, DROPPING, Options(**BASE)), 2)
    file = checkpoint.to_weights(training)
    older = {name: value for name, value in file.position.items() if name not in ("loss_scale", "share", "decisions")}
    model = Model.from_weights(file)
    assert checkpoint.resume(model, digits, training.options, replace(file, position=older)).position.step == 2
