"""CSV of any columns."""

import gzip

import numpy as np
import pytest

from cnnkit.data import Reading, Scaling, load, table_rows
from cnnkit.errors import DataError

HOUSES = ("area,rooms,price,town", "52.5,2,120000.5,Rome", "80,3,2e5,Bari", "61,2,150000,Rome")


def write(path, *lines, end="\n"):
    path.write_bytes(end.join((*lines, "")).encode("utf-8"))
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "houses.csv"


def numbers(path):
    """The houses without their towns."""
    return write(path, *(line.rpartition(",")[0] for line in HOUSES))


def test_a_number_is_predicted_from_the_others(path):
    dataset = load(numbers(path), Reading(target=["price"]))
    np.testing.assert_array_equal(dataset.train.images[:], np.float32([[52.5, 2], [80, 3], [61, 2]]))
    assert dataset.train.images.dtype == np.float32
    assert (dataset.target.kind, dataset.target.shape, dataset.target.names) == ("numbers", (1,), ("price",))
    np.testing.assert_array_equal(dataset.train.targets.values, [[120000.5], [200000], [150000]])
    assert (dataset.image_shape, dataset.scaling, dataset.test) == ((2,), Scaling(), None)
    assert dataset.notes == (
        f"{path}: rows of 2 numbers, area, rooms, 2 to 80: not scaled",
        f"{path}: price: numbers to be predicted, 120000 to 200000",
    )
    assert dataset.reading.to_json() == {"target": ["price"], "columns": ["area", "rooms"]}


def test_several_numbers_in_the_order_of_the_targets(path):
    dataset = load(numbers(path), Reading(target=["price", "rooms"]))
    assert dataset.target.names == ("price", "rooms")
    np.testing.assert_array_equal(dataset.train.targets.values[0], [120000.5, 2])
    np.testing.assert_array_equal(dataset.train.images[:], np.float32([[52.5], [80], [61]]))


def test_words_become_classes_by_name(path):
    dataset = load(write(path, *HOUSES), Reading(target=["town"]))
    assert dataset.class_names == ("Bari", "Rome")
    assert dataset.train.labels.tolist() == [1, 0, 1]
    assert f"{path}: town: words, taken for 2 classes: Bari, Rome" in dataset.notes


@pytest.mark.parametrize(("numbers", "kind"), [(None, "class"), (False, "class"), (True, "numbers")])
def test_the_loss_decides_about_whole_numbers(path, numbers, kind):
    dataset = load(write(path, "a,n", "0.5,3", "1.5,1", "2.5,03"), Reading(target=["n"], numbers=numbers))
    assert dataset.target.kind == kind
    if kind == "class":
        assert (dataset.class_names, dataset.train.labels.tolist()) == (("1", "3"), [1, 0, 1])
    else:
        assert dataset.train.targets.values.tolist() == [[3], [1], [3]]


def test_many_whole_numbers_are_numbers_where_no_loss_tells(path):
    rows = [f"{n}.5,{1000 + n}" for n in range(101)]
    assert load(write(path, "a,n", *rows), Reading(target=["n"])).target.kind == "numbers"
    assert load(write(path, "a,n", *rows[:100]), Reading(target=["n"])).target.kind == "class"


def test_columns_of_0_and_1_are_several_labels(path):
    rows = write(path, "a,red,big", "1,0,1", "2,1,1", "3,0,0")
    dataset = load(rows, Reading(target=["red", "big"]))
    assert (dataset.target.kind, dataset.target.names) == ("tags", ("red", "big"))
    np.testing.assert_array_equal(dataset.train.targets.values, [[0, 1], [1, 1], [0, 0]])
    assert load(rows, Reading(target=["red", "big"], numbers=True)).target.kind == "numbers"


def test_a_column_called_label_is_the_target_and_without_any_there_is_none(path):
    assert load(write(path, "a,label,b", "1,cat,2", "3,dog,4")).class_names == ("cat", "dog")
    dataset = load(write(path, "a,b", "1,2", "3,4"))
    assert dataset.target.kind == "input"
    assert "no column is a target: the samples are their own; --target NAME" in dataset.notes[1]


def test_what_a_weight_file_remembers_is_found_by_name(path):
    """Input by name in the order of the training, whatever order the data have; the target may be missing."""
    kept = Reading.from_json({"target": ["price"], "columns": ["area", "rooms"]})
    moved = write(path, "id,rooms,area", "7,2,52.5", "8,3,80")
    dataset = load(moved, Reading(), kept)
    np.testing.assert_array_equal(dataset.train.images[:], np.float32([[52.5, 2], [80, 3]]))
    assert dataset.target.kind == "input"
    assert f"{path}: not used: id" in dataset.notes
    with pytest.raises(
        DataError, match=r"line 1: expected a column 'price', the target, got the columns id, rooms, area"
    ):
        load(moved, Reading(target=["price"]), kept)
    with pytest.raises(DataError, match=r"line 1: expected a column 'area', which the network takes, got .* rooms"):
        load(write(path, "rooms,price", "2,1"), Reading(), kept)


def test_pixels_make_images_with_any_target_and_with_none(path):
    header = "ink,pixel0,pixel1,pixel2,pixel3"
    dataset = load(write(path, header, "0.5,0,10,200,255", "0.25,4,3,2,1"), Reading(target=["ink"]))
    np.testing.assert_array_equal(dataset.train.images, [[[[0, 10], [200, 255]]], [[[4, 3], [2, 1]]]])
    assert (dataset.scaling, dataset.target.kind) == (Scaling(0.0, 1 / 255), "numbers")
    decimal = load(write(path, header, "0.5,0,10,200,255", "0.25,4,3,2.0,1"), Reading(target=["ink"]))
    assert decimal.scaling == Scaling()
    assert "pixels are decimal numbers (line 3), 0 to 255: not scaled" in decimal.notes[0]
    words = load(write(path, header.replace("ink", "label"), "cat,0,10,200,255", "ant,4,3,2,1"))
    assert (words.class_names, words.image_shape) == (("ant", "cat"), (1, 2, 2))
    assert load(write(path, header[4:], "0,10,200,255")).target.kind == "input"
    with pytest.raises(DataError, match="expected the column pixel1, got pixel2"):
        load(write(path, "ink,pixel0,pixel2,pixel1,pixel3", "1,0,0,0,0"), Reading(target=["ink"]))


def test_quotes_spaces_line_ends_and_gzip(path, tmp_path):
    content = '"a", "na""me",y\r\n 1.5 ,"2","x, y"\r\n-.5e1,+3,"z"\r\n\r\n'
    path.write_bytes(b"\xef\xbb\xbf" + content.encode())
    dataset = load(path, Reading(target=["y"]))
    np.testing.assert_array_equal(dataset.train.images[:], [[1.5, 2], [-5, 3]])
    assert (dataset.class_names, dataset.train.labels.tolist()) == (("x, y", "z"), [0, 1])
    (tmp_path / "z.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert load(tmp_path / "z.csv.gz", Reading(target=["y"])).fingerprint() == dataset.fingerprint()


def test_blocks_change_nothing(path, monkeypatch):
    lines = ["a,b,y", *(f"{n}.5,{n},{'pqr'[n % 3]}" for n in range(50))]
    expected = load(write(path, *lines), Reading(target=["y"]))
    monkeypatch.setattr(table_rows, "_BLOCK", 200)
    dataset = load(path, Reading(target=["y"]))
    assert (dataset.fingerprint(), dataset.class_names) == (expected.fingerprint(), expected.class_names)
    with pytest.raises(DataError, match=r"line 52, column b: expected a number, got 'x'"):
        load(write(path, *lines, "1,x,p"), Reading(target=["y"]))


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("", "an empty cell: fill it, or leave the row out"),
        ("  ", "an empty cell"),
        ("NaN", "'NaN': fill it"),
        ("NA", "'NA': fill it"),
        ("inf", "'inf'"),
        ("Rome", "'Rome': number it, leave the column out, or name it with --target"),
        ("1_000", "'1_000'"),
        ("0x10", "'0x10'"),
        ("1-2", "'1-2'"),
        ("e5", "'e5'"),
        ("1e", "'1e'"),
        ("٣", "'٣'"),
        ("12 3", "'12 3'"),
        ("a.png", "'a.png': call a column of pictures `file`"),
        ("1e39", "a number that float32 holds, got 1e39"),
        ("-1e99999", "a number, got"),
    ],
)
def test_what_is_no_number_is_named_with_row_and_column(path, cell, said):
    with pytest.raises(DataError) as caught:
        load(write(path, "area,rooms,price", "1,2,3.5", f"1,{cell},3.5", "1,2,3.5"), Reading(target=["price"]))
    assert str(caught.value).startswith(f"{path}, line 3, column rooms: expected a number")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("target", "cell", "said"),
    [
        ("price", "", "line 3, column price: expected a target, got an empty cell"),
        ("price", "nan", "line 3, column price: expected a target, got 'nan'"),
        ("price", "1e39", "expected numbers that float32 holds"),
    ],
)
def test_targets_that_are_missing_are_named(path, target, cell, said):
    with pytest.raises(DataError, match=said):
        load(write(path, "area,price", "1,3.5", f"1,{cell}", "1,3.5"), Reading(target=[target]))


def test_a_word_among_several_targets_is_named(path):
    with pytest.raises(DataError, match=r"line 2, column town: expected a number, .* got 'Rome'"):
        load(write(path, *HOUSES), Reading(target=["price", "town"]))


@pytest.mark.parametrize(
    ("lines", "target", "said"),
    [
        (["a,b", "1,2"], "c", "line 1: expected a column 'c', the target, got the columns a, b"),
        (["price,b", "1,2"], "prize", "did you mean price"),
        (["a,b", "1,2,3"], "a", "line 2: expected 2 cells as in line 1, got 3"),
        (["a,b", "1,2", "", "3,4"], "a", "line 3: expected 2 cells as in line 1, got an empty line"),
        (["a,a", "1,2"], "a", "line 1: expected each name once, got 'a' twice"),
        (["a,", "1,2"], "a", "line 1: expected a name for each column, got none for column 2"),
        (["a;b", "1;2"], "a", "separate the columns by commas"),
        (["1,2", "1,2"], "1", "line 1: expected the names of the columns, got numbers"),
        (["a", "1"], "a", "line 1: expected columns besides the target"),
        (["a,b"], "a", "line 2: expected at least one row"),
        (['a,b', '1,"2', "3,4"], "a", "cells separated by commas"),
        (["a,b", '1,"2"x'], "a", "line 2: expected cells separated by commas"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_used(path, lines, target, said):
    with pytest.raises(DataError, match=said) as caught:
        load(write(path, *lines), Reading(target=[target]))
    assert "\n" not in str(caught.value)


def test_other_encodings_and_bombs(path, tmp_path, monkeypatch):
    path.write_bytes("a,b\n1,ü".encode("latin-1"))
    with pytest.raises(DataError, match="line 2: expected text in UTF-8"):
        load(path)
    path.write_bytes("a,b\n1,2".encode("utf-16"))
    with pytest.raises(DataError, match="line 1: expected text in UTF-8, got UTF-16"):
        load(path)
    path.write_bytes(b"a,b\r1,2\r")
    with pytest.raises(DataError, match="lines that end in LF or CR LF"):
        load(path)
    monkeypatch.setattr(table_rows, "FREE_TEXT", 1000)
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 5000))
    with pytest.raises(DataError, match="bytes after unpacking"):
        load(tmp_path / "bomb.csv.gz")
    monkeypatch.setattr(table_rows, "LONGEST_LINE", 50)
    with pytest.raises(DataError, match="lines of less than 50 bytes"):
        load(write(path, "a,b", "1," + "2" * 60))
