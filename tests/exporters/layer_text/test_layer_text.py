import sys
from pathlib import Path

import numpy as np
import pytest

from cnnkit import Model, exporters
from cnnkit.errors import WeightFileError

RNG = np.random.default_rng(5)
WEIGHTS = [RNG.uniform(-0.5, 0.5, (20, 784)), RNG.uniform(-0.5, 0.5, (10, 20))]
BIASES = [RNG.uniform(-0.5, 0.5, (20, 1)), RNG.uniform(-0.5, 0.5, (10, 1))]
NAMES = ["1.weight", "1.bias", "3.weight", "3.bias"]


def as_objects(arrays):
    held = np.empty(len(arrays), object)
    held[:] = arrays
    return held


def write_rows(path, weights, biases, form="%.6f"):
    with path.open("w") as file:
        for number, (weight, bias) in enumerate(zip(weights, biases, strict=True), 1):
            file.write(f"Layer {number} Weights:\n")
            np.savetxt(file, weight, fmt=form)
            file.write(f"Layer {number} Biases:\n")
            np.savetxt(file, bias, fmt=form)


def write_printed(path, threshold, weights=WEIGHTS, biases=BIASES):
    layers = enumerate(zip(weights, biases, strict=True), 1)
    with np.printoptions(threshold=threshold, floatmode="unique"):
        path.write_text("".join(f"Layer {n} Weights:\n{w}\n\nLayer {n} Biases:\n{b}\n\n" for n, (w, b) in layers))


def read(path):
    return {tensor.name: tensor.read() for tensor in exporters.read(path)}


def forward(x):
    """The program's own forward pass."""
    h = 1 / (1 + np.exp(-(WEIGHTS[0] @ x.reshape(-1, 1) + BIASES[0])))
    return (1 / (1 + np.exp(-(WEIGHTS[1] @ h + BIASES[1])))).ravel()


def test_object_arrays_are_the_layers_of_the_recipe(tmp_path):
    path = tmp_path / "network_params.npz"
    np.savez(path, weights=as_objects(WEIGHTS), biases=as_objects(BIASES))
    held = read(path)
    assert list(held) == NAMES
    assert exporters.read(path).metadata["recipe"] == "scratch-mlp"
    for name, wanted in zip(NAMES, (WEIGHTS[0], BIASES[0][:, 0], WEIGHTS[1], BIASES[1][:, 0]), strict=True):
        np.testing.assert_array_equal(held[name], wanted)
    model = Model.load(path)
    image = RNG.uniform(0, 1, (1, 1, 28, 28))
    np.testing.assert_allclose(model.probabilities(image)[0], forward(image), rtol=1e-12)


def test_other_object_arrays_keep_their_names(tmp_path):
    path = tmp_path / "network_params.npz"
    np.savez(path, weights=as_objects(WEIGHTS[::-1]), biases=as_objects(BIASES))
    assert sorted(read(path)) == ["biases.0", "biases.1", "weights.0", "weights.1"]
    np.savez(
        path, weights=as_objects([WEIGHTS[0], WEIGHTS[1], np.ones((3, 10))]), biases=as_objects([*BIASES, np.ones(3)])
    )
    assert list(read(path)) == [*NAMES, "5.weight", "5.bias"]
    assert "recipe" not in exporters.read(path).metadata


def test_rows_as_savetxt_writes_them(tmp_path):
    path = tmp_path / "network_params_full.txt"
    write_rows(path, WEIGHTS, BIASES)
    held = read(path)
    assert list(held) == NAMES
    np.testing.assert_array_equal(held["1.weight"], [[float(f"{v:.6f}") for v in row] for row in WEIGHTS[0]])
    assert exporters.read(path).metadata["recipe"] == "scratch-mlp"
    write_rows(path, WEIGHTS, BIASES, "%25.18E")
    np.testing.assert_array_equal(read(path)["3.weight"], WEIGHTS[1])


def test_matrices_as_print_writes_them_without_a_threshold(tmp_path):
    path = tmp_path / "printed.txt"
    write_printed(path, sys.maxsize)
    held = read(path)
    np.testing.assert_array_equal(held["1.weight"], WEIGHTS[0])
    np.testing.assert_array_equal(held["3.bias"], BIASES[1][:, 0])


@pytest.mark.parametrize("heading", ["Layer 1 Weights:\n", "weights of my net\n", ""])
def test_what_print_cut_is_refused_with_the_reason(tmp_path, heading):
    path = tmp_path / "network_params.txt"
    with np.printoptions(threshold=1000):
        path.write_text(f"{heading}{WEIGHTS[0]}\n")
    with pytest.raises(WeightFileError, match=r"only the first 3 and the last 3 values are there"):
        exporters.read(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "Layer 1 Weights:\n1 2\n3\nLayer 1 Biases:\n1\n2\n",
            "line 3: layer 1 weights: expected 2 numbers in a row, got 1",
        ),
        ("Layer 1 Weights:\n1 x\n", "line 2: layer 1 weights: expected a number, got 'x'"),
        ("Layer 1 Weights:\n1 __import__('os')\n", "expected a number"),
        ("Layer 1 Weights:\n1 2\n", "expected layer 1 biases, got the end"),
        ("Layer 1 Weights:\nLayer 1 Biases:\n1\n", "layer 1 weights: expected rows of numbers, got none"),
        ("Layer 1 Weights:\n[[1 2]\n [3 4\nLayer 1 Biases:\n1\n2\n", "got an open row"),
        ("Layer 1 Weights:\n1 2\nLayer 2 Weights:\n1\n", "expected layer 1 biases, got layer 2 weights"),
        ("Layer 1 Weights:\n1 2\nLayer 1 Biases:\n1\n2\n", "a bias for each output"),
    ],
)
def test_other_text_is_refused_with_its_line(tmp_path, text, says):
    path = tmp_path / "x.txt"
    path.write_text(text)
    with pytest.raises(WeightFileError) as caught:
        exporters.read(path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pickle_that_calls_a_function_calls_none(tmp_path):
    class Touches:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "touched",))

    path = tmp_path / "network_params.npz"
    np.savez(path, weights=as_objects([Touches(), Touches()]), biases=as_objects(BIASES))
    held = exporters.read(path)
    assert held.not_read
    assert [tensor.name for tensor in held] == ["biases.0", "biases.1"]
    with pytest.raises(WeightFileError, match="no architecture"):
        Model.load(path)
    assert not (tmp_path / "touched").exists()
