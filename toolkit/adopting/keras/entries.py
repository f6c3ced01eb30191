"""The entries of a Keras configuration: what is a model, which layers it has, what they are called."""

from collections.abc import Mapping
from typing import Any

from cnnkit.adopting.keras.graph_builder import Fault
from cnnkit.files.names import describe_value, printable

MOST_LAYERS = 20_000
Entry = Mapping[str, Any]


def is_sequential(entry: Entry) -> bool:
    """Return whether an entry is a model whose layers follow one another."""
    return entry.get("class_name") == "Sequential"


def is_functional(entry: Entry) -> bool:
    """Return whether an entry is a model with a graph of layers, also one of a class of its author's."""
    fields = entry.get("config")
    return isinstance(fields, dict) and all(key in fields for key in ("layers", "input_layers", "output_layers"))


def is_model(entry: Entry) -> bool:
    """Return whether an entry is a model."""
    return is_sequential(entry) or is_functional(entry)


def get_fields(entry: Entry) -> Mapping[str, Any]:
    """Return the fields of a layer or model."""
    fields = entry.get("config")
    return fields if isinstance(fields, dict) else {}


def get_name(entry: Entry) -> str:
    """Return the name of a layer."""
    name = get_fields(entry).get("name", entry.get("name"))
    return name if isinstance(name, str) else ""


def list_entries(entry: Entry, fault: Fault) -> list[dict[str, Any]]:
    """Return the layers of a model. Raises WeightFileError where it has none, or one is no layer."""
    fields = entry.get("config")
    layers = fields.get("layers") if isinstance(fields, dict) else fields  # Keras 2.2.0: the list itself
    if not isinstance(layers, list) or not layers:
        raise fault(f"model {printable(get_name(entry))}: expected a list of layers, got {describe_value(layers)}")
    if len(layers) > MOST_LAYERS:
        raise fault(f"a model of more than {MOST_LAYERS:,} layers")
    for layer in layers:
        if not isinstance(layer, dict) or not isinstance(layer.get("class_name"), str):
            raise fault(f"expected a layer with a class_name, got {describe_value(layer)}")
    return layers
