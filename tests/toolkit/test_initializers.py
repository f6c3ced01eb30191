import math

import numpy as np
import pytest
import torch

from cnnkit import initializers
from cnnkit.errors import ConfigError
from cnnkit.initializers import INITIALIZERS, Constant, Initializer, Normal, Orthogonal, Uniform, parse

SHAPE, FAN_IN, FAN_OUT = (64, 32, 3, 3), 32 * 9, 64 * 9
EVERY = [
    "zeros", "ones", "constant:value=2.5", "uniform:low=-1,high=1", "normal:mean=1,std=0.5", "glorot_uniform",
    "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "orthogonal:gain=2",
    "glorot", "he", "lecun", "fan_in_uniform", "kernels:names=blur+edge",
]  # fmt: skip


def draw(initializer: Initializer, seed: int = 0, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return initializer(np.random.default_rng(seed), shape, FAN_IN, FAN_OUT)


def torch_draw(name: str) -> np.ndarray:
    weight = torch.empty(SHAPE, dtype=torch.float64)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        {
            "glorot_uniform": torch.nn.init.xavier_uniform_,
            "glorot_normal": torch.nn.init.xavier_normal_,
            "he_uniform": lambda w: torch.nn.init.kaiming_uniform_(w, nonlinearity="relu"),
            "he_normal": lambda w: torch.nn.init.kaiming_normal_(w, nonlinearity="relu"),
            "lecun_uniform": lambda w: torch.nn.init.kaiming_uniform_(w, nonlinearity="linear"),
            "lecun_normal": lambda w: torch.nn.init.kaiming_normal_(w, nonlinearity="linear"),
            "fan_in_uniform": lambda w: w.copy_(torch.nn.Conv2d(32, 64, 3, dtype=w.dtype).weight.detach()),
        }[name](weight)
    return weight.numpy()


def same_distribution(a: np.ndarray, b: np.ndarray) -> bool:
    """Kolmogorov-Smirnov for two samples at a level of about 1e-5, and spreads within 3 % (4 standard errors)."""
    if abs(a.std() / b.std() - 1) > 0.03:
        return False
    pooled = np.sort(np.concatenate([a.ravel(), b.ravel()]))
    gap = [np.searchsorted(np.sort(s.ravel()), pooled, side="right") / s.size for s in (a, b)]
    return float(np.abs(gap[0] - gap[1]).max()) < 2.47 * math.sqrt((a.size + b.size) / (a.size * b.size))


def test_every_name_is_drawn_here() -> None:
    assert {text.partition(":")[0] for text in EVERY} == set(INITIALIZERS)


@pytest.mark.parametrize("text", EVERY)
def test_float64_of_the_shape_and_the_same_for_the_same_seed(text: str) -> None:
    values = draw(parse(text))
    assert (values.dtype, values.shape) == (np.float64, SHAPE)
    assert values.flags.c_contiguous
    assert values.flags.writeable
    np.testing.assert_array_equal(values, draw(parse(text)))
    if text not in ("zeros", "ones", "constant:value=2.5", "kernels:names=blur+edge"):
        assert not np.array_equal(values, draw(parse(text), seed=1))


@pytest.mark.parametrize("text", EVERY)
def test_text_and_value_say_the_same(text: str) -> None:
    assert parse(initializers.render(parse(text))) == parse(text)


@pytest.mark.parametrize(("text", "value"), [("zeros", 0.0), ("ones", 1.0), ("constant:value=2.5", 2.5)])
def test_constants(text: str, value: float) -> None:
    assert np.all(draw(parse(text)) == value)


@pytest.mark.parametrize("rule", ["glorot", "he", "lecun"])
@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_the_distribution_is_that_of_torch(rule: str, kind: str) -> None:
    assert same_distribution(draw(parse(f"{rule}_{kind}")), torch_draw(f"{rule}_{kind}"))


def test_fan_in_uniform_is_the_default_of_a_torch_layer() -> None:
    assert same_distribution(draw(parse("fan_in_uniform")), torch_draw("fan_in_uniform"))


def test_the_comparison_of_distributions_can_fail() -> None:
    assert not same_distribution(1.05 * draw(parse("he_uniform")), torch_draw("he_uniform"))
    assert not same_distribution(1.08 * draw(parse("he_normal")), torch_draw("he_normal"))
    assert not same_distribution(draw(parse("he_normal")), torch_draw("he_uniform"))


@pytest.mark.parametrize(
    ("rule", "bound"),
    [
        ("glorot", math.sqrt(6 / (FAN_IN + FAN_OUT))),
        ("he", math.sqrt(6 / FAN_IN)),
        ("lecun", math.sqrt(3 / FAN_IN)),
        ("uniform:low=-0.5,high=0.25", 0.5),
    ],
)
def test_uniform_bounds_hold_and_are_reached(rule: str, bound: float) -> None:
    values = draw(parse(rule))
    assert -bound <= values.min() < -0.999 * bound
    assert values.max() < (0.25 if ":" in rule else bound)


def test_uniform_never_reaches_its_upper_end() -> None:
    low = 1.0
    high = np.nextafter(low, 2.0)  # two neighbours: plain rounding would give `high` half the time
    assert np.all(draw(Uniform(low, float(high))) == low)


def test_normal_is_not_truncated() -> None:
    values = draw(Normal(1.0, 0.5))
    assert abs(values.mean() - 1.0) < 0.02
    assert abs(values.std() - 0.5) < 0.01
    assert np.abs(values - 1.0).max() > 3 * 0.5
    assert np.all(draw(Normal(2.0, 0.0)) == 2.0)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (8, 2, 3, 3), (40, 2, 3, 3), (5, 5), (1, 7)])
def test_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    matrix = draw(Orthogonal(2.0), shape=shape).reshape(shape[0], -1)
    gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)


def test_orthogonal_has_the_sign_symmetry_of_torch() -> None:
    drawn = [draw(Orthogonal(), seed, (3, 3)) for seed in range(400)]
    assert abs(np.mean([np.linalg.det(q) for q in drawn])) < 0.25  # without the signs every determinant would be +1
    assert abs(np.mean([q[0, 0] for q in drawn])) < 0.15  # and the first element negative


@pytest.mark.parametrize(
    "text",
    [
        "constant", "constant:value=inf", "uniform", "uniform:low=0", "uniform:low=1,high=1", "uniform:low=1,high=0",
        "uniform:low=0,high=inf", "uniform:low=-1.7e308,high=1.7e308", "normal:std=-1", "normal:mean=inf",
        "normal:std=inf", "orthogonal:gain=0", "orthogonal:gain=-1", "xavier", "zeros:value=0",
    ],
)  # fmt: skip
def test_wrong_values_are_config_errors(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text)
    with pytest.raises(ConfigError):
        Constant(math.nan)


@pytest.mark.parametrize("name", ["glorot", "he_normal", "lecun"])
def test_a_fan_of_zero_is_a_config_error(name: str) -> None:
    with pytest.raises(ConfigError, match="expected a fan of 1 or more, got 0"):
        parse(name)(np.random.default_rng(0), (3,), 0, 0)


@pytest.mark.parametrize("shape", [(3,), (), (0, 2)])
def test_orthogonal_wants_a_matrix(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="two axes or more"):
        draw(Orthogonal(), shape=shape)


def test_kernels_stand_in_turn_in_the_filters_of_a_convolution() -> None:
    values = draw(parse("kernels:names=sharpen+edge"), shape=(3, 2, 3, 3))
    assert values[0, 0].tolist() == [[0, -0.5, 0], [-0.5, 2.5, -0.5], [0, -0.5, 0]]
    np.testing.assert_array_equal(values[2], values[0])
    assert values[1, 1, 1, 1] == 4
    with pytest.raises(ConfigError, match="got 'nope'"):
        parse("kernels:names=blur+nope")
    with pytest.raises(ConfigError, match="window of 3 x 3"):
        draw(parse("kernels"), shape=(10, 9))
