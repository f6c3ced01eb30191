import numpy as np
import pytest

from cnnkit.errors import ConfigError
from cnnkit.layers import Context, Dropout, Flatten, Sequential, SpatialDropout


def mask(arena, layer=None, shape=(50, 40), training=True, **context):
    """Return which values are kept."""
    found = Context(arena.backend, training, **context)
    y, _ = (layer or Dropout(0.3)).forward(found, {}, {}, arena.array(np.ones(shape)))
    return arena.backend.to_numpy(y) != 0


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_rate_is_the_fraction_dropped_and_the_rest_is_scaled(arena, run, assert_close, rate) -> None:
    found = run(arena, Dropout(rate), np.ones((50, 80)), key=(7, 8))
    assert np.mean(found.y == 0) == pytest.approx(rate, abs=0.02)
    assert_close(found.y[found.y != 0], np.full(np.sum(found.y != 0), 1 / (1 - rate)), arena.dtype)
    assert found.y.mean() == pytest.approx(1, abs=0.15)
    assert np.array_equal(found.dx, found.y)  # the gradient passes where the value passed, scaled likewise


def test_it_does_nothing_outside_of_training_or_at_rate_0(arena, run, normal) -> None:
    x = normal(3, 4)
    assert np.array_equal(run(arena, Dropout(0.9), x, training=False).y, x)
    assert np.array_equal(run(arena, Dropout(0.9), x, training=False).dx, np.ones((3, 4)))
    assert np.array_equal(run(arena, Dropout(0), x).y, x)


def test_every_backend_drops_the_same_values(arena, reference) -> None:
    for context in ({"key": (1, 2)}, {"key": (2**32 - 1, 3), "step": 2**33 + 1}):
        assert np.array_equal(
            mask(arena, **context), mask(arena._replace(backend=reference, dtype="float64"), **context)
        )


def test_the_mask_is_a_function_of_key_and_step(arena) -> None:
    assert np.array_equal(mask(arena, key=(1, 2), step=3), mask(arena, key=(1, 2), step=3))
    assert not np.array_equal(mask(arena, key=(1, 2), step=3), mask(arena, key=(1, 2), step=4))
    assert not np.array_equal(mask(arena, key=(1, 2), step=3), mask(arena, key=(1, 3), step=3))


def test_the_mask_is_one_of_the_whole_batch(arena) -> None:
    whole = mask(arena, key=(1, 2))
    assert np.array_equal(mask(arena, shape=(5, 40), key=(1, 2), first_sample=12), whole[12:17])


def test_two_layers_of_one_shape_have_masks_of_their_own(arena) -> None:
    kept = 0.7**2
    both = mask(arena, Sequential((Dropout(0.3), Dropout(0.3))), key=(1, 2))
    assert both.mean() == pytest.approx(kept, abs=0.03)
    context = Context(arena.backend, True, key=(1, 2))
    assert len({context.child(name).key for name in ("0", "1", "10", "body")}) == 4
    assert context.child("0").child("1").key != context.child("1").child("0").key


def test_shards_repeat_no_mask(arena) -> None:
    """Images are cut into shards; the mask is the one that the whole batch would have."""
    sequential = Sequential((Dropout(0.3), Flatten()))
    found = mask(arena, sequential, shape=(20, 2, 28, 14), key=(1, 2))
    child = Context(arena.backend, True, key=(1, 2)).child("0").key
    assert np.array_equal(found, mask(arena, shape=(20, 784), key=child))


@pytest.mark.parametrize("rate", [-0.1, 1, 1.0, float("nan"), True, "0.5", None])
def test_rates_that_cannot_be(rate) -> None:
    with pytest.raises(ConfigError) as caught:
        Dropout(rate)
    assert str(caught.value) == f"Dropout: expected rate to be in [0, 1), got {rate!r}"


def test_whole_channels_are_dropped(arena) -> None:
    """The mask of (N, C, H, W) is that of rows (N, C), so each backend drops the same channels."""
    dropout = SpatialDropout(0.4)
    found = mask(arena, dropout, shape=(20, 6, 3, 4), key=(1, 2))
    rows = mask(arena, Dropout(0.4), shape=(20, 6), key=(1, 2))
    assert np.array_equal(found, np.broadcast_to(rows[:, :, None, None], (20, 6, 3, 4)))
    assert np.array_equal(mask(arena, dropout, shape=(20, 6, 5), key=(1, 2))[:, :, 0], rows)
    assert (~rows).mean() == pytest.approx(0.4, abs=0.1)


def test_shards_drop_the_channels_of_the_whole_batch(arena) -> None:
    whole = mask(arena, SpatialDropout(0.4), shape=(20, 6, 3, 4), key=(1, 2))
    part = mask(arena, SpatialDropout(0.4), shape=(5, 6, 3, 4), key=(1, 2), first_sample=15)
    assert np.array_equal(part, whole[15:])
