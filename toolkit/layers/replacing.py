"""A network with some of its layers replaced by others."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from cnnkit.layers.base import Layer, Shapes
from cnnkit.layers.graph.node import Node

Change = Callable[[str, Layer], Layer | None]  # (path, layer) -> what takes its place; None leaves it as it is


def replace_layers(layer: Layer, x_shape: Shapes, change: Change, prefix: str = "") -> Layer:
    """Return the network with what `change` gives in place of the layers inside it, at any depth."""
    children = list(layer.children(x_shape))
    if not children:
        return layer
    replaced = ((change(prefix + name, child), name, child, shape) for name, child, shape in children)
    inside = iter(
        new if new is not None else replace_layers(child, shape, change, f"{prefix}{name}.")
        for new, name, child, shape in replaced
    )
    fields: Any = dataclasses.fields(layer)  # type: ignore[arg-type]  # `children` lists layers in the order of the fields
    changed = {field.name: _replace_inside(getattr(layer, field.name), inside) for field in fields}
    return dataclasses.replace(layer, **changed)  # type: ignore[type-var]


def _replace_inside(value: Any, inside: Iterator[Layer]) -> Any:
    """Return the value of a field with its layers, or those of its nodes, replaced by the next ones."""
    if isinstance(value, Layer):
        return next(inside)
    if isinstance(value, tuple):
        return tuple(_replace_inside(item, inside) for item in value)
    if isinstance(value, Node) and value.layer is not None:
        return dataclasses.replace(value, layer=next(inside))
    return value
