"""What `fit` shows in a notebook, with IPython's display replaced by one that keeps what it is given."""

import sys
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from cnnkit import Model, Sequential
from cnnkit.layers import Dense, Flatten
from cnnkit.training import notebook_progress


@pytest.fixture
def pages(monkeypatch):
    """The HTML of each update of a notebook's display."""
    shown = []
    handle = SimpleNamespace(update=lambda thing: shown.append((thing._repr_html_(), repr(thing))))

    def display(thing, display_id):
        assert display_id is True
        handle.update(thing)
        return handle

    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    return shown


def fit(**options):
    model = Model(Sequential((Flatten(), Dense(10))), (1, 8, 8))
    return model, model.fit("digits", limit=100, **options)


def test_a_short_training_is_shown_at_its_start_and_end(pages):
    _, history = fit(epochs=3)
    assert len(pages) == 2
    assert "epoch 1 of 3" in pages[0][1]
    html, text = pages[1]
    assert text == f"3 epochs: training loss {history[-1]['loss']:.4f}, accuracy {history[-1]['accuracy']:.2%}"
    root = ElementTree.fromstring(html)
    bar = root.find("progress")
    assert bar.get("value") == bar.get("max")
    cells = [[cell.text for cell in row.findall("td")] for row in root.iter("tr")][1:]
    assert cells == [[str(e["epoch"]), f"{e['loss']:.4f}", f"{e['accuracy']:.2%}"] for e in history]


def test_a_long_training_is_shown_all_the_time(pages, monkeypatch):
    monkeypatch.setattr(notebook_progress, "UPDATE_EVERY", 0.0)
    fit(epochs=3, batch_size=50)
    assert len(pages) == 5, "the start, each epoch, the end"
    assert "epoch 2 of 3: loss" in pages[2][1]
    assert "images/s" in pages[2][1]
    assert '<progress value="4" max="6"' in pages[2][0]


def test_the_kept_epoch_is_marked_and_only_the_last_are_listed(pages):
    options = {"validation_split": 0.2, "learning_rate": 3.0, "schedule": "warmup:epochs=6,start=0"}
    model, history = fit(epochs=12, **options)
    losses = [entry["validation_loss"] for entry in history]
    kept = losses.index(min(losses)) + 1
    assert model.metadata["kept"]["epoch"] == kept
    html, text = pages[-1]
    assert f"epoch {kept} of 12: training loss" in text
    assert html.count("<tr>") == 9
    assert (f">{kept} (kept)</td>" in html) == (kept > 4)


def test_a_training_that_is_stopped_says_so(pages, monkeypatch):
    monkeypatch.setattr(notebook_progress, "UPDATE_EVERY", 0.0)
    display = sys.modules["IPython.display"].display

    def display_and_stop(thing, display_id):
        handle = display(thing, display_id)

        def update(shown):
            handle.update(shown)
            if len(pages) == 4:
                raise KeyboardInterrupt

        return SimpleNamespace(update=update)

    monkeypatch.setattr(sys.modules["IPython.display"], "display", display_and_stop)
    with pytest.raises(KeyboardInterrupt):
        fit(epochs=9, batch_size=50)
    assert pages[-1][1].startswith("stopped after 2 epochs and 2 batches: training loss ")


@pytest.mark.parametrize("shell", [None, SimpleNamespace()])
def test_outside_a_notebook_nothing_is_shown(pages, monkeypatch, shell):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    fit(epochs=1)
    assert pages == []
