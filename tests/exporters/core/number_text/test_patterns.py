"""Bit patterns through decimals: all of the small types, millions of the large ones, and the shortest digits."""

import itertools
import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Context

import numpy as np
import pytest

from cnnkit.exporters import Tensor, WeightFile
from cnnkit.exporters.core.float_types import FLOATS
from cnnkit.exporters.core.number_text import decimals
from cnnkit.exporters.core.number_text.digits import format_numbers, shorten
from cnnkit.exporters.core.number_text.parsing import NumberError, parse_numbers
from cnnkit.exporters.json.format import JsonFormat
from cnnkit.exporters.text.format import TextFormat

ALL_16 = np.arange(1 << 16, dtype=np.uint16)
FORMATS = {"txt": TextFormat(), "json": JsonFormat()}


def random_bits(dtype, count, seed=0):
    carrier = FLOATS[dtype].carrier
    return np.random.default_rng(seed).integers(0, 1 << (8 * carrier.itemsize), count, carrier, endpoint=False)


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("shape", [(65536,), (4096, 16), (4, 16384)])
def test_every_pattern_of_16_bits(form, shape, tmp_path):
    weights = WeightFile(
        (
            Tensor.of("half", ALL_16.view(np.float16).reshape(shape)),
            Tensor.of("brain", ALL_16.reshape(shape), dtype="bfloat16"),
            *(Tensor.of(f"columns.{i}", ALL_16[i::4].view(np.float16)) for i in range(4)),
            *(Tensor.of(f"brain.{i}", ALL_16[i::4], dtype="bfloat16") for i in range(4)),
        )
    )
    form.write(weights, tmp_path / "a")
    back = form.read(tmp_path / "a")
    assert back.edited == ()
    assert all(tensor.read().tobytes() == back[tensor.name].read().tobytes() for tensor in weights)


@pytest.mark.parametrize(("dtype", "count"), [("float32", 1_000_000), ("float64", 300_000)])  # torture: many more
def test_random_patterns(dtype, count, tmp_path):
    bits = random_bits(dtype, count)
    weights = WeightFile((Tensor.of("a", bits.view(dtype).reshape(-1, 100)), Tensor.of("b", bits[:20_000].view(dtype))))
    FORMATS["txt"].write(weights, tmp_path / "a.txt")
    back = FORMATS["txt"].read(tmp_path / "a.txt")
    assert back.edited == ()
    assert np.array_equal(back["a"].read().reshape(-1).view(bits.dtype), bits)
    assert np.array_equal(back["b"].read().view(bits.dtype), bits[:20_000])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_random_patterns_through_json(dtype, tmp_path):
    bits = random_bits(dtype, 100_000, seed=1)
    FORMATS["json"].write(WeightFile((Tensor.of("a", bits.view(dtype)),)), tmp_path / "a.json")
    assert np.array_equal(FORMATS["json"].read(tmp_path / "a.json")["a"].read().view(bits.dtype), bits)


def test_finite_weights_go_the_quick_way():
    values = np.random.default_rng(0).normal(scale=0.05, size=50_000).astype(np.float32)
    found = decimals.parse_decimals(b" ".join(format_numbers(values, "float32")))
    assert found.usual.mean() > 0.99
    assert np.array_equal(parse_numbers(b" ".join(format_numbers(values, "float32")), "float32"), values)


@pytest.mark.parametrize("blank", [b" ", b"\n", b"\r\n", b"\t", b"      ", b" \n\n "])
def test_the_quick_way_is_the_slow_way(blank):
    rng = np.random.default_rng(2)
    pieces = [
        f"{v:.{d}{c}}"
        for v, d, c in zip(rng.normal(scale=3, size=3000), rng.integers(0, 18, 3000), itertools.cycle("fffe"))
    ]
    pieces += [
        "1",
        "-0",
        "+0.5",
        ".5",
        "5.",
        "007",
        "-0.0",
        "9.9999999999999999",
        "0.1234567890123456",
        "12.5",
        "1e-3",
        "+1E+2",
    ]
    text = blank.join(piece.encode() for piece in pieces * 2)
    assert parse_numbers(text, "float64").tobytes() == np.array([float(piece) for piece in pieces * 2]).tobytes()
    assert parse_numbers(blank + text + blank, "float64").size == 2 * len(pieces)


WRONG = ["1.2.3", "1-2", "0.12x4", "--1", "+-1", "1e", "e5", "0.5:", "0./5", "1_0", "0x10", "１", "0.5\x0b0.5"]
WRONG += ["0.5\x000.5", "nan", "inf", "Infinity", "+nan()", "+nan(1)", "+NaN", "0,75", "-", "+", "."]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("around", [0, 2, 1000])
def test_what_is_no_number(wrong, around):
    text = "0.25 " * around + wrong + " 0.25" * around
    with pytest.raises(NumberError, match="is not a number") as caught:
        parse_numbers(text.encode(), "float32")
    assert caught.value.index == around
    if wrong == "0,75":
        assert "write 0.75, not 0,75" in str(caught.value)


def digits_of(text):
    return len(re.sub(r"e.*|[-.]", "", text).strip("0"))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_digits_are_the_shortest(dtype):
    bits = ALL_16 if dtype == "float16" else random_bits(dtype, 20_000)
    values = bits.view(dtype)
    finite = np.isfinite(values)
    for word, value in zip(format_numbers(values[finite], dtype), values[finite], strict=True):
        shortest = np.format_float_scientific(value, unique=True, trim="-")
        assert digits_of(word.decode()) <= digits_of(shortest), (word, shortest)


def test_digits_of_bfloat16_are_the_shortest():
    """No decimal of one digit less lies nearer to the value than to its neighbours."""
    kind = FLOATS["bfloat16"]
    finite = ALL_16[~kind.not_finite(ALL_16)]
    found = format_numbers(finite, "bfloat16")
    count = np.array([max(digits_of(word.decode()) - 1, 1) for word in found])
    for rounding in (ROUND_FLOOR, ROUND_CEILING):
        contexts = [Context(prec=max(digits, 1), rounding=rounding) for digits in range(6)]
        values = zip(count.tolist(), kind.to_float64(finite).tolist(), strict=True)
        shorter = [float(contexts[digits].create_decimal_from_float(value)) for digits, value in values]
        same = kind.from_float64(np.array(shorter)) == finite
        assert not same[[digits_of(word.decode()) > 1 for word in found]].any()


@pytest.mark.parametrize("dtype", list(FLOATS))
def test_special_values_have_words(dtype):
    kind = FLOATS[dtype]
    quiet, top = 1 << (kind.mantissa - 1), kind.infinity
    sign = 1 << (kind.mantissa + kind.exponent)
    expected = {0: b"0", sign: b"-0", top: b"+inf", top | sign: b"-inf", top + quiet: b"+nan"}
    expected |= {(top + quiet) | sign: b"-nan", top + 1: b"+nan(0x1)", (top + 1) | sign: b"-nan(0x1)"}
    bits = np.array(list(expected), kind.carrier)
    stored = "uint16" if dtype == "bfloat16" else dtype
    assert format_numbers(bits.view(stored), dtype) == list(expected.values())
    assert np.array_equal(parse_numbers(b" ".join(expected.values()), dtype).view(kind.carrier), bits)
    for wrong in ("+nan(0x0)", f"+nan({2 * quiet:#x})", f"+nan(0x{'f' * 40})"):
        with pytest.raises(NumberError, match=f"not a NaN of {dtype}"):
            parse_numbers(wrong.encode(), dtype)


@pytest.mark.parametrize(
    ("dtype", "lowest", "highest"),
    [("bool", 0, 1)]
    + [
        (f"{'u' * (not s)}int{b}", -(2 ** (b - 1)) if s else 0, 2 ** (b - s) - 1)
        for b in (8, 16, 32, 64)
        for s in (0, 1)
    ],
)
def test_whole_numbers_are_exact_to_their_ends(dtype, lowest, highest):
    assert format_numbers(np.array([lowest, highest], dtype), dtype) == [b"%d" % lowest, b"%d" % highest]
    assert parse_numbers(b"%d +%d" % (lowest, highest), dtype).tolist() == [lowest, highest]
    for wrong in (b"%d" % (lowest - 1), b"%d" % (highest + 1), b"9" * 5000):
        with pytest.raises(NumberError, match=f"does not fit {dtype}"):
            parse_numbers(wrong, dtype)
    for wrong in (b"1.0", b"1e0", b"+inf", b"+nan"):
        with pytest.raises(NumberError, match=f"is no {dtype}"):
            parse_numbers(b"1 " + wrong, dtype)
    with pytest.raises(NumberError, match='"1_0" is not a number'):
        parse_numbers(b"1_0", dtype)


@pytest.mark.parametrize(
    ("word", "room", "expected"),
    [
        (b"-0.00012345678", 14, b"-0.00012345678"),
        (b"-0.000012345678", 14, b"-1.2345678e-5"),
        (b"-370305200000", 9, b"-3.703052e11"),
        (b"0.0001", 3, b"1e-4"),
        (b"+nan(0x3fffff)", 3, b"+nan(0x3fffff)"),
    ],
)
def test_columns_take_an_exponent_where_it_is_shorter(word, room, expected):
    assert shorten(word, room) == expected
    if b"nan" not in word:
        assert float(expected) == float(word)
