"""`--dtype bfloat16` and `float16` at the command line: training, resuming, evaluating, and what is refused."""

import pytest

from cnnkit import exporters
from cnnkit.cli.completion import complete_dtype
from cnnkit.precision import DTYPES

SMALL = ("--limit", "120", "--epochs", "1", "--backend", "torch", "--limit-test", "40", "-q", "--schedule", "constant")


def test_the_shell_completes_every_type() -> None:
    assert tuple(complete_dtype("")) == DTYPES
    assert complete_dtype("b") == ["bfloat16"]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_training_resumes_in_its_own_type(cnnkit, tmp_path, dtype) -> None:
    first = cnnkit("train", *SMALL, "--dtype", dtype, "-o", "w.h5", "--json").json
    assert first["dtype"] == dtype
    assert ("skipped_steps" in first["history"][0]) == (dtype == "float16")
    more = cnnkit("train", *SMALL, "-o", "w.h5", "--resume", "--epochs", "2", "--json").json
    assert more["dtype"] == dtype
    assert len(more["history"]) == 2
    again = cnnkit("train", *SMALL, "--dtype", dtype, "--epochs", "2", "-o", "w.h5", "--json").json
    assert again["skipped"] is True
    whole = cnnkit("train", *SMALL, "--dtype", dtype, "--epochs", "2", "-o", "whole.h5", "--json").json
    assert [entry["loss"] for entry in whole["history"]] == [entry["loss"] for entry in more["history"]]
    other = cnnkit("train", *SMALL, "-o", "w.h5", "--resume", "--epochs", "3", "--dtype", "float32")
    assert other.status == 2
    assert f"dtype: {dtype}, now float32" in other.err
    assert {tensor.dtype for tensor in exporters.read(tmp_path / "w.h5").tensors} == {"float32"}


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_every_backend_evaluates_in_every_type(cnnkit, backend) -> None:
    cnnkit("train", *SMALL, "-o", "w.h5")
    rows = {d: cnnkit("evaluate", "w.h5", "--backend", backend, "--dtype", d, "--json").json for d in DTYPES}
    for dtype, row in rows.items():
        assert row["loss"] == pytest.approx(rows["float64"]["loss"], rel=0.02), dtype
    assert rows["bfloat16"]["loss"] != rows["float32"]["loss"]


def test_numpy_says_what_trains(cnnkit, tmp_path) -> None:
    result = cnnkit("train", "--backend", "numpy", "--dtype", "bfloat16", "-o", "w.h5")
    assert result.status == 2
    (line,) = result.err.strip().splitlines()
    assert "bfloat16 on backend numpy is for storing weights" in line
    assert "train with --dtype float32, or with --backend torch --dtype bfloat16" in line
    assert not (tmp_path / "w.h5").exists()
