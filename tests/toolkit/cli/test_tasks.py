"""train, evaluate and predict on targets that are not one class an image."""

from pathlib import Path

import numpy as np
import pytest

FEW = ("--limit", "60", "--limit-test", "20", "--epochs", "1", "-o", "w.h5")


def train(cnnkit, recipe: str):
    result = cnnkit("train", "--recipe", recipe, *FEW)
    assert result.status == 0, result.err
    return result


def test_numbers(cnnkit) -> None:
    told = train(cnnkit, "digit-sum")
    assert "test: MAE " in told.out
    assert "acc" not in told.err
    shown = cnnkit("evaluate", "w.h5", "--limit", "20")
    assert shown.status == 0
    assert "R2" in shown.out
    assert "accuracy" not in shown.out
    found = cnnkit("evaluate", "w.h5", "--limit", "20", "--json").json
    assert found["images"] == 20
    assert found["columns"][0]["name"] == "sum"
    assert found["rmse"] == pytest.approx(found["mse"] ** 0.5)
    assert "R2" in cnnkit("evaluate", "w.h5", "--limit", "20", "--format", "markdown").out
    one = cnnkit("predict", "w.h5", "--index", "3", "--json").json["predictions"][0]
    assert one["kind"] == "numbers"
    assert len(one["predicted"]) == len(one["target"]) == 1
    said = cnnkit("predict", "w.h5", "--index", "3").out
    assert f"sum {one['predicted'][0]:.6g}" in said
    assert f"wanted: {one['target'][0]:.6g}" in said


def test_tags(cnnkit) -> None:
    assert "mAP" in train(cnnkit, "multi-digits").out
    shown = cnnkit("evaluate", "w.h5", "--limit", "20")
    assert "best threshold" in shown.out
    found = cnnkit("evaluate", "w.h5", "--limit", "20", "--json").json
    assert 0 <= found["hamming_loss"] == pytest.approx(1 - found["accuracy"])
    assert [tag["name"] for tag in found["tags"]] == list("0123456789")
    one = cnnkit("predict", "w.h5", "--json").json["predictions"][0]
    assert one["predicted"] == [k for k, p in enumerate(one["probabilities"]) if p >= 0.5]
    said = cnnkit("predict", "w.h5").out
    assert "below 0.5: " in said
    assert "wanted: " in said


def test_maps(cnnkit) -> None:
    told = train(cnnkit, "segment-digits")
    assert "mean IoU" in told.out
    assert "acc" in told.err
    found = cnnkit("evaluate", "w.h5", "--limit", "20", "--json").json
    assert found["classes"][0]["name"] == "background"
    assert np.trace(found["confusion_matrix"]) / np.sum(found["confusion_matrix"]) == pytest.approx(found["accuracy"])
    one = cnnkit("predict", "w.h5", "--json").json["predictions"][0]
    assert np.bincount(np.ravel(one["predicted"]), minlength=11).tolist() == one["places"]
    assert "background" in cnnkit("predict", "w.h5", "--show", "none").out


def test_images(cnnkit) -> None:
    assert "PSNR" in train(cnnkit, "denoiser").out
    found = cnnkit("evaluate", "w.h5", "--limit", "20", "--json").json
    assert found["psnr"] > 0
    one = cnnkit("predict", "w.h5", "--json").json["predictions"][0]
    assert one["shape"] == [1, 8, 8]
    assert one["mean"] == pytest.approx(np.mean(one["predicted"]))
    assert "values 1 x 8 x 8: min" in cnnkit("predict", "w.h5").out
    refused = cnnkit("evaluate", "w.h5", "--plot", "confusion.svg")
    assert refused.status == 2
    assert "--plot: draws how classes are confused, got a network that decides no class: leave it out" in refused.err


def test_embeddings(cnnkit) -> None:
    made = cnnkit("train", "--limit", "60", "--epochs", "1", "--loss", "triplet", "--limit-test", "50")
    assert made.status == 0, made.err
    assert "recall at 1" in made.out
    assert "acc" not in made.err
    found = cnnkit("evaluate", "--limit", "50", "--json").json
    assert 0 <= found["recall_at_1"] <= 1
    assert cnnkit("predict", "--json").json["predictions"][0]["kind"] == "embedding"


def test_an_embedding_has_any_length(cnnkit) -> None:
    layers = '[[layers]]\ntype = "Flatten"\n[[layers]]\ntype = "Dense"\nfeatures = 4\n'
    Path("net.toml").write_text(f"input_shape = [1, 8, 8]\n{layers}")
    assert cnnkit("train", "--model", "net.toml", *FEW, "--loss", "triplet").status == 0
    told = cnnkit("predict", "w.h5", "--json").json["predictions"][0]
    assert told["kind"] == "embedding"
    assert len(told["predicted"]) == 4
    assert told["names"] == []


def test_a_loss_for_other_targets_is_one_line(cnnkit) -> None:
    refused = cnnkit("train", "--recipe", "digit-sum", "--loss", "softmax_cross_entropy", *FEW)
    assert refused.status == 2
    assert refused.err.strip().endswith(
        "loss softmax_cross_entropy: expected class labels or class maps, got numbers (N, 1): "
        "try the loss mean_squared_error"
    )
    refused = cnnkit("train", "--loss", "poisson")
    assert refused.status == 2
    assert "loss poisson: expected numbers or values or the inputs themselves, got class labels" in refused.err
