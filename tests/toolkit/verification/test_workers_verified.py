"""What several workers trained, one process verifies: the chain of hashes does not know their number."""

import pytest
from torture.forged import BASE, NETWORK, finish

from cnnkit import Model, Options, Training, load_data, verify
from cnnkit.backends.groups import run_in_threads
from cnnkit.backends.registry import get_backend


@pytest.mark.parametrize("size", [2, 3])
def test_a_training_of_several_workers_is_verified_by_one(size):
    digits, options = load_data("digits"), Options(**(BASE | {"leaf": 4}))

    def train(group):
        model = Model(NETWORK, digits.image_shape, backend=get_backend("numpy", threads=1), seed=options.seed)
        return finish(Training(model, digits, options, group))

    files = run_in_threads([get_backend("numpy", threads=1) for _ in range(size)], train)
    assert len({file.position["chain"]["links"][-1] for file in files}) == 1
    verdict = verify(files[0], digits)
    assert [difference.text for difference in verdict.differences] == []
    assert verdict.links == 5
