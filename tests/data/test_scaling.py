"""Scaling of pixels: one number for all or one per channel, in the network's order of channels."""

import json

import numpy as np
import pytest
import torch

from cnnkit.data.scaling import SCALINGS, Scaling, parse_scaling
from cnnkit.errors import ConfigError, DataError

RAW = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5), dtype=np.uint8)


def test_imagenet_is_torchvisions():
    scaled = torch.tensor(RAW).to(torch.float32) / 255  # torchvision's ToDtype(scale=True), then its Normalize
    mean, deviation = (torch.tensor(v).reshape(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    expected = ((scaled - mean) / deviation).numpy()
    np.testing.assert_allclose(SCALINGS["imagenet"].apply(RAW, "float32"), expected, atol=2e-6)


def test_named_scalings_by_hand():
    x = RAW.astype(np.float64)
    np.testing.assert_allclose(SCALINGS["tf"].apply(RAW, "float64"), x / 127.5 - 1)
    np.testing.assert_allclose(SCALINGS["0-1"].apply(RAW, "float64"), x / 255)
    np.testing.assert_array_equal(SCALINGS["none"].apply(RAW, "float64"), x)
    blue, green, red = (x[:, k] - mean for k, mean in ((2, 103.939), (1, 116.779), (0, 123.68)))
    np.testing.assert_allclose(SCALINGS["caffe"].apply(RAW, "float64"), np.stack([blue, green, red], axis=1))


def test_one_number_per_channel_equals_one_number_for_all():
    same = Scaling((7.0, 7.0, 7.0), (0.5, 0.5, 0.5)).apply(RAW, "float32")
    np.testing.assert_array_equal(same, Scaling(7.0, 0.5).apply(RAW, "float32"))
    np.testing.assert_array_equal(Scaling(7.0, 0.5).apply(RAW[0], "float32"), same[0])
    assert same.flags.c_contiguous


@pytest.mark.parametrize("scaling", [*SCALINGS.values(), Scaling(0.5, (1.0, 2.0, 3.0))])
def test_a_weight_file_keeps_it(scaling):
    assert Scaling.from_json(json.loads(json.dumps(scaling.to_json()))) == scaling


def test_an_old_file_has_two_numbers():
    assert Scaling(0.0, 1 / 16).to_json() == {"offset": 0.0, "factor": 1 / 16}
    assert Scaling.from_json({"offset": 1, "factor": 2}) == Scaling(1, 2)


def test_white_and_what_it_becomes():
    assert [SCALINGS[name].white for name in ("imagenet", "0-1", "tf", "caffe", "none")] == [255, 255, 255, 255, 1]
    black, white = SCALINGS["imagenet"].extremes
    assert -2.2 < black < -1.8
    assert 2.2 < white < 2.7
    assert Scaling(0.0, (1 / 255, 1 / 255, 1 / 255)).white == 255


@pytest.mark.parametrize(
    "stored",
    [
        {"offset": [], "factor": 1}, {"offset": ["a"], "factor": 1}, {"offset": float("nan"), "factor": 1},
        {"offset": 0}, {"offset": 0, "factor": 1, "more": 2}, {"offset": 0, "factor": 1, "channels": "gbr"}, [0, 1],
        {"offset": [[0.0]], "factor": 1}, {"offset": 0, "factor": True}, {"offset": 0, "factor": 1, "channels": []},
    ],
)  # fmt: skip
def test_what_is_no_scaling_is_refused(stored):
    with pytest.raises(DataError, match="scaling: expected"):
        Scaling.from_json(stored)


def test_images_of_other_channels_are_refused():
    for scaling in (SCALINGS["imagenet"], SCALINGS["caffe"]):
        with pytest.raises(DataError, match=r"is of 3 channels, expected images \(N, 3, H, W\), got shape \(2, 1,"):
            scaling.apply(RAW[:, :1], "float32")


def test_an_unknown_name_is_refused():
    with pytest.raises(ConfigError, match="imagenet, mnist, 0-1, tf, caffe, none"):
        parse_scaling("torch")
