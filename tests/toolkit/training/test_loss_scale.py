"""Loss scaling of float16: torch.amp.GradScaler's scales, steps that change nothing, the same bits after a resume."""

import numpy as np
import pytest
import torch

from cnnkit import Model, Options, Sequential, Training, exporters, load_data
from cnnkit.errors import ConfigError, TrainingError, WeightFileError
from cnnkit.layers import BatchNorm, Conv2D, Dense, Flatten, ReLU, Rescale
from cnnkit.training import checkpoint
from cnnkit.training.loss_scale import GROW_AFTER, LARGEST, SMALLEST, START, LossScale
from cnnkit.training.position import Position
from cnnkit.tree import leaves

NET = Sequential((Conv2D(4, 3), BatchNorm(), ReLU(), Flatten(), Dense(10)))
BASE = {"limit": 90, "epochs": 2, "batch_size": 16, "learning_rate": 0.02, "validation_split": 0.1}


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


def fresh(dataset, backend="torch", dtype="float16", network=NET, **options) -> Training:
    options = Options(**(BASE | options))
    model = Model(network, dataset.image_shape, backend=backend, dtype=dtype, seed=3)
    return Training(model, dataset, options)


def run(training: Training, batches: int | None = None) -> Training:
    done = 0

    def stop() -> bool:
        nonlocal done
        done += 1
        return done == batches

    for _ in training.epochs(stop=None if batches is None else stop):
        pass
    return training


def host(training: Training) -> list[np.ndarray]:
    return [np.array(training.model.backend.to_numpy(leaf)) for leaf in leaves(training.variables)[0]]


def same_bits(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


def test_the_scales_are_those_of_grad_scaler() -> None:
    """Overflows at the start, alone, in a row, and just before and after a doubling."""
    overflows = {0, 1, 5, 6, 7, GROW_AFTER + 7, GROW_AFTER + 8, 2 * GROW_AFTER + 8, 2 * GROW_AFTER + 9}
    steps = 3 * GROW_AFTER + 12
    scaler = torch.amp.GradScaler("cpu", init_scale=START, growth_interval=GROW_AFTER)
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.0)
    ours, theirs, own = [], [], LossScale()
    scaler.scale(torch.zeros(1))
    for step in range(steps):
        weight.grad = torch.full((1,), float("inf") if step in overflows else 1.0)
        scaler.step(optimizer)
        scaler.update()
        theirs.append(scaler.get_scale())
        own = own.after(step not in overflows)
        ours.append(own.scale)
    assert ours == theirs
    assert own.skipped == len(overflows)


def test_the_scale_stays_a_float32() -> None:
    assert LossScale(LARGEST, GROW_AFTER - 1).after(True).scale == LARGEST


@pytest.mark.parametrize("backend", ["torch", "cupy-sim"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd:momentum=0.9"])
def test_a_step_that_overflows_changes_nothing_but_the_scale(digits, backend, optimizer) -> None:
    """The same training without the overflow gives the same bits: an optimizer does not count the step."""
    planted = fresh(digits, backend, optimizer=optimizer)
    planted.start_from(planted.variables, Position(loss_scale=LossScale(2.0**60)))
    before = host(planted)
    batch, scale = next(iter(planted.batches(planted.position))), planted.position.loss_scale
    scales = []
    while True:
        variables, report, changed = planted.run_step(planted.variables, batch, scale.skipped, (), scale)
        if changed.skipped == scale.skipped:
            break
        planted.variables, scale = variables, changed
        scales.append(changed.scale)
        assert not bool(planted.model.backend.to_numpy(report.finite))
        assert same_bits(host(planted), before)
    assert len(scales) > 10
    assert scales == [2.0 ** (59 - i) for i in range(len(scales))]
    clean = fresh(digits, backend, optimizer=optimizer)
    moved, _, _ = clean.run_step(clean.variables, batch, 0, (), LossScale(scale.scale))
    planted.variables, clean.variables = variables, moved
    assert same_bits(host(planted), host(clean))
    assert not same_bits(host(clean), before)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("batches", [2, 5, 7])
def test_a_resumed_training_gives_the_same_bits(digits, tmp_path, dtype, batches) -> None:
    scale = LossScale(2.0**30) if dtype == "float16" else None  # the first steps overflow
    whole, part = (fresh(digits, dtype=dtype) for _ in range(2))
    for training in (whole, part):
        training.start_from(training.variables, Position(loss_scale=scale))
    run(whole)
    run(part, batches)
    path = tmp_path / "w.h5"
    exporters.write(checkpoint.to_weights(part), path)
    file = exporters.read(path)
    model = Model.from_weights(file, backend="torch", dtype=dtype)
    resumed = run(checkpoint.resume(model, digits, part.options, file))
    assert same_bits(host(resumed), host(whole))
    assert resumed.position.loss_scale == whole.position.loss_scale
    entry = whole.position.history[-1]
    if dtype == "float16":
        assert whole.position.loss_scale.skipped > 0
        assert entry["skipped_steps"] == whole.position.loss_scale.skipped
        assert entry["loss_scale"] == whole.position.loss_scale.scale
    else:
        assert "loss_scale" not in entry
    assert {tensor.dtype for tensor in file.tensors} == {"float32"}


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (None, "got None"),
        ({"scale": 65536.0, "good": 0}, "scale > 0, good and skipped"),
        ({"scale": float("inf"), "good": 0, "skipped": 0}, "scale > 0, good and skipped"),
        ({"scale": 1.0, "good": 99, "skipped": 0}, "up to 2, the steps"),
    ],
)
def test_a_position_with_another_loss_scale_is_refused(digits, stored, expected) -> None:
    part = run(fresh(digits), 2)
    file = checkpoint.to_weights(part)
    file.position["loss_scale"] = stored
    with pytest.raises(WeightFileError, match="position loss_scale: expected") as caught:
        checkpoint.resume(part.model, digits, part.options, file)
    assert expected in str(caught.value)


def test_gradients_that_no_scale_makes_finite_end_the_training(digits) -> None:
    training = fresh(digits)
    batch = next(iter(training.batches(training.position)))
    batch = batch._replace(x=batch.x * float("nan"))
    with pytest.raises(TrainingError, match="not finite in float16 whatever the loss is scaled by"):
        training.run_step(training.variables, batch, 0, (), LossScale(SMALLEST))


def test_outputs_beyond_float16_are_named(digits) -> None:
    network = Sequential((Flatten(), Dense(8), Rescale(1e6), ReLU(), Dense(10)))
    with pytest.raises(TrainingError, match=r"layer 3 \(ReLU\), beyond the 65,504 of float16.*bfloat16"):
        run(fresh(digits, network=network))


@pytest.mark.parametrize("backend", ["numpy", "reference"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_backend_that_only_stores_the_type_does_not_train_in_it(digits, backend, dtype) -> None:
    with pytest.raises(ConfigError, match=f"{dtype} on backend {backend} .* --backend torch --dtype {dtype}"):
        fresh(digits, backend, dtype)
