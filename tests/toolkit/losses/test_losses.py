import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from cnnkit import losses
from cnnkit.errors import ConfigError
from cnnkit.finite_differences import gradient_check
from cnnkit.layers import Dense
from cnnkit.losses import (
    L1,
    LOSSES,
    BinaryCrossEntropy,
    BinaryFocal,
    BinaryHinge,
    CosineDistance,
    Dice,
    Focal,
    HalfSquaredError,
    Hinge,
    Huber,
    KLDivergence,
    Loss,
    MeanSquaredError,
    NegativeLogLikelihood,
    Poisson,
    ProbabilityCrossEntropy,
    SoftmaxCrossEntropy,
    Triplet,
)

LABELS = np.array([2, 0, 1, 1, 2, 0])
ONE_HOT = np.eye(3)[LABELS]
BITS = BinaryCrossEntropy(over_outputs="sum")
EVERY_LOSS = [
    ProbabilityCrossEntropy(),
    SoftmaxCrossEntropy(),
    SoftmaxCrossEntropy(label_smoothing=0.1),
    BinaryCrossEntropy(),
    BITS,
    MeanSquaredError(),
    HalfSquaredError(),
    L1(),
    Huber(),
    Huber(delta=0.3),
    Focal(),
    Focal(gamma=0.5, alpha=0.7, label_smoothing=0.1),
    BinaryFocal(),
    Hinge(),
    Hinge(power=2, margin=0.5),
    BinaryHinge(),
    KLDivergence(),
    KLDivergence(label_smoothing=0.2),
    NegativeLogLikelihood(),
    Poisson(),
    CosineDistance(),
]
each_loss = pytest.mark.parametrize("loss", EVERY_LOSS, ids=str)


def evaluate(arena, loss: Loss, outputs, targets) -> tuple:
    """Return (loss, dy) on the host; integer targets are labels."""
    targets = np.asarray(targets)
    wanted = arena.integers(targets) if targets.dtype.kind in "iu" else arena.array(targets)
    value, dy = loss.value_and_gradient(arena.backend, arena.array(outputs), wanted)
    assert value.dtype == dy.dtype == arena.array(0.0).dtype
    assert tuple(value.shape) == ()
    return arena.backend.to_numpy(value), arena.backend.to_numpy(dy)


def bits(outputs, targets):
    return functional.binary_cross_entropy_with_logits(outputs, targets, reduction="sum") / len(outputs)


ORACLES = [
    (SoftmaxCrossEntropy(), LABELS, functional.cross_entropy),
    (
        SoftmaxCrossEntropy(label_smoothing=0.2),
        LABELS,
        lambda y, t: functional.cross_entropy(y, t, label_smoothing=0.2),
    ),
    (SoftmaxCrossEntropy(), ONE_HOT * 0.7 + 0.1, functional.cross_entropy),
    (BITS, ONE_HOT, bits),
    (BITS, ONE_HOT * 0.5 + 0.2, bits),
    (BinaryCrossEntropy(), ONE_HOT, functional.binary_cross_entropy_with_logits),
    (MeanSquaredError(), ONE_HOT, functional.mse_loss),
    (HalfSquaredError(), ONE_HOT, lambda y, t: functional.mse_loss(y, t, reduction="sum") / 2 / len(y)),
    (L1(), ONE_HOT, functional.l1_loss),
    (Huber(), ONE_HOT, functional.huber_loss),
    (Huber(delta=0.3), ONE_HOT, lambda y, t: functional.huber_loss(y, t, delta=0.3)),
]


@pytest.mark.parametrize(
    ("loss", "targets", "function"), ORACLES, ids=lambda value: getattr(value, "__name__", str(value))
)
def test_against_torch(arena, normal, assert_close, loss, targets, function) -> None:
    outputs = normal(6, 3, scale=2)
    y = torch.tensor(outputs, requires_grad=True)
    wanted = function(y, torch.tensor(targets))
    wanted.backward()
    value, dy = evaluate(arena, loss, outputs, targets)
    assert_close(value, wanted.item(), arena.dtype)
    assert_close(dy, y.grad.numpy(), arena.dtype, "gradient")


@each_loss
def test_labels_are_rows_with_a_one(arena, normal, assert_close, loss) -> None:
    outputs = normal(6, 3)
    one, two = evaluate(arena, loss, outputs, LABELS), evaluate(arena, loss, outputs, ONE_HOT)
    assert_close(one[0], two[0], arena.dtype)
    assert_close(one[1], two[1], arena.dtype)


@pytest.mark.parametrize(
    ("loss", "value", "dy"),
    [
        (SoftmaxCrossEntropy(), math.log(2) / 2 + math.log(4 / 3) / 2, [[-0.25, 0.25], [0.125, -0.125]]),
        (
            BITS,
            (2 * math.log(2) + math.log(2) + math.log(4 / 3)) / 2,
            [[-0.25, 0.25], [0.25, -0.125]],
        ),
        (MeanSquaredError(), (1 + (math.log(3) - 1) ** 2) / 4, [[-0.5, 0], [0, (math.log(3) - 1) / 2]]),
        (HalfSquaredError(), (1 + (math.log(3) - 1) ** 2) / 4, [[-0.5, 0], [0, (math.log(3) - 1) / 2]]),
        (L1(), (1 + math.log(3) - 1) / 4, [[-0.25, 0], [0, 0.25]]),
        (Huber(delta=0.5), (0.5 * 0.75 + (math.log(3) - 1) ** 2 / 2) / 4, [[-0.125, 0], [0, (math.log(3) - 1) / 4]]),
    ],
    ids=str,
)
def test_by_hand(arena, assert_close, loss, value, dy) -> None:
    """Outputs (0, 0) and (0, log 3): even odds, and three to one for the second class."""
    found = evaluate(arena, loss, [[0.0, 0.0], [0.0, math.log(3)]], [0, 1])
    assert_close(found[0], value, arena.dtype)
    assert_close(found[1], dy, arena.dtype, "gradient")


@each_loss
@pytest.mark.parametrize("seed", range(2))
def test_the_gradients_are_right(backend, loss, seed) -> None:
    report = gradient_check(Dense(4), loss, (5,), backend=backend, seed=seed, per_parameter=True, bound=1e-6)
    assert report.passed, str(report)


def test_one_output_answers_for_two_classes(arena, assert_close) -> None:
    loss = BinaryCrossEntropy()
    value, dy = evaluate(arena, loss, [[0.0], [math.log(3)]], [0, 1])
    assert_close(value, (math.log(2) + math.log(4 / 3)) / 2, arena.dtype)
    assert_close(dy, [[0.25], [-0.125]], arena.dtype, "gradient")
    outputs = arena.array([[-1.0], [math.log(3)]])
    assert_close(arena.backend.to_numpy(loss.probabilities(arena.backend, outputs))[1], [0.25, 0.75], arena.dtype)
    assert arena.backend.to_numpy(loss.decide(arena.backend, outputs)).tolist() == [0, 1]


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), BITS], ids=str)
def test_large_outputs_overflow_nowhere(arena, assert_close, loss) -> None:
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        right = evaluate(arena, loss, [[1e4, -1e4], [-1e4, 1e4]], [0, 1])
        wrong = evaluate(arena, loss, [[-1e4, 1e4]], [0])
    assert_close(right[0], 0.0, arena.dtype)
    assert_close(right[1], np.zeros((2, 2)), arena.dtype)
    assert_close(wrong[0], 2e4, arena.dtype)
    assert_close(wrong[1], [[-1.0, 1.0]], arena.dtype)


def test_the_kink_of_l1_has_gradient_0(arena) -> None:
    assert evaluate(arena, L1(), [[1.0, 0.0]], [0])[1].tolist() == [[0, 0]]


def test_huber_is_smooth_where_its_pieces_meet(arena, assert_close) -> None:
    value, dy = evaluate(arena, Huber(delta=2.0), [[2.0, -2.0, 0.0]], [[0.0, 0.0, 0.0]])
    assert_close(value, (2.0 + 2.0) / 3, arena.dtype)
    assert_close(dy, [[2 / 3, -2 / 3, 0]], arena.dtype)


@each_loss
def test_a_loss_that_is_not_a_number_shows(arena, loss) -> None:
    assert np.isnan(evaluate(arena, loss, [[np.nan, 1.0]], [0])[0])


@each_loss
def test_decisions_and_probabilities(arena, normal, assert_close, loss) -> None:
    outputs = normal(6, 3)
    host = arena.backend.to_numpy
    assert host(loss.decide(arena.backend, arena.array(outputs))).tolist() == outputs.argmax(axis=1).tolist()
    shares = host(loss.probabilities(arena.backend, arena.array(outputs)))
    if isinstance(loss, SoftmaxCrossEntropy | Focal):
        assert_close(shares, torch.softmax(torch.tensor(outputs), 1).numpy(), arena.dtype)
    elif isinstance(loss, BinaryCrossEntropy | BinaryFocal | BinaryHinge):
        assert_close(shares, torch.sigmoid(torch.tensor(outputs)).numpy(), arena.dtype)
    elif isinstance(loss, KLDivergence | NegativeLogLikelihood | Poisson):
        assert_close(shares, np.exp(outputs), arena.dtype)
    else:
        assert_close(shares, outputs, arena.dtype)


@each_loss
def test_losses_are_values_that_go_through_text(loss) -> None:
    assert losses.parse(losses.render(loss)) == loss
    assert hash(losses.parse(losses.render(loss))) == hash(loss)


def test_how_losses_are_spelt() -> None:
    assert losses.render(SoftmaxCrossEntropy()) == "softmax_cross_entropy"
    assert losses.render(Huber(delta=0.3)) == "huber:delta=0.3"
    assert losses.parse("softmax_cross_entropy:label_smoothing=0.1") == SoftmaxCrossEntropy(0.1)
    assert {type(loss) for loss in EVERY_LOSS} | {Dice, Triplet} == set(LOSSES.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "cross_entropy",
            f"loss: expected one of {', '.join(LOSSES)}, got 'cross_entropy' (did you mean softmax_cross_entropy?)",
        ),
        ("huber:delta=x", "loss huber: delta: expected float, got 'x'"),
        ("huber:delta=0", "huber: expected delta > 0, got 0.0"),
        (
            "softmax_cross_entropy:label_smoothing=1",
            "softmax_cross_entropy: expected label_smoothing in [0, 1), got 1.0",
        ),
    ],
)
def test_losses_that_cannot_be(text, message) -> None:
    with pytest.raises(ConfigError) as caught:
        losses.parse(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("as_rows", [False, True])
def test_a_class_with_an_output_of_minus_infinity_is_impossible_and_costs_nothing(arena, assert_close, as_rows) -> None:
    targets = np.eye(3)[[0, 1]] if as_rows else [0, 1]
    with np.errstate(invalid="raise", divide="raise", over="raise"):
        value, dy = evaluate(
            arena, SoftmaxCrossEntropy(), [[0.0, -math.inf, 0.0], [-math.inf, 1.0, -math.inf]], targets
        )
    assert_close(value, math.log(2) / 2, arena.dtype)
    assert_close(dy, [[-0.25, 0, 0.25], [0, 0, 0]], arena.dtype, "gradient")


@pytest.mark.parametrize(
    ("targets", "gradient"), [([[0.0, 1.0, 1.0]], -0.5), ([[0.0, 1.0, 0.25]], 0.25), ([1], 0.5)], ids=str
)
def test_infinite_outputs_on_the_right_side_of_a_binary_decision_cost_nothing(
    arena, assert_close, targets, gradient
) -> None:
    value, dy = evaluate(arena, BITS, [[-math.inf, math.inf, 0.0]], targets)
    assert_close(value, math.log(2), arena.dtype)
    assert_close(dy, [[0, 0, gradient]], arena.dtype, "gradient")


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), BinaryCrossEntropy()], ids=str)
def test_the_right_class_at_minus_infinity_costs_infinity(arena, loss) -> None:
    assert evaluate(arena, loss, [[-math.inf, 0.0]], [0])[0] == math.inf
