"""The schedule that follows the validation loss: torch's ReduceLROnPlateau, in a training, and after a resume."""

import random
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from cnnkit import Model, Options
from cnnkit.data import from_arrays
from cnnkit.errors import ConfigError
from cnnkit.exporters import read, write
from cnnkit.layers import Dense, Flatten, Sequential
from cnnkit.schedules import Cosine, Plateau, Schedule, parse
from cnnkit.training import Training, checkpoint

DRAWN = np.random.default_rng(0)
DATA = from_arrays(
    DRAWN.normal(size=(40, 1, 4, 4)).astype(np.float32), DRAWN.integers(0, 3, 40), class_names=("a", "b", "c")
)
OPTIONS = {"epochs": 7, "batch_size": 16, "learning_rate": 0.5, "validation_split": 0.25, "optimizer": "sgd"}
PLATEAU = "plateau:gamma=0.5,patience=0,threshold=0.1"


def losses(seed: int, count: int = 60) -> list[float]:
    """Losses that fall, then wander; some twice the same."""
    drawn = random.Random(seed)
    return [round(max(2 - 0.2 * i, 1) + drawn.uniform(-0.02, 0.05), 3) for i in range(count)]


def torchs(schedule: Plateau, given: list[float], base: float = 0.5) -> list[float]:
    """Return the rate of each epoch."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=base)
    reduce = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=schedule.gamma, patience=schedule.patience, threshold=schedule.threshold,
        cooldown=schedule.cooldown, min_lr=schedule.floor * base, eps=0.0,
    )  # fmt: skip
    rates = []
    for loss in given:
        rates.append(float(optimizer.param_groups[0]["lr"]))
        reduce.step(loss)
    return rates


def ours(schedule: Schedule, given: list[float], per_epoch: int = 1) -> list[float]:
    total = per_epoch * len(given)
    return [0.5 * schedule.factor_after(given[:i], i * per_epoch, total, per_epoch) for i in range(len(given))]


@pytest.mark.parametrize(
    "schedule",
    [Plateau(patience=2), Plateau(0.5, 0), Plateau(0.7, 3, 0.02, 4), Plateau(0.1, 1, 0.0, 0, 0.02)],
)  # fmt: skip
def test_it_is_reduce_lr_on_plateau(schedule) -> None:
    for seed in range(5):
        wanted = torchs(schedule, losses(seed))
        assert ours(schedule, losses(seed)) == pytest.approx(wanted, rel=1e-12)
        assert wanted[-1] < wanted[0]
    other = replace(schedule, patience=schedule.patience + 1)
    assert any(ours(other, losses(seed)) != pytest.approx(torchs(schedule, losses(seed))) for seed in range(5))


def test_after_a_warm_up_the_losses_of_whole_epochs_count() -> None:
    given = losses(1)
    schedule = parse("warmup:epochs=2.5,start=0.1,then=plateau:gamma=0.5/patience=1")
    assert schedule.reacts
    rates = ours(schedule, given, 4)
    assert rates[:3] == pytest.approx([0.05, 0.05 + 0.45 * 0.4, 0.05 + 0.45 * 0.8])
    assert rates[3:] == pytest.approx(torchs(Plateau(0.5, 1), given[3:]))


def test_who_reacts() -> None:
    assert Plateau().reacts
    assert not Cosine().reacts
    assert not parse("warmup:then=cosine").reacts
    assert Cosine().factor_after([1.0, 2.0], 3, 10, 1) == Cosine().factor(3, 10, 1)
    assert Plateau(patience=0).factor(5, 10, 1) == 1


def train(backend="numpy", batches=None, **options) -> Training:
    network = Sequential((Flatten(), Dense(3)))
    training = Training(Model(network, (1, 4, 4), seed=2, backend=backend), DATA, Options(**OPTIONS | options))
    count = iter(range(1, 100))
    list(training.epochs(stop=lambda: next(count) == batches))
    return training


def test_the_rates_of_a_training_are_torchs() -> None:
    done = train(schedule=PLATEAU).position.history
    wanted = torchs(Plateau(0.5, 0, 0.1), [entry["validation_loss"] for entry in done])
    assert [entry["learning_rate"] for entry in done] == pytest.approx(wanted, rel=1e-12)
    assert len(set(wanted)) > 2, "it falls more than once"


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("schedule", [PLATEAU, f"warmup:steps=3,then={PLATEAU.replace(',', '/')}"])
def test_resumed_after_any_batch(tmp_path, backend, schedule) -> None:
    def figures(training):
        return [{k: v for k, v in entry.items() if k != "seconds"} for entry in training.position.history]

    whole = train(backend, schedule=schedule)
    for batches in (1, 5, 8, 11):
        stopped = train(backend, batches, schedule=schedule)
        write(checkpoint.to_weights(stopped), tmp_path / "w.h5", overwrite=True)
        file = read(tmp_path / "w.h5")
        resumed = checkpoint.resume(Model.from_weights(file, backend=backend), DATA, stopped.options, file)
        list(resumed.epochs())
        assert figures(resumed) == figures(whole)
        assert all(np.array_equal(w, resumed.model.weights[n]) for n, w in whole.model.weights.items())


@pytest.mark.parametrize("schedule", ["plateau", "warmup:then=plateau"])
@pytest.mark.parametrize("split", [0.0, 0.001])
def test_without_validation_images_it_is_refused(schedule, split) -> None:
    with pytest.raises(ConfigError, match=r"^schedule \w+: expected images to validate on.*such as 0\.1$") as caught:
        train(schedule=schedule, validation_split=split)
    assert "\n" not in str(caught.value)


@dataclass(frozen=True)
class Impatient(Schedule):
    """A half after each epoch whose loss is not below the one before it."""

    reacts = True

    def factor(self, *_):
        return 1.0

    def factor_after(self, losses, *_):
        return 0.5 ** sum(later >= earlier for earlier, later in pairwise(losses))


def test_a_schedule_of_ones_own_may_follow_the_losses() -> None:
    done = train(schedule=Impatient()).position.history
    given = [entry["validation_loss"] for entry in done]
    assert [entry["learning_rate"] for entry in done] == [
        0.5 * Impatient().factor_after(given[:i], 0, 1, 1) for i in range(len(given))
    ]
    assert done[-1]["learning_rate"] < 0.5
    with pytest.raises(ConfigError, match="schedule Impatient: expected images to validate on"):
        train(schedule=Impatient(), validation_split=0.0)
