import json

import numpy as np
import pytest
from hypothesis import strategies as st

from cnnkit.cli.app import run
from cnnkit.errors import WeightFileError
from cnnkit.exporters import Tensor, WeightFile, read
from cnnkit.exporters.core.weight_file import sha256


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


@pytest.fixture(scope="session")
def read_damaged(tmp_path_factory):
    """A function that reads bytes as a file, values too: it returns the one line about them, or None if they are sound.

    A sum of pieces that differs from that of the whole fails the test.
    """
    path = tmp_path_factory.mktemp("damaged") / "file"

    def attempt(content):
        path.write_bytes(content)
        try:
            for tensor in read(path):
                values = tensor.read()
                assert (values.shape, values.nbytes) == (tensor.shape, tensor.nbytes)
                assert tensor.sha256() == sha256(values)
        except WeightFileError as error:
            line = str(error)
        else:
            return None
        assert "\n" not in line
        assert "cannot be read as" not in line  # an exception that its reader did not expect
        return line

    return attempt


@pytest.fixture(scope="session")
def assert_refused():
    """A function that fails unless reading a file is refused in one line of that message, with its kind and place."""

    def check(path, kind, message):
        with pytest.raises(WeightFileError, match=message) as caught:
            read(path)
        assert (caught.value.kind, caught.value.file) == (kind, str(path))
        assert "\n" not in str(caught.value)

    return check


@pytest.fixture(scope="session")
def damaged():
    """A function that changes a few bytes of a file, and cuts it, as a Hypothesis data object draws."""

    def draw(data, content, begin=0):
        changed = bytearray(content)
        for _ in range(data.draw(st.integers(0, 4))):
            changed[data.draw(st.integers(begin, len(content) - 1))] = data.draw(st.integers(0, 255))
        return bytes(changed[: data.draw(st.just(len(content)) | st.integers(1, len(content)))])

    return draw


@pytest.fixture
def run_commands(tmp_path, capsys):
    """A function that inspects, exports to npz and txt, and compares a file; it returns what `inspect --json` says."""

    def commands(path):
        assert run(["inspect", str(path), "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        for suffix in ("npz", "txt"):
            copy = tmp_path / f"copy.{suffix}"
            assert run(["export", str(path), "-o", str(copy)]) == 0, capsys.readouterr().err
            assert [(t.name, t.shape, t.sha256()) for t in read(copy)] == [
                (t.name, t.shape, t.sha256()) for t in read(path)
            ]
            assert run(["diff", str(path), str(copy)]) == 0
        return document

    return commands
