import numpy as np
import pytest
from PIL import Image, ImageFilter

PILLOW = {  # Pillow sees kernels as written too; its rows run from the bottom in no kernel that is symmetric
    "sharpen": [0, -1, 0, -1, 5, -1, 0, -1, 0],
    "edge": [-1, -1, -1, -1, 8, -1, -1, -1, -1],
    "identity": [0, 0, 0, 0, 1, 0, 0, 0, 0],
    "blur": [1] * 9,
}


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("name", PILLOW)
def test_a_picture_as_pillow_filters_it(cnnkit, tmp_path, name, mode):
    picture = Image.fromarray(np.random.default_rng(2).integers(0, 256, (12, 15, 3), np.uint8)).convert(mode)
    picture.save(tmp_path / "in.png")
    assert cnnkit("filter", "in.png", "--kernel", name, "-o", "out.png").status == 0
    theirs = picture.filter(ImageFilter.Kernel((3, 3), PILLOW[name], 9 if name == "blur" else 1))
    ours = Image.open(tmp_path / "out.png")
    assert (ours.mode, ours.size) == (mode, picture.size)
    difference = np.asarray(ours, int) - np.asarray(theirs, int)
    assert np.abs(difference[1:-1, 1:-1]).max() <= 1  # Pillow leaves the border as it is


def test_a_kernel_from_a_file_and_the_picture_before_beside(cnnkit, tmp_path):
    pixels = np.arange(0, 200, 10, np.uint8).reshape(4, 5)
    Image.fromarray(pixels).save(tmp_path / "in.png")
    (tmp_path / "left.txt").write_text("0 0 0\n1 0 0\n0, 0, 0\n")  # each pixel becomes its left neighbour
    cnnkit("filter", "in.png", "--kernel", "left.txt", "--both", "-o", "out.png")
    written = np.asarray(Image.open(tmp_path / "out.png"))
    np.testing.assert_array_equal(written[:, :5], pixels)
    np.testing.assert_array_equal(written[:, -4:], pixels[:, :4])


@pytest.mark.parametrize("rows", ["", "1 2\n3 4\n", "1 x 1\n1 1 1\n1 1 1\n", "1 1 1\n1 1\n1 1 1\n", "1 " * 33])
def test_what_is_no_kernel_is_refused(cnnkit, tmp_path, rows):
    Image.new("L", (4, 4)).save(tmp_path / "in.png")
    (tmp_path / "k.txt").write_text(rows)
    result = cnnkit("filter", "in.png", "--kernel", "k.txt", "-o", "out.png")
    assert result.status == 2
    assert "expected rows of numbers" in result.err
    assert not (tmp_path / "out.png").exists()
    assert "expected identity, sharpen" in cnnkit("filter", "in.png", "--kernel", "sharp", "-o", "out.png").err
