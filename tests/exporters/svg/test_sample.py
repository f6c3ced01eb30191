"""The picture of one sample: what it is, the names of the classes, its colours, one scale where ReLU follows."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from cnnkit.exporters import Tensor, WeightFile
from cnnkit.exporters.svg.writer import draw_svg

X = np.linspace(0, 1, 3 * 4 * 5, dtype=np.float32).reshape(3, 4, 5)
LAYERS = [
    {"type": "Flatten", "path": "0", "input_shape": [3, 4, 5], "output_shape": [60]},
    {"type": "Dense", "path": "1", "features": 3, "input_shape": [60], "output_shape": [3]},
    {"type": "ReLU", "path": "2", "input_shape": [3], "output_shape": [3]},
]
ABOUT = {"name": "test image 7 of pets", "label": 1, "predicted": 2, "score": 0.75, "black": -1.0, "white": 3.0}


def draw(sample=ABOUT, names=("cat", "dog", "a very long name of a class"), x=X):
    activations = [
        Tensor.of(name, values.astype(np.float32), layer=name, kind="activation")
        for name, values in (
            ("input", x), ("0", x.reshape(-1)), ("1", np.array([-4.0, 1.0, 2.0])), ("2", np.array([0.0, 1.0, 2.0]))
        )
    ]  # fmt: skip
    weight = Tensor.of("1.weight", np.ones((3, 60), np.float32), role="weight", axes=("out", "in"))
    metadata = {"sample": sample, "class_names": list(names)}
    return draw_svg(WeightFile((weight, *activations), {"input_shape": [3, 4, 5], "layers": LAYERS}, metadata))


def test_image_truth_and_prediction_are_named():
    line = (
        "activations of test image 7 of pets, truth 1 (dog), prediction 2 (a very long name of a class) (score 0.7500)"
    )
    text = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", draw()))
    assert f"{line}, wrong" in text
    assert "truth 2 (a very long name of a class), prediction 2" in draw(ABOUT | {"label": 2}).replace("</text>", "")


def test_the_last_row_has_the_names_of_the_classes():
    drawn = draw()
    assert all(f">{name}</text>" in drawn for name in ("cat", "dog", "a very long name of a class"))
    assert ">cat</text>" not in draw(names=("cat", "dog")), "two names for three outputs name nothing"


def test_an_image_of_three_channels_is_shown_in_its_colours():
    (uri,) = re.findall(r'class="photo"[^>]*data:image/png;base64,([^"]*)"', draw())
    with Image.open(io.BytesIO(base64.b64decode(uri))) as photo:
        pixels = np.asarray(photo.convert("RGB"))
    assert np.array_equal(pixels, np.rint(255 * (X + 1) / 4).astype(np.uint8).transpose(1, 2, 0))


@pytest.mark.parametrize("sample", [ABOUT | {"white": -1.0}, {}, None, 3, ABOUT | {"black": "0", "white": [1]}])
def test_where_black_and_white_are_unknown_there_is_no_photo(sample):
    assert 'class="photo"' not in draw(sample)


def test_equal_colours_are_equal_values_where_relu_follows():
    before, after = draw().split("2 · ReLU")
    assert 'class="p16"' in before[before.rindex(">1[0]") - 900 :]
    assert re.search(r'class="p16"[^>]*><title>2\[2\] = 2.0', after), "2 of 4 is half of the scale"
    assert "scale of the layer before" in after


@pytest.mark.parametrize(
    "sample", [{"label": True, "predicted": -1, "score": "0.5", "name": 4}, {"label": 10**30, "name": "<b>\x1b"}]
)
def test_odd_metadata_of_a_stranger(sample):
    drawn = draw(sample)
    assert "\x1b" not in drawn
    assert "<b>" not in drawn
