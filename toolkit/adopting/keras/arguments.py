"""What a layer is called with: tensors of the model and constants, as the configuration of any generation has them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cnnkit.adopting.keras.graph_builder import Fault
from cnnkit.adopting.keras.values import Value
from cnnkit.files.names import describe_value

_CONSTANT = "_CONSTANT_VALUE"
_DEEPEST = 8


class Reference(NamedTuple):
    """An output of a call of a layer."""

    layer: str
    call: int
    output: int


class StoredCall(NamedTuple):
    """The arguments of one call as the file has them: references, numbers, lists; keywords by name."""

    positional: list[Any]
    keywords: dict[str, Any]


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call: tensors as values of the network, constants as JSON has them.

    positional  with lists flattened
    """

    positional: tuple[Any, ...]
    keywords: Mapping[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> tuple[Value, ...]:
        """The tensors among the positional arguments."""
        return tuple(given for given in self.positional if isinstance(given, Value))

    @property
    def mixed(self) -> bool:
        """Whether a constant stands among them."""
        return len(self.values) != len(self.positional)


def parse_calls(entry: Mapping[str, Any], fault: Fault) -> list[StoredCall]:
    """Return the calls of a layer from its `inbound_nodes`. Raises WeightFileError where that is nothing known."""
    nodes = entry.get("inbound_nodes")
    if nodes is None:
        return []
    if not isinstance(nodes, list):
        raise fault(f"inbound_nodes: expected a list, got {describe_value(nodes)}")
    return [call for node in nodes if (call := _parse_call(node, fault)).positional or call.keywords]


def parse_references(given: Any, fault: Fault) -> list[Reference]:
    """Return the references of input_layers or output_layers in their order, whatever they are nested in."""
    return list(iterate_references(_parse_old(given, fault, 0)))


def iterate_references(given: Any) -> Iterator[Reference]:
    """Yield the references inside an argument in order."""
    if isinstance(given, Reference):
        yield given
    elif isinstance(given, list):
        for item in given:
            yield from iterate_references(item)
    elif isinstance(given, dict):
        for item in given.values():
            yield from iterate_references(item)


def _parse_call(node: Any, fault: Fault) -> StoredCall:
    if isinstance(node, dict) and "args" in node:  # Keras 3
        positional, keywords = _parse_new(node["args"], fault, 0), _parse_new(node.get("kwargs", {}), fault, 0)
        if not isinstance(positional, list) or not isinstance(keywords, dict):
            raise fault(f"inbound_nodes: expected arguments, got {describe_value(node)}")
        return StoredCall(positional, keywords)
    keywords = dict[str, Any]()
    for tensor in _list_tensors(node, 0):
        if len(tensor) > 3 and isinstance(tensor[3], dict):
            keywords |= {key: _parse_old(value, fault, 0) for key, value in tensor[3].items()}
    return StoredCall([_parse_old(node, fault, 0)], keywords)


def _list_tensors(node: Any, depth: int) -> Iterator[list[Any]]:
    """Yield the ["layer", call, output, {...}] of a call of Keras 1 and 2."""
    if depth > _DEEPEST:
        return
    if isinstance(node, list) and node and isinstance(node[0], str):
        yield node
    elif isinstance(node, list | dict):
        for item in node.values() if isinstance(node, dict) else node:
            yield from _list_tensors(item, depth + 1)


def _parse_old(given: Any, fault: Fault, depth: int) -> Any:
    """Return an argument of Keras 1 or 2: ["name", 0, 0, {}] is a tensor of the model."""
    if depth > _DEEPEST:
        raise fault("arguments of a layer are nested too deep")
    if isinstance(given, dict):
        return {key: _parse_old(value, fault, depth + 1) for key, value in given.items()}
    if not isinstance(given, list):
        return given
    if len(given) >= 3 and isinstance(given[0], str) and all(type(number) is int for number in given[1:2]):
        if given[0] == _CONSTANT:
            return given[2]
        if type(given[2]) is int:
            return Reference(*given[:3])
    return [_parse_old(item, fault, depth + 1) for item in given]


def _parse_new(given: Any, fault: Fault, depth: int) -> Any:
    """Return an argument of Keras 3, in which tensors and constants are tables with a class_name."""
    if depth > _DEEPEST:
        raise fault("arguments of a layer are nested too deep")
    if not isinstance(given, dict):
        return [_parse_new(item, fault, depth + 1) for item in given] if isinstance(given, list) else given
    kind, inner = given.get("class_name"), given.get("config")
    if kind == "__keras_tensor__":
        return _parse_history(inner, fault)
    if kind in ("__numpy__", "__tensor__"):
        return inner.get("value") if isinstance(inner, dict) else None
    if kind == "__tuple__":
        return _parse_new(given.get("items", []), fault, depth + 1)
    plain = kind in ("__slice__", "__ellipsis__")
    return given if plain else {key: _parse_new(value, fault, depth + 1) for key, value in given.items()}


def _parse_history(inner: Any, fault: Fault) -> Reference:
    history = inner.get("keras_history") if isinstance(inner, dict) else None
    if isinstance(history, list) and [type(part) for part in history] == [str, int, int]:
        return Reference(*history)
    raise fault(f"keras_history: expected a name and two numbers, got {describe_value(history)}")
