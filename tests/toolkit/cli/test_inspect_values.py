import shutil
from dataclasses import replace

import numpy as np
import pytest

from cnnkit import exporters
from cnnkit.exporters import Tensor, WeightFile


def numbers(text):
    """The numbers of `--values`: what stands on lines that begin with a blank, below the tree."""
    return [
        float(word) for line in text.splitlines() if line.startswith(" ") and "─" not in line for word in line.split()
    ]


def test_every_number_is_printed(cnnkit, trained):
    file = exporters.read(trained)
    wanted = np.concatenate([tensor.read().ravel() for tensor in file if tensor.kind == "parameter"])
    inspected = np.array(numbers(cnnkit("inspect", trained, "--values").out), np.float32)
    assert np.array_equal(inspected.view(np.uint32), wanted.view(np.uint32))


def test_values_of_a_slice(cnnkit, trained):
    weight = exporters.read(trained)["0.weight"].read()
    result = cnnkit("inspect", trained, "--slice", "1,0,:2,1:", "--layer", "0.weight")
    assert "0.weight: 2 x 2 (kh, kw)  float32  4 values" in result.out
    assert np.array_equal(np.float32(numbers(result.out)), weight[1, 0, :2, 1:].ravel())
    listed = cnnkit("inspect", trained, "--slice", "1,0,:2,1:", "--json", "-q").json["tensors"]
    assert [t["name"] for t in listed if "values" in t] == ["0.weight"]
    assert np.array_equal(np.float32(listed[0]["values"]), weight[1, 0, :2, 1:])


def test_a_slice_that_fits_some_says_which_it_left(cnnkit, trained):
    result = cnnkit("inspect", trained, "--slice", "8,0")
    assert "--slice: not of 0.weight: index 8 on axis 0, which has 4" in result.err
    assert "5.weight: scalar  float32  1 value\n" in result.out


def test_a_slice_that_is_none(refused, trained):
    assert 'expected indices and ranges such as "0,:,1:3"' in refused("inspect", trained, "--slice", "__import__('os')")
    assert "no tensor has that part" in refused("inspect", trained, "--slice", "99,99")


def test_layers_by_pattern(cnnkit, refused, trained):
    assert [t["name"] for t in cnnkit("inspect", trained, "--layer", "5", "--json").json["tensors"]] == [
        "5.weight",
        "5.bias",
    ]
    inspected = cnnkit("inspect", trained, "--layer", "*.bias", "--json").json
    assert [t["name"] for t in inspected["tensors"]] == ["0.bias", "5.bias"]
    assert [layer["path"] for layer in inspected["layers"]] == ["0", "5"]
    assert "there are 0, 5" in refused("inspect", trained, "--layer", "nope")


def test_all_element_types_print(cnnkit, folder):
    tensors = (
        Tensor.of("half", np.array([0x3F80, 0xC000, 0x7FC0], np.uint16), dtype="bfloat16"),
        Tensor.of("eighth", np.array([0x3C, 0x40], np.uint8), dtype="float8_e5m2"),
        Tensor.of("pair", np.array([1 + 2j])),
        Tensor.of("flag", np.array([True, False])),
        Tensor.of("one", np.array(3.5)),
        Tensor.of("none", np.zeros((0, 2))),
    )
    exporters.write(WeightFile(tensors), folder / "types.npz")
    out = cnnkit("inspect", "types.npz", "--values").out
    for text in (" 1 ", " -2 ", "+nan", "1 ", "2", "(1+2j)", "3.5"):
        assert text in out
    listed = {t["name"]: t["values"] for t in cnnkit("inspect", "types.npz", "--values", "--json").json["tensors"]}
    assert listed == {
        "half": [1, -2, None],
        "eighth": [1, 2],
        "pair": [[1, 2]],
        "flag": [True, False],
        "one": 3.5,
        "none": [],
    }


def test_strict(cnnkit, trained, folder):
    assert cnnkit("inspect", trained, "--strict").status == 0
    file = exporters.read(trained)
    broken = file["0.bias"].read().copy()
    broken[2] = np.nan
    tensors = tuple(Tensor.of(t.name, broken, role="bias") if t.name == "0.bias" else t for t in file)
    exporters.write(replace(file, tensors=tensors, position=None), folder / "broken.h5")
    assert cnnkit("inspect", "broken.h5").status == 0
    result = cnnkit("inspect", "broken.h5", "--strict")
    assert result.status == 1
    assert "finding: 0.bias: 1 value is NaN, first at [2]" in result.out


def test_strict_counts_what_was_edited_by_hand(cnnkit, trained, folder):
    assert cnnkit("export", trained, "-o", "net.txt").status == 0
    assert cnnkit("inspect", "net.txt", "--strict").status == 0
    lines = (folder / "net.txt").read_text().splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("tensor 0.bias"))
    values = next(i for i in range(place, len(lines)) if lines[i].startswith(" "))
    lines[values] = " ".join(["0.5", *lines[values].split()[1:]])
    (folder / "net.txt").write_text("\n".join(lines) + "\n")
    result = cnnkit("inspect", "net.txt", "--strict")
    assert result.status == 1
    assert "edited since it was written: 0.bias" in result.out


def test_options_that_exclude_each_other(refused, trained):
    assert "--strict needs statistics" in refused("inspect", trained, "--no-stats", "--strict")


def test_sparklines(cnnkit, trained):
    line = next(line for line in cnnkit("inspect", trained).out.splitlines() if "weight: 10 x" in line)
    assert len(line.split("|")[1]) == 17


@pytest.mark.parametrize("option", ["--values", "--json"])
def test_the_file_is_not_touched(cnnkit, trained, folder, option):
    shutil.copy(trained, folder / "w.h5")
    before = (folder / "w.h5").read_bytes()
    assert cnnkit("inspect", "w.h5", option).status == 0
    assert (folder / "w.h5").read_bytes() == before


def test_a_page(cnnkit, refused, trained, folder):
    inspected = cnnkit("inspect", trained, "--html", "net.html", "--json").json
    assert inspected["html"] == "net.html"
    text = (folder / "net.html").read_text()
    assert "0.weight" in text
    assert "Conv2D" in text
    assert cnnkit("inspect", trained, "--html", "net.html", "--layer", "0").status == 0
    assert "5.weight" not in (folder / "net.html").read_text()
    (folder / "mine.html").write_text("mine")
    assert "is no page of cnnkit" in refused("inspect", trained, "--html", "mine.html")
    assert "--html needs statistics" in refused("inspect", trained, "--html", "net2.html", "--no-stats")
