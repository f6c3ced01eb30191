"""Where a receptive field lies: held against the pixels whose change changes the value."""

import numpy as np
import pytest
from graphs import NETWORKS

from cnnkit.layers import (
    AvgPool2D,
    Branches,
    Conv1D,
    Conv2D,
    Crop,
    Dense,
    Flatten,
    Pad,
    Residual,
    Sequential,
    Slice,
)
from cnnkit.model import Model
from cnnkit.receptive_field import find_field

CHAINS = {
    "strided": (Conv2D(2, 3, stride=2, padding="same"), Conv2D(2, 3, padding=1), AvgPool2D(2)),
    "dilated": (Conv2D(2, 3, dilation=2, padding=((3, 1), (0, 4))), AvgPool2D(3, stride=2)),
    "moved": (Pad(((2, 1), (1, 0))), Crop(1), Slice(2, 3), Conv2D(1, 2), Slice(3, 1, None, 2)),
    "residual": (Residual(Sequential((Conv2D(1, 3, padding=1), Conv2D(1, 3, padding=1)))), Conv2D(1, 2, stride=3)),
    "branches": (Branches((Conv2D(1, 1), Conv2D(1, 5, padding=2))), AvgPool2D(2)),
}


def find_seen(model, x, position):
    """Return (first, behind the last) pixel on each axis that changes the value at a position."""
    before = model.outputs(x[None])[0][(slice(None), *position)]
    changing = []
    for place in np.ndindex(*x.shape[1:]):
        moved = x.copy()
        moved[(slice(None), *place)] += 100
        if not np.array_equal(model.outputs(moved[None])[0][(slice(None), *position)], before):
            changing.append(place)
    return tuple((min(axis), max(axis) + 1) for axis in zip(*changing, strict=True))


@pytest.mark.parametrize("name", CHAINS)
def test_a_value_sees_the_pixels_that_change_it(name):
    chain, shape = CHAINS[name], (1, 11, 12)
    model = Model(Sequential(chain), shape)
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    field = find_field(model.network, shape, str(len(chain) - 1))
    sizes = model.output_shape[1:]
    for position in ((0, 0), (sizes[0] // 2, sizes[1] // 2), tuple(n - 1 for n in sizes)):
        inside = tuple((max(a, 0), min(b, n)) for (a, b), n in zip(field.locate(position), shape[1:], strict=True))
        assert find_seen(model, x, position) == inside, position


def test_the_path_leads_into_layers_and_nodes():
    network, shape = NETWORKS["twice"]()
    assert find_field(network, shape, "small").size == (10, 10)
    chain = Sequential((Conv2D(1, 3), Residual(Sequential((Conv2D(1, 3, padding=1),)))))
    assert find_field(chain, (1, 9, 9), "1.body.0") == ((5, 5), (1, 1), (-1, -1))
    with pytest.raises(KeyError):
        find_field(chain, (1, 9, 9), "1.body.3")


def test_signals_have_one_axis_and_rows_see_all():
    chain = Sequential((Conv1D(1, 3, padding=1), Flatten(), Dense(2)))
    assert find_field(chain, (1, 9), "0").locate((0,)) == ((-1, 2),)
    assert find_field(chain, (1, 9), "2") is None
