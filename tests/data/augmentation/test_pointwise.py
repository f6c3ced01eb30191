"""Brightness, contrast and saturation against Pillow's ImageEnhance, the hue against colorsys, noise and cutout."""

import colorsys

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from cnnkit.data.augmentation import TargetValues
from cnnkit.data.augmentation.colour import RandomBrightness, RandomContrast, RandomSaturation, turn_hue


@pytest.mark.parametrize(
    ("transform", "pillow"),
    [(RandomBrightness(), "Brightness"), (RandomContrast(), "Contrast"), (RandomSaturation(), "Color")],
    ids=["brightness", "contrast", "saturation"],
)
@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.7])
def test_enhancements_are_pillows(images, transform, pillow, factor) -> None:
    ours = transform.enhance(images, np.full(40, factor), 255.0)
    for image, result in zip(images, ours, strict=True):
        theirs = getattr(ImageEnhance, pillow)(Image.fromarray(image.transpose(1, 2, 0))).enhance(factor)
        difference = np.abs(result.astype(int) - np.asarray(theirs, int).transpose(2, 0, 1))
        assert difference.max() <= 2  # Pillow rounds the reference, and cuts the result down
        assert difference.mean() <= 1


@pytest.mark.parametrize("turn", [-0.5, -0.2, 0.1, 0.43])
def test_the_hue_is_that_of_colorsys(images, turn) -> None:
    x = images[:5] / 255
    ours = turn_hue(x, np.full(5, turn), 1.0)
    theirs = np.empty_like(x)
    for n, y, c in np.ndindex(5, 12, 10):
        hue, saturation, value = colorsys.rgb_to_hsv(*x[n, :, y, c])
        theirs[n, :, y, c] = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_the_hue_of_grey_is_nothing(images) -> None:
    grey = np.repeat(images[:, :1], 3, axis=1)
    assert np.array_equal(turn_hue(grey, np.full(40, 0.3), 255.0), grey)


def test_noise_has_its_deviation(augment) -> None:
    flat = np.full((50, 1, 20, 20), 128, np.uint8)
    noise = augment("noise:0.1", pixels=flat).pixels.astype(float) - 128
    assert abs(noise.std() - 25.5) < 0.5
    assert abs(noise.mean()) < 0.5
    floats = augment("noise:0.1", pixels=np.zeros((50, 1, 20, 20)), white=1.0).pixels
    assert abs(floats.std() - 0.1) < 0.002
    assert floats.min() < 0  # floats have no limits


def test_cutout_cuts_one_square_out(augment) -> None:
    flat = np.full((40, 3, 12, 10), 200, np.uint8)
    cut = augment("cutout:size=5,value=7", pixels=flat).pixels
    sizes = set()
    for image in cut:
        places = np.argwhere(image[0] == 7)
        low, high = places.min(axis=0), places.max(axis=0) + 1
        sizes.add(tuple((high - low).tolist()))
        assert (image[:, low[0] : high[0], low[1] : high[1]] == 7).all()
        assert len(places) == (high - low).prod()
    assert (5, 5) in sizes
    assert max(map(max, sizes)) == 5


def test_a_sample_that_is_its_own_target_keeps_what_is_spoiled(augment) -> None:
    result = augment("flip,noise:0.2,brightness:0.5", targets=(TargetValues("input", None),))
    clean = augment("flip,noise:share=0,brightness:0.5").pixels
    assert np.array_equal(result.targets[0].values, clean)
    assert not np.array_equal(result.pixels, clean)


def test_an_enhancement_stays_within_black_and_white(augment, images) -> None:
    bright = augment("brightness:1").pixels
    assert bright.max() == 255
    wide = augment("brightness:1", pixels=images.astype(np.uint16) * 257, white=65535.0).pixels
    assert np.abs(wide / 257 - bright).max() < 1
