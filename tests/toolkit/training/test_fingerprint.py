"""One hash of a training: the same live and from a file, of the whole of it, and of nothing that no step computes."""

import hashlib
import struct
from dataclasses import replace

import numpy as np
import pytest

from cnnkit import Model, Options, Sequential, Training, exporters, load_data
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.layers import BatchNorm, Dense, Flatten
from cnnkit.training.checkpoint import to_weights
from cnnkit.training.fingerprint import fingerprint, fingerprint_lines

OPTIONS = Options(limit=40, epochs=2, batch_size=20, validation_split=0.25, ema=0.9)


def train(stop_after: int | None = None, options: Options = OPTIONS) -> Training:
    data = load_data("digits")
    model = Model(Sequential((Flatten(), BatchNorm(), Dense(10))), data.image_shape, threads=1)
    training = Training(model, data, options)
    for _ in training.epochs(stop=None if stop_after is None else lambda: training.position.step >= stop_after - 1):
        pass
    return training


@pytest.fixture(scope="module")
def training() -> Training:
    return train()


@pytest.mark.parametrize("name", ["w.h5", "w.npz", "w.json"])
def test_a_file_has_the_fingerprint_of_its_training_in_every_format_that_holds_all(training, tmp_path, name) -> None:
    exporters.write(to_weights(training), tmp_path / name)
    assert fingerprint(exporters.read(tmp_path / name)) == fingerprint(training)


def test_trainings_of_the_same_bits_have_one_fingerprint_whatever_time_they_took(training) -> None:
    again = train()
    assert [e["seconds"] for e in again.position.history] != [e["seconds"] for e in training.position.history]
    assert fingerprint(again) == fingerprint(training)
    assert fingerprint(train(stop_after=1)) != fingerprint(training)
    assert fingerprint(train(options=replace(OPTIONS, keep_every=1))) == fingerprint(training)


def change(file: WeightFile, tensor: Tensor, values: np.ndarray) -> WeightFile:
    return replace(file, tensors=tuple(replace(t, read=lambda: values) if t is tensor else t for t in file.tensors))


def test_one_bit_of_any_tensor_or_number_gives_another_fingerprint(training) -> None:
    file = to_weights(training)
    hashes = {fingerprint(file)}
    for tensor in file.tensors:
        values = tensor.read().copy()
        values.reshape(-1).view(np.uint8)[-1] ^= 1
        hashes.add(fingerprint(change(file, tensor, values)))
    history = file.metadata["history"]
    for key in ("loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate"):
        later = [*history[:-1], history[-1] | {key: np.nextafter(history[-1][key], 9).item()}]
        hashes.add(fingerprint(replace(file, metadata=file.metadata | {"history": later})))
    for key in ("step", "epoch", "batch", "waited"):
        hashes.add(fingerprint(replace(file, position=file.position | {key: file.position[key] + 1})))
    assert {tensor.kind for tensor in file.tensors} == {"parameter", "state", "optimizer"}
    assert any(tensor.name.startswith("average.") for tensor in file.tensors)
    assert len(hashes) == 1 + len(file.tensors) + 5 + 4


def test_the_order_of_tensors_and_the_order_of_bytes_in_memory_do_not_count(training) -> None:
    file = to_weights(training)
    swapped = [replace(t, read=lambda t=t: t.read().astype(t.read().dtype.newbyteorder(">"))) for t in file.tensors]
    assert fingerprint(replace(file, tensors=tuple(reversed(swapped)))) == fingerprint(file)


def test_the_lines_are_those_of_the_documented_text() -> None:
    values = np.array([[1.5, -0.0]], np.float32)
    history = [{"loss": 0.1, "seconds": 3.0, "epoch": 1}]
    position = {"seconds": 2.0, "finished": True, "step": 7, "history": history}
    file = WeightFile((Tensor.of("0.weight", values),), metadata={"history": history}, position=position)
    digest = hashlib.sha256(struct.pack("<2f", 1.5, -0.0)).hexdigest()
    lines = [
        f"parameter 0.weight float32 (1, 2) {digest}",
        'history {"epoch":1,"loss":0.1}',
        'position {"history":[{"epoch":1,"loss":0.1}],"step":7}',
    ]
    assert list(fingerprint_lines(file)) == lines
    assert fingerprint(file) == hashlib.sha256("".join(line + "\n" for line in lines).encode()).hexdigest()
