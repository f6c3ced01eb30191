import numpy as np
import pytest

from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import Flatten, Reshape


def test_flatten_puts_channels_first(arena, run) -> None:
    x = np.arange(12.0).reshape(2, 3, 1, 2)
    found = run(arena, Flatten(), x, dy=x.reshape(2, 6) + 1)
    assert found.y.tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert np.array_equal(found.dx, x + 1)


def test_flatten_takes_any_shape() -> None:
    assert Flatten().output_shape((3, 4, 5)) == (60,)
    assert Flatten().output_shape((7,)) == (7,)


def test_flatten_of_an_empty_batch(arena, run) -> None:
    assert run(arena, Flatten(), np.zeros((0, 3, 2, 2))).y.shape == (0, 12)


def test_reshape_is_the_inverse_of_flatten(arena, run, normal) -> None:
    x = normal(2, 12)
    found = run(arena, Reshape((3, 2, 2)), x, dy=x.reshape(2, 3, 2, 2))
    assert np.array_equal(found.y, x.reshape(2, 3, 2, 2))
    assert np.array_equal(found.dx, x)


def test_reshape_needs_as_many_values(arena, run) -> None:
    message = "Reshape: expected x of shape (N, ...) with 12 values per sample, got (N, 3, 5): change its shape field"
    with pytest.raises(ShapeError) as caught:
        Reshape((3, 4)).output_shape((3, 5))
    assert str(caught.value) == message
    with pytest.raises(ShapeError) as caught:
        run(arena, Reshape((3, 4)), np.zeros((2, 3, 5)))
    assert str(caught.value) == message


@pytest.mark.parametrize("shape", [(), (0, 3), (3, -1), 12, (2.0,), [3, 4]])
def test_shapes_that_cannot_be(shape) -> None:
    with pytest.raises(ConfigError) as caught:
        Reshape(shape)
    wanted = f"Reshape: expected shape to be a tuple of at most 16 whole numbers >= 1, without N, got {shape!r}"
    assert str(caught.value) == wanted
