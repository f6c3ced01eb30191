"""The numbers that are fields of layers, losses and optimizers, against the range of the arrays that they meet."""

from dataclasses import fields, is_dataclass
from typing import Any

from cnnkit.errors import ConfigError
from cnnkit.precision import array_dtype, find_limit
from cnnkit.purity import Part, inner_parts
from cnnkit.values import is_number


def require_constants(dtype: str, *parts: Part) -> None:
    """Raise ConfigError where a finite field of a part, or of one inside it, is beyond the range of its numbers.

    dtype: of the network; only layers that compute in half precision meet numbers of a 16-bit type.
    """
    for part in parts:
        own = dtype if getattr(part, "half_precision", False) else array_dtype(dtype)
        limit = find_limit(own)
        whole: Any = part
        for name in [field.name for field in fields(whole)] if is_dataclass(whole) else []:
            value = getattr(part, name)
            if isinstance(value, float) and is_number(value) and abs(value) > limit:
                what = f"{type(part).__name__}: expected {name} within +-{limit:.2g}, the range of {own}"
                raise ConfigError(f"{what}, got {value:g}")
        require_constants(dtype, *inner_parts(part))
