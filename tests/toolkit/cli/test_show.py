import re
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from cnnkit import exporters
from cnnkit.exporters import Tensor, WeightFile

SVG = "{http://www.w3.org/2000/svg}"


def write(folder, *tensors, name="net.npz"):
    exporters.write(WeightFile(tensors), folder / name)
    return name


def test_a_kernel_as_plain_text(cnnkit, folder):
    values = np.float32([[[[1, -1], [0, 0.05]]], [[[0.5, np.nan], [np.inf, -np.inf]]]])
    name = write(folder, Tensor.of("0.weight", values, role="weight", axes=("o", "i", "kh", "kw")))
    out = cnnkit("show", name, "0").out
    assert "filter 0   filter 1\n+9 -9      +5 ??\n . +0      ^^ vv\n" in out
    assert "-9 is -1" in out
    assert "+9 is +1; 3 not finite" in out


def test_the_layer_of_a_net(cnnkit, trained):
    out = cnnkit("show", trained, "0").out
    assert "0.weight: 4 x 1 x 3 x 3" in out
    assert out.count("filter ") == 4
    assert "bias" in out
    file = exporters.read(trained)
    wanted = file["5.weight"].read()[3]
    entries = cnnkit("show", trained, "5", "--unit", 3, "--values", "--json").json
    (tensor,) = entries["tensors"]
    assert (tensor["unit"], tensor["map"]) == ("neuron", [3, 3]), "the maps that the neuron sees"
    assert np.array_equal(np.float32(tensor["units"][0]["values"]).ravel(), wanted)
    assert tensor["units"][0]["norm"] == pytest.approx(np.linalg.norm(wanted.astype(np.float64)))


def test_values_in_the_terminal(cnnkit, trained):
    wanted = exporters.read(trained)["0.weight"].read()[2]
    out = cnnkit("show", trained, "0.weight", "--unit", 2, "--values").out
    numbers = [float(word) for line in out.splitlines() if line.startswith("  ") for word in line.split()]
    assert np.array_equal(np.float32(numbers), wanted.ravel())


def test_keras_layouts_look_the_same(cnnkit, trained, folder):
    assert cnnkit("export", trained, "-f", "keras", "-o", folder / "net.weights.h5", "-q").status == 0
    here = cnnkit("show", trained, "0.weight", "--json").json["tensors"][0]
    kernel = next(tensor.name for tensor in exporters.read(folder / "net.weights.h5") if len(tensor.shape) == 4)
    there = cnnkit("show", folder / "net.weights.h5", kernel, "--json").json["tensors"][0]
    assert [u["norm"] for u in here["units"]] == pytest.approx([u["norm"] for u in there["units"]])
    assert here["map"] == there["map"]


def test_many_units_are_counted(cnnkit, folder):
    name = write(
        folder,
        Tensor.of("d.weight", np.eye(80, 20), role="weight", axes=("out", "in")),
        Tensor.of("e.weight", np.eye(40)),
    )
    out = cnnkit("show", name, "d").out
    assert out.count("neuron ") == 64
    assert "and 16 more" in out
    assert cnnkit("show", name, "d", "--unit", 79).out.count("neuron ") == 1
    assert cnnkit("show", name, "e").out.count("neuron ") == 16, "fewer where each has more values"


def test_svg(cnnkit, trained, folder):
    assert cnnkit("show", trained, "0", "-o", "layer.svg").status == 0
    root = ElementTree.fromstring((folder / "layer.svg").read_text())
    titles = [e.text for e in root.iter(f"{SVG}title")]
    weight = exporters.read(trained)["0.weight"].read()
    assert f"[1, 0, 2, 1] = {weight[1, 0, 2, 1]!s}" in titles
    assert len(titles) == 1 + 36 + 4
    assert not list(root.iter(f"{SVG}script"))


def test_svg_of_what_has_too_many_cells(cnnkit, folder):
    values = np.random.default_rng(0).normal(size=(200, 150))
    name = write(folder, Tensor.of("d.weight", values, role="weight", axes=("out", "in")))
    assert cnnkit("show", name, "d", "-o", "layer.svg").status == 0
    text = (folder / "layer.svg").read_text()
    assert "30,000 values, one pixel each" in text
    assert text.count("data:image/png;base64,") == 1


def test_png(cnnkit, trained, folder):
    result = cnnkit("show", trained, "0.weight", "-o", "layer.png", "--json")
    assert result.json["out"] == "layer.png"
    with Image.open(folder / "layer.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    weight = exporters.read(trained)["0.weight"].read()
    side, left, top = 24, 104, 160  # of a value in px, and of the corner of the first
    for row, column in np.ndindex(3, 3):
        cell = pixels[top + side * row + side // 2, left + side * column + side // 2]
        assert np.sign(cell[2] - cell[0]) == np.sign(weight[0, 0, row, column]), "orange below zero, blue above"
    assert (pixels[18:50, 20:400] < 128).any(), "a title"
    assert (pixels[top : top + 20, 40:90] < 128).any(), "the numbers of the filters"


def test_png_without_pillow(refused, trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert "pip install 'cnnkit[images]'" in refused("show", trained, "0", "-o", "layer.png")


def test_a_large_picture_numbers_its_rows(cnnkit, folder):
    values = np.random.default_rng(0).normal(size=(300, 8, 3, 3))
    name = write(folder, Tensor.of("c.weight", values, role="weight", axes=("o", "i", "kh", "kw")))
    assert cnnkit("show", name, "c", "-o", "layer.svg").status == 0
    rows = re.findall(r">(\d+) to (\d+)</text>", (folder / "layer.svg").read_text())
    assert rows[0][0] == "0"
    assert all(int(first) % (int(rows[0][1]) + 1) == 0 for first, _ in rows)
    assert int(rows[-1][1]) < 300


def test_coloured_cells():
    from cnnkit.exporters.svg.scale import scale_of
    from cnnkit.inspection.terminal_picture import draw_coloured, fold

    small, wide = np.array([[[1.0, -1.0], [0.0, 0.5]]]), np.arange(-14.0, 14.0).reshape(1, 1, 28).repeat(3, 1)
    lines = draw_coloured(small, scale_of(small), 80).lines
    assert lines[0] == "\x1b[48;2;0;90;181m  \x1b[48;2;200;90;0m  \x1b[0m"
    halves = draw_coloured(wide, scale_of(wide), 80).lines
    assert len(halves) == 2
    assert halves[1].count("\x1b[49m") == 28, "below the last row there is nothing"
    assert fold(np.zeros((1, 1, 70))).shape == (1, 3, 32)


def test_names_of_strangers(cnnkit, folder):
    name = write(folder, Tensor.of("x\x1b[2J<script>.weight", np.eye(2), role="weight", axes=("out", "in")))
    assert "\x1b" not in cnnkit("show", name, "*").out
    assert cnnkit("show", name, "*", "-o", "x.svg").status == 0
    text = (folder / "x.svg").read_text()
    assert "<script" not in text
    assert "\x1b" not in text


def test_what_is_refused(refused, cnnkit, trained, folder):
    assert "no layer and no tensor" in refused("show", trained, "9")
    assert "--unit: expected 0 to 3" in refused("show", trained, "0", "--unit", 4)
    assert "--channel: expected 0 to 0" in refused("show", trained, "0", "--channel", 1)
    assert ".svg or .png" in refused("show", trained, "0", "-o", "x.gif")
    (folder / "x.svg").write_text("mine")
    assert "already exists" in refused("show", trained, "0", "-o", "x.svg")
    assert cnnkit("show", trained, "0", "-o", "x.svg", "--overwrite").status == 0
    exporters.write(WeightFile((Tensor.of("none", np.zeros((0, 2))),)), folder / "none.npz")
    assert "nothing to draw" in refused("show", "none.npz", "none")
