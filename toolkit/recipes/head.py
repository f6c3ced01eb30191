"""The head of a network: its last layer with weights, made anew for another number of classes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from cnnkit import architecture
from cnnkit.errors import ConfigError
from cnnkit.files.names import printable
from cnnkit.layers import Dense
from cnnkit.tree import flatten

_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D")


class NewHead(NamedTuple):
    """A description of a network with as many outputs as classes, and the path of the layer that was changed."""

    description: dict[str, Any]
    path: str


def replace_head(description: Mapping[str, Any], classes: int) -> NewHead:
    """Return the network whose last layer with weights, a Dense or a convolution of 1 x 1, has `classes` features.

    Raises ConfigError where the last layer with weights is another, or the outputs are not one per class then.
    """
    network, shape = architecture.build(description)
    described = architecture.describe(network, shape)
    last = None
    for placed in architecture.walk_layers(network, shape):
        if any(placed.layer.children(placed.input_shape)):
            continue
        if flatten(placed.layer.variable_shapes(placed.input_shape).params):
            last = placed
    if last is None:
        raise ConfigError("--replace-head: the network has no layer with weights")
    kind, window = last.layer.type, getattr(last.layer, "window", None)
    pointwise = kind in _CONVOLUTIONS and (window == 1 or (isinstance(window, tuple) and set(window) == {1}))
    if not isinstance(last.layer, Dense) and not pointwise:
        raise ConfigError(
            f"--replace-head: the last layer with weights, {printable(last.path)}, is {kind}, expected Dense or a "
            "convolution of 1 x 1: write the network in a file and name it with --model"
        )
    changed: dict[str, Any] = _with_features(described, last.path, classes)
    rebuilt, shape = architecture.build(changed)
    outputs = rebuilt.output_shape(shape)
    if outputs != (classes,):
        raise ConfigError(
            f"--replace-head: with {classes} features of {printable(last.path)} the outputs are of shape "
            f"{outputs}, expected ({classes},), one per class"
        )
    return NewHead(architecture.describe(rebuilt, shape), last.path)


def _with_features(described: Any, path: str, features: int) -> Any:
    """Return a description in which the layer at `path` has that many features."""
    if isinstance(described, list):
        return [_with_features(item, path, features) for item in described]
    if not isinstance(described, dict):
        return described
    if described.get("path") == path:
        return described | {"features": features}
    return {key: _with_features(value, path, features) for key, value in described.items()}
