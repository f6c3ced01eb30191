"""What a notebook shows of a summary, a network and an evaluation."""

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from cnnkit.data.dataset import Dataset
from cnnkit.data.scaling import Scaling
from cnnkit.data.split import Split
from cnnkit.layers import Conv2D, Dense, Flatten, ReLU, Residual, Sequential
from cnnkit.network import Network
from cnnkit.notebook_tables import MOST_ROWS, draw_table
from cnnkit.summary import summarise
from cnnkit.training import evaluate

NET = Sequential((Conv2D(4, 3, padding="same"), Residual(Sequential((ReLU(),))), Flatten(), Dense(3)))


def read_tables(html: str) -> list[list[list[str]]]:
    """Return the cells of every table, headings first; it fails where the HTML is not well formed."""
    root = ElementTree.fromstring(html)
    return [[[cell.text or "" for cell in row] for row in table.iter("tr")] for table in root.iter("table")]


def test_a_summary_shows_every_layer() -> None:
    html = summarise(NET, (1, 5, 6))._repr_html_()
    (rows,) = read_tables(html)
    assert rows[0] == ["layer", "setting", "output", "parameters", "sees", "multiply-adds"]
    assert rows[1] == ["0 Conv2D", "features=4 window=3 padding=same", "4 × 5 × 6", "40", "3 × 3", "1,080"]
    assert [row[0] for row in rows[1:]] == [
        "0 Conv2D", "1 Residual", "1.body Sequential", "1.body.0 ReLU", "2 Flatten", "3 Dense",
    ]  # fmt: skip
    assert rows[-1][2:] == ["3", "363", "all", "360"]
    assert "input 1 × 5 × 6, output 3, 403 parameters, 1,440 multiply-adds per sample" in html


def test_a_network_shows_where_it_is() -> None:
    html = Network(NET, (1, 5, 6), dtype="float64")._repr_html_()
    assert len(read_tables(html)[0]) == 7
    assert "<b>Network</b>" in html
    assert "numpy on cpu, float64" in html


@pytest.fixture(scope="module")
def evaluation():
    part = Split(np.random.default_rng(0).random((6, 1, 5, 6)), np.array([0, 0, 1, 1, 1, 0]))
    data = Dataset("made", part, None, ("cat", "<b>dog\x1b</b>", "none"), (1, 5, 6), Scaling())
    return evaluate(Network(NET, (1, 5, 6)), data, "train")


def test_an_evaluation_shows_figures_classes_and_confusions(evaluation) -> None:
    html = evaluation._repr_html_()
    scores, confusion = read_tables(html)
    assert scores[0] == ["class", "images", "precision", "recall", "F1", "ROC-AUC"]
    assert [row[:2] for row in scores[1:]] == [
        ["0 cat", "3"],
        ["1 <b>dog\\x1b</b>", "3"],
        ["2 none", "0"],
        ["macro", "6"],
    ]
    assert [[int(n) for n in row[1:]] for row in confusion[1:]] == [list(r) for r in evaluation.report.confusion_matrix]
    assert f"accuracy {evaluation.accuracy:.2%}, loss {evaluation.loss:.6f}" in html
    assert "classes.2.recall: no image of class 2" in html
    assert "<b>dog" not in html
    assert "\x1b" not in html


def test_a_matrix_of_many_classes_is_told_in_words(evaluation) -> None:
    names = tuple(f"c{k}" for k in range(31))
    report = replace(
        evaluation.report, class_names=names, classes=evaluation.report.classes[:1] * 31, support=(1,) * 31
    )
    html = replace(evaluation, report=report)._repr_html_()
    assert len(read_tables(html)) == 1
    assert "was taken for" in html


def test_a_long_table_says_what_it_leaves_out() -> None:
    html = draw_table(("a", "b"), [("x", "1")] * (MOST_ROWS + 1500))
    assert html.count("<tr>") == MOST_ROWS + 1
    assert "and 1,500 more rows" in html
