"""The overview of a Graph: every layer in one box, every edge with its arrow, repeated blocks once, all on the page."""

import re
import time
from itertools import combinations, pairwise
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from graphs import NETWORKS, make_model

from cnnkit.architecture import describe
from cnnkit.exporters import Tensor
from cnnkit.exporters.core.architecture import outer_layers
from cnnkit.exporters.svg import writer
from cnnkit.exporters.svg.canvas import MARGIN, WIDTH
from cnnkit.exporters.svg.chain import describe_chain
from cnnkit.exporters.svg.figure import draw_figure
from cnnkit.exporters.svg.graph.folding import fold
from cnnkit.exporters.svg.graph.layout import lay_out
from cnnkit.exporters.svg.graph.links import find_links
from cnnkit.exporters.svg.scale import ScaledTensor
from cnnkit.layers import Add, Conv2D, Graph, Node, ReLU

NS = "{http://www.w3.org/2000/svg}"


class Sketch:
    """Writes the architecture of a Graph by hand: all images of one size."""

    def __init__(self, side=8):
        self.side, self.layers, self.channels = side, [], {"input": 3}

    def put(self, kind, *inputs, features=None, **fields):
        name = f"n{len(self.layers)}"
        wide = sum(self.channels[i] for i in inputs) if kind == "Concatenate" else self.channels[inputs[0]]
        self.channels[name] = features or wide
        shapes = [[self.channels[i], self.side, self.side] for i in (*inputs, name)]
        more = {"features": features} if features else {}
        self.layers.append({
            "type": kind, "name": name, "path": name, "inputs": list(inputs), **more, **fields,
            "input_shape": shapes[0] if len(inputs) == 1 else shapes[:-1], "output_shape": shapes[-1],
        })  # fmt: skip
        return name

    def described(self):
        last = self.layers[-1]["name"]
        return {"input_shape": [3, 8, 8], "input_names": ["input"], "output_names": [last], "layers": self.layers}


def resnet(blocks=5):
    net = Sketch()
    x = net.put("ReLU", net.put("BatchNorm", net.put("Conv2D", "input", features=8, window=3)))
    for _ in range(blocks):
        y = net.put("ReLU", net.put("BatchNorm", net.put("Conv2D", x, features=8, window=3)))
        y = net.put("BatchNorm", net.put("Conv2D", y, features=8, window=3))
        x = net.put("ReLU", net.put("Add", y, x))
    return net.described()


def densenet(flat, blocks=4):
    net = Sketch()
    maps = [net.put("Conv2D", "input", features=8, window=3)]
    for _ in range(blocks):
        x = net.put("Concatenate", *maps) if len(maps) > 1 else maps[0]
        y = net.put("Conv2D", net.put("ReLU", net.put("BatchNorm", x)), features=4, window=3)
        maps = [*maps, y] if flat else [net.put("Concatenate", x, y)]
    net.put("Concatenate", *maps) if flat else None
    net.put("Conv2D", net.layers[-1]["name"], features=2, window=1)
    return net.described()


def inception(blocks=3):
    net = Sketch()
    x = net.put("Conv2D", "input", features=8, window=3)
    for _ in range(blocks):
        branches = [net.put("Conv2D", x, features=2, window=1) for _ in range(3)]
        branches[1] = net.put("Conv2D", branches[1], features=4, window=3)
        x = net.put("Concatenate", *branches)
    return net.described()


def wide(count):
    net = Sketch()
    return net, [net.put("Conv2D", "input", features=2, window=1) for _ in range(count)]


DRAWN = {
    **{name: describe(*make()) for name, make in NETWORKS.items()},
    "resnet": resnet(),
    "flat": densenet(flat=True),
    "nested": densenet(flat=False),
    "inception": inception(),
}


def lay(architecture):
    folded = fold(find_links(architecture))
    return folded, lay_out(folded, {})


@pytest.mark.parametrize("name", DRAWN)
def test_every_layer_is_in_one_box(name):
    folded, _ = lay(DRAWN[name])
    paths = [layer.name for vertex in folded.vertices for layer in (*vertex.layers, *vertex.hidden)]
    shared = [layer["name"] for layer in DRAWN[name]["layers"] if "shares" in layer and name != "twice"]
    assert sorted(paths + shared) == sorted(layer["name"] for layer in DRAWN[name]["layers"])


@pytest.mark.parametrize("name", DRAWN)
def test_boxes_do_not_touch_and_stay_on_the_page(name):
    folded, layout = lay(DRAWN[name])
    for a, b in combinations(layout.boxes, 2):
        apart = abs(a.x - b.x) >= (a.width + b.width) / 2 or a.y + a.height <= b.y or b.y + b.height <= a.y
        assert apart, (a.title, b.title)
    assert min(box.x - box.width / 2 for box in layout.boxes) > -1
    assert layout.width <= WIDTH - 2 * MARGIN
    assert all(layout.boxes[a].y < layout.boxes[b].y or layout.boxes[a].x < layout.boxes[b].x for a, b in folded.edges)


@pytest.mark.parametrize("name", DRAWN)
def test_every_edge_has_its_arrow(name):
    folded, layout = lay(DRAWN[name])
    lanes = {edge for column in layout.columns for region in column for edge in region.lanes}
    root = ElementTree.fromstring(draw_figure(name, DRAWN[name], {}))
    tips = next(element.get("d") for element in root.iter(NS + "path") if element.get("class") == "tip")
    assert tips.count("z") == sum(2 if uses == 2 and edge not in lanes else 1 for edge, uses in folded.edges.items())


def test_blocks_that_repeat_are_drawn_once():
    folded, layout = lay(DRAWN["resnet"])
    assert [(repeat.times, repeat.names) for repeat in folded.repeats] == [(5, ("n3", "n37"))]
    assert [vertex.name or [layer.type for layer in vertex.layers] for vertex in folded.vertices] == [
        "input", ["Conv2D", "BatchNorm", "ReLU"], ["Conv2D", "BatchNorm", "ReLU"], ["Conv2D", "BatchNorm"],
        ["Add", "ReLU"], "output",
    ]  # fmt: skip
    assert (1, 4) in folded.edges  # past the two convolutions
    assert "37 layers" not in draw_figure("a", DRAWN["inception"], {})
    text = draw_figure("a", DRAWN["resnet"], {"n3": 7, "n4": 1, "n10": 7, "n0": 5})
    assert ">38 layers, of which 10 are drawn: blocks that repeat are there once, in a frame<" in text
    assert ">5×<" in text
    assert ">15 parameters in all<" in text
    assert ">5 parameters<" in text
    assert layout.boxes[4].sign == "+"


def test_maps_that_grow_from_block_to_block_are_told():
    for name, times in (("flat", 3), ("nested", 4)):
        folded, layout = lay(DRAWN[name])
        assert [repeat.times for repeat in folded.repeats] == [times]
        assert any(re.search(r"\d+×8×8 to \d+×8×8", line) for box in layout.boxes for line in box.lines)


def test_a_block_begins_where_one_value_flows():
    folded, _ = lay(DRAWN["inception"])
    (repeat,) = folded.repeats
    assert repeat.times == 3
    assert [vertex.layers[0].type for vertex in folded.vertices[repeat.first : repeat.last + 1]][-1] == "Concatenate"


def test_a_shared_layer_is_drawn_once_with_an_arrow_for_each_use():
    folded, layout = lay(DRAWN["siamese"])
    assert [box.lines[0] for box in layout.boxes[:3]] == ["input left", "input right", "Conv2D 3×3, stride 2"]
    assert "used 2 times" in layout.boxes[2].lines
    assert {(0, 2): 1, (1, 2): 1}.items() <= folded.edges.items()
    assert 2 in folded.edges.values()


def test_a_layer_that_runs_on_its_own_output_is_drawn_each_time():
    lines = [line for box in lay(DRAWN["twice"])[1].boxes for line in box.lines]
    assert lines.count("with the weights of conv") == 2


def test_outputs_have_their_names():
    lines = [box.lines[0] for box in lay(DRAWN["heads"])[1].boxes]
    assert {"output classes", "output boxes", "output relu", "output flat"} <= set(lines)


def test_the_head_says_what_a_graph_is_made_of():
    assert describe_chain(DRAWN["siamese"])[0] == "1×6×7 and 1×6×7"
    assert describe_chain(DRAWN["resnet"]) == ["3×8×8", "a graph of 11 Conv2D, 11 BatchNorm, 11 ReLU, 5 Add", "8×8×8"]
    assert describe_chain(DRAWN["heads"])[-1] == "3 and 2×4×5 and 4×4×5 and 80"


@pytest.mark.parametrize("name", NETWORKS)
def test_the_picture_of_the_weights_has_the_graph_and_every_layer(name):
    weights = make_model(name).to_weights()
    text = writer.draw_svg(weights, debug=True)
    assert text == writer.draw_svg(weights)
    headings = re.findall(r'class="h2"[^>]*>([^<]*)<', text)
    assert [heading.split(" · ")[0] for heading in headings] == list(dict.fromkeys(t.layer for t in weights))


def test_a_chain_is_drawn_with_its_maps():
    net = Sketch()
    net.put("Conv2D", net.put("Conv2D", "input", features=4, window=3), features=2, window=3)
    text = draw_figure("chain", net.described(), {})
    assert 'class="glyph behind"' in text
    assert 'class="window"' in text


def test_names_of_a_file_are_text():
    net = Sketch()
    net.put("Add", net.put("<b>", "input"), "input")
    architecture = net.described()
    architecture["input_names"] = ["in<script>&\x1b"]
    for layer in architecture["layers"]:
        layer["inputs"] = [name.replace("input", "in<script>&\x1b") for name in layer["inputs"]]
    text = draw_figure("names", architecture, {})
    ElementTree.fromstring(text)
    assert "<script" not in text


@pytest.mark.parametrize(
    "change",
    [
        {"input_names": 3}, {"output_names": [[], {}]}, {"input_shape": [[1], "x"]}, {"layers": [{"type": "Add"}]},
        {"output_names": ["nobody"]}, {"layers": [{"type": "A", "name": "a", "inputs": ["a", "b:9", "c"]}] * 3},
        {"layers": [{"name": "a", "shares": "b", "type": "A"}, {"name": "b", "shares": "a", "type": "A"}]},
    ],
)  # fmt: skip
def test_a_broken_graph_is_drawn_as_far_as_it_goes(change):
    ElementTree.fromstring(draw_figure("broken", DRAWN["resnet"] | change, {}))


def test_a_wide_graph_has_several_rows_and_a_large_one_an_end():
    net, ends = wide(60)
    net.put("Concatenate", *ends)
    _, layout = lay(net.described())
    assert layout.width <= WIDTH - 2 * MARGIN
    net, ends = wide(3000)
    for a, b in pairwise(ends):
        net.put("Add", a, b)
    start = time.process_time()
    text = draw_figure("large", net.described(), {})
    assert time.process_time() - start < 60  # a second or two
    assert len(text) < 1_000_000
    assert "more layers after them<" in text
    net, _ = wide(20_001)
    assert find_links(net.described()) is None


def test_a_layer_that_keeps_values_has_the_scale_of_what_it_takes():
    nodes = (
        Node("trunk", Conv2D(2, 1), ("input",)),
        Node("other", Conv2D(2, 1), ("trunk",)),
        Node("relu", ReLU(), ("trunk",)),
        Node("sum", Add(), ("other", "relu")),
    )
    architecture = describe(Graph(nodes), (1, 1, 2))
    values = {"input": (1.0, 2.0), "trunk": (-4.0, 3.0), "other": (9.0, 8.0), "relu": (0.0, 3.0), "sum": (9.0, 11.0)}
    activations = {
        name: [ScaledTensor(Tensor.of(name, np.array(pair), layer=name, kind="activation"), titled=True)]
        for name, pair in values.items()
    }
    layers = {layer.path: layer for layer in outer_layers(architecture)}
    writer._prepare_activations(activations, layers, SimpleNamespace(classes=()))
    limits = {name: group[0].scale.limit for name, group in activations.items()}
    assert limits["relu"] == limits["trunk"] == 4
    assert limits["other"] == 9
