"""A graph of two outputs with losses of their own, through the commands."""

import pytest

NET = """
data = "digits"
input_shape = [1, 8, 8]
output_names = ["main", "aux"]

[training]
epochs = 1
loss = "LOSS"

[[layers]]
type = "Flatten"
name = "row"

[[layers]]
type = "Dense"
name = "main"
features = 10

[[layers]]
type = "Dense"
name = "aux"
features = 10
inputs = ["row"]
"""
BOTH = "main=softmax_cross_entropy;aux=0.5*mean_squared_error"


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "two.toml"
    path.write_text(NET.replace("LOSS", BOTH))
    return path


def test_predict_shows_the_first_output(cnnkit, model_file, tmp_path):
    assert cnnkit("train", "--model", model_file, "-o", tmp_path / "two.h5").status == 0
    answer = cnnkit("predict", tmp_path / "two.h5", "--index", 3, "--index", 4, "--json").json["predictions"]
    assert [(p["index"], len(p["outputs"]), len(p["probabilities"])) for p in answer] == [(3, 10, 10), (4, 10, 10)]


@pytest.mark.parametrize(
    "loss", [BOTH, "aux=0.5*mean_squared_error;main=softmax_cross_entropy", "softmax_cross_entropy"]
)
def test_gradcheck_takes_the_loss_of_each_output(cnnkit, model_file, loss):
    model_file.write_text(NET.replace("LOSS", loss))
    result = cnnkit("gradcheck", "--model", model_file, "--json")
    assert result.status == 0
    assert {row["name"] for row in result.json["rows"]} >= {"x", "main.weight", "aux.bias"}


@pytest.mark.parametrize("loss", ["main=softmax_cross_entropy", "main=mean_squared_error;other=mean_squared_error"])
@pytest.mark.parametrize("command", ["train", "gradcheck"])
def test_a_loss_of_other_outputs_is_refused_in_one_line(cnnkit, model_file, command, loss):
    model_file.write_text(NET.replace("LOSS", loss))
    result = cnnkit(command, "--model", model_file)
    assert result.status == 2
    assert "expected losses of the outputs main, aux, got main" in result.err
    assert len(result.err.strip().splitlines()) == 1
