import numpy as np
import pytest
import torch

from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import Crop, Pad
from cnnkit.layers.base import Reach

SHAPES = [((6,), ((2, 3),)), ((4, 5), ((1, 2), (3, 0))), ((3, 4, 5), ((1, 1), (0, 2), (2, 1)))]
TORCH_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def torch_order(sides):
    """((top, bottom), (left, right)) -> (left, right, top, bottom)."""
    return [number for side in reversed(sides) for number in side]


@pytest.mark.parametrize(("shape", "sides"), SHAPES)
@pytest.mark.parametrize("mode", TORCH_MODES)
def test_pad_is_that_of_torch(arena, run, torch_pass, normal, agree, shape, sides, mode) -> None:
    value = 1.5 if mode == "constant" else 0.0
    layer, x = Pad(sides, mode, value), normal(2, 3, *shape)
    dy = normal(2, *layer.output_shape((3, *shape)), seed=1)
    options = {"mode": TORCH_MODES[mode], **({"value": value} if value else {})}
    wanted = torch_pass(lambda t: torch.nn.functional.pad(t, torch_order(sides), **options), x, dy)
    agree(arena, run(arena, layer, x, dy), wanted)


@pytest.mark.parametrize("mode", TORCH_MODES)
@pytest.mark.parametrize("sides", [((1, 1), (2, 0), (0, 3)), ((0, 0), (20, 30), (0, 0))])
def test_pad_is_that_of_numpy_along_all_axes(arena, run, normal, mode, sides) -> None:
    if mode == "reflect" and max(map(max, sides)) > 3:
        sides = ((2, 1), (3, 0), (0, 4))
    x = normal(2, 3, 4, 5)
    found = run(arena, Pad(sides, mode), x)
    assert np.array_equal(found.y, np.pad(x, ((0, 0), *sides), mode))
    assert np.sum(found.dx) == (x.size if mode == "constant" else found.y.size)  # every copy gives its share


def test_infinities_stay_where_they_are(arena, run) -> None:
    x = np.array([[[np.inf, 1.0, np.nan]]])
    y = run(arena, Pad(((1, 12),), "edge"), x).y[0, 0]
    assert np.isinf(y[:2]).all()
    assert y[2] == 1
    assert np.isnan(y[3:]).all()


@pytest.mark.parametrize("amount", [1, (1, 0), ((0, 1), (2, 1)), ((1, 0), (0, 1), (2, 1))])
def test_crop_undoes_pad(arena, run, normal, amount) -> None:
    x = normal(2, 3, 4, 5)
    padded = run(arena, Pad(amount, value=7.0), x).y
    assert (padded == 7).sum() == padded.size - x.size
    found = run(arena, Crop(amount), padded, dy=x + 1)
    assert np.array_equal(found.y, x)
    assert np.array_equal(found.dx, run(arena, Pad(amount), x + 1).y)


def test_pad_and_crop_of_an_empty_batch(arena, run) -> None:
    assert run(arena, Pad(1, "reflect"), np.zeros((0, 3, 2, 2))).dx.shape == (0, 3, 2, 2)
    assert run(arena, Crop(1), np.zeros((0, 3, 4, 4))).dx.shape == (0, 3, 4, 4)


FORMS = r"a whole number >= 0, one for each spatial axis, or a pair \(begin, end\) of them for each axis"


@pytest.mark.parametrize("sides", [-1, (1, -1), ((1, -1),), (), ((1, 2, 3),), 1.5, "same", ((1, 2), 1), True])
def test_amounts_that_cannot_be(sides) -> None:
    with pytest.raises(ConfigError, match=f"Pad: expected padding to be {FORMS}, got "):
        Pad(sides)
    with pytest.raises(ConfigError, match=f"Crop: expected cropping to be {FORMS}, got "):
        Crop(sides)


def test_fields_that_cannot_be() -> None:
    with pytest.raises(
        ConfigError, match="expected mode to be 'constant' or 'reflect' or 'edge' or 'wrap', got 'same'"
    ):
        Pad(1, "same")
    with pytest.raises(ConfigError, match="expected value to be a number, got nan"):
        Pad(1, value=float("nan"))


@pytest.mark.parametrize(
    ("layer", "x_shape", "message"),
    [
        (
            Pad(3, "reflect"),
            (2, 3, 9),
            r"with axes longer than their padding .* got \(N, 2, 3, 9\): an image has no more",
        ),
        (Pad((1, 1)), (2, 3), r"with 2 spatial axes, got \(N, 2, 3\)"),
        (Pad(1), (2,), r"with spatial axes, got \(N, 2\)"),
        (Crop((2, 0)), (2, 4, 4), r"of which cropping leaves something, got \(N, 2, 4, 4\)"),
        (Crop(((1, 1),) * 4), (2, 4, 4), r"with 4 spatial axes, got \(N, 2, 4, 4\)"),
    ],
)
def test_shapes_that_do_not_fit(layer, x_shape, message) -> None:
    with pytest.raises(ShapeError, match=message):
        layer.output_shape(x_shape)


def test_what_an_output_sees() -> None:
    assert Pad(1, "wrap").reach((1, 4, 4)) is None
    assert Pad(1).reach((1, 4, 4)) == Reach((1, 1), (1, 1), before=(1, 1))
    assert Crop(1).reach((1, 4, 4)) == Reach((1, 1), (1, 1), before=(-1, -1))
