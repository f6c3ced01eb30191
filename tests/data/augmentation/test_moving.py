"""Transforms that move pixels, against NumPy's own moves and Pillow's."""

import numpy as np
import pytest
from PIL import Image

from cnnkit.data.augmentation import TargetValues
from cnnkit.data.augmentation.affine import AffineMap
from cnnkit.data.augmentation.draws import Draws
from cnnkit.data.augmentation.geometric import (
    RandomCrop,
    RandomFlip,
    RandomResizedCrop,
    RandomRotate,
    RandomShear,
    RandomZoom,
    rotation,
)
from cnnkit.data.augmentation.sampling import interpolate, move, nearest

DRAWS = Draws((1, 2), 0, 0, np.arange(40))


def test_flip_is_fliplr_or_nothing(augment, images) -> None:
    flipped = augment("flip").pixels
    kinds = [np.array_equal(a, b[..., ::-1]) - np.array_equal(a, b) for a, b in zip(flipped, images, strict=True)]
    assert set(kinds) == {-1, 1}
    upright = augment("flip:vertical,share=1").pixels
    assert np.array_equal(upright, images[:, :, ::-1])


@pytest.mark.parametrize("border", ["0", "9", "edge"])
def test_crop_cuts_out_of_a_padded_image(augment, images, border) -> None:
    how = {"mode": "edge"} if border == "edge" else {"constant_values": int(border)}
    padded = np.pad(images, ((0, 0), (0, 0), (3, 3), (3, 3)), **how)
    found = set()
    for cropped, image in zip(augment(f"border:{border},crop:3").pixels, padded, strict=True):
        places = [
            (y, x) for y in range(7) for x in range(7) if np.array_equal(cropped, image[:, y : y + 12, x : x + 10])
        ]
        found.update(places)
        assert places
    assert len(found) > 20
    assert {y for y, _ in found} == {x for _, x in found} == set(range(7))


def test_whole_and_interpolated_moves_agree(images) -> None:
    places = RandomFlip().places(DRAWS, (12, 10)).after(RandomCrop(30).places(DRAWS, (12, 10)))
    for outside in (0.0, 7.0, None):
        assert np.array_equal(move(images, places, outside), interpolate(images, places, outside))
    maps = images[:, 0].astype(np.int64)
    assert np.array_equal(move(maps[:, None], places, -1)[:, 0], nearest(maps, places, -1))
    assert np.array_equal(move(maps[:, None], places, None)[:, 0], nearest(maps, places, None))


@pytest.mark.parametrize("degrees", [-170.0, -37.5, 10.0, 90.0])
def test_rotation_is_pillows(images, degrees) -> None:
    square = images[:, :, :10]
    ours = interpolate(square, rotation(np.full(40, degrees)), 0.0)
    pillow = [
        np.asarray(Image.fromarray(image.transpose(1, 2, 0)).rotate(degrees, Image.Resampling.BILINEAR)).transpose(
            2, 0, 1
        )
        for image in square
    ]
    y, x = np.mgrid[:10, :10] - 4.5
    inside = np.hypot(y, x) < 4  # at the edge Pillow takes the nearest pixel where ours goes on to the border
    assert np.abs(ours.astype(int) - np.array(pillow, int))[..., inside].max() <= 1


@pytest.mark.parametrize("transform", [RandomZoom(0.3), RandomShear(0.4), RandomResizedCrop(0.3)])
def test_an_affine_map_is_pillows(images, transform) -> None:
    places = transform.places(DRAWS, (12, 10))
    ours = interpolate(images, places, 0.0)
    inverse = interpolate(np.full((40, 1, 12, 10), 255, np.uint8), places, 0.0) == 255  # where no border counts
    for image, matrix, offset, result, inside in zip(
        images, places.matrix, places.offset, ours, inverse[:, 0], strict=True
    ):
        (yy, yx), (xy, xx) = matrix
        # Pillow's place (x, y) of a pixel has its centre at x + 1/2, y + 1/2
        data = (xx, xy, offset[1] + 5 - xx * 5 - xy * 6, yx, yy, offset[0] + 6 - yx * 5 - yy * 6)
        pillow = Image.fromarray(image.transpose(1, 2, 0)).transform(
            (10, 12), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR
        )
        difference = np.abs(result.astype(int) - np.asarray(pillow).transpose(2, 0, 1))
        assert difference[:, inside].max() <= 1
    assert inverse.mean() > 0.5


def test_a_resized_crop_stays_inside() -> None:
    everything = RandomResizedCrop(0.05, 3).places(DRAWS, (12, 10))
    assert (interpolate(np.full((40, 1, 12, 10), 255, np.uint8), everything, 0.0)[..., 1:-1, 1:-1] == 255).all()
    area = np.abs(np.linalg.det(everything.matrix))
    assert area.min() < 0.2
    assert area.max() > 0.7
    ratio = everything.matrix[:, 0, 0] / everything.matrix[:, 1, 1]
    assert ratio.min() < 1 < ratio.max() <= 9


def test_neighbours_are_interpolated_once(augment, images) -> None:
    """Four quarter turns in a list move nothing, so one map was made of them."""
    turned = [rotation(np.full(40, 90.0)) for _ in range(4)]
    places = turned[0]
    for further in turned[1:]:
        places = further.after(places)
    np.testing.assert_allclose(places.matrix, AffineMap.identity(40, 2).matrix, atol=1e-12)
    square = images[:, :, :10]
    assert np.array_equal(interpolate(square, places, None), square)
    first = RandomRotate(50).places(DRAWS, (12, 10))
    second = RandomZoom(0.5).places(Draws((1, 2), 0, 1, np.arange(40)), (12, 10))
    product = second.after(first)
    np.testing.assert_allclose(product.matrix, first.matrix @ second.matrix, atol=1e-12)
    once = augment("rotate:50,zoom:0.5", epoch=0, key=(1, 2)).pixels
    assert np.array_equal(once, interpolate(images, product, 0.0))


@pytest.mark.parametrize(
    "text", ["flip,crop:2", "flip,rotate:30,shift:0.2", "resized_crop,shear", "border:edge,rotate:60"]
)
def test_targets_move_along(augment, images, text) -> None:
    spots = (images[:, 0] > 128).astype(np.uint8)
    targets = (TargetValues("class_map", spots), TargetValues("values", images), TargetValues("input", None))
    result = augment(text, targets=targets)
    maps, values, own = result.targets
    assert maps.values.shape == spots.shape
    moved = augment(text, pixels=spots[:, None] * 255).pixels[:, 0]
    known = maps.values >= 0
    assert known.all() == text.startswith("border")
    agree = (maps.values == (moved > 127))[known].mean()
    assert agree > 0.97  # a nearest pixel and a bilinear value part on an edge
    assert np.array_equal(values.values, result.pixels)
    assert own.values is None


def test_float_pixels_and_wide_integers_keep_their_type(augment, images) -> None:
    for dtype in (np.float16, np.float32, np.float64, np.uint16, np.int32, np.bool_):
        pixels = images.astype(dtype) if dtype is not np.bool_ else images > 100
        moved = augment("rotate:20", pixels=pixels).pixels
        assert moved.dtype == dtype
        if np.dtype(dtype).kind in "ui":
            assert np.array_equal(moved, augment("rotate:20").pixels)


def test_signals_rows_and_volumes(augment) -> None:
    rng = np.random.default_rng(0)
    for shape in ((9,), (2, 9), (2, 4, 5, 6)):
        pixels = rng.normal(size=(30, *shape))
        for text in ("flip:share=1", "shift:0.4", "noise", "cutout:3", "mixup", "cutmix", "crop:2"):
            result = augment(text, pixels=pixels, white=1.0).pixels
            assert result.shape == pixels.shape
            assert not np.array_equal(result, pixels)
        assert np.array_equal(augment("flip:share=1", pixels=pixels).pixels, pixels[..., ::-1])
