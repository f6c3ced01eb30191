import io
import sys

import pytest

from cnnkit.cli import asking


@pytest.fixture(name="says")
def _says(monkeypatch):
    def say(text):
        monkeypatch.setattr(
            sys, "stdin", io.TextIOWrapper(io.BytesIO(text if isinstance(text, bytes) else text.encode()))
        )

    return say


def test_numbers_from_a_pipe_are_answered_until_an_empty_line(cnnkit, trained, says):
    says("3\n0\n\n5\n")
    asked = cnnkit("predict", trained, "--ask", "--json").json["predictions"]
    assert [answer["index"] for answer in asked] == [3, 0]
    plain = cnnkit("predict", trained, "--index", 3, "--index", 0, "--json").json["predictions"]
    assert [answer["predicted"] for answer in asked] == [answer["predicted"] for answer in plain]
    says("3")
    assert "digits, test image 3\n" in cnnkit("predict", trained, "--ask", "--show", "hex").out


def test_what_is_no_number_gets_a_line_and_the_next_is_read(cnnkit, trained, says):
    says(b"seven\n-1\n360\n\xff\n1.5\n" + b"9" * 500 + b"\n7\n")
    result = cnnkit("predict", trained, "--ask", "--show", "none")
    assert result.status == 0
    assert result.err.count("expected a whole number from 0 to 359, got") >= 6
    assert "got seven\n" in result.err
    assert result.out.count("test image") == 1
    assert "Traceback" not in result.err


def test_a_terminal_is_asked(cnnkit, trained, says, monkeypatch):
    says("2\n")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert cnnkit("predict", trained, "--ask").err.count("number of an image, 0 to 359") == 2


def test_the_picture_goes_into_a_file(cnnkit, trained, says, tmp_path):
    says("4\n")
    cnnkit("predict", trained, "--ask", "-o", "four.svg")
    assert "<svg" in (tmp_path / "four.svg").read_text("utf-8")
    for words, wanted in (
        (("-o", "x.csv"), "ends with .svg or .png or .pdf"),
        (("-o", "four.svg"), "--overwrite"),
        (("--index", 1), "leave --index out"),
    ):
        result = cnnkit("predict", trained, "--ask", *words)
        assert result.status == 2
        assert wanted in result.err


def test_no_standard_input_is_the_end(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert list(asking.ask_numbers(None, 3)) == []
