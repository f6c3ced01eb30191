"""Reads the numbers of a text as an element type: strictly, rounded once, many at a time where possible."""

import re
import struct
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import orjson

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.float_types import FLOATS, FloatType
from cnnkit.exporters.core.number_text import decimals
from cnnkit.exporters.core.number_text.patterns import NUMBER, SPECIAL
from cnnkit.exporters.core.number_text.rounding import round_to_nearest
from cnnkit.exporters.core.weight_file import Array
from cnnkit.files.names import printable

BLANKS = b" \t\r\n"
PLAIN = b"0123456789+-.eE" + BLANKS
_ALLOWED = PLAIN + b"infax()bcdABCDF"
_WORD = re.compile(rb"[^ \t\r\n]+")
_LONGEST = 4000  # characters of a number; 1,100 distinguish any two float64
_BULK = 2048
_INTEGER = re.compile(rb"[+-]?[0-9]+")


class NumberError(ValueError):
    """A word that is not a number of the type. `index` counts the numbers of the text from 0."""

    def __init__(self, index: int, word: bytes, problem: str) -> None:
        super().__init__(f'"{printable(word.decode("utf-8", "backslashreplace"), 60)}" {problem}')
        self.index = index


def parse_numbers(text: bytes, dtype: str) -> Array:
    """Return the numbers of a text as a flat array in the carrier of `dtype`.

    Raises NumberError for the first word that the grammar or the type does not allow.
    """
    kind = FLOATS.get(dtype)
    bits = _parse_bulk(text, kind) if kind is not None and len(text) >= _BULK else None
    if bits is None:
        words = _split_words(text)
        bits = _parse_integers(words, dtype) if kind is None else _parse_floats(words, kind)
    return bits.view(carrier(dtype))


def _split_words(text: bytes) -> list[bytes]:
    if text.translate(None, _ALLOWED):
        for index, word in enumerate(_WORD.findall(text)):
            if word.translate(None, _ALLOWED):
                raise NumberError(index, word, _explain(word))
    return text.split()


def find_number(text: bytes, index: int) -> int:
    """Return at which byte the number of that index begins."""
    for count, word in enumerate(_WORD.finditer(text)):
        if count == index:
            return word.start()
    return len(text)


def _parse_integers(words: Sequence[bytes], dtype: str) -> Array:
    lowest, highest = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if all(map(_INTEGER.fullmatch, words)) and max(map(len, words), default=0) <= _LONGEST:
        values = list(map(int, words))
        if not values or (min(values) >= lowest and max(values) <= highest):
            return np.array(values, dtype)
    for index, word in enumerate(words):
        if not _INTEGER.fullmatch(word):
            is_float = NUMBER.fullmatch(word) or SPECIAL.fullmatch(word)
            raise NumberError(index, word, f"is no {dtype}" if is_float else _explain(word))
        if len(word) > _LONGEST or not lowest <= int(word) <= highest:
            raise NumberError(index, word, f"does not fit {dtype} ({lowest} to {highest})")
    raise AssertionError("unreachable")  # pragma: no cover


def _parse_bulk(text: bytes, kind: FloatType) -> Array | None:
    numbers = decimals.parse_decimals(text)
    unusual = np.flatnonzero(~numbers.usual)
    if unusual.size > numbers.values.size // 8:
        return None
    words = [text[a:b] for a, b in zip(numbers.starts[unusual].tolist(), numbers.ends[unusual].tolist(), strict=True)]
    indices = unusual.tolist()
    special: dict[int, int] = {}
    for index, word in zip(indices, words, strict=True):
        numbers.values[index] = _parse_value(index, word, kind, special)
    return _round(numbers.values, kind, lambda index: text[numbers.starts[index] : numbers.ends[index]], special)


def _parse_floats(words: Sequence[bytes], kind: FloatType) -> Array:
    if not words:
        return np.empty(0, kind.carrier)
    special: dict[int, int] = {}
    for index, word in enumerate(words):
        if word[-1] > 57 or word[-1] == 41:  # a letter or a closing parenthesis
            _parse_value(index, word, kind, special)
    finite = [b"0" if index in special else word for index, word in enumerate(words)] if special else words
    joined = b",".join(finite)
    numbers = None
    if not joined.translate(None, PLAIN + b","):  # of these characters, JSON has numbers only
        try:
            numbers = orjson.loads(b"[" + joined + b"]")
        except orjson.JSONDecodeError:
            numbers = None
    if numbers is None:
        numbers = [_parse_value(index, word, kind, special) for index, word in enumerate(words)]
    values = np.frombuffer(bytearray(struct.pack(f"{len(numbers)}d", *numbers)))
    for index in np.flatnonzero(values == 0).tolist():  # "-0" is an integer to JSON, and has no sign there
        if words[index].startswith(b"-"):
            values[index] = -0.0
    return _round(values, kind, words.__getitem__, special)


def _parse_value(index: int, word: bytes, kind: FloatType, special: dict[int, int]) -> float:
    if NUMBER.fullmatch(word):
        if len(word) > _LONGEST:
            raise NumberError(index, word, f"has {len(word)} characters, more than {_LONGEST}")
        return float(word)
    try:
        special[index] = kind.bits_of(word)
    except ValueError as error:
        known = SPECIAL.fullmatch(word) is not None
        raise NumberError(index, word, f"is {error}" if known else _explain(word)) from error
    return 0.0


def _round(values: Array, kind: FloatType, word: Callable[[int], bytes], special: dict[int, int]) -> Array:
    bits = round_to_nearest(values, kind, lambda index: _parse_exactly(index, word(index)))
    too_large = np.flatnonzero(kind.not_finite(bits))
    if too_large.size:
        index = int(too_large[0])
        sign = "-" if values[index] < 0 else "+"
        raise NumberError(index, word(index), f"does not fit {kind.name}; for infinity write {sign}inf")
    for index, pattern in special.items():
        bits[index] = pattern
    return bits


def _parse_exactly(index: int, word: bytes) -> Fraction:
    if len(word) > _LONGEST:
        raise NumberError(index, word, f"has {len(word)} characters, more than {_LONGEST}")
    return Fraction(word.decode())


def _explain(word: bytes) -> str:
    return "is not a number" + ("; decimals have a point: write 0.75, not 0,75" if b"," in word else "")
