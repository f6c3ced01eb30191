"""Text files changed by hand are read, with the tensor named; anything broken is refused with its line."""

import pytest

from cnnkit.errors import WeightFileError
from cnnkit.exporters import registry
from cnnkit.exporters.text import source
from cnnkit.exporters.text.format import TextFormat

TXT = TextFormat()
FILE = """\
cnnkit-text 1
# a comment

@ {
@  "metadata": {"seed": 3},
@  "kinds": {"state": [1]}
@ }
tensor conv.weight float32 (2, 1, 2, 2)
layer conv
role weight
axes (o, i, kh, kw)
sha256 8c6bc7e15e9d11f0e3f3f48a7a8fd8cb7ef4bb1cfe5ec0c5b3f1b5d7f1f9a8ab
# 8 numbers
[o 0, i 0, kh, kw]
 1 2
 3 4
[o 1, i 0, kh, kw]
 5 6
 7 8
end 8 numbers
tensor "a b" int8 ()
layer ""
role other
axes ()
-5
end 1 numbers
end of file, 2 tensors, 9 numbers
"""


_TEXTS = FILE[FILE.index("@ {") : FILE.index("tensor conv")]
FILE_2 = (
    FILE.replace("cnnkit-text 1", "cnnkit-text 2").replace(_TEXTS, "").replace("end of file", f"{_TEXTS}end of file")
)


@pytest.fixture
def save(tmp_path):
    def save(text):
        path = tmp_path / "a.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return save


@pytest.mark.parametrize("text", [FILE, FILE_2], ids=["version 1", "version 2"])
def test_a_file_by_hand(save, text):
    weights = TXT.read(save(text))
    rows = [(t.name, t.layer, t.kind, t.role, t.axes, t.dtype, t.shape, t.read().tolist()) for t in weights]
    assert rows == [
        ("conv.weight", "conv", "parameter", "weight", ("o", "i", "kh", "kw"), "float32", (2, 1, 2, 2),
         [[[[1, 2], [3, 4]]], [[[5, 6], [7, 8]]]]),
        ("a b", "", "state", "other", (), "int8", (), -5),
    ]  # fmt: skip
    assert weights.edited == ("conv.weight", "a b")  # the hash is another's, and there is none
    assert (weights.metadata, weights.architecture, weights.position) == ({"seed": 3}, None, None)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace(" 1 2\n 3 4\n", "\t1\t2 \n\n \t3 4\t \n# mine\n"),
        lambda text: text.replace(" 1 2\n 3 4\n", "1 2 3\n4 \n"),
        lambda text: text.replace(" 1 2\n 3 4\n", "+1 2. 3.0e0 .4E1\n"),
        lambda text: text.replace("[o 0, i 0, kh, kw]\n", ""),
        lambda text: text + "\n \n\r\n",
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("tensor \"a b\"", "\n# here\ntensor \"a\\u0020b\""),
    ],
)  # fmt: skip
def test_what_editors_do_to_a_text_changes_nothing(save, contents, change):
    plain = contents(TXT.read(save(FILE)))
    assert contents(TXT.read(save(change(FILE)))) == plain


def test_an_edit_names_its_tensor(weights, save, tmp_path):
    TXT.write(weights, tmp_path / "a.txt")
    text = (tmp_path / "a.txt").read_text()
    assert TXT.read(save(text)).edited == ()
    lines = text.splitlines()
    index = next(i for i, line in enumerate(lines) if line.startswith("[o 2, i 0")) + 1
    lines[index] = " 0.1 0.2 0.3"
    back = registry.read(save("\n".join(lines) + "\n"))
    assert (back.edited, back.format) == (("0.weight",), "txt")
    assert back["0.weight"].read()[2, 0, 0].tolist() == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.parametrize("size", range(0, len(FILE) - 2, 7))
@pytest.mark.parametrize("text", [FILE, FILE_2], ids=["version 1", "version 2"])
def test_a_cut_file_is_refused(save, text, size):
    with pytest.raises(WeightFileError) as caught:
        TXT.read(save(text[:size]))
    if size > len("cnnkit-text 1"):  # before that, it may be anything
        assert "cut short" in str(caught.value)
        assert "the last line must be" in str(caught.value)
        assert caught.value.hint == "copy or download it again"


def test_a_file_that_is_cut_in_its_head_is_said_to_be(save):
    with pytest.raises(WeightFileError, match=r"txt: cut short: the last line must be"):
        TXT.read(save(FILE[: FILE.index("kinds")]))
    with pytest.raises(WeightFileError, match=r"txt: cut short: the last line must be"):
        TXT.read(save(FILE_2[: FILE_2.index("kinds")]))


def test_what_is_wrong_in_a_whole_file_is_not_said_to_be_cut(save):
    with pytest.raises(WeightFileError) as caught:
        TXT.read(save(FILE.replace("role weight", "role wait")))
    assert "cut short" not in str(caught.value)
    assert caught.value.hint is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("end of file, 2 tensors, 9 numbers\n", "", "cut short: the last line must be"),
        ("end of file, 2 tensors, 9 numbers", "end of file, 2 tensors, 9 num", "cut short: the last line must be"),
        ("end 1 numbers\nend of file, 2 tensors, 9 numbers\n", "", "cut short within a b"),
        (" 7 8\n", " 7\n", "line 20: conv.weight: expected 8 numbers, found 7"),
        (" 7 8\n", " 7 8 9\n", "line 20: conv.weight: expected 8 numbers, found 9"),
        (" 7 8\n", " 7 8\n" + "1 " * 200_000 + "\n", "line 21: conv.weight: expected 8 numbers, found 200008"),
        ("end 8 numbers", "end 7 numbers", "line 20: conv.weight: 8 numbers, but the end line declares 7"),
        ("end 8 numbers", "end", "line 20: conv.weight: expected numbers"),
        ("end 8 numbers", "end eight numbers", 'line 20: conv.weight: expected "end 8 numbers"'),
        (" 3 4", " 3 0,75", 'line 16: conv.weight: "0,75" is not a number; decimals have a point'),
        (" 3 4", " 3 1_0", 'line 16: conv.weight: "1_0" is not a number'),
        (" 3 4", " 3 ４", 'line 16: conv.weight: .* is not a number'),
        (" 3 4", "３ 4", "line 16: conv.weight: expected numbers, "),
        (" 3 4", " 3 4 # mine", 'line 16: conv.weight: "#" is not a number'),
        (" 3 4", " 3 1e40", 'line 16: conv.weight: "1e40" does not fit float32; for infinity write [+]inf'),
        ("-5", "-500", 'line 25: a b: "-500" does not fit int8'),
        ("-5", "-5.0", 'line 25: a b: "-5.0" is no int8'),
        ("[o 1, i 0, kh, kw]", "[o 1", "line 17: conv.weight: not a label"),
        ("float32", "float33", "line 8: element type float33 is not one of"),
        ("float32", "complex64", "line 8: element type complex64 is not one of"),
        ("(2, 1, 2, 2)", "(2, 1, 2, 2", 'line 8: expected "tensor NAME DTYPE'),
        ("(2, 1, 2, 2)", "(-2, 1, 2, 2)", 'line 8: expected "tensor NAME DTYPE'),
        ("(2, 1, 2, 2)", "(9999999999, 9999999999, 2, 2)", "line 8: a shape of more than 2"),
        ("(2, 1, 2, 2)", "(200000, 1, 2, 2)", "line 8: declares 800000 numbers, the file has room for"),
        ("(2, 1, 2, 2)", f"({', '.join('1' * 40)})", "line 8: 40 axes, more than 32"),
        ("tensor conv.weight", 'tensor "conv\\x"', "line 8: a name is not a JSON string"),
        ("layer conv", "layers conv", 'line 9: expected "layer NAME", got "layers conv"'),
        ("layer conv", "12", 'line 9: expected "layer NAME", got "12"'),
        ("role weight", "role kernel", "line 10: role kernel is not one of"),
        ("axes (o, i, kh, kw)", "axes (o, i)", "line 11: expected 4 axes, got 2"),
        ("# a comment", "1 2 3", "line 2: numbers outside a tensor"),
        ("cnnkit-text 1", "cnnkit-text 3", 'line 1: expected "cnnkit-text" and version 1 or 2'),
        ("end of file", '@ {"metadata": {}}\nend of file', "line 27: @ lines before the tensors and after them"),
        ('"seed": 3', '"seed": NaN', "line 4: the @ lines from here on: NaN is not JSON"),
        ('"seed": 3', '"seed": 3, "seed": 4', "key seed occurs twice"),
        ("@ }\n", "", "line 4: the @ lines from here on: not JSON"),
        ("@ {", "@ [{", "line 4: the @ lines"),
        ('"metadata": {"seed": 3}', '"metadata": 3', "metadata in the @ lines is not a JSON object"),
        ('{"state": [1]}', '{"states": [1]}', "kinds in the @ lines: expected lists for parameter"),
        ('{"state": [1]}', '{"state": [2]}', "kinds in the @ lines: no tensor 2 for state"),
        ('{"state": [1]}', '{"state": [true]}', "kinds in the @ lines: no tensor true for state"),
        ("2 tensors, 9", "3 tensors, 9", "line 27: expected 3 tensors, 9 numbers; found 2, 9"),
        ("9 numbers\n", "9 numbers\ntensor", "line 28: the file continues after its end"),
        ("9 numbers\n", "9 numbers\n1 2", "line 28: the file continues after its end"),
        ("tensor conv.weight", "precision 3\ntensor conv.weight", "a rounded file has no sha256 lines"),
        ("\nrole weight", "\n\x1b[31mrole", r"line 10: expected .role ROLE., got .\\x1b\[31mrole"),
    ],
)  # fmt: skip
def test_what_breaks_the_grammar_is_refused_with_its_line(save, old, new, message):
    assert old in FILE
    path = save(FILE.replace(old, new, 1))
    with pytest.raises(WeightFileError, match=message) as caught:
        TXT.read(path)
    assert "\n" not in str(caught.value)
    assert caught.value.file == str(path)


def test_a_name_that_is_there_twice(save):
    path = save(FILE.replace('tensor "a b"', "tensor conv.weight").replace('"state": [1]', ""))
    with pytest.raises(WeightFileError, match=r"parameter conv\.weight occurs twice"):
        TXT.read(path)


def test_lines_without_end(save, monkeypatch, contents):
    plain = contents(TXT.read(save(FILE)))
    monkeypatch.setattr(source, "_BLOCK", 16)  # every line is longer than what is read at once
    assert contents(TXT.read(save(FILE))) == plain
    monkeypatch.setattr(source, "_LONGEST_LINE", 1000)
    assert contents(TXT.read(save(FILE.replace("a comment", "c" * 900)))) == plain
    with pytest.raises(WeightFileError, match=r"line 2: .* bytes without an end"):
        TXT.read(save(FILE.replace("a comment", "c" * 2000)))
    monkeypatch.setattr(source, "_LONGEST_NUMBER", 1000)
    assert contents(TXT.read(save(FILE.replace(" 7 8\n", " 7" + " " * 5000 + "8\n")))) == plain
    with pytest.raises(WeightFileError, match=r"line 19: .* bytes without an end"):
        TXT.read(save(FILE.replace(" 7 8\n", " 7" + "0" * 2000 + " 8\n")))


@pytest.mark.parametrize("block", [1, 2, 3, 5, 8, 13, 100])
def test_where_a_block_ends_does_not_matter(save, monkeypatch, contents, block):
    plain = contents(TXT.read(save(FILE)))
    monkeypatch.setattr(source, "_BLOCK", block)
    assert contents(TXT.read(save(FILE))) == plain
    with pytest.raises(WeightFileError, match=r'line 16: conv\.weight: "0,75"'):
        TXT.read(save(FILE.replace(" 3 4", " 3 0,75")))


def test_unknown_keys_are_reported(save):
    weights = TXT.read(save(FILE.replace('"kinds"', '"more": 1, "kinds"')))
    assert [(entry.what, entry.reason) for entry in weights.not_read] == [
        ("more in the @ lines", "not part of the format")
    ]
