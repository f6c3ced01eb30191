import math
from dataclasses import replace

import numpy as np
import pytest

from cnnkit import Model, Options, Sequential, Training, load_data
from cnnkit.data.scaling import Scaling
from cnnkit.data.split import Split
from cnnkit.errors import TrainingError
from cnnkit.layers import BatchNorm, Conv2D, Dense, Flatten, ReLU
from cnnkit.training import agreement

NETWORK = Sequential((Conv2D(3, 3), ReLU(), Flatten(), Dense(10)))
LINEAR = Sequential((Conv2D(3, 3), Flatten(), Dense(10)))  # has no ReLU that could die and so stop a divergence
DIVERGING = {"learning_rate": 3.0, "limit": 320, "epochs": 3, "loss": "half_squared_error", "network": LINEAR}
BACKENDS = pytest.mark.parametrize("backend", ["numpy", "torch"])


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


def make(dataset, backend="numpy", network=NETWORK, **options) -> Training:
    options = Options(**({"limit": 96, "batch_size": 16, "optimizer": "sgd", "shuffle": False} | options))
    threads = 1 if backend == "torch" else None
    model = Model(network, dataset.image_shape, backend=backend, threads=threads)
    return Training(model, dataset, options)


def failure(training: Training, reports=None) -> str:
    reports = [] if reports is None else reports
    with pytest.raises(TrainingError) as caught:
        reports.extend(training.epochs())
    assert "\n" not in str(caught.value)
    return str(caught.value)


@BACKENDS
@pytest.mark.parametrize("optimizer", ["sgd", "sgd:momentum=0.9", "adam"])
def test_a_huge_learning_rate(digits, backend, optimizer) -> None:
    settings = DIVERGING | {"learning_rate": 1e30, "optimizer": optimizer}
    message = failure(make(digits, backend, **settings))
    assert "epoch 1, batch " in message
    assert "layer 0 (Conv2D)" in message or "layer 2 (Dense)" in message or "weight is not finite after" in message
    name = optimizer.partition(":")[0]
    assert message.endswith(
        f"try a lower --learning-rate than 1e+30, or clip gradients with --optimizer {name}:clip_norm=1"
    )


@BACKENDS
@pytest.mark.parametrize("read_every", [0.0, 1.0, 1e9])
def test_the_step_is_the_one_that_failed(digits, backend, read_every, monkeypatch) -> None:
    """However rarely losses are read, the diagnosis finds the right batch; a run of single steps tells which it is."""
    monkeypatch.setattr(agreement, "READ_EVERY", read_every)
    training, plain = (make(digits, backend, **DIVERGING) for _ in range(2))
    variables, step, loss = plain.variables, 0, 0.0
    for x, labels in [batch[:2] for _ in range(3) for batch in plain.batches(plain.position)]:
        variables, report = plain.step(variables, x, labels, plain.scalars(step))
        loss, step = float(plain.model.backend.to_numpy(report.loss)), step + 1
        if not math.isfinite(loss):
            break
    assert not math.isfinite(loss)
    assert step > 2
    epoch, batch = divmod(step - 1, plain.steps_per_epoch)
    assert f"in epoch {epoch + 1}, batch {batch + 1} (step {step})" in failure(training)


@BACKENDS
@pytest.mark.parametrize(("name", "value"), [("0.weight", np.inf), ("3.bias", np.nan)])
def test_a_weight_that_was_bad_from_the_start(digits, backend, name, value) -> None:
    training = make(digits, backend)
    layer, _, field = name.partition(".")
    training.variables.params[layer][field].reshape((-1,))[0] = value
    training.start_from(training.variables, training.position)
    message = failure(training)
    assert message == (
        f"{name} is not finite from the start: kept are the weights as they were before: "
        "start from other weights or data"
    )


@BACKENDS
def test_an_output_that_overflows_is_located(digits, backend) -> None:
    training = make(digits, backend)
    training.variables.params["0"]["weight"][:] = 1e30
    training.variables.params["3"]["weight"][:] = 1e30
    training.start_from(training.variables, training.position)
    assert "the first output that is not finite is that of layer 3 (Dense)" in failure(training)


@BACKENDS
def test_a_loss_that_overflows_though_no_output_does(digits, backend) -> None:
    training = make(digits, backend, loss="mean_squared_error")
    training.variables.params["3"]["bias"][:] = 1e25
    training.start_from(training.variables, training.position)
    assert "all layers' outputs are finite, the largest is 1e+25" in failure(training)


@BACKENDS
def test_an_image_that_is_not_finite(digits, backend) -> None:
    raw = np.asarray(digits.train.images).astype(np.float64)
    bad = replace(digits, train=Split(raw, digits.train.labels), scaling=Scaling(0.0, 1 / 16))
    raw[40, 0, 3, 3] = np.nan  # after the data set was checked
    message = failure(make(bad, backend))
    assert "epoch 1, batch 3 (step 3): an image is not finite: kept are the weights as they were before: " in message


@BACKENDS
def test_a_failure_in_the_second_epoch(digits, backend) -> None:
    """The rate jumps at the start of the second epoch; that epoch's first update ruins the weights."""
    reports: list = []
    training = make(digits, backend, learning_rate=0.01, schedule="step:epochs=1,gamma=1e30", epochs=3)
    message = failure(training, reports)
    assert len(reports) == 1
    assert math.isfinite(reports[0].entry["loss"])
    assert "epoch 2, batch " in message
    assert "(step 8)" in message or "(step 9)" in message
    assert "kept are the weights after 1 epoch: " in message
    assert (training.position.epoch, training.position.batch) == (1, 0)
    assert all(np.isfinite(values).all() for values in training.model.weights.values())
    assert "try a lower --learning-rate than 1e+28" in message


@BACKENDS
def test_weights_that_the_last_update_ruined(digits, backend) -> None:
    """The loss was computed before that update, so it is finite; the weights are not, and must not be saved."""
    training = make(digits, backend, learning_rate=1e38, limit=16, epochs=1, loss="half_squared_error")
    training.variables.params["3"]["bias"][:] = 1e3
    training.start_from(training.variables, training.position)
    message = failure(training)
    assert "is not finite after the update of epoch 1, batch 1 (step 1): kept are the weights as they" in message
    assert "try a lower --learning-rate than 1e+38" in message
    assert all(np.isfinite(values).all() for values in training.model.weights.values())


@BACKENDS
def test_a_validation_loss_that_is_not_finite(digits, backend) -> None:
    """One update gives finite weights whose outputs overflow."""
    settings = DIVERGING | {"limit": 20, "batch_size": 18, "validation_split": 0.1, "learning_rate": 1e25}
    training = make(digits, backend, **settings)
    message = failure(training)
    assert message == (
        "the validation loss is not finite after epoch 1, all weights are: kept are the weights as they were before: "
        "try a lower --learning-rate than 1e+25"
    )
    assert training.position.history == ()


def test_a_running_statistic_that_overflows_is_named(digits) -> None:
    training = make(digits, network=Sequential((Conv2D(3, 3), BatchNorm(), Flatten(), Dense(10))), limit=32)
    training.variables.params["0"]["weight"][:] = 1e25
    training.start_from(training.variables, training.position)
    assert "1.variance is not finite after the update of epoch 1, batch 1 (step 1)" in failure(training)


@BACKENDS
def test_a_training_that_is_well_says_nothing(digits, backend) -> None:
    training = make(digits, backend, learning_rate=0.05)
    assert all(math.isfinite(report.entry["loss"]) for report in training.epochs())


@BACKENDS
def test_clipping_is_a_remedy(digits, backend) -> None:
    failure(make(digits, backend, **DIVERGING))
    list(make(digits, backend, **(DIVERGING | {"optimizer": "sgd:clip_norm=0.1"})).epochs())
