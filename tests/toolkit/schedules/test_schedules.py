import warnings
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler as torch_schedules

from cnnkit import schedules
from cnnkit.errors import ConfigError
from cnnkit.schedules import (
    SCHEDULES,
    ConstantRate,
    Cosine,
    Exponential,
    InverseTime,
    LinearWarmUp,
    OneCycle,
    Polynomial,
    Schedule,
    Step,
    WarmRestarts,
    parse,
)

BASE = 0.5


def ours(schedule: Schedule, total: int, steps_per_epoch: int = 1) -> list[float]:
    return [BASE * schedule.factor(step, total, steps_per_epoch) for step in range(total)]


def torchs(make: Callable[[torch.optim.Optimizer], torch_schedules.LRScheduler], total: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=BASE)
    schedule, rates = make(optimizer), []
    for _ in range(total):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # OneCycleLR and SequentialLR speak of their own use of step(epoch)
            if schedule.last_epoch < total - 1:
                schedule.step()
    return rates


def close(a: list[float], b: list[float]) -> bool:
    return len(a) == len(b) and all(abs(x - y) <= 1e-12 for x, y in zip(a, b, strict=True))


def test_the_comparison_can_fail() -> None:
    assert close([1.0], [1.0])
    assert not close([1.0], [1.0 + 1e-9])
    assert not close([1.0], [1.0, 1.0])
    assert not close([float("nan")], [float("nan")])


def test_constant() -> None:
    assert ours(ConstantRate(), 3) == [BASE] * 3


def test_step_is_step_lr() -> None:
    expected = torchs(lambda o: torch_schedules.StepLR(o, step_size=3, gamma=0.5), 10)
    assert close(ours(Step(3, 0.5), 10), expected)
    assert close(ours(Step(3, 0.5), 20, 2), [rate for rate in expected for _ in range(2)])


def test_inverse_time_follows_whole_epochs() -> None:
    assert ours(InverseTime(0.5), 5, 2) == [BASE, BASE, BASE / 1.5, BASE / 1.5, BASE / 2]


def test_exponential_is_exponential_lr() -> None:
    expected = torchs(lambda o: torch_schedules.ExponentialLR(o, 0.8), 7)
    assert close(ours(Exponential(0.8), 7), expected)
    assert close(ours(Exponential(0.8), 21, 3), [rate for rate in expected for _ in range(3)])


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_polynomial_is_polynomial_lr(power: float) -> None:
    expected = torchs(lambda o: torch_schedules.PolynomialLR(o, 11, power), 11)
    assert close(ours(Polynomial(power), 11), expected)
    assert Polynomial(power).factor(11, 11, 1) == Polynomial(power).factor(99, 11, 1) == 0
    assert Polynomial(2.0, floor=0.2).factor(5, 10, 1) == pytest.approx(0.2 + 0.8 * 0.25)
    assert Polynomial(2.0, floor=0.2).factor(99, 10, 1) == 0.2


@pytest.mark.parametrize(("epochs", "growth", "floor"), [(3, 1, 0.0), (2, 2, 0.1), (1, 3, 0.0), (50, 2, 0.5)])
def test_warm_restarts_are_cosine_annealing_warm_restarts(epochs: int, growth: int, floor: float) -> None:
    def make(optimizer: torch.optim.Optimizer) -> torch_schedules.LRScheduler:
        return torch_schedules.CosineAnnealingWarmRestarts(optimizer, epochs * 4, growth, eta_min=floor * BASE)

    assert close(ours(WarmRestarts(epochs, growth, floor), 70, 4), torchs(make, 70))


def test_restarts_far_on_take_no_time() -> None:
    assert WarmRestarts(1, 1).factor(2**62, 2**63 - 1, 1) == 1
    assert 0 <= WarmRestarts(1, 2).factor(2**62, 2**63 - 1, 1) <= 1


@pytest.mark.parametrize("floor", [0.0, 0.1, 1.0])
def test_cosine_is_cosine_annealing_lr(floor: float) -> None:
    assert close(
        ours(Cosine(floor), 13), torchs(lambda o: torch_schedules.CosineAnnealingLR(o, 13, eta_min=floor * BASE), 13)
    )
    assert Cosine(floor).factor(99, 13, 1) == floor


@pytest.mark.parametrize(("total", "warm_up"), [(10, 0.3), (100, 0.3), (37, 0.25), (20, 0.5), (9, 1.0), (7, 0.4)])
def test_one_cycle_is_one_cycle_lr(total: int, warm_up: float) -> None:
    def make(optimizer: torch.optim.Optimizer) -> torch_schedules.LRScheduler:
        return torch_schedules.OneCycleLR(
            optimizer, BASE, total, pct_start=warm_up, div_factor=20, final_div_factor=50, cycle_momentum=False
        )

    assert close(ours(OneCycle(warm_up, 1 / 20, 1e-3), total), torchs(make, total))


def test_one_cycle_reaches_its_peak_and_end() -> None:
    schedule = OneCycle()
    assert schedule.factor(0, 100, 10) == pytest.approx(1 / 25)
    assert schedule.factor(29, 100, 10) == pytest.approx(1.0)
    assert schedule.factor(99, 100, 10) == schedule.factor(500, 100, 10) == pytest.approx(1e-4)
    assert [schedule.factor(0, total, 1) for total in (1, 2, 3)] == [1.0] * 3, "no step to warm up in"


def test_warm_up_is_linear_lr_and_hands_over() -> None:
    expected = torchs(lambda o: torch_schedules.LinearLR(o, start_factor=0.2, total_iters=4), 9)
    assert close(ours(LinearWarmUp(steps=4, start=0.2), 9), expected)
    assert close(ours(LinearWarmUp(epochs=2, start=0.2), 9, 2), expected)
    assert close(ours(LinearWarmUp(start=0.2), 9, 4), expected)
    assert close(ours(LinearWarmUp(epochs=0.5, start=0.2), 9, 8), expected)


def test_warm_up_then_cosine_is_sequential_lr() -> None:
    def make(optimizer: torch.optim.Optimizer) -> torch_schedules.LRScheduler:
        parts: list[torch_schedules.LRScheduler] = [
            torch_schedules.LinearLR(optimizer, start_factor=0.01, total_iters=4),
            torch_schedules.CosineAnnealingLR(optimizer, 8),
        ]
        return torch_schedules.SequentialLR(optimizer, parts, milestones=[4])

    assert close(ours(parse("warmup:epochs=2,then=cosine"), 12, 2), torchs(make, 12))


def test_warm_up_passes_options_on() -> None:
    schedule = parse("warmup:steps=2,then=step:epochs=3/gamma=0.5")
    assert [schedule.factor(step, 10, 1) for step in range(2, 9)] == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25]


def test_warm_up_may_outlast_the_training() -> None:
    assert LinearWarmUp(steps=10, start=0.0, then="cosine").factor(4, 5, 1) == pytest.approx(0.4)


EVERY = [
    "constant", "step:epochs=3,gamma=0.5", "inverse:decay=0.1", "cosine:floor=0.2", "onecycle:warm_up=0.2,end=0.01",
    "exponential:gamma=0.9", "polynomial:power=2.0,floor=0.1", "restarts:epochs=2,growth=2,floor=0.1",
    "plateau:gamma=0.5,patience=2,threshold=0.01,cooldown=1,floor=0.1", "warmup:then=plateau:gamma=0.5/patience=1",
    "warmup:epochs=1.5,then=cosine:floor=0.5", "warmup:steps=3,start=0.5,then=step:epochs=1/gamma=0.3",
]  # fmt: skip


def test_every_name_is_tried() -> None:
    assert {text.partition(":")[0] for text in EVERY} == set(SCHEDULES)


@pytest.mark.parametrize("text", EVERY)
def test_text_and_value_say_the_same(text: str) -> None:
    assert schedules.render(parse(text)) == text


@given(st.sampled_from(EVERY), st.integers(1, 300), st.integers(1, 20), st.integers(0, 400))
def test_the_factor_stays_between_nothing_and_the_base(text: str, total: int, per_epoch: int, step: int) -> None:
    assert 0 <= parse(text).factor(step, total, per_epoch) <= 1 + 1e-12


@pytest.mark.parametrize(
    "text",
    [
        "linear", "step:epochs=0", "step:gamma=0", "step:gamma=inf", "inverse", "inverse:decay=-1", "inverse:decay=inf",
        "cosine:floor=-0.1", "cosine:floor=2", "onecycle:warm_up=1.5", "onecycle:start=2", "onecycle:end=-1",
        "warmup:epochs=0", "warmup:steps=0", "warmup:steps=1,epochs=1", "warmup:start=2", "warmup:then=nothing",
        "warmup:then=warmup", "warmup:epochs=inf", "exponential", "exponential:gamma=0", "exponential:gamma=1.1",
        "polynomial:power=0", "polynomial:power=inf", "polynomial:floor=2", "restarts:epochs=0", "restarts:growth=0",
        "restarts:floor=-1", f"restarts:growth={10**30}", "plateau:gamma=1", "plateau:gamma=0", "plateau:patience=-1",
        "plateau:cooldown=-1", "plateau:threshold=1", "plateau:floor=2", "warmup:then=plateau:gamma=2",
    ],
)  # fmt: skip
def test_wrong_values_are_config_errors(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text)
