"""What layers with a weight and a bias share: their checks, and their first values."""

from typing import Protocol

import numpy as np

from cnnkit import initializers
from cnnkit.backends.protocol import Shape
from cnnkit.initializers import Initializer
from cnnkit.layers.base import Variables
from cnnkit.layers.fields import (
    PaddingField,
    Size,
    require,
    require_count,
    require_flag,
    require_initializers,
    require_padding,
    require_size,
)


class Weighted(Protocol):
    """A layer with `features` outputs, a weight and perhaps a bias."""

    @property
    def type(self) -> str: ...
    @property
    def features(self) -> int: ...
    @property
    def bias(self) -> bool: ...
    @property
    def weight_initializer(self) -> str | Initializer: ...
    @property
    def bias_initializer(self) -> str | Initializer: ...


class Convolving(Weighted, Protocol):
    """A layer whose weight is a bank of windows."""

    @property
    def window(self) -> Size: ...
    @property
    def stride(self) -> Size: ...
    @property
    def padding(self) -> PaddingField: ...
    @property
    def dilation(self) -> Size: ...
    @property
    def groups(self) -> int: ...


def check_weighted(layer: Weighted) -> None:
    """Raise ConfigError on a field that cannot be used."""
    require_count(layer.type, "features", layer.features)
    require_flag(layer.type, "bias", layer.bias)
    require_initializers(layer.type, layer.weight_initializer, layer.bias_initializer)


def check_convolving(layer: Convolving, paddings: tuple[str, ...] = ("valid", "same")) -> None:
    """Raise ConfigError on a field that cannot be used; paddings: the words that `padding` may be."""
    check_weighted(layer)
    for field in ("window", "stride", "dilation"):
        require_size(layer.type, field, getattr(layer, field))
    require_padding(layer.type, layer.padding, paddings)
    require_count(layer.type, "groups", layer.groups)
    divides = layer.features % layer.groups == 0
    require(divides, layer.type, "features", f"divisible by groups (={layer.groups})", layer.features)


def fresh(layer: Weighted, rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> Variables:
    """Return a weight of `shape` and a bias (features,), drawn as the layer's initializers say."""
    params = {"weight": initializers.parse(layer.weight_initializer)(rng, shape, fan_in, fan_out)}
    if layer.bias:
        params["bias"] = initializers.parse(layer.bias_initializer)(rng, (layer.features,), fan_in, fan_out)
    return Variables(params, {})
