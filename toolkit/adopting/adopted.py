"""What adopting a stranger's file gives: a network of cnnkit's layers with its weights, and what each node became."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cnnkit import architecture
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.layers import Graph, Layer, Sequential, Softmax, Variables
from cnnkit.weights import list_variables


class AdoptedNode(NamedTuple):
    """A node of the file and what it became.

    name      in the file
    operator  "Conv", "BatchNormalization", "keras.layers.Dense"
    became    path of the layer in the network, "" where it was folded away
    note      what was done with it, in a few words: "folded into shape arithmetic", "inference: does nothing"
    result    name of the activation that the node gives in the file, as its runtime knows it; "" where there is none
    gives     what of the network holds that activation, where it is not what `became` gives: "dense_relu", "split:1"
    """

    name: str
    operator: str
    became: str
    note: str = ""
    result: str = ""
    gives: str = ""


@dataclass(frozen=True)
class Adopted:
    """A stranger's network, ready to run.

    network      a Graph or a Sequential
    input_shape  of one sample, channels first; a tuple of shapes for several inputs
    variables    NumPy arrays in trees named like the network's
    nodes        every node of the file, in its order
    metadata     for the weight file: {"maker": ..., "scaling": ..., "class_names": ..., "loss": ...} where known
    channels_last  whether the file's own inputs are (N, H, W, C)
    """

    network: Layer
    input_shape: Any
    variables: Variables
    nodes: tuple[AdoptedNode, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    channels_last: bool = False

    def to_weights(self) -> WeightFile:
        """Return the network as a weight file that any format can write."""
        rows = list_variables(self.network, self.input_shape, self.variables)
        tensors = tuple(
            Tensor.of(row.name, row.leaf, layer=row.layer, kind=row.kind, role=row.role, axes=row.axes) for row in rows
        )
        described, loss = architecture.describe(self.network, self.input_shape), self.loss
        return WeightFile(tensors, described, dict(self.metadata) | ({"loss": loss} if loss else {}))

    @property
    def loss(self) -> str | None:
        """The file's loss; else the one on probabilities where the network ends with a Softmax; None where unknown."""
        told = self.metadata.get("loss")
        if isinstance(told, str):
            return told
        return "probability_cross_entropy" if isinstance(_find_last(self.network), Softmax) else None


def _find_last(network: Layer) -> Layer | None:
    """Return the layer that gives the network's one output; None where there are several."""
    last: Layer | None = network
    while isinstance(last, Sequential | Graph):
        if isinstance(last, Sequential):
            last = last.layers[-1] if last.layers else None
        else:
            last = last.layer_of(last.output_names[0]) if len(last.output_names) == 1 else None
    return last
