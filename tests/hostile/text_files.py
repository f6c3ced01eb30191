"""cnnkit's text format with numbers, lines and headings that it does not have."""

from functools import partial

from hostile.making import READ, make_cases
from hostile.own_texts import change, write_honest

text = partial(change, "txt")
EDITED = READ  # a changed number is read, and its tensor named


def number(word: str) -> object:
    return text("              2              3", f"              {word}              3")


CASES = make_cases(
    "weights",
    [
        ("txt-number-underscore.txt", "the number 1_0", number("1_0")),
        ("txt-number-wide.txt", "full-width digits", number("１２")),
        ("txt-number-hex.txt", "a hexadecimal number", number("0x10")),
        ("txt-number-words.txt", "an expression", number("__import__('os')")),
        ("txt-number-comma.txt", "a decimal comma", number("1,5")),
        ("txt-number-two-points.txt", "two points", number("1.2.3")),
        ("txt-number-nan.txt", "nan without its sign", number("nan")),
        ("txt-number-inf.txt", "inf without its sign", number("inf")),
        ("txt-number-huge.txt", "1e999999999", number("1e999999999")),
        ("txt-number-digits.txt", "100,000 digits", number("1" * 100_000)),
        ("txt-number-digits-fraction.txt", "a fraction of 1,000,000 digits", number("0." + "1" * 1_000_000), (0, 2)),
        ("txt-number-exponent.txt", "an exponent of 1,000 digits", number("1e" + "1" * 1_000)),
        ("txt-number-plus-minus.txt", "two signs", number("+-1")),
        ("txt-number-none.txt", "a number too few", text("              2              3", "              2")),
        ("txt-number-more.txt", "a number too many", number("2 2")),
        ("txt-number-edited.txt", "another number", number("7"), EDITED),
        ("txt-number-nul.txt", "a zero byte", number("\0")),
        ("txt-number-escape.txt", "a byte that clears the screen", number("\x1b[2J")),
        ("txt-dtype.txt", "a type that is not known", text("0.weight float32", "0.weight float99")),
        ("txt-dtype-object.txt", "objects", text("0.weight float32", "0.weight object0")),
        ("txt-shape-huge.txt", "a shape of 2^60 values", text("float32 (2, 2)", "float32 (1073741824, 1073741824)")),
        ("txt-shape-digits.txt", "an extent of 5,000 digits", text("float32 (2, 2)", f"float32 ({'9' * 5_000}, 2)")),
        ("txt-shape-negative.txt", "a negative extent", text("float32 (2, 2)", "float32 (-2, -2)")),
        ("txt-shape-rank.txt", "5,000 axes", text("float32 (2, 2)", f"float32 ({'1, ' * 5_000}4)")),
        ("txt-shape-other.txt", "another shape of as many values", text("float32 (2, 2)", "float32 (4, 1)"), (0, 2)),
        ("txt-name-json.txt", "a name in broken quotes", text("tensor 0.weight", 'tensor "\\ud800')),
        ("txt-name-surrogate.txt", "a name of half a character", text("tensor 0.weight", 'tensor "\\ud800"'), (0, 2)),
        ("txt-name-control.txt", "a name that clears the screen",
         text("tensor 0.weight", 'tensor "\\u001b[2J"'), (0, 2)),
        ("txt-name-twice.txt", "two tensors of one name", text("tensor 0.bias", "tensor 0.weight"), (0, 2)),
        ("txt-axes.txt", "three axes of two", text("axes (0, 1)", "axes (0, 1, 2)")),
        ("txt-sha256.txt", "another SHA-256", text("sha256 4c9c", "sha256 0000"), EDITED),
        ("txt-sha256-short.txt", "half a SHA-256", text("sha256 4c9c4f354e74153db012329d71c8562e", "sha256 ")),
        ("txt-end-more.txt", "an end of more numbers", text("end 4 numbers", "end 400 numbers")),
        ("txt-end-none.txt", "no end", text("end 4 numbers", "# end")),
        ("txt-trailer.txt", "a last line of more tensors", text("file, 2 tensors", "file, 3 tensors")),
        ("txt-trailer-none.txt", "no last line", text("end of file, 2 tensors, 6 numbers", "")),
        ("txt-behind.txt", "lines behind the last", lambda: write_honest("txt") + b"tensor x float32 (1)\n"),
        ("txt-twice.txt", "the file twice", lambda: write_honest("txt") * 2),
        ("txt-version.txt", "version 99", text("cnnkit-text 2", "cnnkit-text 99")),
        ("txt-bom-16.txt", "in UTF-16", lambda: write_honest("txt").decode().encode("utf-16")),
        ("txt-not-utf-8.txt", "a comment that is not UTF-8", text("# Every", b"# \xff\xfe"), (0, 2)),
        ("txt-cr.txt", "lines that end as on old Macs", lambda: write_honest("txt").replace(b"\n", b"\r"), (0, 2)),
        ("txt-crlf.txt", "lines that end as on Windows", lambda: write_honest("txt").replace(b"\n", b"\r\n"), READ),
        ("txt-line-long.txt", "a comment of 50 MB", lambda: write_honest("txt").replace(b"# Every", b"#" * 50_000_000),
         (0, 2)),
        ("txt-blanks.txt", "30 MB of blank lines", lambda: write_honest("txt").replace(b"# Every", b"\n" * 30_000_000
                                                                                       + b"# Every"), (0, 2)),
        ("txt-at-deep.txt", "100,000 brackets in the @ lines", text('@  "metadata": {}', '@  "metadata": '
                                                                    + "[" * 100_000)),
        ("txt-at-nan.txt", "NaN in the @ lines", text('"metadata": {}', '"metadata": {"a": NaN}')),
        ("txt-at-twice.txt", "a key twice in the @ lines", text('"metadata": {}', '"metadata": {}, "metadata": {}')),
        ("txt-at-list.txt", "metadata that is a list", text('"metadata": {}', '"metadata": []')),
        ("txt-at-kinds.txt", "kinds of tensors that there are not", text('"metadata": {}', '"kinds": {"state": [99]}')),
        ("txt-at-class.txt", "an architecture of a class by its module", text('"metadata": {}', '"metadata": {}, '
            '"architecture": {"class_name": "os.system", "config": {"command": "touch cnnkit-was-here"}}'), (0, 2)),
        ("txt-at-unknown.txt", "a part that the format has not",
         text('"metadata": {}', '"metadata": {}, "x": 1'), READ),
        ("txt-statistics.txt", "statistics in a comment that lie", text("min 0, max 3", "min 7, max 9"), READ),
    ],
)  # fmt: skip
