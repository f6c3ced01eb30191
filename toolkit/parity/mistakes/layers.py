"""Mistakes in layers: another convention, while every backend call is right."""
# ruff: noqa: D102 (the base class documents the passes)

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from cnnkit.layers import GELU, AvgPool1D, AvgPool2D, AvgPool3D, BatchNorm, Context, Dropout, Layer, LayerNorm
from cnnkit.parity.bounds import bound
from cnnkit.parity.check import Arena
from cnnkit.parity.explain import SHARE, UNKNOWN, find_general_mistakes, measure_error
from cnnkit.parity.layer_pass import LayerInputs, LayerOutputs, run_layer
from cnnkit.tree import Tree

Variant = Callable[[Any], Layer]  # the right layer -> the wrong one; raises if there is none


@dataclass(frozen=True)
class BiasedRunningVariance(BatchNorm):
    """The running variance follows the biased variance of the batch."""

    def forward(self, context: Context, params: Tree, state: Tree, x: Any) -> tuple[Any, Any]:
        y, cache = super().forward(context, params, state, x)
        count = x.shape[0] * math.prod(x.shape[2:])
        return y, cache._replace(variance=cache.variance * ((count - 1) / count))


@dataclass(frozen=True)
class UnbiasedNormalisingVariance(BatchNorm):
    """The unbiased variance is used to normalise."""

    def forward(self, context: Context, params: Tree, state: Tree, x: Any) -> tuple[Any, Any]:
        _, cache = super().forward(context, params, state, x)
        shape = tuple(cache.inverse.shape)
        inverse = 1 / context.backend.sqrt(cache.variance + self.epsilon).reshape(shape)
        return _renormalise(self, params, cache, inverse)


@dataclass(frozen=True)
class EpsilonOutsideRoot(BatchNorm):
    """Epsilon is added outside the square root."""

    def forward(self, context: Context, params: Tree, state: Tree, x: Any) -> tuple[Any, Any]:
        _, cache = super().forward(context, params, state, x)
        under = 1 / (cache.inverse * cache.inverse) - self.epsilon
        root = context.backend.sqrt(context.backend.maximum(under, 0.0))
        return _renormalise(self, params, cache, 1 / (root + self.epsilon))


def _renormalise(layer: BatchNorm, params: Tree, cache: Any, inverse: Any) -> tuple[Any, Any]:
    changed = cache._replace(normalised=cache.normalised * (inverse / cache.inverse), inverse=inverse)
    return layer.affine(params, changed.normalised, tuple(inverse.shape)), changed


@dataclass(frozen=True)
class UnscaledDropout(Dropout):
    """Kept values are not scaled."""

    def _masked(self, context: Context, mask: Any, x: Any) -> Any:
        return context.backend.where(mask, x, 0.0)


VARIANTS: dict[type[Layer], dict[str, Variant]] = {
    BatchNorm: {
        "the running variance is biased": lambda layer: BiasedRunningVariance(**vars(layer)),
        "the unbiased variance is used to normalise": lambda layer: UnbiasedNormalisingVariance(**vars(layer)),
        "epsilon is added outside the square root": lambda layer: EpsilonOutsideRoot(**vars(layer)),
        "epsilon is 1e-3, as in Keras": lambda layer: replace(layer, epsilon=1e-3),
        "momentum is the weight of the old value": lambda layer: replace(layer, momentum=1 - layer.momentum),
    },
    LayerNorm: {"epsilon is 1e-3, as in Keras": lambda layer: replace(layer, epsilon=1e-3)},
    Dropout: {
        "kept values are not scaled": lambda layer: UnscaledDropout(layer.rate),
        "the rate is the fraction of kept values": lambda layer: replace(layer, rate=1 - layer.rate),
    },
    GELU: {
        "the other formula: tanh instead of erf, or erf instead of tanh": lambda layer: replace(
            layer, approximate=_switch_form(layer)
        )
    },
    **{
        kind: {
            "padding is counted although it should not be, or the reverse": lambda layer: replace(
                layer, count_padding=not layer.count_padding
            )
        }
        for kind in (AvgPool1D, AvgPool2D, AvgPool3D)
    },
}


def _switch_form(layer: GELU) -> str:
    return "none" if layer.approximate == "tanh" else "tanh"


def explain_layer(
    layer: Layer, given: LayerInputs, got: LayerOutputs, right: LayerOutputs, dtype: str, oracle: Arena
) -> list[str]:
    """Return the conventions that reproduce `got` when all layers of one type in `layer` follow them: `BatchNorm: ...`.

    got, right: the results of the layer and the right results.
    """
    theirs, wanted = _list_values(got), _list_values(right)
    tolerance = max(bound("gradient", dtype), SHARE * measure_error(theirs, wanted))
    conventions = []
    for kind, variants in VARIANTS.items():
        for words, variant in variants.items():
            changed = _replace_layers(layer, kind, variant)
            try:
                wrong = _list_values(run_layer(oracle, changed, given)) if changed != layer else wanted
            except Exception:  # noqa: S112 (any error of a call with wrong arguments)
                continue  # this layer has no such variant
            if measure_error(theirs, wrong) <= min(tolerance, 0.5 * measure_error(wanted, wrong)):
                conventions.append(f"{kind.__name__}: {words}")
    general = find_general_mistakes(theirs, wanted, tolerance)
    return conventions or [f"{layer.type}: {reason}" for reason in general] or [UNKNOWN]


def _replace_layers(value: Any, kind: type[Layer], variant: Variant) -> Any:
    """Return a layer with all layers of one type in it, itself included, replaced by their variant."""
    if isinstance(value, tuple):
        return tuple(_replace_layers(item, kind, variant) for item in value)
    if type(value) is kind:
        return variant(value)
    if not isinstance(value, Layer):
        return value
    changed = {f.name: _replace_layers(getattr(value, f.name), kind, variant) for f in fields(value)}  # type: ignore[arg-type]
    return replace(value, **changed)  # type: ignore[type-var]


def _list_values(passed: LayerOutputs) -> list[Any]:
    return [*passed.forward.values(), *passed.backward.values()]
