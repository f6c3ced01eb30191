"""Learning rates by layer, and weight decay without biases and normalisations: as PyTorch with parameter groups."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest
import torch

from cnnkit import Model, Options, optimizers
from cnnkit.backends.cuda.cupy_sim_backend import CupySimBackend
from cnnkit.backends.numpy_cpu.capture import replay
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.backends.shared.captured_step import CapturedStep
from cnnkit.data import from_arrays
from cnnkit.errors import ConfigError, TrainingError
from cnnkit.exporters import read, write
from cnnkit.flat_tree import flat_tree
from cnnkit.layers import BatchNorm, Conv2D, Dense, Flatten, LayerNorm, ReLU, Residual, Sequential
from cnnkit.optimizers import GroupedOptimizer, Lion, Optimizer, UpdateRule
from cnnkit.training import Training, checkpoint
from cnnkit.training.parameter_groups import group_parameters
from cnnkit.tree import FlatTree, flatten, leaves

DRAWN = np.random.default_rng(0)
DATA = from_arrays(
    DRAWN.normal(size=(24, 1, 6, 6)).astype(np.float32), DRAWN.integers(0, 3, 24), class_names=("a", "b", "c")
)
SHAPE = (1, 6, 6)
NET = Sequential((
    Conv2D(4, 3), BatchNorm(), ReLU(), Residual(Sequential((Conv2D(4, 3, padding=1), LayerNorm()))),
    Flatten(), Dense(5), ReLU(), Dense(3),
))  # fmt: skip
RATES = {"0": 0.1, "3.*": 0.5, "*.bias": 2.0}
FEW = {"epochs": 2, "batch_size": 8, "seed": 5}


def group(optimizer: str, rates: Mapping[str, float] = {}, net=NET) -> UpdateRule:
    options = Options(learning_rates=rates)
    return group_parameters(net, SHAPE, optimizers.parse(optimizer), options.rate_factors)


def settle(rule: UpdateRule) -> dict[str, tuple[float, float]]:
    """Return {parameter: (factor, weight decay)}."""
    assert isinstance(rule, GroupedOptimizer)
    return {name: (rule.factors[i], rule.optimizers[i].weight_decay) for name, i in rule.groups.items()}


def train(backend="numpy", dtype="float32", net=NET, batches=None, **options) -> Training:
    training = Training(Model(net, SHAPE, seed=5, backend=backend, dtype=dtype), DATA, Options(**FEW | options))
    count = iter(range(1, 100))
    list(training.epochs(stop=lambda: next(count) == batches))
    return training


def test_of_several_patterns_the_last_decides() -> None:
    factors = {name: factor for name, (factor, _) in settle(group("sgd", RATES)).items()}
    assert factors == {
        "0.weight": 0.1, "0.bias": 2.0, "1.gamma": 1.0, "1.beta": 1.0, "3.body.0.weight": 0.5, "3.body.0.bias": 2.0,
        "3.body.1.gamma": 0.5, "3.body.1.beta": 0.5, "5.weight": 1.0, "5.bias": 2.0, "7.weight": 1.0, "7.bias": 2.0,
    }  # fmt: skip


def test_biases_and_normalisations_do_not_decay() -> None:
    decays = {name: decay for name, (_, decay) in settle(group("adamw:weight_decay=0.05,decay_all=false")).items()}
    assert {name for name, decay in decays.items() if decay} == {"0.weight", "3.body.0.weight", "5.weight", "7.weight"}
    assert set(decays.values()) == {0.0, 0.05}
    assert decays["3.body.1.gamma"] == 0, "of three axes, and of a normalisation"


def test_an_optimizer_that_treats_all_alike_is_itself() -> None:
    optimizer = optimizers.parse("adamw")
    assert group_parameters(NET, SHAPE, optimizer, ()) is optimizer
    assert group_parameters(NET, SHAPE, optimizer, (("*", 1.0),)) is optimizer


def follow_torch(decay: float) -> dict[str, np.ndarray]:
    """Return the weights after training NET's plain part with parameter groups of PyTorch."""
    model = Model(PLAIN, SHAPE, seed=5, dtype="float64")
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(64, 3)
    ).double()  # fmt: skip
    net.load_state_dict({name: torch.tensor(w) for name, w in model.weights.items()})
    groups = [
        {"params": [net[0].weight], "lr": 0.002, "weight_decay": decay},
        {"params": [net[0].bias], "lr": 0.002, "weight_decay": 0.0},
        {"params": [net[3].weight], "lr": 0.02, "weight_decay": decay},
        {"params": [net[3].bias], "lr": 0.06, "weight_decay": 0.0},
    ]
    optimizer, loss = torch.optim.AdamW(groups), torch.nn.CrossEntropyLoss()
    x, labels = torch.tensor(DATA.train.images).double(), torch.tensor(DATA.train.labels)
    for _ in range(2):
        for i in range(0, 24, 8):
            optimizer.zero_grad()
            loss(net(x[i : i + 8]), labels[i : i + 8]).backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
    return {name: tensor.detach().numpy() for name, tensor in net.state_dict().items()}


PLAIN = Sequential((Conv2D(4, 3), ReLU(), Flatten(), Dense(3)))


@pytest.mark.parametrize("make", ["numpy", "torch", "reference", CupySimBackend], ids=str)
def test_groups_are_those_of_pytorch(make) -> None:
    done = train(
        make if isinstance(make, str) else make(), "float64", PLAIN, shuffle=False, learning_rate=0.02,
        optimizer="adamw:weight_decay=0.3,decay_all=false,clip_norm=1", learning_rates={"0": 0.1, "3.bias": 3},
    )  # fmt: skip
    wanted = follow_torch(0.3)
    assert isinstance(done.variables.params, FlatTree)
    assert len(done.optimizer.pieces(done.variables.params)) == 4, "one update a group"
    for name, weight in done.model.weights.items():
        np.testing.assert_allclose(weight, wanted[name], rtol=0, atol=1e-12, err_msg=name)
    assert any(np.abs(weight - follow_torch(0.0)[name]).max() > 1e-4 for name, weight in done.model.weights.items())


@pytest.mark.parametrize("optimizer", ["sgd:momentum=0.9", "lamb:decay_all=false", "lion:weight_decay=0.1", "nadam"])
def test_one_group_for_all_has_the_bits_of_none(optimizer) -> None:
    """A factor of a half at twice the rate: powers of two change no bit."""
    rates = [f"{i}=0.5" for i in (0, 1, 3, 5, 7)]
    one = train(optimizer=optimizer, learning_rate=0.01)
    other = train(optimizer=optimizer, learning_rate=0.02, learning_rates=rates)
    assert isinstance(other.optimizer, GroupedOptimizer)
    for name, weight in one.model.weights.items():
        assert np.array_equal(weight, other.model.weights[name]), name


@pytest.mark.parametrize("make", [NumpyBackend, CupySimBackend])
@pytest.mark.parametrize("optimizer", ["adamw:decay_all=false", "lamb:decay_all=false", "nadam", "lion:clip_value=0.1"])
def test_a_captured_step_has_the_bits_of_the_step(make, optimizer, monkeypatch) -> None:
    captured, capture = [], CapturedStep._capture
    monkeypatch.setattr(CapturedStep, "_capture", lambda *given: captured.append(given) or capture(*given))
    monkeypatch.setattr(replay, "CALLS_IF_QUICK", 2)
    variables = []
    for captures in (True, False):
        captured.clear()
        backend = make()
        backend.captures = captures
        done = train(backend, optimizer=optimizer, learning_rates=RATES)
        assert bool(captured) == captures
        variables.append([np.array(backend.to_numpy(leaf)).tobytes() for leaf in leaves(done.variables)[0]])
    assert variables[0] == variables[1]
    assert done.not_captured == "capturing is switched off"


def test_a_training_that_diverges_names_its_optimizer() -> None:
    with pytest.raises(TrainingError, match="clip gradients with --optimizer adam:clip_norm=1"):
        train(learning_rate=1e30, learning_rates=RATES)


def test_what_is_frozen_stays_out_of_the_groups() -> None:
    options = {"optimizer": "adamw:decay_all=false", "learning_rates": RATES}
    before = Model(NET, SHAPE, seed=5).weights
    after = train(**options, freeze=["5"]).model.weights
    assert {name for name in before if np.array_equal(before[name], after[name])} == {"5.weight", "5.bias"}


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("optimizer", ["adamw:decay_all=false", "lamb", "adamax:clip_value=0.1"])
def test_resumed_after_any_batch(tmp_path, backend, optimizer) -> None:
    options = {"optimizer": optimizer, "learning_rates": RATES, "schedule": "cosine"}
    whole = train(backend, **options)
    for batches in (1, 3, 5):
        stopped = train(backend, batches=batches, **options)
        write(checkpoint.to_weights(stopped), tmp_path / "w.h5", overwrite=True)
        file = read(tmp_path / "w.h5")
        resumed = checkpoint.resume(Model.from_weights(file, backend=backend), DATA, stopped.options, file)
        list(resumed.epochs())
        for name, weight in whole.model.weights.items():
            assert np.array_equal(weight, resumed.model.weights[name]), (name, batches)
        for name, slot in flatten(whole.variables.slots).items():
            assert np.array_equal(slot, flatten(resumed.variables.slots)[name]), (name, batches)


def test_options_in_all_forms() -> None:
    pairs = (("0", 0.1), ("3.*", 0.5), ("*.bias", 2.0))
    texts = ["0=0.1", "3.*=0.5", "*.bias=2"]
    for given in (RATES, list(map(list, pairs)), texts, pairs):
        assert Options(learning_rates=given).learning_rates == pairs
    assert Options(learning_rates="a=b=2").learning_rates == (("a=b", 2.0),)
    described = Options(learning_rates=RATES).to_json()["learning_rates"]
    assert described == [["0", 0.1], ["3.*", 0.5], ["*.bias", 2.0]]
    assert Options(learning_rates=described) == Options(learning_rates=RATES)


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ({"0": 0}, r"learning_rates: expected a finite factor above 0 for '0' \(--freeze .*\), got 0"),
        ({"0": True}, "expected a finite factor above 0 for '0'"),
        ({"0": float("inf")}, "expected a finite factor above 0"),
        (["0=fast"], "expected a finite factor above 0 for '0' .* got 'fast'"),
        (["0"], "learning_rates: expected factors by patterns .*, got '0'"),
        (["=1"], "learning_rates: expected patterns of the names of layers or tensors"),
        ([("0", 1, 2)], "learning_rates: expected factors by patterns .* such as 'features.*=0.1'"),
        ([5], "learning_rates: expected factors by patterns"),
        (5, "learning_rates: expected factors by patterns .*, got 5"),
    ],
)
def test_factors_that_cannot_be(rates, message) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        Options(learning_rates=rates)
    assert "\n" not in str(caught.value)


def test_a_pattern_that_matches_nothing() -> None:
    with pytest.raises(
        ConfigError, match=r"learning_rates: 'conv9' matches no tensor or layer with weights: 0, 1, 3\.bo"
    ):
        train(learning_rates={"conv9": 0.1})


def test_an_optimizer_of_ones_own_has_groups_too() -> None:
    class Plain(Optimizer):
        decay_all = False

        def step(self, backend, parameter, gradient, slots, scalars):  # noqa: ARG002
            return backend.update(lambda p, g: (p - g * scalars["rate"],), parameter, gradient)

    @dataclasses.dataclass(frozen=True)
    class Decaying(Plain):
        weight_decay: float = 0.1

    rule = group_parameters(NET, SHAPE, Decaying(), (("0", 0.5),))
    assert settle(rule)["0.weight"] == (0.5, 0.1)
    assert rule.external
    assert rule.checked_scalars(1, 0.5) == {"0.rate": 0.25, "1.rate": 0.25, "2.rate": 0.5, "3.rate": 0.5}
    assert len(rule.pieces(flat_tree(NumpyBackend(), Model(NET, SHAPE).params))) == 9, "neighbours of one group"
    with pytest.raises(ConfigError, match="Plain: decay_all=False needs a dataclass with a field weight_decay"):
        group_parameters(NET, SHAPE, Plain(), ())
    assert Lion().decay_all
