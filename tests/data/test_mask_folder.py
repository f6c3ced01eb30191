"""Pictures with masks beside them."""

import numpy as np
import pytest
from PIL import Image

from cnnkit.data import Reading, Resizing, load, mask_folder
from cnnkit.errors import DataError

MASK = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)


def picture(path, pixels, palette=False, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    if palette:
        image.putpalette([200, 10, 10, 10, 200, 10, 10, 10, 200])
    image.save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path):
    """A grey and a palette mask to train on, one to test on."""
    for at, name in enumerate(["train/{}/a", "train/{}/b", "test/{}/c"]):
        picture(tmp_path / f"{name.format('images')}.jpg", np.full((2, 3, 3), 40 * at, np.uint8))
        picture(tmp_path / f"{name.format('masks')}.png", MASK if at else MASK[::-1], palette=at == 1)
    return tmp_path


def test_masks_are_class_numbers(folder):
    dataset = load(folder)
    assert (dataset.target.kind, dataset.target.shape, dataset.class_names) == ("class_map", (2, 3), ("0", "1", "2"))
    np.testing.assert_array_equal(dataset.train.targets.values, [MASK[::-1], MASK])
    np.testing.assert_array_equal(dataset.test.targets.values, [MASK])
    assert dataset.image_shape == (3, 2, 3)
    inner = load(folder / "train")
    assert (len(inner.train), inner.test) == (2, None)


def test_names_of_classes(folder):
    (folder / "classes.txt").write_text("sky\nsea\nland\nboat\n")
    assert load(folder).class_names == ("sky", "sea", "land", "boat")
    (folder / "classes.txt").write_text("sky\nsea\n")
    with pytest.raises(
        DataError, match=r"masks/a\.png: expected class numbers in 0..1, as classes.txt has 2 names, got 2"
    ):
        load(folder)
    for text in ("sky\n\nsea\n", "sky\nsky\nsea", ""):
        (folder / "classes.txt").write_text(text)
        with pytest.raises(DataError, match=r"classes\.txt: expected"):
            load(folder)


def test_a_number_that_counts_nowhere(folder):
    picture(folder / "train/masks/b.png", np.where(MASK == 2, 255, MASK).astype(np.uint8))
    dataset = load(folder, Reading(ignore=255))
    np.testing.assert_array_equal(dataset.train.targets.values[1], np.where(MASK == 2, -1, MASK.astype(int)))
    assert dataset.class_names == ("0", "1", "2")
    assert dataset.reading.to_json() == {"ignore": 255}
    (folder / "classes.txt").write_text("sky\nsea\nland\n")
    with pytest.raises(DataError, match=r"got 255: --ignore 255 leaves such pixels out"):
        load(folder)


def test_black_and_white_masks_are_two_classes_and_it_is_said(folder):
    for path in folder.rglob("*.png"):
        picture(path, np.where(MASK > 0, 255, 0).astype(np.uint8))
    dataset = load(folder)
    assert dataset.class_names == ("0", "1")
    assert dataset.notes == (f"{folder}: masks are of 0 and 255, taken for the classes 0 and 1",)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_masks_of_few_bits(folder, bits):
    """Written by Pillow, whose grey of 1 bit is a mode; of 2 and 4 bits by hand."""
    import struct
    import zlib

    most = min(2, (1 << bits) - 1)
    rows = np.minimum(MASK, most)
    packed = b"".join(
        b"\0"
        + int("".join(f"{n:0{bits}b}" for n in row).ljust(-(-3 * bits // 8) * 8, "0"), 2).to_bytes(
            -(-3 * bits // 8), "big"
        )
        for row in rows
    )
    parts = {b"IHDR": struct.pack(">IIBBBBB", 3, 2, bits, 0, 0, 0, 0), b"IDAT": zlib.compress(packed), b"IEND": b""}
    chunks = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts.items()]
    (folder / "train/masks/b.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    np.testing.assert_array_equal(load(folder).train.targets.values[1], rows)


def test_masks_are_resized_with_their_pictures(folder):
    big = np.kron(MASK, np.ones((8, 8), np.uint8))
    picture(folder / "train/masks/b.png", big)
    picture(folder / "train/images/b.jpg", np.stack([big * 100] * 3, axis=-1), quality=100)
    with pytest.raises(DataError, match=r"images/b\.jpg: expected 3 x 2 pixels, .* --resize 3x2"):
        load(folder)
    for fit, margin in (("stretch", None), ("pad", 0), ("crop", None)):
        dataset = load(folder, Reading(Resizing(6, 6, fit)))
        image, mask = dataset.train.images[1][0], dataset.train.targets.values[1]
        inner = mask if margin is None else mask[1:5]
        seen = image if margin is None else image[1:5]
        np.testing.assert_allclose(seen[:, [0, -1]], inner[:, [0, -1]] * 100.0, atol=25)
        if margin is not None:
            assert (mask[[0, 5]] == margin).all()
    ignored = load(folder, Reading(Resizing(6, 6, "pad"), ignore=255)).train.targets.values[1]
    assert (ignored[[0, 5]] == -1).all()


def test_masks_turn_with_their_pictures(folder):
    exif = Image.Exif()
    exif[0x0112] = 3
    picture(folder / "train/masks/b.png", MASK, exif=exif)
    np.testing.assert_array_equal(load(folder).train.targets.values[1], MASK[::-1, ::-1])


def test_each_picture_has_its_mask(folder):
    (folder / "train/masks/b.png").rename(folder / "train/masks/d.png")
    with pytest.raises(DataError, match=r"images/b\.jpg: expected a mask of this name in masks/, got none"):
        load(folder)
    picture(folder / "train/masks/b.png", MASK)
    with pytest.raises(DataError, match=r"masks/d\.png: expected a picture of this name in images/, got none"):
        load(folder)
    (folder / "train/masks/d.png").unlink()
    picture(folder / "train/masks/b.png", MASK[:, :2])
    with pytest.raises(DataError, match=r"masks/b\.png: expected 3 x 2 pixels, as its picture has, got 2 x 2"):
        load(folder)
    picture(folder / "train/masks/b.bmp", MASK)
    with pytest.raises(DataError, match=r"expected one file of each name"):
        load(folder)


@pytest.mark.parametrize(("suffix", "mode"), [("png", "RGB"), ("png", "LA"), ("jpg", "L"), ("webp", "RGB")])
def test_masks_of_several_numbers_a_pixel_and_lossy_ones_are_refused(folder, suffix, mode):
    (folder / "train/masks/b.png").unlink()
    Image.new(mode, (3, 2)).save(folder / f"train/masks/b.{suffix}")
    with pytest.raises(
        DataError, match=r"expected a mask with one class number a pixel \(PNG, grey or with a palette\)"
    ):
        load(folder)


def test_masks_that_unpack_to_far_more_than_is_stored_are_refused(folder, monkeypatch):
    monkeypatch.setattr(mask_folder, "FREE_BYTES", 5)
    monkeypatch.setattr(mask_folder, "LARGEST_RATIO", 0)
    with pytest.raises(DataError, match=r"masks that memory holds, got 12 bytes of them from \d+ stored bytes"):
        load(folder)


def test_folders_that_are_missing(folder):
    for path in (folder / "test/masks").iterdir():
        path.unlink()
    (folder / "test/masks").rmdir()
    with pytest.raises(DataError, match="test: expected the folders images and masks, got none called masks"):
        load(folder)
