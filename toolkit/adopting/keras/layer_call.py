"""One call of a Keras layer: its fields, checked; its inputs; and what it adds to the network."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cnnkit.adopting.keras.arguments import Arguments
from cnnkit.adopting.keras.graph_builder import KerasGraphBuilder
from cnnkit.adopting.keras.saved_weights import SavedWeights
from cnnkit.adopting.keras.values import Order, Value, normalise_axis, put_first
from cnnkit.errors import CnnkitError, WeightFileError
from cnnkit.exporters.core.weight_file import Array
from cnnkit.files.names import describe_value, printable
from cnnkit.layers import Layer, Variables

Variable = Mapping[str, Array]
LARGEST_SIZE = 1 << 31
_MISSING: Any = object()


@dataclass
class Made:
    """What the calls of a layer have made: the nodes with weights that a further call shares, and the last node."""

    nodes: dict[str, tuple[Layer, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class LayerCall:
    """A layer of the model, called on `inputs`.

    kind        its class, as Keras 2 and 3 call it
    path        names of the models around it, and its own
    fields      its configuration, in the words of Keras 2 and 3
    arguments   what it is called with
    version     of Keras, (3, 9); (1, 0) where the file does not tell
    shared      whether it is called more than once
    """

    kind: str
    path: tuple[str, ...]
    fields: Mapping[str, Any]
    arguments: Arguments
    builder: KerasGraphBuilder
    weights: SavedWeights
    version: tuple[int, ...]
    shared: bool
    made: Made
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of its nodes."""
        return "_".join(self.path)

    @property
    def what(self) -> str:
        """How messages name it."""
        return f"layer {printable('/'.join(self.path))} ({printable(self.kind)})"

    def refuse(self, problem: str, kind: str = "unreadable") -> WeightFileError:
        """Return the error for a layer that has no place in a network of cnnkit."""
        error = self.builder.fault(f"{self.what}: {problem}")
        error.kind = kind
        return error

    # ---- inputs

    @property
    def x(self) -> Value:
        """Its one input."""
        inputs = self.arguments.values
        if len(inputs) != 1 or self.arguments.mixed:
            raise self.refuse(f"expected one input, got {len(inputs)}")
        return inputs[0]

    def take_images(self, rank: int, channel_axis: int | None = None) -> Value:
        """Return its input with the channels before `rank` axes of space.

        channel_axis: of the sample; by default as data_format says.
        """
        x = self.x
        if x.rank != rank + 1:
            raise self.refuse(f"expected an input with {rank + 2} axes, got one of shape {_with_batch(x.shape)}")
        axis = self.channel_axis(x.rank) if channel_axis is None else channel_axis
        return self.builder.arrange(x, put_first(x.rank, axis))

    def channel_axis(self, rank: int) -> int:
        """Return the axis of the channels in a sample of that rank."""
        word = self.word("data_format", ("channels_last", "channels_first"), "channels_last")
        return rank - 1 if word == "channels_last" else 0

    # ---- fields

    def get(self, name: str, default: Any = _MISSING) -> Any:
        """Return a field; one that is null counts as missing."""
        value = self.fields.get(name)
        if value is None:
            if default is _MISSING:
                raise self.refuse(f"has no {name}")
            return default
        return value

    def flag(self, name: str, default: bool) -> bool:
        """Return a field that is true or false."""
        value = self.get(name, default)
        if not isinstance(value, bool):
            raise self.expect(name, "true or false", value)
        return value

    def word(self, name: str, words: Sequence[str], default: str) -> str:
        """Return a field that is one of some words."""
        value = self.get(name, default)
        if value not in words:
            raise self.expect(name, " or ".join(words), value)
        return str(value)

    def number(self, name: str, default: Any = _MISSING) -> float:
        """Return a field that is a finite number; Keras 2 wraps those of NumPy."""
        value = self.get(name, default)
        return self.as_number(name, value)

    def as_number(self, name: str, value: Any) -> float:
        """Return a number that the file gives, plain, wrapped, or as an array of one."""
        while isinstance(value, dict) and ("value" in value or "config" in value):
            value = value["value"] if "value" in value else value["config"]
        while isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.expect(name, "a number", value)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.expect(name, "a finite number", value)
        return number

    def integer(self, name: str, default: Any = _MISSING, least: int = 1) -> int:
        """Return a field that is a whole number from `least`."""
        return self.as_integer(name, self.get(name, default), least)

    def as_integer(self, name: str, value: Any, least: int = 1) -> int:
        """Return a whole number that the file gives."""
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value < LARGEST_SIZE:
            raise self.expect(name, f"a whole number >= {least}", value)
        return value

    def sizes(self, name: str, rank: int, default: Any = _MISSING, least: int = 1) -> tuple[int, ...]:
        """Return a field that is a whole number, or one for each of `rank` axes."""
        value = self.get(name, default)
        given = list(value) if isinstance(value, list | tuple) else [value]
        if len(given) == 1:
            given *= rank
        if len(given) != rank:
            raise self.expect(name, f"{rank} numbers", value)
        return tuple(self.as_integer(name, size, least) for size in given)

    def axis(self, name: str, default: int, rank: int) -> int:
        """Return a field that is an axis, counted with the batch, as one of the sample."""
        value = self.get(name, default)
        return self.as_axis(name, value, rank)

    def as_axis(self, name: str, value: Any, rank: int) -> int:
        """Return an axis that the file counts with the batch as one of the sample."""
        axis = self.as_integer(name, value, least=-LARGEST_SIZE)
        try:
            return normalise_axis(axis, rank)
        except ValueError:
            raise self.expect(name, f"an axis from 1 to {rank}", value) from None

    def expect(self, name: str, expected: str, got: Any) -> WeightFileError:
        """Return the error for a field with a value that cannot be right."""
        return self.refuse(f"{name}: expected {expected}, got {describe_value(got)}")

    # ---- results

    def take(self, expected: Mapping[str, Any], ignored: Sequence[str] = ()) -> dict[str, Array]:
        """Return its weights, by label. expected: the shape, or a tuple of the possible ones, of each."""
        shapes = {
            label: (shape,) if not shape or isinstance(shape[0], int) else shape for label, shape in expected.items()
        }
        return self.weights.take(self.path, self.what, shapes, ignored)

    def build(self, make: type[Layer], *positional: Any, **fields: Any) -> Layer:
        """Return a layer of cnnkit. Raises WeightFileError where it does not allow these fields."""
        try:
            return make(*positional, **fields)
        except CnnkitError as error:
            raise self.refuse(str(error)) from None

    def emit(
        self,
        layer: Layer,
        inputs: Value | Sequence[Value],
        part: str = "",
        variables: Variables | None = None,
        order: Order | None = None,
    ) -> Value:
        """Append a node and return its output. part: what its name has behind that of the layer.

        A node with weights, called again, shares those of the first time.
        """
        given = [inputs] if isinstance(inputs, Value) else list(inputs)
        name = f"{self.name}_{part}" if part else self.name
        shares = ""
        if variables is not None and self.shared:
            first, node = self.made.nodes.get(part, (layer, ""))
            if first != layer:
                raise self.refuse("is called again on another kind of input, with which its weights cannot be shared")
            shares = node
        value = self.builder.emit(name, layer, given, order, variables, shares)
        if variables is not None and not shares:
            self.made.nodes[part] = layer, value.ref
        return value

    def apply(self, layer: Layer, x: Value, part: str = "") -> Value:
        """Append a node that works on each value alone: a vector in its own sequence stays in it."""
        return replace(self.emit(layer, x, part, order=x.order), blocks=x.blocks)


def _with_batch(shape: Iterable[int]) -> str:
    return f"({', '.join(['N', *map(str, shape)])})"
