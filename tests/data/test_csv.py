import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnkit.data import Scaling, csv_reader, load
from cnnkit.errors import DataError

HEADER = "label,pixel0,pixel1,pixel2,pixel3"


def write(path, *lines, end="\n"):
    path.write_bytes(end.join((*lines, "")).encode("utf-8"))
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "set.csv"


def test_the_format_of_kaggle_by_hand(path):
    dataset = load(write(path, HEADER, "1,0,10,200,255", "0,4,3,2,1"))
    np.testing.assert_array_equal(dataset.train.images, [[[[0, 10], [200, 255]]], [[[4, 3], [2, 1]]]])
    np.testing.assert_array_equal(dataset.train.labels, [1, 0])
    assert dataset.train.images.dtype == np.uint8
    assert dataset.scaling == Scaling(0.0, 1 / 255)
    assert dataset.test is None


@pytest.mark.parametrize(
    "header",
    [
        "label,pixel1,pixel2,pixel3,pixel4",
        "label,1x1,1x2,2x1,2x2",
        "label,0x0,0x1,1x0,1x1",
        '"label","pixel0","pixel1","pixel2","pixel3"',
        "\ufefflabel,pixel0,pixel1,pixel2,pixel3",
    ],
)
def test_other_headers(path, header):
    assert load(write(path, header, "1,0,10,200,255", "0,4,3,2,1")).train.images[0].tolist() == [[[0, 10], [200, 255]]]


def test_label_anywhere_and_images_that_are_not_square(path):
    dataset = load(write(path, "1x1,1x2,1x3,label,2x1,2x2,2x3", "1,2,3,1,4,5,6"))
    assert dataset.train.images.tolist() == [[[[1, 2, 3], [4, 5, 6]]]]
    assert dataset.train.labels.tolist() == [1]


def test_line_ends_and_a_missing_last_line_end(path):
    expected = load(write(path, HEADER, "1,0,10,200,255", "0,4,3,2,1")).fingerprint()
    assert load(write(path, HEADER, "1,0,10,200,255", "0,4,3,2,1", end="\r\n")).fingerprint() == expected
    path.write_text(f"{HEADER}\n1,0,10,200,255\n0,4,3,2,1")
    assert load(path).fingerprint() == expected


def test_gzipped(path, tmp_path):
    write(path, HEADER, "1,0,10,200,255")
    (tmp_path / "z.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert load(tmp_path / "z.csv.gz").fingerprint() == load(path).fingerprint()


@pytest.mark.parametrize(
    ("rows", "values", "factor", "note"),
    [
        (
            ["0,0,1,0,1"],
            [0, 1, 0, 1],
            1 / 255,
            "pixels are whole numbers, 0 to 1: scaled by 1/255 (write 1.0 for pixels",
        ),
        (["0,0.0,1.0,0.0,1.0"], [0, 1, 0, 1], 1, "pixels are decimal numbers (line 2), 0 to 1: not scaled"),
        (["0,0,1,0,1", "1,0,0.5,1,1"], [0, 1, 0, 1], 1, "pixels are decimal numbers (line 3), 0 to 1: not scaled"),
        (["0,0,1e0,0,9"], [0, 1, 0, 9], 1, "(line 2), 0 to 9: not scaled (write whole numbers for bytes"),
        (["0,0.0,255.0,0,1"], [0, 255, 0, 1], 1, "0 to 255: not scaled (write whole numbers for bytes"),
        (["0.0,0,1,0,200"], [0, 1, 0, 200], 1 / 255, "pixels are whole numbers, 0 to 200: scaled by 1/255"),
        (["1.,0,1,0,2", "1,0,1,0,2"], [0, 1, 0, 2], 1 / 255, "pixels are whole numbers, 0 to 2: scaled by 1/255"),
        (["0,0,1000,-3,1"], [0, 1000, -3, 1], 1, "whole numbers, -3 to 1000, beyond 0..255: not scaled"),
    ],
)
@pytest.mark.parametrize("block", [1 << 20, 12])
def test_the_text_decides_the_scaling_and_it_is_said(path, monkeypatch, rows, values, factor, note, block):
    monkeypatch.setattr(csv_reader, "BLOCK", block)
    dataset = load(write(path, HEADER, *rows))
    assert dataset.train.images[0].reshape(-1).tolist() == values
    assert dataset.scaling == Scaling(0.0, factor)
    assert len(dataset.notes) == 1
    assert note in dataset.notes[0]


def test_a_label_in_the_last_column_may_be_a_float(path):
    dataset = load(write(path, "pixel0,label", "7,1.0", "8,0e0"))
    assert (dataset.scaling.factor, dataset.train.labels.tolist()) == (1 / 255, [1, 0])


@pytest.mark.parametrize("end", ["\n", "\n\n\n", "\r\n\r\n", "\n \t\n", "\n  ", "\r\n\r"])
@pytest.mark.parametrize("block", [1 << 20, 1, 3, 16])
def test_blank_lines_at_the_end_are_no_rows(path, monkeypatch, end, block):
    expected = load(write(path, HEADER, "0,0,255,3,4", "1,9,8,7,6")).fingerprint()
    path.write_bytes(f"{HEADER}\n0,0,255,3,4\n1,9,8,7,6{end}".encode())
    monkeypatch.setattr(csv_reader, "BLOCK", block)
    assert load(path).fingerprint() == expected


@pytest.mark.parametrize("block", [1 << 20, 1, 16])
def test_blank_lines_between_rows_are_named(path, monkeypatch, block):
    monkeypatch.setattr(csv_reader, "BLOCK", block)
    with pytest.raises(DataError, match="line 3: expected 5 cells as in line 1, got an empty line"):
        load(write(path, HEADER, "0,0,255,3,4", "", "", "1,9,8,7,6", ""))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER.replace(",", ";") + "\n0;1;2;3;4", "separate the columns by commas"),
        (HEADER.replace(",", "\t") + "\n0\t1\t2\t3\t4", "separate the columns by commas"),
        (HEADER + '\n0,"1","2","3","4"', r"cell 2: expected a decimal number, .*: write numbers without quotes"),
        (HEADER.replace("label,", ",label,") + "\n0,0,1,2,3,4", r"to_csv\(FILE, index=False\)"),
        (HEADER + ",\n0,1,2,3,4,", "expected the column pixel4, got a column without a name"),
        (f"{HEADER}\r0,1,2,3,4\r", "lines that end in CR"),
        ("", "got an empty line"),
        (HEADER + "\n0,1,2,3,4\ncat,1,2,3,4", "cell 1: expected a decimal number, got 'cat': number the classes 0"),
    ],
)
def test_other_tables_say_what_to_change(path, content, message):
    path.write_bytes(content.encode())
    with pytest.raises(DataError, match=message):
        load(path)


def test_utf_16_is_named(path):
    path.write_bytes((HEADER + "\n0,1,2,3,4").encode("utf-16"))
    with pytest.raises(DataError, match="line 1: expected text in UTF-8, got UTF-16"):
        load(path)


def test_fractions_and_signs_stay_floats(path):
    dataset = load(write(path, HEADER, "1,0.5,-1,2.,1e-3", "0,1,2,3,4"))
    assert dataset.train.images.dtype == np.float32
    assert dataset.train.images[0].reshape(-1).tolist() == pytest.approx([0.5, -1, 2, 0.001])
    assert dataset.scaling == Scaling()


@given(rows=st.lists(st.tuples(*[st.integers(0, 255)] * 5), min_size=1, max_size=12), block=st.integers(1, 60))
def test_block_size_changes_nothing(tmp_path_factory, rows, block):
    path = write(tmp_path_factory.mktemp("csv") / "a.csv", HEADER, *(",".join(map(str, row)) for row in rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_reader, "BLOCK", block)
        images, labels, _ = csv_reader.read_csv_arrays(path)
    np.testing.assert_array_equal(images.reshape(-1, 4), np.array(rows)[:, 1:])
    np.testing.assert_array_equal(labels, np.array(rows)[:, 0])


BAD_CELLS = [
    "1_0",
    "１０",
    "nan",
    "NaN",
    "inf",
    "",
    " 1",
    "1 ",
    "+1",
    "0x1F",
    ".5",
    "1e",
    "1.2.3",
    "--1",
    "1-2",
    '"1"',
    "1;2",
    "1e5e5",
]


@pytest.mark.parametrize("cell", BAD_CELLS)
@pytest.mark.parametrize("position", [0, 2, 4])
def test_cells_that_are_not_plain_numbers(path, cell, position):
    cells = ["1", "0", "10", "200", "255"]
    cells[position] = cell
    write(path, HEADER, "1,0,10,200,255", ",".join(cells), "1,0,10,200,255")
    with pytest.raises(DataError, match=rf"set\.csv, line 3, cell {position + 1}: expected a decimal number") as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,0,10,200", "line 3: expected 5 cells as in line 1, got 4"),
        ("1,0,10,200,255,3", "line 3: expected 5 cells as in line 1, got 6"),
        ("1,0,10,200,255,", "line 3: expected 5 cells as in line 1, got 6"),
        ("", "line 3: expected 5 cells as in line 1, got an empty line"),
        ("-1,0,10,200,255", "line 3: .* got label -1"),
        ("0.5,0,10,200,255", "line 3: .* got label 0.5"),
        ("1,1e999,10,200,255", "line 3: .* too large"),
        ("100000,0,10,200,255", "whole labels"),
    ],
)
def test_rows_that_cannot_be_used(path, row, message):
    with pytest.raises(DataError, match=message):
        load(write(path, HEADER, "1,0,10,200,255", row, "1,0,10,200,255"))


def test_the_line_is_right_in_a_later_block(path, monkeypatch):
    monkeypatch.setattr(csv_reader, "BLOCK", 40)
    with pytest.raises(DataError, match="line 22, cell 3"):
        load(write(path, HEADER, *["1,0,10,200,255"] * 20, "1,0,x,2,3"))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("5,0,10,200,255", "the names of the columns, got numbers"),
        ("", "the names of the columns, got an empty line"),
        ("label,label,pixel0", "one column called label"),
        ("label", "columns besides the target"),
        ("label,pixel0,pixel1,pixel2", "a square number of pixels, got 3"),
        ("label,pixel0,pixel2,pixel1,pixel3", "the column pixel1, got pixel2"),
        ("label,id,pixel0", "the column pixel0, got id"),
        ("label,1x1,2x1,1x2,2x2", "expected the column pixel0"),
        ("label,1x1,9999x9999", "expected the column pixel0"),
    ],
)
def test_headers_that_cannot_be_used(path, header, message):
    with pytest.raises(DataError, match=f"line 1: expected {message}|line 1: {message}"):
        load(write(path, header, "1,0,10,200,255"))


def test_no_images(path):
    with pytest.raises(DataError, match="at least one image"):
        load(write(path, HEADER))
    path.write_bytes(b"")
    with pytest.raises(DataError, match="line 1"):
        load(path)


def test_a_hostile_name_does_not_reach_the_terminal(path):
    with pytest.raises(DataError) as caught:
        load(write(path, "label,\x1b[31mred", "1,\x1b[31mx"))
    assert "\x1b" not in str(caught.value)


def test_an_endless_line(path, monkeypatch):
    monkeypatch.setattr(csv_reader, "LONGEST_LINE", 1000)
    monkeypatch.setattr(csv_reader, "BLOCK", 100)
    with pytest.raises(DataError, match="lines of at most 1000 bytes"):
        load(write(path, HEADER, "1," * 5000))


def test_gzip_truncated_and_bomb(tmp_path, monkeypatch):
    data = gzip.compress(("\n".join([HEADER, *["1,0,10,200,255"] * 50_000])).encode())
    path = tmp_path / "z.csv.gz"
    path.write_bytes(data[:-20])
    with pytest.raises(DataError, match="complete gzip file"):
        load(path)
    path.write_bytes(data)
    monkeypatch.setattr("cnnkit.data.csv_reader.FREE_TEXT", 1000)
    with pytest.raises(DataError, match="after unpacking"):
        load(path)
