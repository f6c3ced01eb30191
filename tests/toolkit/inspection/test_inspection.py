"""The inspection of a file and of weights in memory, and the example of docs/inspection.md."""

import re
from pathlib import Path

import numpy as np
import pytest

from cnnkit import exporters
from cnnkit.errors import ConfigError
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.inspection import inspect
from cnnkit.inspection.layer_tree import match

DOCS = Path(__file__).parents[3] / "docs" / "inspection.md"


def small(**more):
    weight = Tensor.of("0.weight", np.float32([[1, 2], [3, np.nan]]), role="weight", axes=("out", "in"))
    slot = Tensor.of("0.weight", np.zeros((2, 2), np.float32), kind="optimizer", role="slot")
    return WeightFile((weight, Tensor.of("1.bias", np.float32([1, 2]), role="bias"), slot), **more)


def test_weights_in_memory_have_neither_size_nor_digest():
    inspection = inspect(small())
    assert (inspection.size, inspection.sha256) == (None, None)
    assert [tensor.name for tensor in inspection.tensors] == ["0.weight", "1.bias"]
    assert inspection.statistics_of(inspection.tensors[0]).nan == 1
    assert [finding.kind for finding in inspection.findings] == ["nan"]
    assert inspection.doubtful


def test_a_pattern_and_the_optimizer_select_tensors():
    inspection = inspect(small(), layer="0", optimizer=True)
    assert [(t.name, t.kind) for t in inspection.tensors] == [("0.weight", "parameter"), ("0.weight", "optimizer")]
    assert [layer.path for layer in inspection.layers] == ["0"]
    with pytest.raises(ConfigError, match="no layer and no tensor"):
        inspect(small(), layer="9")


def test_nothing_is_read_without_statistics():
    def refuse():
        raise AssertionError("read")

    tensor = Tensor("0.weight", "0", "parameter", "weight", ("out",), "float32", (4,), refuse)
    inspection = inspect(WeightFile((tensor,)), compute=False)
    assert inspection.findings is None
    assert not inspection.doubtful
    assert "findings" not in inspection.to_json()
    assert "min" not in inspection.to_json()["tensors"][0]


def test_the_example_of_the_docs_runs(tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exporters.write(small(), "weights.h5")
    exec(code, {})
    assert capsys.readouterr().out.startswith("0.weight (2, 2) 0.8")


def test_a_name_with_brackets_is_found_before_a_pattern_is_tried():
    names = ("blk[0].weight", "blk[1].weight", "blk0.weight", "a*.weight", "ab.weight", "blk[0].x.bias")
    tensors = tuple(Tensor.of(name, np.zeros(1)) for name in names)

    def find(pattern):
        return [tensor.name for tensor in match(tensors, pattern, "--layer")]

    assert find("blk[0].weight") == ["blk[0].weight"]
    assert find("blk[0]") == ["blk[0].weight"]
    assert find("a*.weight") == ["a*.weight"]
    assert find("blk[0-9].weight") == ["blk0.weight"]  # a pattern where no such name is
    assert find("blk[0].*") == ["blk0.weight"]
    assert find("blk[1].*") == ["blk[1].weight"]  # no layer blk1: the brackets are part of the name
    assert find("blk[[]0].*") == ["blk[0].weight", "blk[0].x.bias"]
