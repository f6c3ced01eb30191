"""A loss, an optimizer, a schedule and an initializer of a user's own: as objects, registered, and from a package."""

import functools
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from cnnkit import (
    Model,
    Options,
    Sequential,
    Training,
    exporters,
    initializers,
    load_data,
    losses,
    optimizers,
    schedules,
)
from cnnkit.cli.app import run
from cnnkit.errors import ConfigError, WeightFileError
from cnnkit.layers import Dense, Flatten
from cnnkit.schedules import LinearWarmUp
from cnnkit.training import checkpoint

pytestmark = pytest.mark.usefixtures("nothing_registered")
SOURCE = """
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from cnnkit.initializers import Initializer
from cnnkit.losses import Loss, SoftmaxCrossEntropy
from cnnkit.optimizers import Optimizer
from cnnkit.schedules import Schedule


@dataclass(frozen=True)
class Weighted(Loss):
    factor: float = 1.0
    pure: ClassVar[bool] = True

    def value_and_gradient(self, backend, outputs, targets):
        loss, dy = backend.softmax_cross_entropy(outputs, targets)
        return loss * self.factor, dy * self.factor


@dataclass(frozen=True)
class Smoothed(Optimizer):
    decay: float = 0.5
    slots = ("mean",)
    pure: ClassVar[bool] = True

    def step(self, backend, parameter, gradient, slots, scalars):
        def formula(p, g, mean):
            mean = mean * self.decay + g * (1 - self.decay)
            return p - mean * scalars["rate"], mean

        return backend.update(formula, parameter, gradient, *slots)


@dataclass(frozen=True)
class Halving(Schedule):
    every: int = 10

    def factor(self, step, total_steps, steps_per_epoch):
        return 0.5 ** (step // self.every)


@dataclass(frozen=True)
class Ramp(Initializer):
    largest: float = 1.0

    def __call__(self, rng, shape, fan_in, fan_out):
        return np.linspace(-self.largest, self.largest, math.prod(shape)).reshape(shape)
"""
ENTRY_POINTS = """
[cnnkit.losses]
weighted = parts_of_a_third_party:Weighted
broken = broken_part_of_a_third_party:Loss
halving = parts_of_a_third_party:Halving
malformed = parts of a third party
huber = parts_of_a_third_party:Weighted
[cnnkit.optimizers]
smoothed = parts_of_a_third_party:Smoothed
[cnnkit.schedules]
halving = parts_of_a_third_party:Halving
[cnnkit.initializers]
ramp = parts_of_a_third_party:Ramp
"""
TEXTS = {"loss": "Weighted:factor=2.0", "optimizer": "Smoothed:decay=0.8", "schedule": "Halving:every=3"}


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """Return a module with one class of each kind, which no entry point names."""
    (tmp_path / "parts_of_a_third_party.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "parts_of_a_third_party", raising=False)
    import parts_of_a_third_party

    return parts_of_a_third_party


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return the same module, installed as a package whose entry points name its classes, and a broken one."""
    (tmp_path / "parts_of_a_third_party.py").write_text(SOURCE)
    (tmp_path / "broken_part_of_a_third_party.py").write_text("raise RuntimeError('no such thing\\nsecond line')")
    (tmp_path / "fake-1.0.dist-info").mkdir()
    (tmp_path / "fake-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: fake\nVersion: 1.0\n")
    (tmp_path / "fake-1.0.dist-info" / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "parts_of_a_third_party", raising=False)


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


def objects(parts) -> dict:
    return {"loss": parts.Weighted(2.0), "optimizer": parts.Smoothed(0.8), "schedule": parts.Halving(3)}


def network(initializer) -> Sequential:
    return Sequential((Flatten(), Dense(10, weight_initializer=initializer)))


def trained(digits, initializer, backend="numpy", **options) -> Model:
    model = Model(network(initializer), (1, 8, 8), seed=1, backend=backend, threads=1)
    model.fit(digits, epochs=2, batch_size=16, limit=160, **options)
    return model


def register(parts) -> None:
    for register_one, cls in (
        (losses.register, parts.Weighted), (optimizers.register, parts.Smoothed),
        (schedules.register, parts.Halving), (initializers.register, parts.Ramp),
    ):  # fmt: skip
        assert register_one(cls) is cls


@pytest.mark.parametrize("backend", ["numpy", "torch", "cupy-sim"])
def test_objects_train_as_their_registered_names_do(parts, digits, backend) -> None:
    model = trained(digits, parts.Ramp(0.1), backend, **objects(parts))
    register(parts)
    named = trained(digits, "Ramp:largest=0.1", backend, **TEXTS)
    assert named.loss == model.loss == parts.Weighted(2.0)
    for name, values in model.weights.items():
        assert np.array_equal(values, named.weights[name]), name
    wrong = trained(digits, "Ramp:largest=0.1", backend, **TEXTS | {"schedule": "constant"})
    assert not np.array_equal(wrong.weights["1.weight"], model.weights["1.weight"])


def test_a_step_of_pure_parts_is_captured(parts, digits) -> None:
    options = Options(epochs=2, batch_size=16, limit=160, **objects(parts))
    training = Training(Model(network(parts.Ramp()), (1, 8, 8)), digits, options)
    assert len(list(training.epochs())) == 2
    assert training.not_captured is None


def test_the_model_has_the_loss_that_it_is_given(parts, digits) -> None:
    model = Model(network("he"), (1, 8, 8), loss=parts.Weighted(3.0))
    model.fit(digits, epochs=1, limit=32)
    assert model.loss == parts.Weighted(3.0)


def test_saved_by_name_and_loaded_once_registered(parts, digits, tmp_path) -> None:
    model = trained(digits, parts.Ramp(0.1), **objects(parts))
    model.save(tmp_path / "net.h5")
    with pytest.raises(WeightFileError) as caught:
        Model.load(tmp_path / "net.h5")
    assert str(caught.value).startswith("metadata loss: expected one of binary_cross_entropy, binary_focal, ")
    assert str(caught.value).endswith(
        "got 'Weighted': for a class of your own call cnnkit.losses.register(Weighted), or install the package that "
        "has it among its entry points of group cnnkit.losses"
    )
    losses.register(parts.Weighted)
    with pytest.raises(WeightFileError, match=r"call cnnkit\.initializers\.register\(Ramp\), or install") as caught:
        Model.load(tmp_path / "net.h5")
    assert "\n" not in str(caught.value)
    initializers.register(parts.Ramp)
    loaded = Model.load(tmp_path / "net.h5")
    assert loaded.loss == model.loss
    assert np.array_equal(loaded.weights["1.weight"], model.weights["1.weight"])
    assert exporters.read(tmp_path / "net.h5").metadata["loss"] == "Weighted:factor=2.0"
    assert loaded.to_weights().architecture["layers"][1]["weight_initializer"] == "Ramp:largest=0.1"


def test_a_training_goes_on_where_it_stopped(parts, digits, tmp_path) -> None:
    register(parts)
    options = Options(epochs=3, batch_size=16, limit=160, **objects(parts))
    training = Training(Model(network(parts.Ramp(0.1)), (1, 8, 8), seed=1), digits, options)
    next(training.epochs())
    exporters.write(checkpoint.to_weights(training), tmp_path / "net.h5")
    list(training.epochs())
    file = exporters.read(tmp_path / "net.h5")
    resumed = checkpoint.resume(Model.from_weights(file), digits, options, file)
    list(resumed.epochs())
    assert np.array_equal(resumed.model.weights["1.weight"], training.model.weights["1.weight"])


@pytest.mark.usefixtures("package")
def test_a_package_adds_names_to_cnnkits_own(digits, tmp_path) -> None:
    assert [name for name in losses.LOSSES if name in ("huber", "weighted")] == ["huber", "weighted"]
    assert losses.parse("huber") == losses.Huber()  # cnnkit's own come first
    texts = {"loss": "weighted:factor=2.0", "optimizer": "smoothed:decay=0.8", "schedule": "halving:every=3"}
    model = trained(digits, "ramp:largest=0.1", **texts)
    model.save(tmp_path / "net.h5")
    assert Model.load(tmp_path / "net.h5").loss == model.loss
    import parts_of_a_third_party as parts

    assert losses.render(parts.Weighted(2.0)) == "weighted:factor=2.0"
    same = trained(digits, parts.Ramp(0.1), **objects(parts))
    assert np.array_equal(same.weights["1.weight"], model.weights["1.weight"])
    with pytest.raises(ConfigError, match="optimizer smoothed: decay: expected float, got 'x'"):
        optimizers.parse("smoothed:decay=x")


@pytest.mark.usefixtures("package")
def test_the_commands_know_a_package_and_resume(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["--recipe", "digits-cnn", "--limit", "64", "--batch-size", "16", "--out", "net.h5"]
    parts = ["--loss", "weighted:factor=2", "--optimizer", "smoothed", "--schedule", "halving", "--initializer", "ramp"]
    assert run(["train", *arguments, *parts, "--epochs", "1"]) == 0, capsys.readouterr().err
    assert run(["train", *arguments, *parts, "--epochs", "2", "--resume"]) == 0, capsys.readouterr().err
    assert exporters.read("net.h5").metadata["run"]["options"]["optimizer"] == "smoothed"


@pytest.mark.usefixtures("package")
def test_a_broken_plug_in_is_named_and_harms_no_other() -> None:
    assert losses.parse("weighted:factor=3").factor == 3.0
    for text, message in (
        ("broken", "loss broken: broken_part_of_a_third_party:Loss cannot be imported: RuntimeError: no such thing"),
        ("halving", "loss halving: expected a subclass of cnnkit.losses.base.Loss, got <class 'parts_of_a_third_party"),
        ("malformed", "loss malformed: parts of a third party cannot be imported: "),
        ("weigthed", "got 'weigthed' (did you mean weighted?)"),
    ):
        with pytest.raises(ConfigError) as caught:
            losses.parse(text)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_package_installed_meanwhile_is_found(request) -> None:
    with pytest.raises(ConfigError, match="expected one of"):
        schedules.parse("halving")
    request.getfixturevalue("package")
    assert schedules.parse("halving:every=3").factor(3, 10, 5) == 0.5


def test_a_schedule_of_ones_own_follows_a_warm_up(parts) -> None:
    warm = LinearWarmUp(steps=2, then=parts.Halving(3))
    assert warm.factor(5, 10, 5) == 0.5
    with pytest.raises(ConfigError, match=r"schedules\.register\(Halving\)"):
        schedules.render(warm)
    schedules.register(parts.Halving)
    assert schedules.render(warm) == "warmup:steps=2,then=Halving:every=3"
    assert schedules.parse(schedules.render(warm)) == warm


@pytest.mark.parametrize(
    ("module", "text", "message"),
    [
        (optimizers, "Adam", "optimizer: expected one of .*, got 'Adam' .did you mean adam.."),
        (optimizers, "SGD", "optimizer: expected one of .*, got 'SGD' .did you mean sgd.."),
        (schedules, "warmup:then=stp", "schedule: expected one of .*, got 'stp' .did you mean step.."),
        (losses, "nothing_like_it", "got 'nothing_like_it': for a class of your own call cnnkit.losses.register"),
    ],
)
def test_a_name_that_is_not_known_gets_one_hint(module, text, message) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        module.parse(text)
    assert str(caught.value).count("did you mean") + str(caught.value).count("register(") == 1


def test_what_an_object_derives_and_keeps_is_no_field_of_it() -> None:
    losses.register(Derived)
    loss = Derived(factor=3.0)
    assert loss.inner == losses.SoftmaxCrossEntropy()
    assert losses.render(loss) == "Derived:factor=3.0"


@dataclass(frozen=True)
class Derived(losses.Loss):
    factor: float = 2.0

    @functools.cached_property
    def inner(self) -> losses.Loss:
        return losses.SoftmaxCrossEntropy()

    def value_and_gradient(self, backend, outputs, targets):
        value, dy = self.inner.value_and_gradient(backend, outputs, targets)
        return value * self.factor, dy * self.factor
