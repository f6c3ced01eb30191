"""Files of many tensors: the work grows with their number, not with its square."""

import cProfile
import pstats

import numpy as np
import pytest

from cnnkit import exporters
from cnnkit.exporters import Tensor, WeightFile

FEW, MANY = 40, 160


def write(path, layers, letter="a"):
    tensors = []
    for n in range(layers):
        for role, array in (("weight", np.full((2, 2), n, np.float32)), ("bias", np.full(2, n, np.float32))):
            axes = ("out", "in")[: array.ndim]
            tensors.append(Tensor.of(f"net.{letter}{n}.x.{role}", array, role=role, axes=axes))
    exporters.write(WeightFile(tuple(tensors)), path)


def count_calls(cnnkit, *line):
    with cProfile.Profile() as profile:
        cnnkit(*line)
    return pstats.Stats(profile).total_calls


def assert_linear(cnnkit, *line):
    """Fail where four times the tensors take more than some four times the calls; {0} stands for the number."""
    cnnkit(*(word.format(FEW) for word in line))  # what is loaded once is not counted
    few, many = (count_calls(cnnkit, *(word.format(layers) for word in line)) for layers in (FEW, MANY))
    assert many < 1.2 * MANY / FEW * few


@pytest.fixture
def files(folder):
    """Two files of each size, whose layers have different names."""
    for layers in (FEW, MANY):
        write(folder / f"{layers}.safetensors", layers)
        write(folder / f"{layers}.npz", layers, "b")


@pytest.mark.usefixtures("files")
def test_inspect_is_linear(cnnkit):
    assert_linear(cnnkit, "inspect", "{0}.npz", "--no-stats")
    assert_linear(cnnkit, "inspect", "{0}.npz", "--no-stats", "--json")
    assert_linear(cnnkit, "inspect", "{0}.safetensors")


@pytest.mark.usefixtures("files")
def test_diff_and_export_are_linear(cnnkit):
    assert_linear(cnnkit, "diff", "{0}.safetensors", "{0}.npz")
    assert_linear(cnnkit, "export", "{0}.safetensors", "-o", "out.npz", "--overwrite")
