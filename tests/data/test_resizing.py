import numpy as np
import pytest
from PIL import Image, ImageOps

from cnnkit.data import Reading, Resizing, load
from cnnkit.data.picture import read_picture, read_resized
from cnnkit.errors import DataError

NOISE = np.random.default_rng(5).integers(0, 256, (31, 50, 3), np.uint8)
BILINEAR = Image.Resampling.BILINEAR


@pytest.mark.parametrize("size", [(8, 8), (20, 12), (40, 90), (31, 50)])
@pytest.mark.parametrize("shape", [(31, 50), (50, 31)])
def test_each_fit_is_that_of_pillow(shape, size):
    """ImageOps.fit crops, ImageOps.pad pads, Image.resize stretches: nobody here wrote them."""
    pixels = NOISE if shape == (31, 50) else NOISE.transpose(1, 0, 2)
    image, (height, width) = Image.fromarray(np.ascontiguousarray(pixels)), size
    expected = {
        "crop": ImageOps.fit(image, (width, height), BILINEAR),
        "pad": ImageOps.pad(image, (width, height), BILINEAR, color="black"),
        "stretch": image.resize((width, height), BILINEAR),
    }
    for fit, whole in expected.items():
        np.testing.assert_array_equal(Resizing(height, width, fit).apply(pixels), np.asarray(whole), err_msg=fit)


def test_a_picture_made_smaller_is_a_mean_of_its_pixels():
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    resized = Resizing(8, 8).apply(checks.astype(np.uint8))
    assert np.abs(resized.astype(int) - 127).max() <= 1


def test_a_mask_keeps_its_numbers():
    mask = np.where(np.arange(35) < 17, 3, 200).astype(np.uint8) * np.ones((21, 1), np.uint8)
    for fit, numbers in (("crop", {3, 200}), ("pad", {9, 3, 200}), ("stretch", {3, 200})):
        assert set(Resizing(9, 9, fit).apply(mask, 9).flat) == numbers


def test_the_margin_is_black_and_on_both_sides():
    padded = Resizing(10, 10, "pad").apply(np.full((10, 5), 9, np.uint8))
    assert (padded[:, [0, 1, 7, 8, 9]] == 0).all()
    assert (padded[:, 2:7] == 9).all()


@pytest.mark.parametrize("shape", [(1, 3000), (3000, 1)])
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_a_single_line_is_resized_too(shape, fit):
    resized = Resizing(7, 5, fit).apply(np.full(shape, 6, np.uint8))
    assert resized.shape == (7, 5)
    assert resized.max() == 6


@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_large_jpegs_are_read_small_and_upright(tmp_path, orientation):
    """Decoded at a quarter of its size, it differs little from the whole picture made small."""
    smooth = np.linspace(0, 255, 800 * 600 * 3).reshape(600, 800, 3).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "large.jpg"
    Image.fromarray(smooth).save(path, quality=95, exif=exif)
    small = read_resized(path, 3, Resizing(40, 30))
    whole = Resizing(40, 30).apply(np.ascontiguousarray(read_picture(path, 3).transpose(1, 2, 0)))
    assert small.shape == (3, 40, 30)
    assert np.abs(small.transpose(1, 2, 0).astype(int) - whole).max() <= 3
    assert read_resized(path, 1, Resizing(40, 30)).shape == (1, 40, 30)


@pytest.fixture
def mixed(tmp_path):
    for at, name in enumerate(["train/a/1.png", "train/a/2.png", "train/b/1.png", "test/b/1.png"]):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(NOISE[: 12 + 5 * at, :, 0]).save(tmp_path / name)
    return tmp_path


def test_pictures_of_mixed_sizes_need_a_size_and_say_so(mixed):
    with pytest.raises(DataError, match=r"expected 50 x 12 pixels, .* got 50 x 17: --resize 50x12 brings all to one"):
        load(mixed)
    dataset = load(mixed, Reading(Resizing(16, 20, "stretch")))
    assert dataset.image_shape == (1, 16, 20)
    seen = Image.fromarray(NOISE[:17, :, 0]).resize((20, 16), BILINEAR)
    np.testing.assert_array_equal(dataset.train.images[1][0], np.asarray(seen))
    assert dataset.notes == (f"{mixed}: 4 of 4 pictures of 50 x 12 to 27 pixels resized to 20 x 16 (stretch)",)
    assert dataset.reading.to_json() == {"resize": [16, 20, "stretch"]}
    other = load(mixed, Reading(Resizing(16, 20, "pad")))
    assert other.fingerprint() != dataset.fingerprint()


def test_the_network_decides_between_grey_and_colour(mixed):
    assert load(mixed, Reading(Resizing(16, 20), sample=(3, 8, 8))).image_shape == (3, 16, 20)
    notes = load(mixed, Reading(Resizing(16, 20), sample=(3, 8, 8))).notes
    assert notes[1] == f"{mixed}: 4 of 4 pictures in grey made colour, as the network takes them"


@pytest.mark.parametrize(
    ("text", "expected"), [("64", (64, 64)), ("64x48", (48, 64)), ("9X7", (7, 9)), ("4096", (4096, 4096))]
)
def test_sizes_are_width_by_height(text, expected):
    resizing = Resizing.parse(text)
    assert (resizing.height, resizing.width) == expected


@pytest.mark.parametrize("text", ["", "x", "64x", "6x6x6", "-3", "1e3", "64 x 48", "0", "4097", "99999999999", "٣"])
def test_other_sizes_are_refused(text):
    with pytest.raises(DataError, match="resize: expected"):
        Resizing.parse(text)


def test_another_fit_is_refused():
    with pytest.raises(DataError, match="fit: expected one of crop, pad, stretch, got 'centre'"):
        Resizing(4, 4, "centre")
