"""Decimals of the usual form, "-0.0123", to float64, many at once: eight characters are one 64-bit word.

Exact, because at most 16 digits (below 2^53) are divided by a power of ten up to 10^16: one rounding (Clinger, 1990).
Eight digits become a number by three multiplications (Lemire, Langdale, 2018: "Parsing series of integers with SIMD").
"""

from typing import NamedTuple

import numpy as np

from cnnkit.exporters.core.weight_file import Array

_U = np.uint64
_PAD = 16
_ALL = (1 << 64) - 1
_DIGITS = range(17)


def _mask_last_bytes(count: int) -> int:
    return _ALL ^ ((1 << 8 * (8 - min(max(count, 0), 8))) - 1)


_HIGH = np.array([_mask_last_bytes(n) for n in _DIGITS], _U)
_LOW = np.array([_mask_last_bytes(n - 8) for n in _DIGITS], _U)
_TEN = np.array([10**n for n in _DIGITS], _U)
_TEN_FLOAT = np.array([10.0**n for n in _DIGITS])
_ZEROS, _NIBBLES, _SIXES = _U(0x3030303030303030), _U(0xF0F0F0F0F0F0F0F0), _U(0x0606060606060606)
_ONES, _WHICH = _U(0x0101010101010101), _U(0x0001020304050607)


class Decimals(NamedTuple):
    """The numbers of a text: values, beginnings and ends, and which have the usual form; others have no value."""

    values: Array
    starts: Array
    ends: Array
    usual: Array


def parse_decimals(text: bytes) -> Decimals:
    """Return the numbers of a text. Usual form: perhaps a sign, one digit, a point, 1 to 16 digits."""
    padded = _pad(text)
    blanks = _find_blanks(padded)[_PAD - 1 :]
    beyond = padded.size - _PAD - len(text)  # one blank after the text is needed where it ends in a number
    blanks = blanks[: blanks.size - beyond + int(text[-1] > 32)]
    proper = np.count_nonzero(padded < 32) == sum(np.count_nonzero(padded == code) for code in b"\n\r\t")
    starts, ends = blanks[:-1] + 1, blanks[1:]
    full = ends > starts
    if not full.all():
        starts, ends = starts[full], ends[full]
    words = padded.size // 8 - 1
    table = np.empty(8 * words, _U)  # the word that begins at byte 8 q + r is at index r * words + q
    for offset in range(8):
        table[offset * words : (offset + 1) * words] = np.frombuffer(padded.data, _U, words, offset)
    first = table[(starts & 7) * words + (starts >> 3)]
    negative = (first & _U(255)) == _U(45)
    signs = negative.astype(_U)
    first >>= signs << _U(3)
    usual = ((first ^ _U(0x2E30)) & _U(0xFFF0)) == 0  # a digit (or : to ?, seen below), then a point
    first &= _U(15)
    count = ends - starts - 2 - negative
    usual &= (count > 0) & (count <= 16) & (first < _U(10))
    count[~usual] = 1
    last = ends - 8
    place = (last & 7) * words + (last >> 3)
    high, low = table[place], table[place - 1]
    high ^= _ZEROS
    low ^= _ZEROS
    high &= _HIGH[count]
    low &= _LOW[count]
    usual &= ((high | low | (high + _SIXES) | (low + _SIXES)) & _NIBBLES) == 0
    number = _combine_eight_digits(low)
    number *= _U(100_000_000)
    number += _combine_eight_digits(high)
    first *= _TEN[count]
    number += first
    usual &= (number <= _U(1 << 53)) & proper
    values = number.astype(np.float64)
    values /= _TEN_FLOAT[count]
    values.view(_U)[...] |= signs << _U(63)
    return Decimals(values, starts - _PAD, ends - _PAD, usual)


def _pad(text: bytes) -> Array:
    size = (_PAD + len(text) + 8) // 8 * 8
    padded = np.empty(size + 8, np.uint8)
    padded[:_PAD] = 32
    padded[_PAD : _PAD + len(text)] = np.frombuffer(text, np.uint8)
    padded[_PAD + len(text) :] = 32
    return padded


def _find_blanks(padded: Array) -> Array:
    """Return the positions of blanks, in order. Looks for words that hold a blank first: most hold just one."""
    flags = (padded <= 32).view(_U)
    where = np.flatnonzero(flags != 0)
    unread = flags[where]
    counts = ((unread * _ONES) >> _U(56)).view(np.int64)
    slots = np.cumsum(counts)
    positions = np.empty(int(slots[-1]), np.int64)
    slots -= counts
    while where.size:
        rest = unread & (unread - _U(1))
        positions[slots] = (where << 3) + (((unread ^ rest) * _WHICH) >> _U(56)).view(np.int64)
        more = np.flatnonzero(rest != 0)
        where, unread, slots = where[more], rest[more], slots[more] + 1
    return positions


def _combine_eight_digits(word: Array) -> Array:
    """Return the number that eight digit values, first in the lowest byte, spell. Changes `word`."""
    word *= _U(10 * 256 + 1)
    word >>= _U(8)
    word &= _U(0x00FF00FF00FF00FF)
    word *= _U(100 * 65536 + 1)
    word >>= _U(16)
    word &= _U(0x0000FFFF0000FFFF)
    word *= _U(10000 * (1 << 32) + 1)
    word >>= _U(32)
    return word
