"""Floating-point types as bit patterns: which are not finite, how those are written, and the values of the others."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnkit.exporters.core.number_text.patterns import SPECIAL
from cnnkit.exporters.core.small_floats import decode
from cnnkit.exporters.core.weight_file import Array


@dataclass(frozen=True)
class FloatType:
    """An IEEE 754 binary format: a sign bit, `exponent` bits, `mantissa` bits."""

    name: str
    exponent: int
    mantissa: int

    @property
    def carrier(self) -> np.dtype[Any]:
        """The unsigned integer of the same width."""
        return np.dtype(f"uint{1 + self.exponent + self.mantissa}")

    @property
    def infinity(self) -> int:
        """The bits of +inf; a NaN's are larger."""
        return ((1 << self.exponent) - 1) << self.mantissa

    def not_finite(self, bits: Array) -> Array:
        """Return a mask of the NaN and infinities."""
        mask = self.carrier.type(self.infinity)
        result: Array = (bits & mask) == mask
        return result

    def word(self, bits: int) -> bytes:
        """Return the text of infinity or NaN: "+inf", "-nan" (the usual quiet NaN), "+nan(0x1)" (other mantissa)."""
        negative, rest = divmod(bits, 1 << (self.exponent + self.mantissa))
        sign, payload = "-" if negative else "+", rest - self.infinity
        usual = {0: "inf", 1 << (self.mantissa - 1): "nan"}
        return (sign + usual.get(payload, f"nan({payload:#x})")).encode()

    def bits_of(self, word: bytes) -> int:
        """Return the bits of a text by `word`. Raises ValueError for other texts, and for an invalid payload."""
        match = SPECIAL.fullmatch(word)
        if match is None:
            raise ValueError("not a number")
        sign, infinite, payload = match.groups()
        value = 1 << (self.mantissa - 1) if payload is None else int(payload[:30], 16)
        if not 0 < value < 1 << self.mantissa or (payload and len(payload) > 30):
            raise ValueError(f"not a NaN of {self.name}: its payload is from 0x1 to {(1 << self.mantissa) - 1:#x}")
        magnitude = self.infinity + (0 if infinite else value)
        return magnitude | (int(sign == b"-") << (self.exponent + self.mantissa))

    def to_float64(self, bits: Array) -> Array:
        """Return the values of bits as float64, which is exact; only a NaN may change its payload."""
        if self.name == "bfloat16":
            bits = decode(bits, self.name)
        with np.errstate(invalid="ignore"):  # a signalling NaN
            wide: Array = bits.view(f"float{8 * bits.itemsize}").astype(np.float64)
        return wide

    def from_float64(self, values: Array) -> Array:
        """Return the bits nearest to float64 values, ties to even; beyond the largest: an infinity."""
        with np.errstate(over="ignore", under="ignore"):
            if self.name != "bfloat16":
                bits: Array = values.astype(self.name).view(self.carrier)
                return bits
            narrow = values.astype(np.float32)
        # Round to odd in float32, so that the second rounding sees on which side of a tie the value was.
        away = np.abs(narrow.astype(np.float64)) > np.abs(values)
        inexact = narrow.astype(np.float64) != values
        bits = narrow.view(np.uint32) - away.astype(np.uint32) | inexact.astype(np.uint32)
        bits += np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))
        return (bits >> np.uint32(16)).astype(np.uint16)


FLOATS = {
    kind.name: kind
    for kind in (
        FloatType("float16", 5, 10),
        FloatType("bfloat16", 8, 7),
        FloatType("float32", 8, 23),
        FloatType("float64", 11, 52),
    )
}
