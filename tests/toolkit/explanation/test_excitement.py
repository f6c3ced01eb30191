"""The windows that excite a channel most: held against all values at once."""

import numpy as np
import pytest

from cnnkit import data
from cnnkit import layers as of
from cnnkit.explanation import excitement
from cnnkit.explanation.excitement import cut_seen, find_exciting
from cnnkit.explanation.panels import Panel, PanelRow, draw_svg, to_pixels
from cnnkit.layers import Sequential
from cnnkit.model import Model

NET = Sequential((of.Conv2D(3, 3), of.ReLU(), of.Flatten(), of.Dense(4)))


def make_data(images):
    return data.from_arrays(images, np.zeros(len(images), int), class_names=("a", "b"))


@pytest.mark.parametrize("backend_name", ["numpy", "torch", "cupy-sim", "reference"])
def test_the_largest_of_all_in_order(backend_name, monkeypatch):
    monkeypatch.setattr(excitement, "_BATCH", 7)
    images = np.random.default_rng(0).normal(size=(40, 1, 6, 6)).astype("float32")
    images[30] = images[4]  # as large: the first comes first
    model, dataset = Model(NET, (1, 6, 6), backend=backend_name, seed=1), make_data(images)
    found = find_exciting(model, dataset, "train", "0", 5, range(40))
    context = of.Context(model.backend)
    x = model.backend.asarray(images, "float32")
    y = model.backend.to_numpy(next(iter(NET.outputs(context, model.params, model.state, x)))[2])
    assert len(found) == 3
    for channel, rows in enumerate(found):
        peaks = y[:, channel].reshape(40, -1).max(1)
        order = np.lexsort((np.arange(40), -peaks))[:5]
        assert [one.sample for one in rows] == order.tolist()
        for one in rows:
            assert one.value == pytest.approx(y[(one.sample, channel, *one.position)], abs=1e-6)


def test_equal_images_come_in_their_order_and_rows_have_no_place():
    images = np.ones((9, 1, 6, 6), "float32")
    found = find_exciting(Model(NET, (1, 6, 6)), make_data(images), "train", "3", 4, range(2, 9))
    assert [one.sample for one in found[0]] == [2, 3, 4, 5]
    assert {one.position for rows in found for one in rows} == {()}
    ties = find_exciting(Model(NET, (1, 6, 6)), make_data(images), "train", "0", 1, range(9))
    assert ties[0][0][:2] == (0, (0, 0))


def test_what_lies_beyond_the_edge_has_no_pixel():
    picture = np.arange(12.0).reshape(1, 3, 4)
    cut = cut_seen(picture, ((-1, 2), (2, 5)))[0]
    assert np.isnan(cut[0]).all()
    assert np.isnan(cut[:, 2]).all()
    assert cut[1:, :2].tolist() == [[2.0, 3.0], [6.0, 7.0]]
    assert np.isnan(cut_seen(picture, ((5, 8), (0, 2)))).all()
    assert np.array_equal(cut_seen(picture, None), picture)
    pixels = to_pixels(np.array([[[0.0, 1.0, np.nan]]]))
    assert pixels[0, :2].tolist() == [[0, 0, 0], [255, 255, 255]]
    assert len(set(pixels[0, 2].tolist())) > 1, "another colour than any grey"
    assert "<script" not in draw_svg("<script>", [], [PanelRow("", [Panel(pixels, "\x1b[2J")])], 40)
