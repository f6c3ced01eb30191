import base64
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from html.parser import HTMLParser

import numpy as np
import pytest

from cnnkit import exporters
from cnnkit.errors import ExportError
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.inspection import inspect, report
from cnnkit.inspection.report import embedded
from cnnkit.inspection.report.script import SCRIPT
from cnnkit.inspection.report.style import CSS

DRIVER = shutil.which("chromedriver") if shutil.which("chromium") or shutil.which("google-chrome") else None
HOSTILE = "</script><img src=x onerror=alert(1)>\"'\x1b[2J"


def net():
    rng = np.random.default_rng(0)
    odd = np.float32([np.nan, np.inf, -0.0, 1e-45, 0.1, -3.4e38])
    tensors = (
        Tensor.of(
            "0.weight", rng.normal(size=(8, 3, 3, 3)).astype(np.float32), role="weight", axes=("o", "i", "kh", "kw")
        ),
        Tensor.of("0.bias", odd, role="bias"),
        Tensor.of("1.weight", rng.normal(size=(10, 40)), role="weight", axes=("out", "in")),
        Tensor.of("half", np.arange(20, dtype=np.uint16) * 991, dtype="bfloat16"),
        Tensor.of("count", np.array(2**60 + 1), kind="state"),
        Tensor.of("flags", np.array([True, False])),
        Tensor.of("pair", np.array([1j])),
        Tensor.of("none", np.zeros((0, 3))),
        Tensor.of(HOSTILE, np.float32([1, 2, 3]), layer=HOSTILE, axes=(HOSTILE,)),
    )
    return WeightFile(tensors, metadata={"recipe": HOSTILE}, file="net.h5", format="hdf5")


def write(path, file):
    return report.write(path, inspect(file, optimizer=True))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    assert write(path, net()) == path.stat().st_size
    return path


class Reader(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.blocks, self._inside = [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self._inside = dict(attrs).get("id", "script")

    def handle_data(self, data):
        if self._inside:
            self.blocks[self._inside] = data
            self._inside = None


def test_every_value_is_in_the_page(page):
    reader = Reader(page.read_text())
    panels = {a["data-block"]: a for tag, a in reader.tags if tag == "div" and "data-block" in a}
    held = [np.frombuffer(base64.b64decode(reader.blocks[key]), panels[key]["data-dtype"]) for key in panels]
    wanted = [t for t in net() if t.name not in ("pair", "none")]
    assert len(held) == len(wanted)
    for array, tensor in zip(held, wanted, strict=True):
        if tensor.dtype in ("float32", "float64", "int64"):
            assert hashlib.sha256(array.tobytes()).hexdigest() == tensor.sha256()
    assert held[4].tolist() == [2**60 + 1]


def test_nothing_comes_from_outside_and_nothing_of_a_stranger_runs(page):
    text = page.read_text()
    reader = Reader(text)
    assert [tag for tag, _ in reader.tags].count("script") == 7 + 1
    assert all(a["src"].startswith("data:image/png;base64,") for tag, a in reader.tags if tag == "img")
    assert not any(name.startswith("on") or name in ("style", "href") for _, a in reader.tags for name in a)
    assert not any(tag in ("link", "iframe", "object", "form", "base") for tag, _ in reader.tags)
    assert "http:" not in text.replace("http-equiv", "")
    assert "https:" not in text
    assert "\x1b" not in text
    (policy,) = (a["content"] for tag, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:; ")
    for part in (SCRIPT, CSS):
        assert base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() in policy
        assert part in text
    assert "unsafe" not in policy


def test_the_same_file_gives_the_same_page(page, tmp_path):
    write(tmp_path / "again.html", net())
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_what_is_too_large_is_left_out_and_said(monkeypatch, tmp_path):
    monkeypatch.setattr(embedded.choose, "__defaults__", (100,))
    write(tmp_path / "small.html", net())
    text = (tmp_path / "small.html").read_text()
    assert "216 values, not in this page: <code>cnnkit inspect net.h5 --layer 0.weight --values" in text
    assert 'id="v1"' in text


def test_only_a_page_of_ours_is_replaced(tmp_path):
    target = tmp_path / "mine.html"
    target.write_text("mine")
    with pytest.raises(ExportError, match="is no page of cnnkit"):
        write(target, net())
    assert target.read_text() == "mine"
    write(tmp_path / "page.html", net())
    write(tmp_path / "page.html", net())


class Browser:
    """Chromium behind its driver (W3C WebDriver), spoken to with the standard library."""

    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}/session"
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000"]
        options = {"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}}
        reader = self.call("", {"capabilities": {"alwaysMatch": options}})
        self.base += f"/{reader['sessionId']}"

    def call(self, path, body, method="POST"):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def run(self, script):
        return self.call("/execute/sync", {"script": script, "args": []})


@pytest.fixture(scope="module")
def browser(page):
    if DRIVER is None:
        pytest.skip("no Chromium with its driver here: apt-get install chromium chromium-driver")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([DRIVER, f"--port={port}"], env=os.environ | {"no_proxy": "*"}, **quiet) as process:
        try:
            for _ in range(200):
                with socket.socket() as probe:
                    if not probe.connect_ex(("127.0.0.1", port)):
                        break
                time.sleep(0.05)
            chromium = Browser(port)
            chromium.call("/url", {"url": page.as_uri()})
            yield chromium
            chromium.call("", None, "DELETE")
        finally:
            process.terminate()


NAMES = (
    "return [...document.querySelectorAll('tr.t')].filter(r => !r.hidden)"
    ".map(r => r.querySelector('button').textContent)"
)


def test_sorting(browser):
    def click(column):
        browser.run(f"document.querySelectorAll('#tensors th button')[{column}].click()")
        return browser.run(NAMES)

    up = click(0)
    assert len(up) == 9
    assert [name for name in up if name[0].isdigit()] == ["0.bias", "0.weight", "1.weight"]
    assert click(0) == up[::-1]
    assert click(6)[:2] == ["none", "count"], "by the number of values"
    assert click(6)[:2] == ["1.weight", "0.weight"]
    assert browser.run("return document.querySelectorAll('#tensors th')[6].getAttribute('aria-sort')") == "descending"
    assert click(7)[0] == "0.bias", "by minimum"
    assert browser.run(
        "return [...document.querySelectorAll('tr.t')].every(r => r.nextElementSibling.classList.contains('d'))"
    )


def test_searching(browser):
    script = "const s = document.querySelector('#search'); s.value = '{}'; s.dispatchEvent(new Event('input'));"
    browser.run(script.format("weight float32"))
    assert browser.run(NAMES) == ["0.weight"]
    assert browser.run("return document.querySelector('#count').textContent") == "1 of 9 tensors"
    browser.run(script.format(""))
    assert len(browser.run(NAMES)) == 9


OPEN = """
const row = [...document.querySelectorAll('tr.t')].find(r => r.querySelector('button').textContent === '{}');
const button = row.querySelector('button');
if (button.getAttribute('aria-expanded') !== 'true') button.click();
const panel = row.nextElementSibling.querySelector('.values');
"""


def numbers(text):
    """{{index: value}} of the lines in the list of values."""
    reader = {}
    for line in text.splitlines():
        place, values = re.fullmatch(r"\[(.*?)\]\s+(.*)", line).groups()
        index = tuple(map(int, place.split(", "))) if place else ()
        for k, word in enumerate(values.split()):
            reader[*index[:-1], index[-1] + k] = np.float64(word.replace("Infinity", "inf"))
    return reader


def test_expanding_to_every_value(browser):
    text = browser.run(OPEN.format("0.bias") + "return panel.querySelector('pre').textContent")
    values = net()["0.bias"].read()
    assert "-0" in text.split()
    shown = np.float32([numbers(text)[k,] for k in range(6)])
    assert np.array_equal(shown, values, equal_nan=True)
    weight, seen = net()["0.weight"].read(), {}
    for row in range(0, 72, 10):
        step = (
            f"const l = panel.querySelector('.list'); l.scrollTop = {20 * row}; l.dispatchEvent(new Event('scroll'));"
        )
        seen |= numbers(browser.run(OPEN.format("0.weight") + step + "return panel.querySelector('pre').textContent"))
    assert len(seen) == weight.size
    assert all(np.float32(value) == weight[index] for index, value in seen.items())


def test_order_and_index(browser):
    choose = "const c = panel.querySelector('select'); c.value = 'size'; c.dispatchEvent(new Event('change'));"
    text = browser.run(OPEN.format("1.weight") + choose + "return panel.querySelector('pre').textContent")
    values = net()["1.weight"].read()
    (index, value), *_ = numbers(text).items()
    assert index == np.unravel_index(np.abs(values).argmax(), values.shape)
    assert value == values[index]
    back = choose.replace("size", "index") + "const j = panel.querySelector('input'); j.value = '7,3';"
    back += "j.dispatchEvent(new Event('change')); return panel.querySelector('pre').textContent"
    assert (7, 3) in numbers(browser.run(OPEN.format("1.weight") + back))


def test_nothing_was_fetched_blocked_or_broken(browser):
    entries = browser.run("return performance.getEntriesByType('resource').map(e => e.name)")
    assert all(name.startswith("data:") for name in entries)
    assert browser.call("/se/log", {"type": "browser"}) == []
    assert browser.run("return document.querySelectorAll('img:not(.k)').length") == 0


def test_lecture_cnn_is_of_moderate_size(tmp_path):
    from cnnkit import recipes
    from cnnkit.model import Model

    recipe = recipes.get("lecture-cnn")
    from cnnkit import architecture

    file = Model(*architecture.build(recipe.architecture)).to_weights()
    assert file.parameters == 1_853_034
    assert write(tmp_path / "page.html", file) < 15_000_000
    exporters.write(file, tmp_path / "net.npz")
