"""Pages and pictures with hostile names in a real browser: no name runs, no honest page breaks its own rules."""

import numpy as np
import pytest
from hostile.names import TEXTS

from cnnkit.exporters import Tensor, WeightFile, write
from cnnkit.inspection import inspect, report
from cnnkit.parity import html
from cnnkit.parity.results import ParityResults, ParityRow

pytestmark = [pytest.mark.slow, pytest.mark.browser]
ATTACKS = (
    "<script>window.owned=1</script>",
    "</title></style></script><img src=x onerror=window.owned=1>",
    "\"'><svg onload=window.owned=1>",
    "<iframe srcdoc='<script>top.owned=1</script>'></iframe>",
    "<link rel=stylesheet href=https://example.org/x.css><base href=https://example.org/>",
    "]]><x:script xmlns:x='http://www.w3.org/1999/xhtml'>window.owned=1</x:script>",
)
NAMES = [*ATTACKS, *(name for name in TEXTS.values() if len(name) < 1_000)]
WATCH = """
window.violations = [];
addEventListener('securitypolicyviolation', e => violations.push(`${e.violatedDirective} ${e.blockedURI}`));
"""
USE = """(() => {
  document.querySelectorAll('#tensors th button').forEach(button => button.click());
  document.querySelectorAll('#tensors tr.t button').forEach(button => button.click());
  const search = document.querySelector('#search');
  search.value = 'window';
  search.dispatchEvent(new Event('input'));
  return document.querySelector('#count').textContent;
})()"""
FRAMES = "new Promise(done => setTimeout(done, 150)).then(() => 'waited')"


@pytest.fixture(scope="module")
def weights():
    tensors = (Tensor.of(name, np.arange(4, dtype=np.float32).reshape(2, 2), layer=name) for name in NAMES)
    return WeightFile(tuple(tensors), None, {"recipe": ATTACKS[1], "data": {"name": ATTACKS[2]}}, file=ATTACKS[0])


@pytest.fixture
def watched(browser):
    """Open a file and return (what the policy blocked, whether a name ran)."""
    script = browser.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)

    def look(path, use=None):
        browser.open(path)
        answer = None if use is None else browser.value(use)
        browser.value(FRAMES)
        return browser.value("window.violations"), browser.value("window.owned === 1"), answer

    browser.call("Page.enable")
    yield look
    browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])


@pytest.fixture
def page(weights, tmp_path):
    report.write(tmp_path / "page.html", inspect(weights))
    return tmp_path / "page.html"


def test_the_page_of_an_inspection(watched, page):
    violations, owned, count = watched(page, USE)
    assert (violations, owned) == ([], False)
    assert count == f"{sum('window' in name for name in NAMES)} of {len(NAMES)} tensors", "its own script ran"


def test_what_escaping_would_miss_the_policy_blocks(watched, page):
    """Shows too that the test above can fail: without the policy the same names run."""
    text = page.read_text("utf-8").replace("<h1>", f"<h1>{ATTACKS[0]}{ATTACKS[1]}{ATTACKS[4]}{ATTACKS[2]}")
    page.write_text(text, "utf-8")
    violations, owned, _ = watched(page)
    assert not owned
    assert {violation.partition(" ")[0] for violation in violations} >= {
        "script-src-elem",
        "style-src-elem",
        "base-uri",
    }
    page.write_text(text.replace("Content-Security-Policy", "Nothing"), "utf-8")
    assert watched(page)[:2] == ([], True)


def test_the_report_of_parity(watched, tmp_path):
    rows = [ParityRow(name, name, "forward", name, name, name, 1.0, 0.5, 1, name, name, name) for name in NAMES]
    results = ParityResults(tuple(ATTACKS), ("float32",), rows, machine={n: n for n in NAMES}, extras={"x": NAMES})
    path = tmp_path / "report.html"
    path.write_text(html.render(results), "utf-8")
    assert watched(path) == ([], False, None)
    path.write_text(html.render(results).replace("<table>", f"{ATTACKS[0]}<table style='color:red'>", 1), "utf-8")
    violations, owned, _ = watched(path)
    assert len(violations) == 2
    assert not owned


def test_the_picture_of_a_network(watched, weights, tmp_path):
    path = tmp_path / "net.svg"
    write(weights, path, "svg")
    violations, owned, scripts = watched(path, "document.querySelectorAll('script, iframe, img, a').length")
    assert (violations, owned, scripts) == ([], False, 0)
