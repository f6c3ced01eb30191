import subprocess
import sys

import numpy as np
import pytest

from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.layers import Context
from cnnkit.seeds import Purpose, generator, key

SHUFFLED = ([3, 1, 6, 5, 7, 2, 0, 4], [6, 7, 0, 4, 2, 3, 1, 5])
WEIGHTS = [0.5651317655614634, 0.935433136976671, 0.47987454708253907]
KEYS = ((3241444873, 3830689794), (2261827930, 1586767055))
CHILD, GRANDCHILD = (776684116, 3563182621), (795664121, 3081438475)


def test_a_draw_depends_on_its_address_alone() -> None:
    alone = generator(7, Purpose.SHUFFLE, 3).permutation(20)
    for epoch in (9, 0, 3, 1):
        generator(7, Purpose.SHUFFLE, epoch).permutation(20)
        generator(7, Purpose.WEIGHTS).normal(size=100)
    np.random.default_rng(7).normal(size=3)
    assert np.array_equal(generator(7, Purpose.SHUFFLE, 3).permutation(20), alone)


def test_every_part_of_the_address_counts() -> None:
    addresses = [(s, p, e) for s in (0, 1, 2**40) for p in Purpose for e in (0, 1, 2)]
    draws = {generator(*address).bytes(16) for address in addresses}
    assert len(draws) == len(addresses)
    assert len({key(s, p) for s in (0, 1, 2**40) for p in Purpose}) == 3 * len(Purpose)


def test_numbers_of_purposes_are_part_of_the_format() -> None:
    numbers = {p.name: int(p) for p in Purpose}
    assert numbers == {
        "WEIGHTS": 0,
        "SHUFFLE": 1,
        "DROPOUT": 2,
        "VALIDATION": 3,
        "AUGMENTATION": 4,
    }


def test_the_scheme_has_not_changed() -> None:
    """Frozen values: another scheme would silently make other nets from the same seed."""
    assert generator(0, Purpose.SHUFFLE).permutation(8).tolist() == SHUFFLED[0]
    assert generator(5, Purpose.SHUFFLE, 2).permutation(8).tolist() == SHUFFLED[1]
    assert generator(0, Purpose.WEIGHTS).random(3).tolist() == WEIGHTS
    assert key(0, Purpose.DROPOUT) == KEYS[0]
    assert key(123, Purpose.DROPOUT) == KEYS[1]
    context = Context(NumpyBackend(), True, KEYS[0]).child("5")
    assert context.key == CHILD
    assert context.child("body").key == GRANDCHILD
    assert context._replace(training=False).child("body").key == CHILD  # nothing is drawn, so nothing is derived


def test_keys_are_two_words() -> None:
    for seed in range(50):
        assert all(0 <= word < 2**32 for word in key(seed, Purpose.DROPOUT))


def test_another_process_draws_the_same() -> None:
    code = "from cnnkit.seeds import *; print(generator(5, Purpose.SHUFFLE, 2).permutation(8).tolist())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == str(SHUFFLED[1])


@pytest.mark.parametrize("name", ["0", "1", "00", "body", ""])
def test_a_childs_key_depends_on_parent_and_name(name) -> None:
    root = Context(NumpyBackend(), True, (1, 2))
    assert root.child(name).key == root.child(name).key
    assert root.child(name).key != root.child(name + "x").key
    assert root.child(name).key != root._replace(key=(2, 1)).child(name).key
    assert root.child("1").child("2").key != root.child("2").child("1").key
