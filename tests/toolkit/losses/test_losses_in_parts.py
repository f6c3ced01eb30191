"""A loss of which a pass sees a part of the batch: it is the whole batch's in each part, and so is its gradient."""

from itertools import pairwise

import numpy as np
import pytest

from cnnkit import losses
from cnnkit.backends import get_backend
from cnnkit.losses import LOSSES
from cnnkit.training.joined_leaves import run_together

RNG = np.random.default_rng(2)
LABELS = np.array([0, -1, 2, 1, 1, -1, -1, 2, 0])  # of the last part all but one are ignored, and one part is short
MAPS = RNG.integers(-1, 3, size=(9, 2, 3))
CUTS = (0, 4, 7, 9)
CASES = {
    "labels": (RNG.normal(size=(9, 3)), LABELS),
    "maps": (RNG.normal(size=(9, 3, 2, 3)), MAPS),
    "numbers": (RNG.random((9, 3)), RNG.random((9, 3))),
    "pictures": (RNG.random((9, 1, 2, 3)), RNG.random((9, 1, 2, 3))),
}
TAKES = {
    "labels": (
        "softmax_cross_entropy:label_smoothing=0.1", "focal", "hinge", "mean_squared_error", "half_squared_error",
    ),
    "maps": ("softmax_cross_entropy", "dice", "focal", "negative_log_likelihood"),
    "numbers": (
        "softmax_cross_entropy", "binary_cross_entropy", "binary_cross_entropy:over_outputs=sum", "l1", "huber",
        "poisson", "kl_divergence", "cosine_distance", "binary_focal", "binary_hinge", "probability_cross_entropy",
    ),
    "pictures": ("mean_squared_error", "dice", "l1"),
}  # fmt: skip
PAIRS = [(case, loss) for case, names in TAKES.items() for loss in names]


def test_no_loss_is_forgotten() -> None:
    tried = {loss.partition(":")[0] for _, loss in PAIRS}
    assert {name for name, _ in LOSSES.items()} - tried == {"triplet"}  # whose samples do not add up


def find(tools, loss, case, weights):
    """Return (loss, gradient) of the whole batch, and those of its parts."""
    outputs, targets = CASES[case]

    dtype = weights.dtype.name

    def run(parts, start: int, stop: int):
        wanted = tools.asarray(targets[start:stop], None if case in ("labels", "maps") else dtype)
        given = tools.asarray(outputs[start:stop], dtype), wanted, tools.asarray(weights[start:stop])
        value, dy = loss.value_and_gradient(tools.seeing(parts, stop - start), *given)
        return np.array(tools.to_numpy(value)), np.array(tools.to_numpy(dy))

    works = [lambda parts, a=a, b=b: run(parts, a, b) for a, b in pairwise(CUTS)]
    return run(None, 0, 9), run_together(works, 9)


@pytest.mark.parametrize("backend", ["numpy", "torch", "cupy-sim", "reference"])
@pytest.mark.parametrize(("case", "loss"), PAIRS)
def test_parts_have_the_loss_of_the_whole(backend, case, loss) -> None:
    (value, dy), parts = find(get_backend(backend), losses.parse(loss), case, RNG.random(9) + 0.5)
    for share, _ in parts:
        np.testing.assert_allclose(share, value, rtol=1e-12)
    np.testing.assert_allclose(np.concatenate([part for _, part in parts]), dy, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("case", "loss"), PAIRS)
def test_bits_of_exact_numerics(case, loss) -> None:
    weights = (RNG.random(9) + 0.5).astype("float32")
    (value, dy), parts = find(get_backend("numpy", numerics="exact"), losses.parse(loss), case, weights)
    assert {share.tobytes() for share, _ in parts} == {value.tobytes()}
    assert np.concatenate([part for _, part in parts]).tobytes() == dy.tobytes()
