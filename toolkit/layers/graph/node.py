"""A node of a Graph: a layer with a name, and the names of what it takes."""

from dataclasses import dataclass
from typing import Any

from cnnkit.errors import ConfigError
from cnnkit.files.names import describe_value
from cnnkit.layers.base import Layer
from cnnkit.layers.external_layer import require_layers
from cnnkit.purity import Part

LONGEST_NAME = 200  # characters


@dataclass(frozen=True)
class Node(Part):
    """`layer` under a name, applied to the values that `inputs` name, in that order.

    inputs  names of nodes and of inputs of the graph; "split:1" is output 1 of a node that has several
    shares  the name of another node, whose layer runs here again with the same weights; `layer` is None then
    """

    name: str
    layer: Layer | None
    inputs: tuple[str, ...]
    shares: str | None = None

    def __post_init__(self) -> None:
        require_name("Node: name", self.name)
        given: Any = self.inputs  # as a file has it
        given = (given,) if isinstance(given, str) else given
        if not isinstance(given, tuple | list) or not given or not all(isinstance(name, str) for name in given):
            raise ConfigError(f"node {self.name}: expected inputs to be names, got {describe_value(self.inputs)}")
        object.__setattr__(self, "inputs", tuple(given))
        if (self.layer is None) == (self.shares is None):
            raise ConfigError(f"node {self.name}: expected a layer, or the node that it shares: give one of the two")
        if self.shares is not None:
            require_name(f"node {self.name}: shares", self.shares)
        if self.layer is not None:
            require_layers(f"node {self.name}", "layer", (self.layer,))


def require_name(what: str, name: object) -> None:
    """Raise ConfigError unless name can be part of a tensor's name: a short text without blanks, ".", ":" and "/"."""
    good = (
        isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and not set(name) & set(".:/ ") and name.isprintable()
    )
    if not good:
        expected = f"a text of 1 to {LONGEST_NAME} characters without blanks, '.', ':' and '/'"
        raise ConfigError(f"{what}: expected {expected}, got {describe_value(name)}")


def split_reference(reference: str) -> tuple[str, int]:
    """Return ("split", 1) of "split:1", and ("conv", 0) of "conv". Raises ConfigError for another number."""
    name, colon, number = reference.partition(":")
    if not colon:
        return name, 0
    if not (number.isascii() and number.isdigit() and len(number) < 5):
        raise ConfigError(f"{describe_value(reference)}: expected the number of an output behind the colon")
    return name, int(number)
