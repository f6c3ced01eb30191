"""A decimal is rounded to its type once: decimals at, just below and just above the middle of two neighbours."""

from fractions import Fraction

import numpy as np
import pytest

from cnnkit.exporters.core.float_types import FLOATS
from cnnkit.exporters.core.number_text.parsing import NumberError, parse_numbers

NARROW = ["float16", "bfloat16", "float32"]


def exact(kind, bits):
    """Return the value of a magnitude; of the infinity, the power of two that would come next."""
    exponent, mantissa = divmod(int(bits), 1 << kind.mantissa)
    bias = (1 << (kind.exponent - 1)) - 1
    if exponent == 0:
        return Fraction(mantissa) * Fraction(2) ** (1 - bias - kind.mantissa)
    return Fraction((1 << kind.mantissa) + mantissa) * Fraction(2) ** (exponent - bias - kind.mantissa)


def decimal(value):
    """Return all digits of a fraction whose denominator is a power of two."""
    digits = value.denominator.bit_length() - 1
    whole = str(value.numerator * 5**digits).rjust(digits + 1, "0")
    return f"{whole[:-digits]}.{whole[-digits:]}" if digits else f"{whole}.0"


def magnitudes(dtype, count):
    kind = FLOATS[dtype]
    chosen = np.random.default_rng(0).integers(0, kind.infinity - 1, count).tolist()
    return kind, [*range(4), *range((1 << kind.mantissa) - 2, (1 << kind.mantissa) + 3), kind.infinity - 2, *chosen]


@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("sign", ["", "-"])
def test_around_the_middle_of_two_neighbours(dtype, sign):
    kind, chosen = magnitudes(dtype, 300)
    for low in chosen:
        middle = decimal((exact(kind, low) + exact(kind, low + 1)) / 2)
        below = decimal((exact(kind, low) + exact(kind, low + 1)) / 2 * (1 - Fraction(1, 1 << 200)))
        even = low + (low & 1)
        words = f"{sign}{middle} {sign}{middle}{'0' * 60}1 {sign}{below}"
        got = parse_numbers(words.encode(), dtype).view(kind.carrier) & kind.carrier.type(
            (1 << (kind.exponent + kind.mantissa)) - 1
        )
        assert got.tolist() == [even, low + 1, low], middle


def test_a_case_where_rounding_twice_is_wrong():
    word = "1.00000005960464477539062500000000000001"  # to float64 this is the middle of 1 and the next float32
    assert float(word) == 1 + 2**-24
    assert np.float32(float(word)) == 1
    assert parse_numbers(word.encode(), "float32")[0] == np.nextafter(np.float32(1), np.float32(2))
    many = (word + " ").encode() * 1000  # also among many
    assert set(parse_numbers(many, "float32").tolist()) == {float(np.nextafter(np.float32(1), np.float32(2)))}


@pytest.mark.parametrize("dtype", NARROW)
def test_the_end_of_the_range(dtype):
    kind = FLOATS[dtype]
    top = kind.infinity
    middle = (exact(kind, top - 1) + exact(kind, top)) / 2
    below = decimal(middle - Fraction(1, 1024))
    for sign, bit in (("", 0), ("-", 1 << (kind.exponent + kind.mantissa))):
        assert parse_numbers((sign + below).encode(), dtype).view(kind.carrier)[0] == (top - 1) | bit
        with pytest.raises(NumberError, match=f"does not fit {dtype}; for infinity write [{sign or '+'}]inf"):
            parse_numbers((sign + decimal(middle)).encode(), dtype)


@pytest.mark.parametrize(
    ("dtype", "word"), [("float32", "1e40"), ("float64", "1e309"), ("float16", "65520"), ("bfloat16", "4e38")]
)
def test_overflow_is_refused(dtype, word):
    for text in (word, f"0.5 {word} 0.5", "0.25 " * 1000 + word):
        with pytest.raises(NumberError, match=f'"{word}" does not fit {dtype}; for infinity write [+]inf'):
            parse_numbers(text.encode(), dtype)


@pytest.mark.parametrize("dtype", FLOATS)
def test_underflow_is_zero_with_its_sign(dtype):
    got = parse_numbers(b"1e-400 -1e-400 0e999999999 -0", dtype).view(FLOATS[dtype].carrier)
    sign = 1 << (FLOATS[dtype].exponent + FLOATS[dtype].mantissa)
    assert got.tolist() == [0, sign, 0, sign]


@pytest.mark.parametrize("word", ["0." + "0" * 5000 + "1", "1" * 5000, "0" * 5000, "1." + "0" * 4200])
def test_a_number_without_end_is_refused_or_right(word):
    for dtype in FLOATS:
        try:
            got = float(FLOATS[dtype].to_float64(parse_numbers(word.encode(), dtype).view(FLOATS[dtype].carrier))[0])
        except NumberError:
            continue
        assert got == float(word)


@pytest.mark.parametrize("dtype", FLOATS)
def test_from_and_to_float64(dtype):
    kind = FLOATS[dtype]
    bits = np.random.default_rng(0).integers(0, kind.infinity, 2000, kind.carrier, endpoint=True)
    assert np.array_equal(kind.from_float64(kind.to_float64(bits)), bits)
    assert all(
        value == exact(kind, pattern)
        for value, pattern in zip(kind.to_float64(bits[:200]).tolist(), bits, strict=False)
    )
