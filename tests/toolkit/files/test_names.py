import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from cnnkit.files.names import printable

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
