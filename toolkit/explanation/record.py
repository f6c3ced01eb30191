"""One call of a layer inside a network for one sample, on the host in float64."""

from typing import Any, NamedTuple

import numpy as np

from cnnkit.architecture import PlacedLayer
from cnnkit.contracts import dtype_name
from cnnkit.explanation.tapping import run_tapped
from cnnkit.explanation.worked import Floats, Recorded
from cnnkit.layers import Add, Branches, Concatenate, Graph, Layer, Parallel, Residual, Sequential
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.activations.softmax import SoftmaxLayer
from cnnkit.layers.dropout import Dropout
from cnnkit.layers.tap import Tap
from cnnkit.network import Network
from cnnkit.tree import Tree, map_leaves


class LayerRecord(NamedTuple):
    """A call of a layer, and what the activation behind it made of the result: its path, itself, its output."""

    call: Recorded
    following: tuple[str, Layer, Floats] | None


def record_layer(model: Network, x: Any, placed: PlacedLayer) -> LayerRecord:
    """Return the call of the layer for a sample x (input_shape), scaled.

    A Residual or Branches becomes the Add or Concatenate of what its children give.
    """
    after = find_following(model.network, placed.path)
    taps = run_tapped(model, x[None], placed.path, *([after[0]] if after else []))
    call = _read_pass(model, taps[placed.path])
    following = None
    if after is not None:
        following = (*after, _read_pass(model, taps[after[0]]).y)
    layer = placed.layer
    if isinstance(layer, Residual | Branches):
        paths = [f"{placed.path}.{name}" for name in layer.named()]
        inner = run_tapped(model, x[None], *paths)
        parts = [_read_pass(model, inner[path]).y for path in paths]
        names = [*layer.named()] if isinstance(layer, Residual) else [f"branch {name}" for name in layer.named()]
        if isinstance(layer, Residual) and layer.shortcut is None:
            parts, names = [*parts, call.x], [*names, "x"]
        join = Concatenate() if isinstance(layer, Branches) and layer.join == "concatenate" else Add()
        call = call._replace(layer=join, xs=tuple(parts), names=tuple(names))
    return LayerRecord(call, following)


def find_following(network: Layer, path: str) -> tuple[str, Layer] | None:
    """Return (path, layer) of the activation that alone takes what the layer at a path gives, None where none does."""
    head, dot, name = path.rpartition(".")
    parent = network
    for part in head.split(".") if head else ():
        parent = _find_child(parent, part)
    after: tuple[str, Layer] | None = None
    if isinstance(parent, Sequential) and int(name) + 1 < len(parent.layers):
        after = str(int(name) + 1), parent.layers[int(name) + 1]
    elif isinstance(parent, Graph):
        readers = [node for node in parent.nodes if name in node.inputs]
        if len(readers) == 1 and readers[0].layer is not None and name not in parent.output_names:
            after = readers[0].name, readers[0].layer
    if after is None or not isinstance(after[1], Elementwise) or isinstance(after[1], SoftmaxLayer | Dropout):
        return None
    return f"{head}{dot}{after[0]}", after[1]


def _find_child(parent: Layer, name: str) -> Layer:
    if isinstance(parent, Sequential):
        return parent.layers[int(name)]
    if isinstance(parent, Graph):
        return parent.layer_of(name)
    return parent.named()[name] if isinstance(parent, Parallel) else parent


def _read_pass(model: Network, tap: Tap) -> Recorded:
    """Return the first call of a tap; a layer that several nodes share was called for each."""
    done, whole = tap.passes[0], tap.layer.input_count == 1

    def read(array: Any) -> Floats:
        return np.asarray(model.backend.to_numpy(array)).astype(np.float64)

    def read_tree(tree: Tree) -> Any:
        return map_leaves(read, tree)

    xs = (done.x,) if whole else done.x
    return Recorded(
        tap.layer, read_tree(done.params), read_tree(done.state), tuple(read(x)[0] for x in xs), read(done.y)[0],
        dtype_name(done.y), tuple(f"input {number}" for number in range(len(xs))),
    )  # fmt: skip
