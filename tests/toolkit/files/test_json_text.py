"""JSON that strict parsers read and terminals do not interpret."""

import json
import math
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from cnnkit.files.json_text import dump_json, escape_json

ANY_TEXT = st.text(st.characters(exclude_categories=("Cs",)))


def test_numbers_that_json_lacks_become_null_and_large_ones_stay():
    value = {"a": [math.nan, math.inf, -math.inf, 1e308, -0.0, 10**400], "b": (True, None)}
    assert json.loads(dump_json(value)) == {"a": [None, None, None, 1e308, -0.0, 10**400], "b": [True, None]}


def test_bytes_that_are_not_text_are_told_and_the_rest_comes_back():
    assert json.loads(dump_json({"caf\udce9": ["\udcff\ud800", "größe", "😀"]})) == {
        r"caf\xe9": [r"\xff\ud800", "größe", "😀"]
    }
    assert "größe" in dump_json("größe")
    assert dump_json("größe", ascii_only=True).isascii()


def test_a_whole_pair_is_escaped_as_a_pair():
    assert dump_json("\U000e0041") == r'"\udb40\udc41"'
    assert escape_json('{"\x9b": "\u202e\x7f"}') == r'{"\u009b": "\u202e\u007f"}'


@given(st.dictionaries(ANY_TEXT, st.lists(ANY_TEXT, max_size=3), max_size=3))
def test_every_text_comes_back_and_nothing_hidden_is_shown(value):
    for ascii_only in (False, True):
        text = dump_json(value, ascii_only)
        assert json.loads(text.encode()) == value
        hidden = {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")}
        assert hidden <= {"\n"}
