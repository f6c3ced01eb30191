"""Groups of parameters: learning rates by layer, and weight decay that leaves biases and normalisations alone."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from cnnkit.architecture import walk_layers
from cnnkit.backends.protocol import Shape
from cnnkit.errors import ConfigError
from cnnkit.layers import Layer
from cnnkit.layers.normalisation.affine import AffineLayer
from cnnkit.optimizers import GroupedOptimizer, Optimizer, UpdateRule
from cnnkit.training.patterns import find_owners, matches, require_matches
from cnnkit.tree import flatten


def group_parameters(
    network: Layer, input_shape: Shape, optimizer: Optimizer, learning_rates: Sequence[tuple[str, float]]
) -> UpdateRule:
    """Return the optimizer with its parameters in groups; the optimizer itself where all are treated alike.

    learning_rates: (pattern, factor of the learning rate); of several patterns that match, the last decides.
    Where the optimizer has decay_all=False, parameters of one axis and those of normalisations do not decay.

    Raises ConfigError for a pattern that matches no parameter.
    """
    shapes = flatten(network.variable_shapes(input_shape).params)
    owners = find_owners(network, input_shape, shapes)
    require_matches("learning_rates", [pattern for pattern, _ in learning_rates], owners)
    spared = set() if optimizer.decay_all else _find_spared(network, input_shape, owners, shapes)
    settings = {name: (_find_factor(name, learning_rates), name in spared) for name in shapes}
    kinds = list(dict.fromkeys(settings.values()))
    if kinds == [(1.0, False)]:
        return optimizer
    of_each = tuple(_without_decay(optimizer) if spares else optimizer for _, spares in kinds)
    groups = {name: kinds.index(setting) for name, setting in settings.items()}
    return GroupedOptimizer(of_each, tuple(factor for factor, _ in kinds), groups)


def _find_factor(name: str, learning_rates: Sequence[tuple[str, float]]) -> float:
    return next((factor for pattern, factor in reversed(learning_rates) if matches(name, [pattern])), 1.0)


def _find_spared(network: Layer, input_shape: Shape, owners: dict[str, str], shapes: dict[str, Shape]) -> set[str]:
    """Return the names of the parameters that do not decay."""
    normalising = {path for path, layer, _, _ in walk_layers(network, input_shape) if isinstance(layer, AffineLayer)}
    return {name for name, shape in shapes.items() if len(shape) <= 1 or owners[name] in normalising}


def _without_decay(optimizer: Optimizer) -> Optimizer:
    if not (dataclasses.is_dataclass(optimizer) and hasattr(optimizer, "weight_decay")):
        name = type(optimizer).__name__
        raise ConfigError(f"optimizer {name}: decay_all=False needs a dataclass with a field weight_decay")
    whole: Any = optimizer
    changed: Optimizer = dataclasses.replace(whole, weight_decay=0.0)
    return changed
