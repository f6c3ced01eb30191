import builtins
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from cnnkit.data import Scaling, load, read_image
from cnnkit.data.picture import read_picture
from cnnkit.errors import DataError


def picture(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.fixture
def grey():
    return np.random.default_rng(1).integers(0, 256, (12, 5, 6), np.uint8)


@pytest.fixture
def folder(tmp_path, grey):
    """Classes 2, 10, a in natural order, with 3, 2 and 1 pictures."""
    for at, name in enumerate(["2/b2.png", "2/b10.png", "2/c.bmp", "10/x.png", "10/y.pgm", "a/z.png"]):
        picture(tmp_path / "train" / name, grey[at])
    for at, name in enumerate(["10/q.png", "a/r.png"], 6):
        picture(tmp_path / "test" / name, grey[at])
    return tmp_path


def test_train_and_test_in_natural_order(folder, grey):
    dataset = load(folder)
    assert dataset.class_names == ("2", "10", "a")
    np.testing.assert_array_equal(dataset.train.labels, [0, 0, 0, 1, 1, 2])
    np.testing.assert_array_equal(dataset.train.images[:], grey[:6, None])
    np.testing.assert_array_equal(dataset.split("test").labels, [1, 2])
    np.testing.assert_array_equal(dataset.split("test").take([1, 0, 1])[0], grey[[7, 6, 7], None])
    assert dataset.scaling == Scaling(0.0, 1 / 255)


def test_classes_directly(folder, grey):
    dataset = load(folder / "train")
    assert dataset.test is None
    np.testing.assert_array_equal(dataset.train.images[:], grey[:6, None])


def test_first_picture_decides_colour(tmp_path):
    colour = np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8)
    picture(tmp_path / "a/1.png", colour)
    picture(tmp_path / "b/1.png", colour[..., 0])
    dataset = load(tmp_path)
    assert dataset.image_shape == (3, 5, 6)
    np.testing.assert_array_equal(dataset.train.images[0], colour.transpose(2, 0, 1))
    np.testing.assert_array_equal(dataset.train.images[1], np.stack([colour[..., 0]] * 3))


def test_jpeg(tmp_path, grey):
    picture(tmp_path / "a/1.JPG", grey[0], format="JPEG", quality=100)
    picture(tmp_path / "b/1.png", grey[1])
    assert np.abs(load(tmp_path).train.images[0].astype(int) - grey[0]).max() < 12


@pytest.mark.parametrize("kind", ["LA", "RGBA", "palette"])
def test_transparency_is_put_on_white_and_said(tmp_path, kind):
    """Ink 0 at opacity 0, 51, 255 on white gives 255, 204, 0: as `predict --image` reads it."""
    if kind == "palette":
        image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
        image.putpalette([0] * 9)
        image.info["transparency"] = bytes([0, 51, 255])
    else:
        channels = [*([np.zeros((1, 3))] * (len(kind) - 1)), np.array([[0, 51, 255]])]
        image = Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8), kind)
    for name in "ab":
        (tmp_path / name).mkdir()
        image.save(tmp_path / name / "1.png", transparency=image.info.get("transparency"))
    dataset = load(tmp_path)
    assert dataset.train.images[0].tolist() == [[[255, 204, 0]]] * dataset.image_shape[0]
    np.testing.assert_array_equal(read_picture(tmp_path / "a/1.png", dataset.image_shape[0]), dataset.train.images[0])
    assert dataset.notes == (f"{tmp_path}: 2 of 2 pictures with transparency: put on a white background",)


@pytest.mark.parametrize(
    ("orientation", "turned"), [(1, [[9, 9], [0, 9]]), (3, [[9, 0], [9, 9]]), (6, [[0, 9], [9, 9]])]
)
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_pictures_are_turned_upright_and_it_is_said(tmp_path, orientation, turned, suffix):
    """Orientation 3 is half a turn, 6 a quarter clockwise (EXIF 2.3); a tile of 8 pixels survives compression."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.kron(np.array([[9, 9], [0, 9]]), np.full((8, 8), 28)).astype(np.uint8)
    tall = np.concatenate([stored, np.full((8, 16), 252, np.uint8)])
    for name in "ab":
        picture(tmp_path / name / f"1.{suffix}", tall, exif=exif)
    dataset = load(tmp_path)
    assert dataset.image_shape[1:] == ((16, 24) if orientation == 6 else (24, 16))
    seen = dataset.train.images[0][0].astype(float)
    if orientation == 3:
        seen = seen[8:]
    elif orientation == 6:
        seen = seen[:, 8:]
    else:
        seen = seen[:16]
    np.testing.assert_allclose(seen[4::8, 4::8] / 28, turned, atol=0.3)
    said = f"{tmp_path}: 2 of 2 pictures turned upright as their EXIF data say"
    assert (said in dataset.notes) == (orientation != 1)


def test_changes_of_colour_are_said(tmp_path, grey):
    colour = np.stack([grey[0]] * 3, axis=-1)
    picture(tmp_path / "a/1.png", colour)
    picture(tmp_path / "b/1.png", grey[0])
    assert load(tmp_path).notes == (f"{tmp_path}: 1 of 2 pictures in grey made colour, as the first one is",)
    picture(tmp_path / "a/0.png", grey[0])
    assert load(tmp_path).notes == (f"{tmp_path}: 1 of 3 pictures in colour made grey, as the first one is",)


def test_folders_that_programs_leave_are_no_classes_and_it_is_said(folder):
    expected = load(folder).fingerprint()
    for name in ("__MACOSX/._a.png", ".cache/1.png", "@eaDir/x.txt", "$RECYCLE.BIN/1.png", "__pycache__/a.pyc"):
        (folder / "train" / name).parent.mkdir()
        (folder / "train" / name).write_bytes(b"x")
    (folder / "train/2/.ipynb_checkpoints").mkdir()
    (folder / "train/2/__MACOSX").mkdir()
    dataset = load(folder)
    assert (dataset.class_names, dataset.fingerprint()) == (("2", "10", "a"), expected)
    skipped = "$RECYCLE.BIN, .cache, @eaDir, __MACOSX, __pycache__"
    assert dataset.notes == (f"{folder / 'train'}: not a class: {skipped}",)


def test_an_empty_class_is_refused(folder):
    (folder / "train/7").mkdir()
    with pytest.raises(
        DataError, match=r"train/7: expected at least one picture, got none: add pictures of this class"
    ):
        load(folder)


def test_an_empty_class_of_the_test_split_is_no_fault(folder):
    (folder / "test/2").mkdir()
    assert load(folder).split("test").labels.tolist() == [1, 2]
    for path in (folder / "test").rglob("*.png"):
        path.unlink()
    with pytest.raises(DataError, match="test: expected at least one picture, got none"):
        load(folder)


def test_a_folder_in_a_class_says_how_folders_are_arranged(tmp_path, grey):
    picture(tmp_path / "training/a/1.png", grey[0])
    picture(tmp_path / "testing/a/1.png", grey[0])
    with pytest.raises(DataError, match="got a folder: one folder per class, directly or under train/ and test/"):
        load(tmp_path)


def test_folders_beside_train_are_said(folder):
    expected = load(folder).fingerprint()
    (folder / "val/2").mkdir(parents=True)
    dataset = load(folder)
    assert dataset.fingerprint() == expected
    said = "not used, only train/ and test/ are: val (rename it to test to test on it)"
    assert dataset.notes == (f"{folder}: {said}",)


def test_the_folder_above_or_below_the_classes(tmp_path, grey):
    for name in "ab":
        picture(tmp_path / "data/imgs" / name / "1.png", grey[0])
    with pytest.raises(DataError, match=r"got imgs: name .*/data/imgs, if it holds the classes"):
        load(tmp_path / "data")
    with pytest.raises(DataError, match=r"got 1\.png: put the pictures of each class into a subfolder"):
        load(tmp_path / "data/imgs/a")


def test_pictures_of_formats_that_are_not_read_say_how_to_convert_them(folder, grey):
    picture(folder / "train/2/x.TIF", grey[0], format="TIFF")
    with pytest.raises(
        DataError, match=r"x\.TIF: expected a picture .*convert it to PNG \(ImageMagick: magick mogrify"
    ):
        load(folder)


def test_colours_of_16_bits_are_read_as_8_and_it_is_said(tmp_path):
    """A PNG by hand, as Pillow writes none: 1 x 1, colour type 2, depth 16, the values 0x1234, 0x80FF, 0xFF00."""
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0),
        b"IDAT": zlib.compress(b"\0\x12\x34\x80\xff\xff\0"),
    }
    chunks = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts.items()]
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    dataset = load(tmp_path)
    assert dataset.train.images[0].reshape(-1).tolist() == [0x12, 0x80, 0xFF]
    assert dataset.notes == (f"{tmp_path}: 2 of 2 pictures with 16 bits per channel: the upper 8 are read",)


def test_a_picture_in_print_colours(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        Image.fromarray(np.full((5, 6, 4), (0, 255, 255, 0), np.uint8), "CMYK").save(
            tmp_path / name / "1.jpg", quality=95
        )
    pixel = load(tmp_path).train.images[0][:, 2, 2]
    assert pixel[0] > 200
    assert pixel[1:].max() < 60


def test_pixels_are_not_decoded_while_opening(folder, monkeypatch):
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("decoded"))
    load(folder)


def test_files_of_file_managers_are_ignored(folder):
    (folder / "train/2/Thumbs.db").write_bytes(b"x")
    (folder / "train/2/.DS_Store").write_bytes(b"x")
    (folder / "train/.git").mkdir()
    assert len(load(folder).train) == 6


def test_sizes_must_agree(folder, grey):
    picture(folder / "train/10/zz.png", grey[0][:, :4])
    with pytest.raises(DataError, match=r"zz\.png: expected 6 x 5 pixels, .* got 4 x 5"):
        load(folder)


def test_test_pictures_of_another_size(folder, grey):
    picture(folder / "test/10/zz.png", grey[0][:3])
    with pytest.raises(DataError, match=r"zz\.png: expected 6 x 5 pixels, .* got 6 x 3"):
        load(folder)


def test_unknown_class_in_test(folder, grey):
    picture(folder / "test/new/1.png", grey[0])
    with pytest.raises(DataError, match="the classes of train/, got 'new'"):
        load(folder)


@pytest.mark.parametrize("name", ["notes.txt", "deeper/1.png", "noending"])
def test_a_file_that_is_not_a_picture_is_named(folder, grey, name):
    path = folder / "train/2" / name
    if name.endswith("png"):
        picture(path, grey[0])
    else:
        path.write_text("x")
    with pytest.raises(DataError, match=f"{name.split('/')[0]}: expected a picture"):
        load(folder)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_a_broken_header(folder, content):
    (folder / "train/2/bad.png").write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.png: expected a complete picture") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_a_truncated_picture_is_refused_when_read(folder):
    path = picture(folder / "train/2/zcut.png", np.random.default_rng(0).integers(0, 256, (5, 6), np.uint8))
    path.write_bytes(path.read_bytes()[:50])
    dataset = load(folder)
    with pytest.raises(DataError, match=r"zcut\.png: expected a complete picture"):
        dataset.train.take([3])


def test_sixteen_bits_are_refused(folder):
    Image.fromarray(np.zeros((5, 6), np.uint16)).save(folder / "train/2/deep.png")
    with pytest.raises(DataError, match=r"deep\.png: expected 8 bits per channel.*magick deep\.png -depth 8 OUT\.png"):
        load(folder)


def test_a_huge_picture_is_refused_from_its_header(folder, monkeypatch):
    monkeypatch.setattr("cnnkit.data.picture_cost.MOST_PIXELS", 29)
    with pytest.raises(DataError, match="at most 29 pixels, got 6 x 5"):
        load(folder)


def test_other_formats_are_not_opened(folder, grey):
    picture(folder / "train/2/tiff.png", grey[0], format="TIFF")
    with pytest.raises(DataError, match=r"tiff\.png: expected a complete picture"):
        load(folder)


def test_one_class_or_no_picture(tmp_path, grey):
    picture(tmp_path / "only/1.png", grey[0])
    with pytest.raises(DataError, match="at least two subfolders, one per class, got only"):
        load(tmp_path)
    (tmp_path / "empty/a").mkdir(parents=True)
    (tmp_path / "empty/b").mkdir()
    with pytest.raises(DataError, match="at least one picture, got none"):
        load(tmp_path / "empty")


def test_read_image(tmp_path, grey):
    path = picture(tmp_path / "a.png", grey[0])
    np.testing.assert_array_equal(read_image(path, (1, 5, 6)), grey[0][None])
    assert read_image(str(path), (3, 5, 6)).shape == (3, 5, 6)
    with pytest.raises(DataError, match="expected a picture of 6 x 6 pixels, got 6 x 5: resize it"):
        read_image(path, (1, 6, 6))
    with pytest.raises(DataError, match="expected a complete picture"):
        read_image(tmp_path / "missing.png", (1, 5, 6))


def test_without_pillow(folder, monkeypatch):
    real = builtins.__import__

    def no_pillow(name, *rest):
        if name == "PIL":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", no_pillow)
    with pytest.raises(DataError, match=r"pip install 'cnnkit\[images\]'"):
        load(folder)


@pytest.mark.parametrize("shape", [(1, 5000), (5000, 1), (3, 4000), (70, 70), (200, 50), (9, 9)])
def test_a_picture_of_any_shape_is_made_small(tmp_path, shape):
    """A single line too, which no square of pixels makes shorter in both directions."""
    path = picture(tmp_path / "long.png", np.full(shape, 7, np.uint8))
    pixels = read_picture(path, 1, 100)
    assert pixels.size <= 200
    assert (pixels == 7).all()
