"""The training in the HTML report: figures of the kept epoch, and curves whose points lie where the figures say."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from cnnkit.inspection.report.training import choose_ticks, list_facts, render_curves


def history(losses, validation=None):
    return [
        {"epoch": i + 1, "loss": loss, "accuracy": 0.1 * i, "validation_loss": validation and validation[i]}
        for i, loss in enumerate(losses)
    ]


def draw(metadata):
    text = "".join(render_curves(metadata))
    return text, [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text)]


def points(svg, css):
    (line,) = (part for part in svg.findall("polyline") if part.get("class") == css)
    return [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]


def test_facts_are_those_of_the_kept_epoch():
    metadata = {"history": history([3.0, 2.0, 1.0], [0.5, 0.2, 0.9]), "test": {"accuracy": 0.98765, "images": 360}}
    facts = list(list_facts(metadata))
    assert facts[0] == ("2 of 3", "epoch of these weights")
    assert ("98.77%", "test accuracy (360 images)") in facts
    assert ("10.00%", "training accuracy") in facts
    assert list(list_facts({})) == []
    assert draw({}) == ("", [])


def test_points_lie_where_the_figures_say():
    text, (loss, accuracy) = draw({"history": history([4.0, 1.0, 2.0], [3.0, 0.5, 2.0])})
    training, validation = points(loss, "curve t"), points(loss, "curve dashed v")
    (x1, y1), (x2, y2), (x3, y3) = training
    assert x2 - x1 == pytest.approx(x3 - x2)
    assert (y3 - y2) / (y1 - y2) == pytest.approx(1 / 3, abs=0.01)
    assert validation[0][1] > training[0][1], "a smaller loss lies lower"
    kept = [line for line in loss.findall("line") if line.get("class") == "kept"]
    assert float(kept[0].get("x1")) == pytest.approx(x2, abs=0.1)
    assert "kept: epoch 2" in text
    assert "training loss 1.0000" in text
    assert len(accuracy.findall("polyline")) == 1, "no validation accuracy is known"
    assert [circle.find("title").text for circle in accuracy.findall("circle")][1] == "epoch 2: training 10.00%"


@pytest.mark.parametrize(
    "losses", [[0.5], [0.0, 0.0], [5e-324], [1e299, 1.0], [-3.0, -4.0], [float("nan"), 1.0], [2.0] * 5000]
)
def test_odd_histories_are_drawn_inside_the_picture(losses):
    _, pictures = draw({"history": history(losses)})
    for svg in pictures:
        for part in svg.iter():
            for name, most in (("x1", 520), ("x2", 520), ("y1", 220), ("y2", 220), ("cx", 520), ("cy", 220)):
                assert 0 <= float(part.get(name, 0)) <= most
    assert len(pictures[0].find("polyline").get("points").split()) <= 402


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.42, 1.0), (1, 7), (0, 1e-7), (1, 100_000), (3, 3), (-2, 5e8)])
def test_ticks_are_few_round_and_around_the_values(low, high):
    ticks = choose_ticks(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 2 <= len(ticks) <= 8
    (step,) = {float(f"{b - a:.6g}") for a, b in pairwise(ticks)}
    assert f"{step:e}"[0] in "125"
