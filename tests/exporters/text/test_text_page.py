"""The scripts of docs/text-format.md count and read real files without cnnkit."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from cnnkit import Model, exporters, recipes
from cnnkit.architecture import build
from cnnkit.exporters import Tensor, WeightFile

PAGE = Path(__file__).parents[3] / "docs" / "text-format.md"
COUNT, READ, READ_JSON = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)


def run(code):
    names = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # a script of five lines leaves closing to the end of Python
        exec(compile(code, str(PAGE), "exec", dont_inherit=True), names)
    return names


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_one_line_counts(folder, capsys):
    exporters.write(Model(*build(recipes.get("scratch-mlp").architecture), seed=0).to_weights(), folder / "weights.txt")
    run(COUNT)
    assert capsys.readouterr().out == "15910\n"


def test_five_lines_read(folder):
    weights = Model(*build(recipes.get("mini-resnet").architecture), seed=0).to_weights()
    extra = (
        Tensor.of("special", np.array([[0.5, -0.0], [np.nan, -np.inf]], np.float16)),
        Tensor.of("whole", np.array(-7)),
        Tensor.of("empty", np.zeros((0, 3))),
        Tensor.of("large", np.random.default_rng(0).normal(size=(300, 70))),
    )
    weights = WeightFile((*weights, *extra), weights.architecture)
    exporters.write(weights, folder / "weights.txt")
    exporters.write(weights, folder / "weights.json")
    tensors = run(READ)["tensors"]
    assert list(tensors) == [tensor.name for tensor in weights]
    for tensor in weights:
        assert tensors[tensor.name].tobytes() == tensor.read().tobytes()
    arrays = run(READ_JSON.replace('t["values"]', '[float(v) for v in t["values"]]'))["arrays"]  # words for NaN
    assert all(np.array_equal(arrays[tensor.name], tensor.read(), equal_nan=True) for tensor in weights)


def test_the_json_script_as_it_stands(folder):
    weights = Model(*build(recipes.get("digits-cnn").architecture), seed=0).to_weights()
    exporters.write(weights, folder / "weights.json")
    arrays = run(READ_JSON)["arrays"]
    assert all(arrays[tensor.name].tobytes() == tensor.read().tobytes() for tensor in weights)


def test_the_example_of_the_page_follows_its_grammar():
    from cnnkit.exporters.text import grammar

    example = PAGE.read_text("utf-8").partition("```text\n")[2].partition("```")[0].splitlines()
    patterns = {"tensor": grammar.TENSOR, "layer": grammar.LAYER, "role": grammar.ROLE, "axes": grammar.AXES}
    patterns |= {"sha256": grammar.SHA256, "[o": grammar.LABEL}
    for line in example:
        pattern = patterns.get(line.split(" ")[0])
        assert pattern is None or pattern.fullmatch(line), line
    assert grammar.TRAILER.fullmatch(example[-1])
