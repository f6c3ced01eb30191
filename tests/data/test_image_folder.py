import builtins

import numpy as np
import pytest
from PIL import Image

from cnnkit.data import Scaling, load, read_image
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


def test_jpeg_and_transparency(tmp_path, grey):
    picture(tmp_path / "a/1.JPG", grey[0], format="JPEG", quality=100)
    picture(tmp_path / "b/1.png", np.stack([grey[1]] * 4, axis=-1))
    images = load(tmp_path).train.images
    assert np.abs(images[0].astype(int) - grey[0]).max() < 12
    np.testing.assert_array_equal(images[1, ...] if isinstance(images, np.ndarray) else images[1], grey[1][None])


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
    with pytest.raises(DataError, match=r"deep\.png: expected 8 bits per channel"):
        load(folder)


def test_a_huge_picture_is_refused_from_its_header(folder, monkeypatch):
    monkeypatch.setattr("cnnkit.data.picture.MOST_PIXELS", 29)
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
