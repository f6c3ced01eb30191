"""Every recipe's picture in a real browser, light and dark: nothing overlaps or leaves the canvas, all is legible."""

import re

import numpy as np
import pytest

from cnnkit import recipes
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.exporters.svg import writer
from cnnkit.model import Model

pytestmark = [pytest.mark.slow, pytest.mark.browser]
FAULTS = ["outside", "overlapping_texts", "overlapping_tiles", "texts_on_shapes", "small", "faint"]
PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 28)"}

# Boxes are sorted by their top, so that only neighbours need to be compared.
SCRIPT = """
function luminance(colour) {
  const parts = colour.match(/[0-9.]+/g).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
}
function contrast(a, b) {
  const [dim, bright] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (bright + 0.05) / (dim + 0.05);
}
function boxes(elements) {
  return elements.map(e => [e.getBBox(), e]).sort((a, b) => a[0].y - b[0].y);
}
function name(e) { return (e.textContent || "").slice(0, 60) || e.getAttribute("class"); }
// mixed: only a text and a shape count.
function overlaps(sorted, slack, mixed) {
  const pairs = [];
  sorted.forEach(([a, first], i) => {
    for (let j = i + 1; j < sorted.length && sorted[j][0].y < a.y + a.height - slack; j++) {
      const [b, second] = sorted[j];
      const across = b.x < a.x + a.width - slack && a.x < b.x + b.width - slack;
      const alike = (first.tagName === "text") === (second.tagName === "text");
      if (across && !(mixed && alike)) pairs.push([name(first), name(second)]);
    }
  });
  return pairs;
}
// The dark theme changes colours alone, which test_the_themes_differ_in_colours_alone holds.
function examine(svg, places) {
  const all = [...svg.querySelectorAll("text")], tiles = [...svg.querySelectorAll(".z")];
  const loose = all.filter(e => !e.classList.contains("v"));
  const paper = getComputedStyle(svg.querySelector(".paper")).fill;
  return {
    texts: all.length, tiles: tiles.length, paper,
    small: all.filter(e => parseFloat(getComputedStyle(e).fontSize) < 11).map(name),
    faint: loose.filter(e => contrast(getComputedStyle(e).fill, paper) < 4.5).map(name),
    ...(places ? examine_places(svg, all, loose, tiles) : {}),
  };
}
function examine_places(svg, all, loose, tiles) {
  const canvas = svg.viewBox.baseVal, shapes = [...svg.querySelectorAll(".z, .glyph:not([rx]), .window")];
  const cards = [...svg.querySelectorAll(".glyph[rx]")];  // of a graph, around their texts
  const outside = boxes([...all, ...shapes, ...cards]).filter(([b]) =>
    b.x < 0 || b.y < 0 || b.x + b.width > canvas.width || b.y + b.height > canvas.height);
  return {
    outside: outside.map(([, e]) => name(e)),
    overlapping_texts: overlaps(boxes(all), 0.5),
    overlapping_tiles: overlaps(boxes([...tiles, ...cards]), 0.1),
    texts_on_shapes: overlaps(boxes([...loose, ...shapes]), 1.5, true),
  };
}
"""


def special():
    """A file without architecture, with every odd shape and value."""
    rng = np.random.default_rng(0)
    odd = rng.normal(size=(3, 4, 5)).astype(np.float32)
    odd[0, 0, :4] = [np.nan, np.inf, -np.inf, 0]
    arrays = {
        "a rather long name of a tensor that somebody gave it <b>&.weight": odd,
        "scalar": np.array(7),
        "empty": np.zeros((0, 3)),
        "tiny values": rng.normal(size=30) * 1e-9,
        "huge": rng.normal(size=(12, 8)) * 1e30,
        "long": rng.normal(size=3000),
        "wide": rng.normal(size=(3, 3000)).astype(np.float16),
        "tall": rng.normal(size=(700, 3)),
        "five": rng.normal(size=(2, 2, 2, 3, 3)),
        "image": rng.normal(size=(300, 400)),
        "many": rng.normal(size=(300, 3, 1, 1)),
    }
    return WeightFile(tuple(Tensor.of(name, array, role="weight") for name, array in arrays.items()))


def odd_architecture():
    """A net from elsewhere: an overview of several rows, long names, shapes of every kind."""
    shapes = [[3, 40, 400], [7, 400, 40], [200, 1, 1], [2, 3, 3], [1, 9, 9, 9], [5, 6], [], [1], [16], [17], [10**9]]
    names = ["Conv2D", "Dense", "A rather long name of a layer that somebody made", "MaxPool2D", "ReLU"]
    layers = [
        {"type": names[i % 5], "path": str(i), "window": [1, 3, 50][i % 3], "output_shape": shape}
        for i, shape in enumerate(shapes * 2)
    ]
    layers += [{"type": "ReLU", "path": "more", "output_shape": [10**9]}] * 9
    weights = tuple(Tensor.of(f"{i}.weight", np.ones((2, i + 1)), layer=str(i), role="weight") for i in range(9))
    history = [{"accuracy": 0.5}]
    return WeightFile(weights, {"input_shape": [1, 28, 28], "layers": layers}, {"history": history})


def with_activations(weights):
    layers = weights.architecture["layers"]
    shapes = {"input": weights.architecture["input_shape"]} | {p["path"]: p["output_shape"] for p in layers}
    rng = np.random.default_rng(0)
    sample = (Tensor.of(name, rng.random(shape), layer=name, kind="activation") for name, shape in shapes.items())
    return WeightFile((*weights.tensors, *sample), weights.architecture, weights.metadata)


@pytest.fixture(scope="module")
def pictures():
    """{name: SVG without its data block}: the recipes, two with activations, and oddities."""
    files = {}
    for name in recipes.with_data():
        files[name] = Model(*recipes.get(name).network(), metadata={"recipe": name}).to_weights()
    for name in ("scratch-mlp", "digits-cnn"):
        files[f"{name} with activations"] = with_activations(files[name])
    files["special"], files["odd"] = special(), odd_architecture()
    return {name: re.sub("<metadata>.*?</metadata>", "", writer.draw_svg(w), flags=re.S) for name, w in files.items()}


@pytest.fixture(scope="module")
def reports(browser, pictures, tmp_path_factory):
    """{(name, theme): the faults that the browser reports}."""
    folder, faults = tmp_path_factory.mktemp("pictures"), {}
    for number, (name, text) in enumerate(pictures.items()):
        path = folder / f"{number}.svg"
        path.write_text(text, "utf-8")
        browser.open(path)
        for theme in PAPER:
            browser.theme(theme)
            faults[name, theme] = examined(browser, theme == "light")
    return faults


def examined(browser, places=True):
    return browser.value(f"(() => {{{SCRIPT}; return examine(document.documentElement, {str(places).lower()});}})()")


def test_the_themes_differ_in_colours_alone(pictures):
    for text in (pictures["diy-cnn"], pictures["odd"]):
        (dark,) = re.findall(r"@media[^{]*dark\)(\{.*?\})\s*\}", text, re.S)
        declared = re.findall(r"[{;]\s*([\w-]+):([^;}{]*)[;}]", dark)
        assert len(declared) > 60
        assert all(
            name in ("fill", "filter") or (name.startswith("--") and value.startswith("#")) for name, value in declared
        )


def test_every_recipe_is_there(reports):
    known = {"bright-dark", "digits-cnn", "diy-cnn", "lecture-cnn", "lenet5", "mini-resnet", "numpy-mlp", "scratch-mlp"}
    assert {name for name, _ in reports} >= known | {
        *recipes.with_data(),
        "special",
        "odd",
        "scratch-mlp with activations",
    }
    for (_, theme), report in reports.items():
        assert report["texts"] > 4
        assert report["tiles"] > 1
        assert report["paper"] == PAPER[theme]


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_overlaps_or_is_illegible(reports, fault):
    assert {key: report[fault] for key, report in reports.items() if report.get(fault)} == {}


# Changes that spoil a good picture: {name: (the fault to report, the change as JavaScript)}.
TRIALS = {
    "a text on another": (
        "overlapping_texts",
        "const [a, b] = TEXTS.slice(-2), to = b.getBBox(); move(a, to.x + 2, to.y + 9);",
    ),
    "larger texts": ("overlapping_texts", "TEXTS.forEach(text => { text.style.fontSize = '19px'; });"),
    "a tile on another": (
        "overlapping_tiles",
        "const to = TILES[0].getBBox(); move(TILES[1], to.x + to.width - 0.5, to.y + 3);",
    ),
    "a kernel wider than its pitch": ("overlapping_tiles", "TILES[0].setAttribute('width', 150);"),
    "a text on a tile": ("texts_on_shapes", "const to = TILES[0].getBBox(); move(TEXTS[0], to.x + 3, to.y + 12);"),
    "a text on a map of the overview": (
        "texts_on_shapes",
        "const to = document.querySelector('.glyph').getBBox(); move(TEXTS[0], to.x + 3, to.y + 20);",
    ),
    "a text beyond the right edge": ("outside", "TEXTS.at(-1).setAttribute('x', 1238);"),
    "a text beyond the bottom": (
        "outside",
        "TEXTS[0].setAttribute('y', document.documentElement.viewBox.baseVal.height);",
    ),
    "a tile beyond the left edge": ("outside", "move(TILES[0], -1, 300);"),
    "a small text": ("small", "TEXTS[3].style.fontSize = '10.5px';"),
    "a faint text": ("faint", "TEXTS[3].style.fill = '#777777';"),
}


@pytest.mark.parametrize(("trial", "theme"), [*((trial, "light") for trial in TRIALS), ("a faint text", "dark")])
def test_a_planted_fault_is_reported(browser, pictures, tmp_path, theme, trial):
    fault, change = TRIALS[trial]
    (tmp_path / "a.svg").write_text(pictures["diy-cnn"], "utf-8")
    browser.open(tmp_path / "a.svg")
    browser.theme(theme)
    browser.value(f"""(() => {{
      const TEXTS = [...document.querySelectorAll("text:not(.v)")], TILES = [...document.querySelectorAll(".z")];
      const move = (e, x, y) => {{ e.setAttribute("x", x); e.setAttribute("y", y); }};
      {change}
    }})()""")
    assert examined(browser)[fault]
