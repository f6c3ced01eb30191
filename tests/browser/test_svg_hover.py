"""A real mouse in a real browser: a neuron's own edges stay, all others fade, and the cell says its exact value."""

import numpy as np
import pytest

from cnnkit import recipes
from cnnkit.exporters.svg import writer
from cnnkit.model import Model

pytestmark = [pytest.mark.slow, pytest.mark.browser]
RULE = "svg:has(.n:hover) .n:not(:hover) .e{opacity:.04}"
FADED = 0.05  # every edge is stronger while no neuron is pointed at

# {"own": opacity of each edge into or out of a neuron, "others": of all other edges}
OPACITIES = """(neuron => {
  const opacities = {own: [], others: []};
  for (const edge of document.querySelectorAll(".e")) {
    const own = edge.closest("#n" + neuron) || edge.classList.contains("o" + neuron);
    opacities[own ? "own" : "others"].push(parseFloat(getComputedStyle(edge).opacity));
  }
  return opacities;
})"""
PLACE = """(cell => {
  cell.scrollIntoView({block: "center"});
  const box = cell.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
})"""
TITLE = """(() => {
  const hovered = [...document.querySelectorAll(":hover")].pop();
  return hovered.querySelector(":scope > title").textContent;
})()"""


@pytest.fixture(scope="module")
def net():
    recipe = recipes.get("scratch-mlp")
    return Model(*recipe.network(), metadata={"recipe": "scratch-mlp"}).to_weights()


@pytest.fixture(scope="module")
def picture(net, tmp_path_factory):
    path = tmp_path_factory.mktemp("hover") / "net.svg"
    path.write_text(writer.draw_svg(net), "utf-8")
    return path


def cells(layer, neuron):
    """JavaScript for the cells of a neuron's tile, in the order of its inputs."""
    titles = f"[...document.querySelectorAll('#n{layer}-{neuron} title')]"
    return f"{titles}.filter(t => /weight/.test(t.textContent)).map(t => t.parentNode)"


def opacities(browser, layer, neuron):
    lists = browser.value(f"{OPACITIES}('{layer}-{neuron}')")
    return np.array(lists["own"]), np.array(lists["others"])


def point_at(browser, layer, neuron, index):
    """Move the mouse to a cell of a neuron's tile."""
    browser.point(*browser.value(f"{PLACE}({cells(layer, neuron)}[{index}])"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("layer", "neuron", "index"), [(0, 9, 400), (0, 0, 0), (0, 19, 783), (1, 3, 7)])
def test_a_neuron_keeps_its_edges_and_all_others_fade(browser, net, picture, theme, layer, neuron, index):
    browser.theme(theme)
    browser.open(picture)
    browser.point(1, 1)
    own, others = opacities(browser, layer, neuron)
    assert min(own.min(), others.min()) >= FADED
    wide = net["1.weight"].shape[1] if layer == 0 else net["3.weight"].shape[1]
    assert browser.value(f"{cells(layer, neuron)}.length") == wide

    point_at(browser, layer, neuron, index)
    own_now, others_now = opacities(browser, layer, neuron)
    assert (own_now >= own).all()
    assert (others_now < FADED).all()
    assert (others_now < others).all()
    name = "1.weight" if layer == 0 else "3.weight"
    title, _, text = browser.value(TITLE).partition(" = ")
    assert title == f"{name}[{neuron},{index}]"
    assert np.float32(text) == net[name].read()[neuron, index]

    browser.point(1, 1)
    own_again, others_again = opacities(browser, layer, neuron)
    np.testing.assert_array_equal(own_again, own)
    np.testing.assert_array_equal(others_again, others)


def test_a_neurons_own_edges_are_those_of_its_weights(browser, net, picture):
    browser.open(picture)
    weights = net["1.weight"].read().astype(float)
    strengths = {(w > 0, np.ceil((w / np.abs(weights).max()) ** 2 * 8)) for w in weights[9]}
    assert browser.value("document.querySelectorAll('#n0-9 .e').length") == len(strengths)  # a path for each
    assert browser.value("document.querySelectorAll('.o0-9').length") == np.count_nonzero(net["3.weight"].read()[:, 9])


def test_the_neuron_pointed_at_loses_what_makes_an_even_layer_fainter(browser, picture):
    browser.open(picture)
    browser.point(1, 1)
    strengths = "[...document.querySelectorAll('.ink')].map(group => parseFloat(getComputedStyle(group).opacity))"
    before = browser.value(strengths)
    assert len(before) == 20
    assert max(before) < 0.5
    point_at(browser, 0, 9, 400)
    assert browser.value(strengths) == [*before[:9], 1, *before[10:]]


def test_without_the_rule_nothing_fades(browser, picture, tmp_path):
    text = picture.read_text("utf-8")
    assert RULE in text
    (tmp_path / "plain.svg").write_text(text.replace(RULE, ""), "utf-8")
    browser.open(tmp_path / "plain.svg")
    point_at(browser, 0, 9, 400)
    assert (opacities(browser, 0, 9)[1] >= FADED).all()


def test_a_cell_of_a_kernel_says_its_exact_value(browser, tmp_path):
    recipe = recipes.get("diy-cnn")
    net = Model(*recipe.network()).to_weights()
    (tmp_path / "cnn.svg").write_text(writer.draw_svg(net), "utf-8")
    browser.open(tmp_path / "cnn.svg")
    for name, index in (("0.weight", (3, 0, 1, 2)), ("0.bias", (5,)), ("4.weight", (9, 1351)), ("4.bias", (9,))):
        wanted = f"{name}[{','.join(map(str, index))}]"
        cell = f"[...document.querySelectorAll('title')].find(t => t.textContent.startsWith('{wanted} =')).parentNode"
        browser.point(*browser.value(f"{PLACE}({cell})"))
        title, _, text = browser.value(TITLE).partition(" = ")
        assert title == wanted
        assert np.float32(text) == net[name].read()[index]
