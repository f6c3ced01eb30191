"""Every recipe's picture in a real browser, light and dark: nothing overlaps or leaves the canvas, all is legible."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from cnnkit import recipes
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.exporters.svg import page
from cnnkit.model import Model

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = "--headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run --dump-dom".split()  # noqa: SIM905
pytestmark = [pytest.mark.slow, pytest.mark.browser]
FAULTS = ["outside", "overlapping_texts", "overlapping_tiles", "texts_on_tiles", "small", "faint"]
THEMES = {"light": 1, "dark": 0}

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
function overlaps(sorted, slack) {
  const found = [];
  sorted.forEach(([a, first], i) => {
    for (let j = i + 1; j < sorted.length && sorted[j][0].y < a.y + a.height - slack; j++) {
      const [b, second] = sorted[j];
      if (b.x < a.x + a.width - slack && a.x < b.x + b.width - slack) found.push([name(first), name(second)]);
    }
  });
  return found;
}
const report = {};
for (const svg of document.querySelectorAll("svg")) {
  const canvas = svg.viewBox.baseVal, all = [...svg.querySelectorAll("text")];
  const texts = boxes(all), tiles = boxes([...svg.querySelectorAll(".z")]);
  const loose = boxes(all.filter(e => !e.classList.contains("v")));
  const outside = [...texts, ...tiles].filter(([b]) =>
    b.x < 0 || b.y < 0 || b.x + b.width > canvas.width || b.y + b.height > canvas.height);
  const paper = getComputedStyle(svg.querySelector(".paper")).fill;
  report[svg.dataset.name] = {
    texts: texts.length, tiles: tiles.length, paper,
    outside: outside.map(([, e]) => name(e)),
    overlapping_texts: overlaps(texts, 0.5),
    overlapping_tiles: overlaps(tiles, 0.1),
    texts_on_tiles: overlaps(boxes([...loose, ...tiles].map(([, e]) => e)), 1.5),
    small: all.filter(e => parseFloat(getComputedStyle(e).fontSize) < 11).length,
    faint: loose.filter(([, e]) => contrast(getComputedStyle(e).fill, paper) < 4.5).map(([, e]) => name(e)),
    hovers: CSS.supports("selector(svg:has(.n:hover))"),
  };
}
document.body.innerHTML = "";
const out = document.createElement("pre");
out.id = "report";
out.textContent = "REPORT" + JSON.stringify(report).replace(/</g, "\\\\u003c").replace(/&/g, "\\\\u0026") + "END";
document.body.append(out);
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


def with_activations(weights):
    layers = weights.architecture["layers"]
    shapes = {"input": weights.architecture["input_shape"]} | {p["path"]: p["output_shape"] for p in layers}
    rng = np.random.default_rng(0)
    sample = (Tensor.of(name, rng.random(shape), layer=name, kind="activation") for name, shape in shapes.items())
    return WeightFile((*weights.tensors, *sample), weights.architecture, weights.metadata)


# Every fault at once: what shows that each is found.
BAD = """<?xml version="1.0"?>
<svg class="bad" viewBox="0 0 200 200"><rect class="paper" width="200" height="200"/>
<text x="10" y="50">one</text><text x="15" y="52">two</text><text x="190" y="100">leaves the canvas</text>
<rect class="z" x="10" y="100" width="30" height="30"/><rect class="z" x="35" y="100" width="30" height="30"/>
<text x="20" y="120" style="font-size:8px">small</text><text x="20" y="180" style="fill:#777777">faint</text></svg>
"""


@pytest.fixture(scope="module")
def pictures():
    """{name: SVG without its data block}: the recipes, two with activations, and oddities."""
    files = {}
    for name in recipes.names():
        files[name] = Model(*recipes.get(name).network(), metadata={"recipe": name}).to_weights()
    for name in ("scratch-mlp", "digits-cnn"):
        files[f"{name} with activations"] = with_activations(files[name])
    files["special"] = special()
    return {
        name: re.sub("<metadata>.*?</metadata>", "", page.draw(file), flags=re.S) for name, file in files.items()
    } | {"bad": BAD}


@pytest.fixture(scope="module", params=list(THEMES))
def report(request, pictures, tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("no chromium to draw with (Debian: apt-get install chromium)")
    folder = tmp_path_factory.mktemp("browser")
    parts = [
        text.partition("?>\n")[2].replace("<svg ", f'<svg data-name="{name}" ', 1) for name, text in pictures.items()
    ]
    html = f"<!doctype html><meta charset=utf-8><body>{''.join(parts)}<script>{SCRIPT}</script>"
    (folder / "page.html").write_text(html, "utf-8")
    theme = f"--blink-settings=preferredColorScheme={THEMES[request.param]}"
    command = [CHROMIUM, *FLAGS, theme, f"--user-data-dir={folder / 'profile'}", (folder / "page.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    found = re.search("REPORT({.*})END</pre>", done.stdout, re.S)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    return request.param, json.loads(found[1].replace("&gt;", ">").replace("&amp;", "&"))


def test_every_picture_is_there(report, pictures):
    theme, pages = report
    assert set(pages) == set(pictures)
    assert all(found["texts"] > 4 and found["tiles"] > 1 and found["hovers"] for found in pages.values())
    assert {found["paper"] for found in pages.values()} == {
        {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 28)"}[theme]
    }


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_in_the_way_of_anything(report, fault):
    assert {name: found[fault] for name, found in report[1].items() if found[fault]}.keys() == {"bad"}
