"""Philox4x32-10 against the known answers that Random123 publishes (kat_vectors), and bit equality of the backends."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnkit.philox import philox4x32

SETTINGS = settings(max_examples=50, deadline=None, derandomize=True)

KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
WORD = st.integers(0, 2**32 - 1)
KEYS = st.tuples(WORD, WORD)


def words(text: str) -> tuple[int, ...]:
    return tuple(int(word, 16) for word in text.split())


@pytest.mark.parametrize(("counter", "key", "wanted"), KNOWN)
@pytest.mark.parametrize("array", [np.array, torch.tensor])
def test_known_answers_of_the_array_code(array, counter, key, wanted) -> None:
    k0, k1 = words(key)
    output = philox4x32(tuple(array([word]) for word in words(counter)), (k0, k1))
    assert tuple(int(word[0]) for word in output) == words(wanted)


@pytest.mark.parametrize(("counter", "key", "wanted"), KNOWN)
def test_known_answers_of_the_reference(reference, counter, key, wanted) -> None:
    c0, c1, c2, c3 = words(counter)
    draws = reference.uniform(words(key), c2 | c3 << 32, (4,), start=4 * (c0 | c1 << 32))
    assert (draws * 2**24).tolist() == [word >> 8 for word in words(wanted)]


def test_uniform_is_the_top_24_bits_of_the_words_in_order(backend) -> None:
    draws = backend.to_numpy(backend.uniform((0, 0), 0, (2, 2)))
    assert (draws.astype(np.float64) * 2**24).tolist() == [[0x6627E8, 0xE169C5], [0xBC57AC, 0x9B00DB]]


@SETTINGS
@given(key=KEYS, start=st.integers(0, 100), first=st.integers(0, 5), count=st.integers(0, 6))
def test_a_shard_draws_its_slice_of_the_whole(backend, key, start, first, count) -> None:
    whole = backend.to_numpy(backend.uniform(key, 7, (11, 3), start))
    shard = backend.to_numpy(backend.uniform(key, 7, (count, 3), start + 3 * first))
    assert np.array_equal(shard, whole[first : first + count])


@pytest.mark.parametrize("step", [0, 5, 2**32 - 1, 2**32 + 5, 2**40])
def test_the_step_may_live_on_the_device(backend, step) -> None:
    on_device = backend.asarray(np.array(step, np.int64))
    draws = backend.uniform((1, 2), on_device, (6,))
    assert np.array_equal(backend.to_numpy(draws), backend.to_numpy(backend.uniform((1, 2), step, (6,))))


def test_key_step_and_position_all_matter(backend) -> None:
    draws = [
        backend.uniform((1, 2), 3, (8,)),
        backend.uniform((2, 1), 3, (8,)),
        backend.uniform((1, 2), 4, (8,)),
        backend.uniform((1, 2), 3 + 2**32, (8,)),
        backend.uniform((1, 2), 3, (8,), start=8),
    ]
    assert len(np.unique(np.concatenate([backend.to_numpy(d) for d in draws]))) == 40


def test_the_draws_are_uniform(backend) -> None:
    draws = backend.to_numpy(backend.uniform((3, 4), 0, (4000,))).astype(np.float64)
    assert abs(draws.mean() - 0.5) < 0.02
    assert abs(draws.var() - 1 / 12) < 0.005
    counts = np.histogram(draws, 10, (0, 1))[0]
    assert np.all(np.abs(counts - 400) < 100)
