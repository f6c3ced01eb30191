"""The edges of an architecture: of sequences, of Graphs, of nodes that share; what is broken, and how much is read."""

import time

import pytest
from graphs import NETWORKS

from cnnkit.architecture import describe
from cnnkit.errors import ExportError
from cnnkit.exporters.core.architecture import all_layers, outer_layers, require_layers, shape_of, shapes_of
from cnnkit.exporters.core.flattened_images import find_flattened_images
from cnnkit.exporters.core.wiring import WiredValue, wire
from cnnkit.exporters.text.statistics import describe_layers
from cnnkit.layers import Dense, Flatten, Sequential


def described(name):
    return describe(*NETWORKS[name]())


def test_a_sequence_is_a_chain():
    wiring = wire(describe(Sequential((Flatten(), Dense(2), Dense(3))), (1, 2, 2)))
    assert [layer.inputs for layer in wiring.layers] == [(WiredValue("input"),), (WiredValue("0"),), (WiredValue("1"),)]
    assert (wiring.outputs, wiring.output_names) == ((WiredValue("2"),), ())


@pytest.mark.parametrize("name", NETWORKS)
def test_the_edges_are_those_of_the_graph(name):
    network, shape = NETWORKS[name]()
    architecture = describe(network, shape)
    require_layers(architecture)
    wiring = wire(architecture)
    assert [layer.name for layer in wiring.layers] == [node.name for node in network.nodes]
    for layer, node in zip(wiring.layers, network.nodes, strict=True):
        assert [f"{s.name}:{s.output}" if s.output else s.name for s in layer.inputs] == list(node.inputs)
        assert layer.shares == node.shares
        assert layer.fields["path"] == layer.name
    assert wiring.output_names == network.output_names


def test_a_shared_layer_has_its_own_shapes_and_the_fields_of_the_other():
    layers = {layer.name: layer for layer in wire(described("twice")).layers}
    assert layers["small"].fields["features"] == 2
    assert layers["small"].fields["input_shape"] == [2, 3, 3]
    entries = {entry.name: entry for entry in outer_layers(described("twice"))}
    assert (entries["small"].type, entries["small"].shares) == ("Conv2D", "conv")
    assert entries["small"].output_shapes == ((2, 3, 3),)


def test_paths_inside_a_shared_combinator_are_below_its_own():
    (inner,) = (layer for layer in wire(described("siamese")).layers if layer.name == "inner_right")
    assert [layer["path"] for layer in inner.fields["layers"]] == ["inner_right.0", "inner_right.1"]
    assert inner.fields["layers"][1]["body"]["path"] == "inner_right.1.body"


def test_shapes_that_a_file_leaves_out_follow_where_they_can():
    layers = [
        {"type": "Conv2D", "name": "a", "inputs": ["x"], "input_shape": [2, 4, 4], "output_shape": [2, 4, 4]},
        {"name": "b", "shares": "a", "inputs": ["a"]},
        {"name": "c", "shares": "a"},
    ]
    wiring = wire({"input_shape": [2, 4, 4], "input_names": ["x"], "layers": layers})
    assert [layer.inputs for layer in wiring.layers] == [(WiredValue("x"),), (WiredValue("a"),), (WiredValue("b"),)]
    assert wiring.layers[2].fields["input_shape"] == [2, 4, 4]
    layers[1]["inputs"] = ["x"]
    with pytest.raises(ExportError, match="its output_shape is missing, and its input is not a's"):
        wire({"input_shape": [2, 8, 8], "input_names": ["x"], "layers": layers})


def test_layers_of_a_graph_are_listed_with_those_inside():
    every = [layer.path for layer in all_layers(outer_layers(described("siamese")))]
    assert every[:5] == ["conv", "inner", "inner.0", "inner.1", "inner.1.body"]
    assert "deeper.score" in every
    assert describe_layers(described("siamese"))["conv"].startswith("Conv2D(features=3, window=3")


@pytest.mark.parametrize(
    ("value", "one", "all_of_them"),
    [
        ([1, 2], (1, 2), ((1, 2),)), ([], (), ((),)), ([[1, 2], [3]], None, ((1, 2), (3,))), ([[1, 2], 3], None, ()),
        ([[1, 2], [0]], None, ()), ("12", None, ()), ([[[1]]], None, ()), (None, None, ()),
    ],
)  # fmt: skip
def test_shapes(value, one, all_of_them):
    assert (shape_of(value), shapes_of(value)) == (one, all_of_them)


def test_flattened_images_are_found_along_edges():
    assert find_flattened_images(described("dense_blocks")) == {"hidden": (13, 5, 4)}
    assert find_flattened_images(described("heads")) == {"classes": (4, 4, 5)}
    assert find_flattened_images(described("siamese")) == {"code": (3, 3, 4)}
    assert find_flattened_images(described("mobile")) == {}  # a part of a row is no image


def test_a_dense_layer_that_sees_two_images_sees_none():
    layers = [
        {"type": "Flatten", "name": "a", "inputs": ["x"], "input_shape": [2, 2, 3], "output_shape": [12]},
        {"type": "Flatten", "name": "b", "inputs": ["y"], "input_shape": [3, 2, 2], "output_shape": [12]},
        {"type": "Dense", "name": "d", "path": "d", "inputs": ["a"], "input_shape": [12]},
        {"name": "e", "shares": "d", "inputs": ["b"], "input_shape": [12]},
    ]
    graph = {"input_names": ["x", "y"], "layers": layers}
    assert find_flattened_images(graph) == {}
    assert find_flattened_images(graph | {"layers": layers[:3]}) == {"d": (2, 2, 3)}


def wire_chain(count):
    """Return the seconds that a chain of layers takes."""
    layer = {"type": "ReLU", "input_shape": [1], "output_shape": [1]}
    layers = [layer | {"name": f"n{k}", "inputs": [f"n{k - 1}" if k else "input"]} for k in range(count)]
    graph = {"input_shape": [1], "input_names": ["input"], "output_names": [f"n{count - 1}"], "layers": layers}
    start = time.process_time()
    assert len(outer_layers(graph)) == len(wire(graph).layers) == count
    assert find_flattened_images(graph) == {}
    return time.process_time() - start


def test_twenty_thousand_layers_are_wired_in_linear_time():
    assert wire_chain(20_000) < 5 * 3 * max(wire_chain(4_000), 0.02)  # five times as many


def test_layers_of_all_kinds_are_read_without_exception():
    strange = [{"name": 3, "shares": "x"}, {"shares": "y", "name": "y"}, {"type": "A", "inputs": [[], {}, 3]}, 5, None]
    assert [layer.type for layer in outer_layers({"input_names": 3, "layers": strange})] == ["A"]
    assert find_flattened_images({"input_names": [], "layers": strange}) == {}
