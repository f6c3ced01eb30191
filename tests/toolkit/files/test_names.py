import os
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from cnnkit.files.names import escape_hidden, from_text, join_lines, printable, to_text

ANY_TEXT = st.text(st.characters(exclude_categories=()))


def test_plain_text_stays_as_it_is():
    assert printable("conv2d_1/kernel:0 größe 重み") == "conv2d_1/kernel:0 größe 重み"


def test_what_a_terminal_obeys_is_escaped():
    assert printable("\x1b[31m") == r"\x1b[31m"
    assert printable("a\nb\r\t\0\x7f\x9b") == r"a\x0ab\x0d\x09\x00\x7f\x9b"
    assert printable("abc\u202egnp.exe") == r"abc\u202egnp.exe"
    assert printable("\ud800") == r"\ud800"
    assert printable("\U000e0041") == r"\U000e0041"
    assert printable("line\u2028separator") == r"line\u2028separator"


def test_long_text_is_cut_between_characters_never_inside_an_escape():
    assert printable("abcdef", 3) == "abc..."
    assert printable("abc", 3) == "abc"
    assert printable("\x1b\x1b\x1b", 2) == r"\x1b\x1b..."


@given(ANY_TEXT)
def test_nothing_hidden_comes_out(text):
    shown = printable(text)
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    shown.encode()


def test_marks_may_be_few_on_a_letter_and_letters_must_draw_something():
    assert printable("e\u0301 क्षि ที่") == "e\u0301 क्षि ที่"
    assert printable("Z" + "\u0300" * 6) == "Z" + "\u0300" * 4 + r"\u0300\u0300"
    assert printable("a\u3164b\u115f\ufe0f") == r"a\u3164b\u115f\ufe0f"


@given(ANY_TEXT)
def test_escaping_twice_is_escaping_once(text):
    shown = escape_hidden(text)
    assert escape_hidden(shown) == shown
    assert escape_hidden(text, keep="\n") == "\n".join(map(escape_hidden, text.split("\n")))


@given(st.binary(max_size=20).filter(lambda name: b"\\" not in name))
def test_names_of_files_become_text_and_come_back(name):
    text = to_text(os.fsdecode(name))
    text.encode()
    assert os.fsencode(from_text(text)) == name


def test_lines_become_one():
    assert join_lines("first \r\n\n second\nthird") == "first second third"
    assert join_lines(" one  line ") == " one  line "
