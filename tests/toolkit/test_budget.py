"""The memory that a pass needs at least, by hand; and the one line that says no before anything is computed."""

import numpy as np
import pytest

from cnnkit import Model, Options, Sequential, Training, budget, gradient_check, load_data
from cnnkit.backends import get_backend
from cnnkit.budget import PassBudget
from cnnkit.errors import ConfigError
from cnnkit.layers import Branches, Conv2D, ConvTranspose2D, Dense, Flatten, GlobalAvgPool2D, ReLU, Residual
from cnnkit.memory import MemoryBound
from cnnkit.training import evaluate

NETWORK = Sequential((Conv2D(4, 3), ReLU(), Flatten(), Dense(10)))  # (1, 8, 8) -> (4, 6, 6) -> (144,) -> (10,)
ENLARGING = Sequential((ConvTranspose2D(1, 1, stride=2**20), GlobalAvgPool2D(), Dense(2)))


@pytest.fixture
def grant(monkeypatch):
    """A function that leaves so many bytes of memory to the process."""
    return lambda size: monkeypatch.setattr(budget, "find_memory", lambda: MemoryBound(size, "this machine has"))


def count(network, x_shape, images, **options) -> int:
    return PassBudget(get_backend("torch"), network, x_shape, 4, **options).count_bytes(images)


def test_a_forward_pass_holds_its_largest_output() -> None:
    assert count(NETWORK, (1, 8, 8), 5) == 4 * 5 * 144


def test_a_training_step_holds_what_its_gradients_need() -> None:
    assert count(NETWORK, (1, 8, 8), 5, training=True, parameters=7) == 4 * (7 + 5 * (64 + 144) + 5 * 144)


def test_leaves_that_wait_for_each_other_hold_theirs() -> None:
    wanted = 4 * (7 + 3 * 5 * (64 + 144) + 5 * 144)
    assert count(NETWORK, (1, 8, 8), 5, training=True, parameters=7, leaves=3) == wanted


@pytest.mark.parametrize("combine", [lambda a, b: Branches((a, b)), Residual])
def test_layers_beside_each_other_share_their_input(combine) -> None:
    network = Sequential((combine(Conv2D(4, 3), Conv2D(4, 3)),))
    assert count(network, (1, 8, 8), 1, training=True) == 4 * (64 + 144)


def test_a_backend_that_works_on_shards_needs_less() -> None:
    numpy, torch = (PassBudget(get_backend(name), NETWORK, (3, 64, 64), 4) for name in ("numpy", "torch"))
    assert numpy.count_bytes(10**6) < torch.count_bytes(10**6) / 2


def test_nothing_is_said_of_the_memory_of_a_device(grant) -> None:
    grant(0)
    backend = get_backend("torch")
    backend.device = "cuda"
    PassBudget(backend, NETWORK, (1, 8, 8), 4).require_room(10**9)


def test_a_training_is_refused_with_a_batch_size_that_fits(grant) -> None:
    dataset = load_data("digits")
    model = Model(NETWORK, dataset.image_shape, backend="torch")
    need = 4 * (model.parameters * 4 + 100 * (64 + 144 + 144))
    grant(need)
    Training(model, dataset, Options(batch_size=100))
    grant(need - 1)
    with pytest.raises(ConfigError) as caught:
        Training(model, dataset, Options(batch_size=100))
    assert str(caught.value) == (
        "a training step with 100 images needs at least 160.8 KiB, this machine has 160.8 KiB: try --batch-size 50"
    )


def test_an_image_that_is_enlarged_beyond_any_memory() -> None:
    dataset, model = load_data("bright-dark"), Model(ENLARGING, (1, 8, 8))
    message = (
        r"needs at least .* GiB, .* use a smaller network, the largest output is that of layer 0 \(ConvTranspose2D\)"
    )
    for compute in (
        lambda: Training(model, dataset, Options()),
        lambda: model.predict(np.zeros((1, 1, 8, 8), np.float32)),
        lambda: evaluate(model, dataset),
        lambda: gradient_check(ENLARGING, "softmax_cross_entropy", (1, 8, 8)),
    ):
        with pytest.raises(ConfigError, match=message):
            compute()


def test_a_prediction_takes_its_images_in_smaller_batches(grant) -> None:
    model = Model(NETWORK, (1, 8, 8), backend="torch")
    x = np.random.default_rng(0).normal(size=(9, 1, 8, 8)).astype(np.float32)
    wanted = model.outputs(x)
    grant(4 * 144 * 3)
    assert model.find_batch(9) == 2
    np.testing.assert_allclose(model.outputs(x), wanted, rtol=1e-5)
