"""The recipes of docs/tasks.md from the command line: train, evaluate, predict, show; a figure that fits the task."""

import pytest

FIGURES = {  # the name of a figure in the JSON of evaluate, and its range
    "denoiser": ("psnr", 5, 20),
    "segment-digits": ("mean_iou", 0, 0.5),
    "multi-digits": ("map", 0.1, 0.8),
    "digit-sum": ("r2", -10, 1),
    "signal": ("accuracy", 0, 0.9),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_task_from_training_to_prediction(cnnkit, name):
    train = cnnkit("train", "--recipe", name, "--limit", 96, "--epochs", 1, "--limit-test", 32, "--json")
    assert train.status == 0, train.err
    losses = train.json["history"][0]
    assert losses["loss"] > losses["validation_loss"] * 0.5 > 0
    result = cnnkit("evaluate", "--limit", 32, "--json")
    assert result.status == 0, result.err
    figure, low, high = FIGURES[name]
    assert low <= result.json[figure] <= high
    assert result.json["loss"] == pytest.approx(train.json["test"]["loss"], rel=1e-5)
    for words in (("predict", "--index", 3), ("data", "show", train.json["test"] and result.json["data"])):
        shown = cnnkit(*words)
        assert shown.status == 0, shown.err
        assert shown.out
