import csv
import re
import time

import numpy as np
import pytest

from cnnkit import data, exporters
from cnnkit.cli.app import run

KEYS = {
    "images", "loss", "mse", "accuracy", "precision", "recall", "f1", "roc_auc", "classes", "confusion_matrix",
    "milliseconds_per_image", "undefined",
}  # fmt: skip


def test_json_has_the_keys_that_scripts_rely_on(cnnkit, trained):
    judged = cnnkit("evaluate", trained, "--json").json
    assert judged.keys() >= KEYS
    assert judged["images"] == 360
    matrix = np.array(judged["confusion_matrix"])
    assert matrix.shape == (10, 10)
    assert matrix.sum() == 360
    assert judged["accuracy"] == pytest.approx(matrix.trace() / 360)
    assert [c["support"] for c in judged["classes"]] == matrix.sum(axis=1).tolist()
    assert judged["f1"] == pytest.approx(np.mean([c["f1"] for c in judged["classes"]]))
    assert judged["undefined"] == {}
    assert len(judged["mistakes"]) == 3


def test_people_read_the_same_numbers(cnnkit, trained):
    judged = cnnkit("evaluate", trained, "--json").json
    text = cnnkit("evaluate", trained).out
    assert f"accuracy {judged['accuracy']:.2%}" in text
    assert f"mse {judged['mse']:.6f}" in text
    assert "truth in rows, prediction in columns" in text
    first = next(line.split() for line in text.splitlines() if line.startswith("0 "))
    expected = ["0", *(str(n) if n or not k else "." for k, n in enumerate(judged["confusion_matrix"][0]))]
    assert first == [*expected, str(sum(judged["confusion_matrix"][0]))]
    worst = judged["largest_confusions"][0]
    assert f"{worst['label']} was taken for {worst['predicted']}: {worst['count']} times" in text
    assert f"{judged['roc_auc']:.4f}" in text
    assert text.count(" was taken for ") == 3


def test_mistakes_are_index_values_that_predict_takes(cnnkit, trained):
    judged = cnnkit("evaluate", trained, "--mistakes", 2, "--json").json["mistakes"]
    assert len(judged) == 2
    assert judged[0]["confidence"] >= judged[1]["confidence"]
    shown = cnnkit("predict", trained, "--index", judged[0]["index"], "--json").json["predictions"][0]
    assert (shown["label"], shown["predicted"]) == (judged[0]["label"], judged[0]["predicted"])
    assert max(shown["probabilities"]) == pytest.approx(judged[0]["confidence"], rel=1e-4)
    assert f"--index {judged[0]['index']}" in cnnkit("evaluate", trained, "--mistakes", 2).out
    assert "mistakes" not in cnnkit("evaluate", trained, "--mistakes", 0).out


def test_two_classes_have_a_binary_row(cnnkit, binary):
    judged = cnnkit("evaluate", binary, "--json").json
    assert judged["binary"].keys() == {"precision", "recall", "f1", "roc_auc"}
    text = cnnkit("evaluate", binary).out
    assert "binary: 1 (bright)" in text
    assert "0 (dark)" in text


def test_what_is_undefined_is_null_with_a_reason(cnnkit, trained):
    result = cnnkit("evaluate", trained, "--limit", 3, "--json").json
    assert result["recall"] is None
    assert "no image of class" in result["undefined"]["recall"]
    assert "-: undefined, because the class has no images" in cnnkit("evaluate", trained, "--limit", 3).out


def test_split_and_limit(cnnkit, trained):
    assert cnnkit("evaluate", trained, "--split", "train", "--json").json["images"] == 1437
    assert cnnkit("evaluate", trained, "--limit", 7, "--json").json["images"] == 7


def test_backends_agree(cnnkit, trained):
    losses = [
        cnnkit("evaluate", trained, "--limit", 20, "--backend", name, "--json").json["loss"]
        for name in ("numpy", "torch", "reference")
    ]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5)


def test_dtype(cnnkit, trained):
    single, double = (cnnkit("evaluate", trained, "--dtype", d, "--json").json for d in ("float32", "float64"))
    assert single["loss"] != double["loss"]
    assert single["loss"] == pytest.approx(double["loss"], rel=1e-5)


def test_the_same_images_from_another_file_give_the_same_result(cnnkit, trained):
    digits = data.load("digits")
    arrays = {"x_train": digits.train.images, "y_train": digits.train.labels}
    np.savez("whole.npz", x_test=digits.test.images, y_test=digits.test.labels, **arrays)
    np.savez("bytes.npz", x_test=digits.test.images / 16, y_test=digits.test.labels, x_train=digits.train.images / 16,
             y_train=digits.train.labels)  # fmt: skip
    expected = cnnkit("evaluate", trained, "--json").json["loss"]
    for file in ("whole.npz", "bytes.npz"):
        result = cnnkit("evaluate", trained, "--data", file, "--json")
        assert result.json["loss"] == pytest.approx(expected, rel=1e-6), file
    assert "scaled by 1, in training by 0.0625" in result.err


def test_a_terminal_gets_shades_and_a_pipe_gets_plain_text(trained, monkeypatch, capsys):
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    run(["evaluate", str(trained), "--limit", "50"])
    shaded = capsys.readouterr().out
    assert "\x1b[" in shaded
    monkeypatch.delenv("FORCE_COLOR")
    run(["evaluate", str(trained), "--limit", "50"])
    assert "\x1b[" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--data", "bright-dark"), "some of the network's classes 0, 1, 2"),
        (("--data", "nope"), "nope"),
        (("--split", "nope"), "--split"),
        (("--backend", "nope"), "numpy"),
        (("--device", "cuda"), "cpu"),
        (("--limit", 0), "--limit"),
        (("--mistakes", -1), "--mistakes"),
        (("--dtype", "int8"), "float32"),
    ],
)
def test_wrong_options_are_refused_in_one_line(refused, trained, options, said):
    assert said in refused("evaluate", trained, *options)


def test_images_of_another_shape_are_refused(refused, trained):
    np.savez("big.npz", x_train=np.zeros((20, 9, 9), np.uint8), y_train=np.arange(20) % 10)
    assert "(1, 9, 9)" in refused("evaluate", trained, "--data", "big.npz", "--split", "train")


def test_files_that_are_no_weights_are_refused(refused, folder):
    assert "cnnkit train" in refused("evaluate")
    (folder / "notes.txt").write_text("hello")
    assert "notes.txt" in refused("evaluate", "notes.txt")
    assert "folder" in refused("evaluate", folder)


def test_a_matrix_too_wide_for_the_terminal_becomes_records(cnnkit, trained, monkeypatch):
    judged = cnnkit("evaluate", trained, "--json").json
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    text = re.sub(r"\x1b\[[\d;]*m", "", cnnkit("evaluate", trained).out)
    record = text.partition("truth 3\n")[2].partition("truth 4\n")[0]
    read = {int(label): int(number) for label, number in re.findall(r"(\d): +(\d+)", record)}
    assert read == {k: n for k, n in enumerate(judged["confusion_matrix"][3]) if n or k == 3}
    assert f"total: {judged['classes'][3]['support']}" in record
    assert "was taken for" in text


def test_other_forms_hold_the_figures_and_nothing_else(cnnkit, refused, trained):
    judged = cnnkit("evaluate", trained, "--json").json
    result = cnnkit("evaluate", trained, "--format", "csv")
    figures, matrix, scores = (list(csv.reader(part.splitlines())) for part in result.out.split("\n\n"))
    assert result.err == ""
    assert float(figures[1][0]) == judged["loss"]
    assert [list(map(int, row[1:-1])) for row in matrix[1:]] == judged["confusion_matrix"]
    assert [float(row[4]) for row in scores[1:]] == [*(c["f1"] for c in judged["classes"]), judged["f1"]]
    assert cnnkit("evaluate", trained, "--format", "latex").out.count("\\begin{tabular}") == 3
    page = cnnkit("evaluate", trained, "--format", "markdown").out
    assert "| truth | 0 | 1 |" in page
    assert "\x1b" not in page
    assert "--format csv" in refused_with_json(cnnkit, trained)
    assert "markdown" in refused("evaluate", trained, "--format", "html")


def refused_with_json(cnnkit, trained):
    result = cnnkit("evaluate", trained, "--format", "csv", "--json")
    assert result.status == 2
    return result.json["error"]["message"]


@pytest.mark.parametrize("name", ["strange.pt", "strange.npz", "strange.weights.h5"])
def test_a_strangers_weights_are_used_with_a_model_file(cnnkit, refused, trained, net_toml, folder, name):
    """Without architecture: PyTorch's and Keras's files, and arrays of one's own names."""
    if name.endswith("npz"):
        np.savez(folder / name, *exporters.read(trained).arrays("parameter").values())
    else:
        assert cnnkit("export", trained, "-o", name).status == 0
    wanted = cnnkit("evaluate", trained, "--json").json
    result = cnnkit("evaluate", name, "--model", net_toml, "--json")
    assert result.json["accuracy"] == wanted["accuracy"]
    assert "as tiny: 4 tensors taken" in result.err
    shown = cnnkit("predict", name, "--model", net_toml, "--index", 3, "--json").json["predictions"][0]
    assert shown["outputs"] == pytest.approx(
        cnnkit("predict", trained, "--index", 3, "--json").json["predictions"][0]["outputs"], abs=1e-4
    )
    assert cnnkit("export", name, "--model", net_toml, "-o", "own.onnx").status == 0
    assert cnnkit("diff", "own.onnx", trained).status == 0

    lacking = "--data" if name.endswith(".weights.h5") else "--recipe NAME"  # cnnkit's keeps its network, not its data
    assert lacking in refused("evaluate", name)
    assert "is not a file of the network digits-cnn" in refused("predict", name, "--recipe", "digits-cnn")
    assert "own architecture" in refused("export", trained, "--model", net_toml, "-o", "x.h5")
    assert "expected --recipe or --model, got both" in refused(
        "evaluate", name, "--model", net_toml, "--recipe", "lenet5"
    )


def test_plot(cnnkit, refused, trained, folder):
    result = cnnkit("evaluate", trained, "--limit", 40, "--plot", "e.svg", "--json")
    assert (result.status, result.json["plot"]) == (0, "e.svg")
    assert (folder / "e.svg").read_bytes().startswith(b"<?xml")
    assert "wrote e.svg" in result.err
    assert ".svg, .png or .pdf" in refused("evaluate", trained, "--plot", "e.gif")
    assert "nowhere" in refused("evaluate", trained, "--plot", "nowhere/e.svg")


def test_times_and_calibration(cnnkit, trained, monkeypatch):
    monkeypatch.setattr("cnnkit.training.timing.time_inference.__defaults__", ((1, 16), 0.02, time.perf_counter))
    judged = cnnkit("evaluate", trained, "--timing", "--json").json
    assert [row["batch"] for row in judged["timing"]] == [1, 16]
    assert all(row["calls"] >= 10 and 0 < row["median"] <= row["p95"] <= row["p99"] for row in judged["timing"])
    found = judged["calibration"]
    assert sum(row["count"] for row in found["bins"]) == judged["images"]
    gap = sum(row["count"] * abs(row["accuracy"] - row["confidence"]) for row in found["bins"]) / judged["images"]
    assert found["expected_error"] == pytest.approx(gap)
    out = cnnkit("evaluate", trained, "--timing").out
    assert f"calibration error {found['expected_error']:.4f}" in out
    assert "median ms" in out
    assert "timing" not in cnnkit("evaluate", trained, "--json").json
