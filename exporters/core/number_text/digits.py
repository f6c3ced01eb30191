"""Values to the shortest decimals that read back to the same bits of their type."""

import functools
import itertools
from decimal import ROUND_HALF_EVEN, ROUND_UP, Context, Decimal

import numpy as np
import orjson

from cnnkit.exporters.core.float_types import FLOATS, FloatType
from cnnkit.exporters.core.weight_file import Array

MOST_DIGITS = 17  # enough to distinguish any two float64
_MOST_SHORT = 5  # enough to distinguish any two 16-bit values
_NATIVE = frozenset(("float32", "float64"))


def format_numbers(bits: Array, dtype: str, precision: int | None = None) -> list[bytes]:
    """Return a word for each value of a flat array in the carrier of `dtype`.

    precision: round floats to this number of significant digits instead, unless that overflows.
    """
    kind = FLOATS.get(dtype)
    if kind is None:
        return dump_json(bits.view(np.uint8) if dtype == "bool" else bits)[1:-1].split(b",") if bits.size else []
    pattern = bits.view(kind.carrier)
    if precision is not None:
        numbers = _format_rounded(pattern, kind, precision)
    elif dtype in _NATIVE:
        text = dump_json(bits)[1:-1] + b","
        numbers = text.replace(b".0,", b",").split(b",")[:-1]
    else:
        numbers = [table[bits] for table in (_shortest_decimals(dtype),) for bits in pattern.tolist()]
    for index in np.flatnonzero(kind.not_finite(pattern)).tolist():
        numbers[index] = kind.word(int(pattern[index]))
    return numbers


def dump_json(array: Array) -> bytes:
    """Return an array of numbers as JSON; NaN and infinities become null."""
    return orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY)


def all_finite(bits: Array, dtype: str) -> bool:
    """Return whether no value is a NaN or an infinity."""
    kind = FLOATS.get(dtype)
    return kind is None or not kind.not_finite(bits.view(kind.carrier)).any()


def shorten(word: bytes, room: int) -> bytes:
    """Return a number of more than `room` characters with an exponent, which makes it shorter."""
    if len(word) <= room or b"nan" in word:
        return word
    sign, digits, exponent = Decimal(word.decode()).as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 (for the type checker: of a finite number)
    text = "".join(map(str, digits)).rstrip("0")
    power = exponent + len(digits) - 1
    fraction = f".{text[1:]}" if len(text) > 1 else ""
    return f"{'-' * sign}{text[0]}{fraction}e{power}".encode()


def _format_rounded(pattern: Array, kind: FloatType, precision: int) -> list[bytes]:
    values = kind.to_float64(pattern)
    numbers = [b"%.*g" % (precision, value) for value in values.tolist()]
    with np.errstate(over="ignore"):
        lost = kind.not_finite(kind.from_float64(np.array([float(word) for word in numbers])))
    for index in np.flatnonzero(lost & ~kind.not_finite(pattern)).tolist():
        numbers[index] = format_numbers(pattern[index : index + 1].view(_find_carrier(kind)), kind.name)[0]
    return numbers


def _find_carrier(kind: FloatType) -> str:
    return kind.name if kind.name in _NATIVE | {"float16"} else kind.carrier.name


@functools.lru_cache
def _shortest_decimals(dtype: str) -> list[bytes]:
    """Return the shortest decimal of every pattern of a 16-bit type; of several, the one nearest to the value."""
    kind = FLOATS[dtype]
    patterns = np.arange(1 << 16, dtype=kind.carrier)
    values = kind.to_float64(patterns)
    table = [b""] * patterns.size
    remaining = np.flatnonzero(~kind.not_finite(patterns))
    for digits, rounding in itertools.product(range(1, _MOST_SHORT + 1), (ROUND_HALF_EVEN, ROUND_UP)):
        # Below a power of two values are denser: there the nearest decimal may fail where the next larger one fits.
        context = Context(prec=digits, rounding=rounding)
        powers_of_two = (patterns[remaining] & ((1 << kind.mantissa) - 1)) == 0
        tried = remaining if rounding == ROUND_HALF_EVEN else remaining[powers_of_two]
        numbers = [float(context.create_decimal_from_float(value)) for value in values[tried].tolist()]
        good = kind.from_float64(np.array(numbers)) == patterns[tried]
        for index, number in itertools.compress(zip(tried.tolist(), numbers, strict=True), good):
            table[index] = repr(number).removesuffix(".0").replace("e-0", "e-").encode()
        remaining = np.setdiff1d(remaining, tried[good], assume_unique=True)
    return table
