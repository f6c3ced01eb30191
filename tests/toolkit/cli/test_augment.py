"""`--augment` and `--workers`: training, resuming, showing, refusing."""

import numpy as np
import pytest
from PIL import Image

from cnnkit import load_data
from cnnkit.cli.completion import complete_augment
from cnnkit.data.augmentation import Augmentation, RawSamples
from cnnkit.exporters import read
from cnnkit.seeds import Purpose, key


def test_a_training_is_the_same_with_workers_and_goes_on_with_more_epochs(cnnkit, refused, net_toml):
    options = "--model", net_toml, "--limit", 200, "--augment", "crop:1,rotate:10,mixup"
    cnnkit("train", *options, "-o", "a.h5")
    cnnkit("train", *options, "--workers", 2, "-o", "b.h5")
    one, other = read("a.h5"), read("b.h5")
    assert all(np.array_equal(t.read(), other[t.name].read()) for t in one)
    assert one.metadata["run"]["options"]["augment"] == "crop:padding=1,rotate,mixup"
    assert "workers" not in one.metadata["run"]["options"]
    again = cnnkit("train", *options, "--workers", 1, "-o", "a.h5", "--json")
    assert again.json["skipped"] is True
    line = refused("train", "--resume", "--epochs", 3, "--augment", "flip", "-o", "a.h5")
    assert "augment: crop:padding=1,rotate,mixup, now flip" in line
    cnnkit("train", "--resume", "--epochs", 3, "-o", "a.h5")
    cnnkit("train", "--resume", "--epochs", 3, "--workers", 1, "-o", "b.h5")
    one, other = read("a.h5"), read("b.h5")
    assert all(np.array_equal(t.read(), other[t.name].read()) for t in one)


def test_a_model_file_augments_and_none_leaves_it_out(cnnkit, net_toml, tmp_path):
    text = net_toml.read_text().replace("[training]\n", '[training]\naugment = "crop:1"\n')
    (tmp_path / "own.toml").write_text(text)
    cnnkit("train", "--model", "own.toml", "--limit", 100, "-o", "a.h5")
    assert read("a.h5").metadata["run"]["options"]["augment"] == "crop:padding=1"
    cnnkit("train", "--model", "own.toml", "--limit", 100, "--augment", "none", "-o", "b.h5")
    assert read("b.h5").metadata["run"]["options"]["augment"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--augment", "spin"), "augment: expected one of flip, crop,"),
        (("--augment", "hue"), "augment hue: expected colour images (3, H, W), got samples of shape (1, 8, 8)"),
        (("--workers", "65"), "workers: expected in 0..64, got 65"),
    ],
)
def test_what_cannot_be_is_one_line(refused, net_toml, options, message):
    assert refused("train", "--model", net_toml, *options).startswith(f"error: {message}")


def test_show_draws_what_a_training_makes_of_an_image(cnnkit):
    result = cnnkit("data", "show", "digits", "--augment", "rotate:30", "--index", 7, "--epoch", 2, "--seed", 5)
    assert result.out.splitlines()[0] == "digits, train image 7"
    assert "epoch 2, seed 5, rotate:degrees=30.0" in result.out
    digits, augmentation = load_data("digits"), Augmentation.parse("rotate:30")
    raw = digits.train.images[[7]]
    plan = augmentation.plan(np.array([7]))
    changed = augmentation.apply(RawSamples(plan.samples, raw, ()), plan, key(5, Purpose.AUGMENTATION), 1)
    rows = cnnkit("data", "show", "digits", "--augment", "rotate:30", "--index", 7, "--epoch", 2, "--seed", 5,
                  "--show", "hex").out.splitlines()  # fmt: skip
    bytes_shown = [[int(word.replace(".", "0"), 16) for word in row.split()] for row in rows[-8:]]
    white = digits.scaling.white
    assert np.array_equal(bytes_shown, np.rint(changed.pixels[0, 0] / white * 255))


def test_show_writes_a_picture(cnnkit, refused):
    options = "data", "show", "digits", "--augment", "crop:2,mixup:1", "--index", 1, "--index", 2, "-o", "out.png"
    shown = cnnkit(*options, "--json").json
    assert [entry["epoch"] for entry in shown["shown"]] == [*range(1, 9)] * 2
    assert abs(sum(shown["shown"][0]["target"]) - 1) < 1e-6
    with Image.open("out.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (2 * (96 + 6) + 6, 9 * (96 + 6) + 6, 3)
    digits = load_data("digits")
    first = pixels[6:102:12, 6:102:12, 0]
    assert np.array_equal(first, np.rint(digits.train.images[1, 0] / digits.scaling.white * 255))
    assert "already exists" in refused(*options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-o", "a.png"), "--out: expected --augment with it, got none"),
        (("--epoch", 3), "--epoch: expected --augment with it, got none"),
        (("--augment", "flip", "-o", "a.svg"), "a.svg: expected a name that ends with .png"),
        (("--augment", "flip", "--index", 9999), "--index: expected 0 to"),
        (("--augment", "saturation"), "augment saturation: expected colour images"),
    ],
)
def test_show_refuses(refused, options, message):
    assert refused("data", "show", "digits", *options).startswith(f"error: {message}")


def test_completion_goes_on_behind_a_comma():
    assert complete_augment("flip,ro") == ["flip,rotate"]
    assert "crop" in complete_augment("")
