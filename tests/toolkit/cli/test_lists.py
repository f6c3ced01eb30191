"""What there is: backends, recipes, formats, data."""

import json

import pytest

from cnnkit import data, exporters
from cnnkit.backends import registry
from cnnkit.backends.protocol import Availability
from cnnkit.errors import DataError


def test_backends(cnnkit, monkeypatch):
    states = {
        "numpy": Availability(True),
        "cupy": Availability(False, "CuPy is not installed", "pip install 'cnnkit[cupy12]'", ()),
    }
    monkeypatch.setattr("cnnkit.backends.available_backends", lambda: states)
    listed = {b["name"]: b for b in cnnkit("backends", "--json").json["backends"]}
    assert listed["numpy"]["usable"] is True
    assert listed["cupy"]["install"] == "pip install 'cnnkit[cupy12]'"
    lines = cnnkit("backends").out.splitlines()
    assert lines[1].split() == ["numpy", "yes", "cpu"]
    assert lines[2].startswith("cupy     no      -        CuPy is not installed  pip install 'cnnkit[cupy12]'")


def test_all_registered_backends_are_listed(cnnkit):
    listed = [b["name"] for b in cnnkit("backends", "--json").json["backends"]]
    assert listed == registry.names()
    assert {"numpy", "torch", "cupy", "reference"} <= set(listed)


def test_recipes(cnnkit):
    listed = {r["name"]: r for r in cnnkit("recipes", "--json").json["recipes"]}
    assert listed["lecture-cnn"]["parameters"] == 1_853_034
    assert listed["lecture-cnn"]["data"] == "mnist"
    assert listed["diy-cnn"]["published"]
    tasks = {name: recipe["task"] for name, recipe in listed.items()}
    assert tasks["segment-digits"] == "one of 11 classes per pixel"
    assert (tasks["multi-digits"], tasks["digit-sum"]) == ("any of 10 classes", "numbers")
    assert (tasks["denoiser"], tasks["vgg16"]) == ("an image", "that of your data")
    result = cnnkit("recipes")
    assert len(result.out.splitlines()) == len(listed) + 1
    assert "1,853,034" in result.out
    assert "After a university lecture" not in result.out
    assert "After a university lecture" in cnnkit("recipes", "-v").out


def test_formats(cnnkit, monkeypatch):
    listed = {f["name"]: f for f in cnnkit("formats", "--json").json["formats"]}
    assert listed["hdf5"]["reads"] is listed["hdf5"]["writes"] is True
    assert listed["gguf"]["writes"] is listed["c"]["reads"] is False
    assert ".h5" in listed["hdf5"]["suffixes"]
    assert "compression" in listed["hdf5"]["options"]
    monkeypatch.setattr(exporters, "broken", lambda: (exporters.Broken("odd", "odd:Odd", "no module odd"),))
    assert cnnkit("formats", "--json").json["broken"] == [
        {"name": "odd", "target": "odd:Odd", "reason": "no module odd"}
    ]
    assert "does not work: no module odd (odd:Odd)" in cnnkit("formats").out


def test_data_list(cnnkit, monkeypatch, folder):
    monkeypatch.setenv("CNNKIT_DATA_DIR", str(folder))
    listed = {d["name"]: d for d in cnnkit("data", "list", "--json").json["data"]}
    assert listed["digits"]["location"] == "ships with cnnkit"
    assert listed["digits"]["licence"] == "CC BY 4.0"
    assert listed["fashion-mnist"]["download_bytes"] > 1e7
    assert "60,000 + 10,000" in cnnkit("data", "list").out


def test_data_show(cnnkit):
    result = cnnkit("data", "show", "digits", "--index", 3, "--index", 4, "--show", "hex")
    lines = result.out.splitlines()
    assert lines[0] == "digits, test image 3 of 360: class 5"
    assert lines[9].startswith("digits, test image 4")
    assert lines[1] == " . 50 bf cf ff ff 20  ."
    listed = cnnkit("data", "show", "bright-dark", "--split", "train", "--index", 9, "--json").json
    assert listed["shape"] == [1, 8, 8]
    assert listed["shown"][0]["class_name"] == "bright"
    assert listed["shown"][0]["pixels"][0][0][0] == 0.9
    assert "██" in cnnkit("data", "show", "digits").out


def test_data_fetch(cnnkit, monkeypatch, folder):
    asked = []
    monkeypatch.setattr(data, "fetch", lambda name: (asked.append(name), folder)[1])
    result = cnnkit("data", "fetch", "fashion-mnist", "--json")
    assert asked == ["fashion-mnist"]
    assert result.json["path"] == str(folder)


def test_a_fetch_that_fails_is_one_line(refused, monkeypatch):
    def fail(name):
        raise DataError(f"{name}: could not fetch")

    monkeypatch.setattr(data, "fetch", fail)
    assert "could not fetch" in refused("data", "fetch", "mnist")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("data", "fetch", "nope"), "mnist"),
        (("data", "fetch", "digits"), "mnist"),
        (("data", "show", "nope"), "nope"),
        (("data", "show", "digits", "--index", 360), "0 to 359"),
        (("data", "show", "digits", "--index", -1), "--index"),
        (("data", "show", "digits", "--split", "nope"), "--split"),
        (("data", "show"), "SOURCE"),
        (("data", "list", "nope"), "nope"),
        (("recipes", "nope"), "nope"),
        (("formats", "--nope"), "--nope"),
        (("backends", "nope"), "nope"),
    ],
)
def test_wrong_usage_is_refused_in_one_line(refused, arguments, said):
    assert said in refused(*arguments)


def test_json_is_one_object(cnnkit):
    for command in (("backends",), ("recipes",), ("formats",), ("data", "list"), ("data", "show", "digits")):
        result = cnnkit(*command, "--json", "-q")
        assert isinstance(json.loads(result.out), dict)
        assert result.err == ""


@pytest.mark.parametrize(
    "words", [("recipes",), ("formats",), ("backends",), ("data", "list"), ("summary", "--recipe", "lenet5")]
)
def test_a_table_in_a_pipe_has_lines(cnnkit, words):
    printed = cnnkit(*words).out
    assert "\\x0a" not in printed
    assert printed.count("\n") >= 4


def test_a_user_without_a_home(refused, monkeypatch):
    def fail(*arguments, **options):  # noqa: ARG001
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("CNNKIT_DATA_DIR", raising=False)
    monkeypatch.setattr("pathlib.Path.home", fail)
    monkeypatch.setattr("pooch.os_cache", fail)
    monkeypatch.setattr("shellingham.detect_shell", lambda *_: ("bash", "/bin/bash"))  # whatever runs the tests
    assert "HOME" in refused("data", "fetch", "mnist")
    assert "CNNKIT_DATA_DIR" in refused("data", "show", "mnist")
    assert "HOME" in refused("--install-completion", "bash")
