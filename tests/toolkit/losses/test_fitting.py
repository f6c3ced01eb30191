"""Whether losses, outputs and targets fit together, said before the first batch."""

import pytest

from cnnkit import losses
from cnnkit.data import TargetSpec
from cnnkit.errors import ConfigError
from cnnkit.losses import LOSSES, USUAL

TEN = TargetSpec.of_classes(10)
TWO = TargetSpec.of_classes(("no", "yes"))


def spec(kind: str, shape: tuple[int, ...], names: str = "") -> TargetSpec:
    return TargetSpec(kind, shape, tuple(names))


FITTING = [
    *((name, (10,), TEN) for name in (
        "softmax_cross_entropy", "binary_cross_entropy", "mean_squared_error", "half_squared_error", "l1", "huber",
        "focal", "binary_focal", "hinge", "binary_hinge", "kl_divergence", "negative_log_likelihood",
        "probability_cross_entropy")),
    *((name, (1,), TWO) for name in ("binary_cross_entropy", "binary_focal", "binary_hinge")),
    *((name, (2,), TWO) for name in ("softmax_cross_entropy", "binary_cross_entropy")),
    *((name, (3, 8, 8), spec("class_map", (8, 8), "abc")) for name in ("softmax_cross_entropy", "dice", "focal")),
    *((name, (1, 8, 8), spec("class_map", (8, 8), "ab")) for name in ("binary_cross_entropy", "dice")),
    *((name, (5,), spec("tags", (5,), "abcde")) for name in ("binary_cross_entropy", "binary_focal", "binary_hinge")),
    *((name, (1,), spec("numbers", (1,))) for name in ("mean_squared_error", "l1", "huber", "poisson")),
    *((name, (4,), spec("numbers", (4,))) for name in ("kl_divergence", "cosine_distance")),
    *((name, (3, 8, 8), spec(kind, (3, 8, 8))) for kind in ("values", "input")
      for name in ("mean_squared_error", "binary_cross_entropy", "l1")),
    ("dice", (1, 8, 8), spec("values", (1, 8, 8))),
    ("triplet", (7,), TEN),
]  # fmt: skip


@pytest.mark.parametrize(("name", "outputs", "targets"), FITTING, ids=str)
def test_what_fits(name, outputs, targets) -> None:
    losses.parse(name).check(outputs, targets)


@pytest.mark.parametrize("name", [name for name in LOSSES if name in {n for n, _, t in FITTING if t is TEN}])
@pytest.mark.parametrize("outputs", [(9,), (1,), (10, 1, 1)], ids=str)
def test_another_number_of_outputs_than_classes(name, outputs) -> None:
    if name == "triplet":
        return  # an embedding has any length
    with pytest.raises(ConfigError, match=r"ends with Dense\(10\)$"):
        losses.parse(name).check(outputs, TEN)


REFUSED = [
    ("mean_squared_error", (1,), TEN, "loss mean_squared_error: expected targets of shape (N, 1), got class labels: "
     "a network for 10 classes ends with Dense(10)"),
    ("softmax_cross_entropy", (9,), TEN,
     "the data have 10 classes, the network's output is (9,): a network for them ends with Dense(10)"),
    ("softmax_cross_entropy", (1,), TWO,
     "the data have 2 classes, the network's output is (1,): a network for them ends with Dense(2)"),
    ("binary_cross_entropy", (1,), TEN,
     "the data have 10 classes, the network's output is (1,): a network for them ends with Dense(10)"),
    ("softmax_cross_entropy", (1,), spec("numbers", (1,)),
     "loss softmax_cross_entropy: expected class labels or class maps, got numbers (N, 1): "
     "try the loss mean_squared_error"),
    ("softmax_cross_entropy", (3,), spec("tags", (3,), "abc"),
     "loss softmax_cross_entropy: expected class labels or class maps, got tags (N, 3): "
     "try the loss binary_cross_entropy"),
    ("mean_squared_error", (10,), spec("numbers", (2,)),
     "loss mean_squared_error: expected targets of shape (N, 10), got numbers (N, 2): "
     "a network for them ends with Dense(2)"),
    ("mean_squared_error", (1, 4, 4), spec("input", (1, 8, 8)),
     "loss mean_squared_error: expected targets of shape (N, 1, 4, 4), got the inputs themselves (N, 1, 8, 8): "
     "a network for them ends with Conv2D(1, 1) on 8x8 places"),
    ("softmax_cross_entropy", (3,), spec("class_map", (8, 8), "abc"),
     "the data have 3 classes at each of 8x8 places, the network's output is (3,): "
     "a network for them ends with Conv2D(3, 1) on 8x8 places"),
    ("softmax_cross_entropy", (2, 8, 8), TargetSpec("class_map", (8, 8), tuple(map(str, range(256)))),
     "the data have 256 classes at each of 8x8 places, the network's output is (2, 8, 8): a network for them ends with "
     "Conv2D(256, 1) on 8x8 places; where 255 is no class but says that a place counts nowhere: --ignore 255"),
    ("dice", (2, 8, 8), spec("values", (2, 8, 8)),
     "loss dice: expected masks (N, 1, ...) or class maps, got values (N, 2, 8, 8)"),
    ("poisson", (10,), TEN,
     "loss poisson: expected numbers or values or the inputs themselves, got class labels: "
     "try the loss softmax_cross_entropy"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "outputs", "targets", "message"), REFUSED, ids=str)
def test_what_does_not_fit_is_one_line(name, outputs, targets, message) -> None:
    with pytest.raises(ConfigError) as caught:
        losses.parse(name).check(outputs, targets)
    assert str(caught.value) == message


def test_what_compares_numbers() -> None:
    """Float labels of a file are numbers for these losses, classes for the others."""
    compare = {name for name, cls in LOSSES.items() if cls().compares_numbers}
    assert compare == {"mean_squared_error", "half_squared_error", "l1", "huber", "poisson", "cosine_distance"}


@pytest.mark.parametrize("kind", USUAL)
def test_the_usual_loss_of_a_kind_takes_it(kind) -> None:
    assert kind in LOSSES[USUAL[kind]].kinds


def test_targets_of_several_outputs_are_not_for_one() -> None:
    with pytest.raises(ConfigError, match="have targets of the outputs digit, width, the network has one output"):
        losses.parse("l1").check((1,), {"digit": TEN, "width": spec("numbers", (1,))})
    losses.parse("l1").check((1,), {"width": spec("numbers", (1,))})


def test_each_output_is_checked_against_its_own_targets() -> None:
    both = losses.parse("digit=softmax_cross_entropy;width=mean_squared_error")
    targets = {"digit": TEN, "width": spec("numbers", (1,))}
    both.check(((10,), (1,)), targets)
    with pytest.raises(
        ConfigError, match=r"^output width: loss mean_squared_error: expected targets of shape \(N, 2\)"
    ):
        both.check(((10,), (2,)), targets)
    with pytest.raises(ConfigError, match=r"^loss: expected targets of the outputs digit, width, got digit$"):
        both.check(((10,), (1,)), {"digit": TEN})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("focal:gamma=-1", "focal: expected gamma >= 0, got -1.0"),
        ("binary_focal:alpha=2", "binary_focal: expected alpha in [0, 1], got 2.0"),
        ("focal:label_smoothing=1", "focal: expected label_smoothing in [0, 1), got 1.0"),
        ("kl_divergence:label_smoothing=-1", "kl_divergence: expected label_smoothing in [0, 1), got -1.0"),
        ("dice:smooth=0", "dice: expected smooth > 0, got 0.0"),
        ("hinge:margin=0", "hinge: expected margin > 0, got 0.0"),
        ("binary_hinge:power=3", "binary_hinge: expected power 1 or 2, got 3"),
        ("binary_cross_entropy:over_outputs=max", "binary_cross_entropy: expected over_outputs mean or sum, got 'max'"),
    ],
)
def test_fields_that_cannot_be(text, message) -> None:
    with pytest.raises(ConfigError) as caught:
        losses.parse(text)
    assert str(caught.value) == message
