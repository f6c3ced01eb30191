"""Lines about what was not read: many with one reason take one line, and nobody is left out of the count."""

from cnnkit.exporters.core.not_read import list_lines
from cnnkit.exporters.core.weight_file import NotRead


def test_a_few_have_a_line_each():
    items = [NotRead("a (2,)", 1, "far"), NotRead("b", 2, "far"), NotRead("c", 1, "near")]
    assert list_lines(items) == ["1 a (2,): far", "2 b: far", "1 c: near"]
    assert list_lines([]) == []


def test_many_with_one_reason_have_one_line():
    items = [NotRead(f"w{n}", 2, "far") for n in range(500)]
    assert list_lines([NotRead("x", 1, "near"), *items, NotRead("y", 1, "near")]) == [
        "1 x: near",
        "1000, w0, w1, ...: far",
        "1 y: near",
    ]


def test_names_and_reasons_cannot_reach_the_terminal():
    assert "\x1b" not in "".join(list_lines([NotRead("\x1b[31m", 1, "\x1b")] * 9))
