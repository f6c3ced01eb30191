"""The summary of a Graph: what each node takes, receptive fields along the edges, shared layers."""

import numpy as np
import pytest
from graphs import NETWORKS, heads, mobile, siamese, twice

from cnnkit.layers import Add, Context, Conv2D, Graph, MaxPool2D, Node, ReLU
from cnnkit.model import Model
from cnnkit.receptive_field import ReceptiveField, join_fields
from cnnkit.summary import summarise


def field(*size):
    return ReceptiveField(size, (1,) * len(size), (0,) * len(size))


def rows_of(network):
    return {row.path: row for row in summarise(*network).rows}


def test_the_field_is_that_of_the_widest_input():
    nodes = (
        Node("narrow", Conv2D(2, 1), ("input",)),
        Node("wide", Conv2D(2, 5, padding="same"), ("input",)),
        Node("sum", Add(), ("narrow", "wide")),
        Node("pool", MaxPool2D(2), ("sum",)),
        Node("relu", ReLU(), ("pool",)),
    )
    rows = rows_of((Graph(nodes), (1, 8, 8)))
    assert [rows[name].receptive_field for name in ("narrow", "sum", "pool", "relu")] == [
        (1, 1),
        (5, 5),
        (6, 6),
        (6, 6),
    ]


@pytest.mark.parametrize("name", ["twice", "heads"])
def test_the_field_is_as_wide_as_what_changes_an_output(name):
    """Moving one input value changes exactly the outputs whose fields hold it."""
    network, shape = NETWORKS[name]()
    model = Model(network, shape)
    context = Context(model.backend)
    x = np.abs(np.random.default_rng(0).normal(size=(1, *shape))).astype("float32")
    rows = rows_of((network, shape))
    before = {path: y for path, _, y in network.outputs(context, model.params, model.state, x)}
    for path, row in rows.items():
        if row.receptive_field is None or len(row.output_shape) < 3 or row.output_shape[1:] != shape[1:]:
            continue
        moved = x.copy()
        moved[0, :, 2, 2] += 100
        after = {p: y for p, _, y in network.outputs(context, model.params, model.state, moved)}[path]
        columns = np.nonzero(np.any(after != before[path], axis=(0, 1, 2)))[0]
        reach = row.receptive_field[1] // 2
        assert columns.min() == max(2 - reach, 0)
        assert columns.max() == min(2 + reach, shape[2] - 1)


def test_a_shared_layer_costs_each_time_and_has_its_weights_once():
    found = summarise(*siamese())
    rows = {row.path: row for row in found.rows}
    assert rows["conv_right"].shares == "conv"
    assert rows["conv_right"].parameters == 0
    assert rows["conv_right"].multiply_adds == rows["conv"].multiply_adds == 3 * 3 * 4 * 9
    assert rows["inner_right"].multiply_adds == rows["inner.1.body"].multiply_adds > 0
    assert found.parameters == sum(values.size for values in Model(*siamese()).weights.values())
    assert rows["conv_right"].title == "conv_right Conv2D, conv again"


def test_the_same_convolution_costs_less_on_a_smaller_image():
    rows = rows_of(twice())
    assert rows["again"].multiply_adds == 4 * rows["small"].multiply_adds
    assert [rows[name].receptive_field for name in ("conv", "again", "pool", "small")] == [
        (3, 3), (5, 5), (6, 6), (10, 10),
    ]  # fmt: skip


def test_several_inputs_and_outputs_are_told():
    assert summarise(*siamese()).describe().startswith("input 1 × 6 × 7 and 1 × 6 × 7, output 1, ")
    assert summarise(*heads()).describe().startswith("input 2 × 4 × 5, output 3 and 2 × 4 × 5 and 4 × 4 × 5 and 80, ")
    assert "1 × 5 × 5 and 3 × 5 × 5" in summarise(*mobile())._repr_html_()


def test_what_a_node_takes_is_in_its_row():
    rows = rows_of(mobile())
    assert rows["small"].inputs == ("split", "split:1", "split")
    assert rows["rest.body.0"].inputs == ()
    assert rows["deeper.score"].setting == "features=1" if "deeper.score" in rows else True
    assert "Node(" not in rows_of(siamese())["deeper"].setting


@pytest.mark.parametrize("name", NETWORKS)
def test_stored_values_are_those_of_every_node(name):
    """Each node's output is stored once, the inputs too; a combinator's is that of the layers inside it."""
    network, shape = NETWORKS[name]()
    found = summarise(network, shape)
    shapes = shape if isinstance(shape[0], tuple) else (shape,)
    least = sum(int(np.prod(one)) for one in shapes)
    assert found.activations > least
    assert found.output_shape == network.output_shape(shape)


def test_fields_of_other_axes_are_joined_to_all():
    assert join_fields([field(3), field(3, 3)]) is None
    assert join_fields([field(3, 3), None]) is None
    assert join_fields([field(3, 1), field(1, 5)]) == ((3, 5), (1, 1), (0, 0))
    assert join_fields([field(1, 1), ReceptiveField((5, 5), (1, 1), (-2, -1))]) == ((5, 5), (1, 1), (-2, -1))
