"""A CSV that names picture files."""

import numpy as np
import pytest
from PIL import Image

from cnnkit.data import Reading, Resizing, load
from cnnkit.errors import DataError


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(4)
    (tmp_path / "set/in").mkdir(parents=True)
    for name in ("set/a.png", "set/in/b.png", "set/c.png", "outside.png"):
        Image.fromarray(rng.integers(0, 256, (6, 5), np.uint8)).save(tmp_path / name)
    Image.fromarray(np.zeros((4, 9), np.uint8)).save(tmp_path / "set/wide.png")
    return tmp_path / "set"


def write(folder, *lines):
    (folder / "list.csv").write_text("\n".join((*lines, "")))
    return folder / "list.csv"


def test_words_and_numbers(folder):
    dataset = load(write(folder, "file,label", "a.png,dog", "in/b.png,cat", "c.png,dog"))
    assert (dataset.class_names, dataset.train.labels.tolist()) == (("cat", "dog"), [1, 0, 1])
    np.testing.assert_array_equal(dataset.train.images[1][0], np.asarray(Image.open(folder / "in/b.png")))
    priced = load(write(folder, "price,file", "1.5,a.png", "2,in/b.png"))
    assert priced.target.kind == "numbers"
    assert priced.train.targets.values.tolist() == [[1.5], [2]]
    assert load(write(folder, "file", "a.png")).target.kind == "input"


def test_several_columns_need_a_target(folder):
    lines = ("file,price,town", "a.png,1.5,Rome", "c.png,2.5,Bari")
    with pytest.raises(DataError, match=r"line 1: expected one column besides file, .*: name it: --target price"):
        load(write(folder, *lines))
    dataset = load(folder / "list.csv", Reading(target=["town"]))
    assert dataset.class_names == ("Bari", "Rome")
    assert f"{folder / 'list.csv'}: not used: price" in dataset.notes


def test_pictures_of_mixed_sizes(folder):
    path = write(folder, "file,label", "a.png,0", "wide.png,1")
    with pytest.raises(DataError, match="--resize 5x6"):
        load(path)
    assert load(path, Reading(Resizing(4, 4))).image_shape == (1, 4, 4)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("../outside.png", "expected a path inside the folder of the CSV, got '../outside.png'"),
        ("/etc/passwd", "expected a path inside the folder of the CSV"),
        ("C:\\\\a.png", "expected a path inside the folder of the CSV"),
        ("", "expected a path inside the folder of the CSV, got ''"),
        ("missing.png", "expected a file beside the CSV, got 'missing.png', which is not there"),
        ("list.csv", "expected a picture"),
        ("link.png", "got 'link.png', a link out of it"),
        ("away/outside.png", "a link out of it"),
        ("loop.png", "which is not there"),
        ("folder.png", "expected a picture file, got 'folder.png', which is none"),
        ("broken.png", "broken.png: expected a complete picture"),
        ("x" * 5000 + ".png", "which is not there"),
    ],
)
def test_paths_out_of_the_folder_and_what_is_no_picture(folder, cell, said):
    (folder / "link.png").symlink_to(folder.parent / "outside.png")
    (folder / "away").symlink_to(folder.parent)
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "folder.png").mkdir()
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DataError) as caught:
        load(write(folder, "file,label", "a.png,0", f'"{cell}",1'))
    assert said in str(caught.value)
    if "broken" not in cell:
        assert f"{folder / 'list.csv'}, line 3: " in str(caught.value)


def test_a_link_inside_the_folder_is_followed(folder):
    (folder / "inner.png").symlink_to("a.png")
    assert len(load(write(folder, "file,label", "a.png,0", "inner.png,1")).train) == 2


def test_no_rows(folder):
    with pytest.raises(DataError, match="line 2: expected at least one picture"):
        load(write(folder, "file,label"))
