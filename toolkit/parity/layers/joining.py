"""Cases of Graphs: every join, shared weights, several readers of one value; type -> [(layer, shape of a sample)]."""

from cnnkit import layers
from cnnkit.layers import Graph, Node
from cnnkit.parity.layers.samples import IMAGES, ROW, LayerCases


def _node(name: str, layer: layers.Layer, *inputs: str) -> Node:
    return Node(name, layer, inputs)


_SHARING = Graph((
    _node("a", layers.Conv2D(4, 3, padding=1), "input"), _node("norm", layers.BatchNorm(), "a"),
    _node("relu", layers.ReLU(), "norm"), _node("sum", layers.Add(), "relu", "input", "relu"),
    Node("again", None, ("sum",), shares="a"), _node("drop", layers.Dropout(0.3), "again"),
    _node("joined", layers.Concatenate(), "drop", "input"), _node("pool", layers.MaxPool2D(2), "joined"),
))  # fmt: skip
_SQUEEZE = Graph((
    _node("mean", layers.AvgPool2D((5, 6)), "input"), _node("gate", layers.Conv2D(4, 1), "mean"),
    _node("open", layers.Sigmoid(), "gate"), _node("scaled", layers.Multiply(), "input", "open"),
    _node("other", layers.Conv2D(4, 1, bias=False), "scaled"), _node("less", layers.Subtract(), "scaled", "other"),
    _node("middle", layers.Average(), "less", "open", "input"),
))  # fmt: skip
_PIECES = Graph((
    _node("pieces", layers.Split((2, 4, 1)), "input"), _node("two", layers.Dense(4), "pieces:0"),
    _node("most", layers.Maximum(), "two", "pieces:1"), _node("least", layers.Minimum(), "most", "two", "pieces:1"),
    _node("gate", layers.Sigmoid(), "least"), _node("ratio", layers.Divide(), "most", "gate"),
    _node("all", layers.Concatenate(1), "ratio", "least", "most"),
))  # fmt: skip
_LARGE = Graph((
    _node("c", layers.Conv2D(2, 3, padding=1), "input"), _node("r", layers.ReLU(), "c"),
    _node("p", layers.MaxPool2D(2), "r"), _node("q", layers.AvgPool2D(2), "c"), _node("d", layers.Dropout(0.3), "q"),
    _node("sum", layers.Add(), "p", "d"), _node("flat", layers.Flatten(), "sum"), _node("y", layers.Dense(2), "flat"),
))  # fmt: skip
JOINING: LayerCases = {"Graph": [(_SHARING, IMAGES), (_SQUEEZE, IMAGES), (_PIECES, ROW), (_LARGE, (1, 28, 28))]}
