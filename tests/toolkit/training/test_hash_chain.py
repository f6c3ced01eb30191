"""A chain of hashes is a function of the bits of a training alone, and no link of it can be changed alone."""

import base64
import hashlib
from dataclasses import replace

import numpy as np
import pytest

from cnnkit import Model, Options, Sequential, Training, exporters, load_data
from cnnkit.errors import TrainingError, WeightFileError
from cnnkit.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, ReLU
from cnnkit.training import checkpoint
from cnnkit.training.hash_chain import ChainError, HashChain

NETWORK = Sequential((Conv2D(3, 3, bias=False), BatchNorm(), ReLU(), Dropout(0.3), Flatten(), Dense(10)))
BASE = {"limit": 60, "epochs": 2, "batch_size": 9, "validation_split": 0.1, "keep_every": 4}  # 6 batches an epoch


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


def begin(dataset, **options) -> Training:
    return Training(Model(NETWORK, dataset.image_shape), dataset, Options(**(BASE | options)))


def run(training: Training, batches: int | None = None) -> Training:
    steps = iter(range(1, batches + 1)) if batches else None
    for _ in training.epochs(stop=None if steps is None else lambda: next(steps) == batches):
        pass
    return training


def test_the_digest_of_a_link_is_that_of_the_formula():
    chain = HashChain(3, ("0.weight", "0.bias"))
    first = {"0.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "0.bias": np.float32([1, -0.0])}
    chain.append(first)
    chain.append({name: array * 2 for name, array in first.items()})
    digest = hashlib.sha256(b"every 3\n0.weight\n0.bias").digest()
    for step, factor in ((0, 1), (3, 2)):
        parts = [hashlib.sha256((array * factor).astype("<f4").tobytes()).digest()[:16] for array in first.values()]
        digest = hashlib.sha256(digest + step.to_bytes(8, "little") + b"".join(parts)).digest()
        assert chain.links[step // 3].digest == digest
        assert chain.links[step // 3].hashes == tuple(parts)
    assert base64.b64decode(chain.to_json()["links"][1]) == digest + b"".join(parts)
    assert HashChain.from_json(chain.to_json(), 3, chain.names, 5) == chain


@pytest.mark.parametrize("batches", [3, 4, 6, 7])
@pytest.mark.parametrize("averaged", [{}, {"ema": 0.9}], ids=["live", "averaged"])
def test_a_chain_continues_over_an_interruption_in_mid_epoch(tmp_path, digits, averaged, batches):
    whole, stopped = run(begin(digits, **averaged)), run(begin(digits, **averaged), batches)
    exporters.write(checkpoint.to_weights(stopped), tmp_path / "w.h5")
    file = exporters.read(tmp_path / "w.h5")
    resumed = checkpoint.resume(Model.from_weights(file), digits, stopped.options, file)
    assert resumed.chain.step == batches // 4 * 4
    assert run(resumed).chain == whole.chain
    assert whole.chain.step == 12
    assert ("average.params/0.weight" in whole.chain.names) is bool(averaged)


def test_a_chain_follows_the_bits_alone(digits):
    def digest(**options) -> bytes:
        return run(begin(digits, epochs=1, **options)).chain.links[-1].digest

    assert digest() == digest(workers=1)
    assert digest() != digest(seed=1)
    assert digest() != digest(learning_rate=0.001 * (1 + 2**-20))


@pytest.mark.parametrize("suffix", [".h5", ".json", ".npz", ".safetensors", ".txt"])
def test_formats_that_carry_a_position_carry_the_chain(tmp_path, digits, suffix):
    training = run(begin(digits, epochs=1))
    exporters.write(checkpoint.to_weights(training), tmp_path / f"w{suffix}")
    position = exporters.read(tmp_path / f"w{suffix}").position
    assert position["chain"] == training.chain.to_json()


def test_links_after_the_last_good_position_are_dropped(digits):
    training = begin(digits, optimizer="sgd", learning_rate=1e30, keep_every=1)
    with pytest.raises(TrainingError):
        run(training)
    assert training.chain.step == training.position.step
    checkpoint.to_weights(training)


def _flip(links: list[str]) -> list[str]:
    data = bytearray(base64.b64decode(links[1]))
    data[40] ^= 1
    return [links[0], base64.b64encode(data).decode(), *links[2:]]


FORGED = {
    "no chain": (lambda _: None, "chain: expected every, tensors and links, got None"),
    "other keys": (lambda chain: chain | {"x": 1}, "expected every, tensors and links"),
    "another every": (lambda chain: chain | {"every": 3}, "chain: expected a link every 4 steps, got 3"),
    "every of a wrong kind": (lambda chain: chain | {"every": True}, "expected a link every 4 steps, got True"),
    "tensors": (lambda chain: chain | {"tensors": ["a" * 10**6]}, "chain: expected the tensors 0.weight"),
    "one link less": (lambda chain: chain | {"links": chain["links"][:-1]}, "expected 2 links up to step 6, got 1"),
    "many links": (lambda chain: chain | {"links": [""] * 10**5}, "expected 2 links up to step 6, got 100,000"),
    "no list": (lambda chain: chain | {"links": 7}, "expected 2 links up to step 6, got 7"),
    "no text": (lambda chain: chain | {"links": [1, 2]}, "chain of step 0: expected .* bytes in base64, got 1"),
    "no base64": (lambda chain: chain | {"links": ["*" * 40, ""]}, "chain of step 0: expected .* bytes in base64"),
    "too long": (lambda chain: chain | {"links": ["A" * 10**7, ""]}, "chain of step 0: expected .* bytes in base64"),
    "a bit": (lambda chain: chain | {"links": _flip(chain["links"])}, "chain of step 4: the link does not follow"),
}


@pytest.mark.parametrize(("change", "message"), FORGED.values(), ids=FORGED)
def test_a_chain_that_cannot_be_is_refused_in_one_line(digits, change, message):
    training = run(begin(digits, epochs=1))
    file = checkpoint.to_weights(training)
    forged = replace(file, position=file.position | {"chain": change(file.position["chain"])})
    with pytest.raises(WeightFileError, match=message) as caught:
        checkpoint.resume(Model.from_weights(forged), digits, training.options, forged)
    assert len(str(caught.value)) < 1000
    with pytest.raises(ChainError):
        HashChain.from_json(forged.position["chain"], 4, training.chain.names, 6)
