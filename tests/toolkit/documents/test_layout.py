"""Tables within a width."""

import random

import pytest
from rich.cells import cell_len

from cnnkit.documents import Table, TableEntry, count
from cnnkit.documents.breaking import break_numbers, break_text, flow
from cnnkit.documents.layout import fits, lay_out

SCORES = Table(
    ("class", "images", "F1"), [("0 (cat)", count(1234), "0.1667"), ("1 (a big dog)", count(36), "-")], "wrr"
)
MATRIX = Table(("truth", "0", "1", "total"), [("cat", "36", TableEntry(".", 0, minor=True), "36")], "wrrr")


def draw(table, width=None, rule=""):
    return ["".join(piece.text for piece in line) for line in lay_out(table, width, rule)]


def test_a_table_that_fits_stands_in_columns():
    lines = ["class          images      F1", "0 (cat)         1,234  0.1667", "1 (a big dog)      36       -"]
    assert draw(SCORES) == draw(SCORES, 80) == lines
    assert draw(SCORES, 80, "-")[1] == "-" * 29


def test_gaps_shrink_then_text_wraps_then_rows_are_records():
    assert draw(SCORES, 27)[1] == "0 (cat)        1,234 0.1667"
    assert not fits(SCORES, 25)
    assert draw(SCORES, 25) == ["class 0 (cat)", "  images: 1,234", "  F1: 0.1667", "class 1 (a big dog)",
                                "  images: 36   F1: -"]  # fmt: skip
    long = Table(("what", "number"), [("some words that wrap in lines", "123,456")], "wr")
    assert draw(long, 26) == [f"{'what':<17}  {'number':>7}", "some words that    123,456", "wrap in lines"]


def test_a_record_leaves_out_what_is_minor_and_what_is_empty():
    assert draw(MATRIX, 12) == ["truth cat", "  0: 36", "  total: 36"]
    assert draw(Table(("a", "", "b"), [("x", "y", "")], "   "), 3) == ["a x", "  y"]


@pytest.mark.parametrize("width", range(12, 60))
def test_every_number_is_read_back_at_every_width(read_back, width):
    rng = random.Random(width)
    rows = [
        (
            " ".join(rng.choice(("net.layer_4.weight", "cat", "3.5", "a")) for _ in range(rng.randrange(1, 6))),
            count(rng.randrange(10 ** rng.randrange(1, 7))), f"{rng.random():.4f}", "1e-08",
        )
        for _ in range(4)
    ]  # fmt: skip
    table = Table(("name", "parameters", "a longer heading", "error"), rows, "wrrr")
    read_back(table, draw(table, width), width)


def test_a_cropped_number_is_noticed(read_back):
    lines = [line.replace("1,234", "1,23") for line in draw(SCORES, 30)]
    with pytest.raises(AssertionError, match="is not in"):
        read_back(SCORES, lines, 30)
    with pytest.raises(AssertionError):
        read_back(SCORES, draw(SCORES, 40), 20)


def test_text_is_broken_between_words_and_long_names_after_marks():
    assert break_text("one two three", 7) == ["one two", "three"]
    assert break_text("features.denseblock.weight", 12) == ["features.", "denseblock.", "weight"]
    assert break_text("x" * 7, 3) == ["xxx", "xxx", "x"]
    assert break_text("", 5) == [""]
    assert break_text("日本語です", 4) == ["日本", "語で", "す"]
    assert max(map(cell_len, break_text("日本語です", 5))) <= 5
    assert break_text("1.5e-08 2.5", 7) == ["1.5e-08", "2.5"], "no mark inside of a number is a place to break"


def test_fields_flow():
    lines = ["".join(piece.text for piece in line) for line in flow([("a 1", ""), ("b 2", ""), ("c 3", "")], 10, "  ")]
    assert lines == ["a 1   b 2", "  c 3"]


def test_lines_of_numbers_are_broken_between_numbers():
    assert break_numbers("  1.25  -3.5  7.125", 12) == ["  1.25  -3.5", "      7.125"]
    assert break_numbers("  1.25", 3) == ["1.25"], "a number wider than the terminal stays whole"
    assert break_numbers("", 3) == [""]
