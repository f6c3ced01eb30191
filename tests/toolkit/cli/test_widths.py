"""Everything that the commands print in a terminal of 40 to 200 columns: no number is cropped or broken."""

import re
from collections import Counter

import onnx
import pytest

from cnnkit import Model
from cnnkit.backends.protocol import Availability
from cnnkit.documents import layout

NET, TRAINED, BINARY, STRANGE = "NET", "TRAINED", "BINARY", "STRANGE"
TABLES = {
    "train": ("train", "--model", NET, "--epochs", 1, "--limit", 100, "--validation-split", 0.2),
    "evaluate": ("evaluate", TRAINED),
    "evaluate of two classes": ("evaluate", BINARY),
    "summary": ("summary", "--recipe", "mini-resnet"),
    "adopt": ("adopt", STRANGE, "--check"),
    "diff": ("diff", TRAINED, BINARY),
    "diff --runs": ("diff", "--runs", TRAINED, BINARY),
    "parity": ("parity", "--backend", "numpy", "--filter", "exp", "--quick"),
    "parity -v": ("parity", "--backend", "numpy", "--filter", "exp", "--quick", "-v"),
    "gradcheck": ("gradcheck", "--model", NET),
    "backends": ("backends",),
    "recipes": ("recipes", "-v"),
    "formats": ("formats",),
    "data list": ("data", "list"),
}
LINES = {
    "evaluate": ("evaluate", TRAINED, "--mistakes", 2),
    "summary": ("summary", TRAINED),
    "inspect": ("inspect", TRAINED),
    "inspect --values": ("inspect", TRAINED, "--values", "--layer", "5"),
    "predict": ("predict", TRAINED, "--show", "none"),
    "show --values": ("show", TRAINED, "5", "--unit", 0, "--values"),
    "gradcheck": ("gradcheck", "--model", NET),
}
NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e[+-]\d+)?%?(?![\w.])")
LONG = ("sha256 ", "to see them: ")  # lines to copy, which a terminal folds itself


@pytest.fixture
def call(cnnkit, monkeypatch, folder, net_toml, trained, binary):
    strange = folder / "strange.onnx"
    Model.load(trained).save(strange)
    proto = onnx.load(strange)
    del proto.metadata_props[:]  # which tell that it is cnnkit's
    onnx.save(proto, strange)
    monkeypatch.setattr("cnnkit.adopting.checking.check.find_runtime", lambda _: None)
    states = {"numpy": Availability(True), "far": Availability(False, "needs CUDA 12.8 or later", "pip install far-12")}
    monkeypatch.setattr("cnnkit.backends.available_backends", lambda: states)
    places = {NET: net_toml, TRAINED: trained, BINARY: binary, STRANGE: strange}
    return lambda arguments: cnnkit(*(places.get(argument, argument) for argument in arguments))


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_read_back_at_every_width(call, read_back, monkeypatch, name):
    drawn, lay_out, write_lines = [], layout.lay_out, layout.write_lines

    def record(table, *options):
        drawn.append(table)
        return lay_out(table, *options)

    def record_lines(table):
        drawn.append(table)
        return write_lines(table)

    monkeypatch.setattr(layout, "lay_out", record)
    monkeypatch.setattr(layout, "write_lines", record_lines)
    monkeypatch.setattr("cnnkit.cli.progress.lay_out", record)
    assert call(TABLES[name]).status in (0, 1)
    assert drawn
    for table in drawn:
        assert list(write_lines(table)) == ["".join(piece.text for piece in line) for line in lay_out(table, None)]
        for width in range(40, 201, 1 if len(table.rows) < 15 else 7):
            lines = ["".join(piece.text for piece in line) for line in lay_out(table, width, "-")]
            read_back(table, lines, width)


def drop_time(text):
    return re.sub(r"\S+ ms per image", "", text)


@pytest.mark.parametrize("name", LINES)
def test_a_terminal_shows_the_numbers_of_a_pipe(call, monkeypatch, name):
    expected = Counter(NUMBER.findall(drop_time(call(LINES[name]).out)))
    assert expected
    monkeypatch.setenv("FORCE_COLOR", "1")
    for width in (40, 57):
        monkeypatch.setenv("COLUMNS", str(width))
        text = drop_time(re.sub(r"\x1b\[[\d;]*m", "", call(LINES[name]).out))
        assert not expected - Counter(NUMBER.findall(text)), width
        too_long = [line for line in text.splitlines() if len(line) > width and not line.startswith(LONG)]
        assert too_long == []
