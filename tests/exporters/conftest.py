import numpy as np
import pytest

from cnnkit.exporters import Tensor, WeightFile


@pytest.fixture
def weights():
    """A small net with a bit of everything that a training writes."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(4, 1, 3, 3)).astype(np.float32)
    return WeightFile(
        (
            Tensor.of("0.weight", kernel, role="weight", axes=("o", "i", "kh", "kw")),
            Tensor.of("0.bias", np.array([0.5, -0.0, np.nan, np.inf], np.float32), role="bias", axes=("o",)),
            Tensor.of("1.mean", np.arange(4.0), kind="state", role="mean", axes=("c",)),
            Tensor.of("1.batches", np.array(7), kind="state"),
            Tensor.of("0.weight", kernel * 2, kind="optimizer", role="slot", axes=("o", "i", "kh", "kw")),
            Tensor.of("2.weight", np.arange(6, dtype=np.uint16).reshape(2, 3), dtype="bfloat16", axes=("out", "in")),
        ),
        architecture={"input_shape": [1, 8, 8], "layers": [{"type": "Conv2D", "features": 4}]},
        metadata={"recipe": "bright-dark", "seed": 3, "history": [{"epoch": 1, "loss": 0.25}]},
        position={"epoch": 2, "batch": 17},
    )


@pytest.fixture(scope="session")
def contents():
    """A function that returns all that a WeightFile says, values included, in a form that compares by bits."""

    def everything(weights):
        rows = [(t.name, t.layer, t.kind, t.role, t.axes, t.dtype, t.shape, t.read().tobytes()) for t in weights]
        return rows, weights.architecture, weights.metadata, weights.position

    return everything
