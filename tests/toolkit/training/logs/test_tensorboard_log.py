"""Event files: read back by TensorBoard's own reader, and byte by byte with a checksum of this test's own."""

import os
import struct
import sys

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cnnkit.errors import ConfigError
from cnnkit.training.logs import TensorBoardLog


def entry(epoch: int, loss: float = 0.5) -> dict:
    return {"epoch": epoch, "loss": loss / epoch, "accuracy": 1, "validation_loss": None, "seconds": 0.25}


def log(folder, epochs, *, loss=0.5, **options) -> TensorBoardLog:
    opened = TensorBoardLog(folder, **options)
    opened.require_writable()
    for epoch in epochs:
        opened.write(entry(epoch, loss))
    return opened


def read(folder) -> dict[str, list[tuple[int, float]]]:
    """Return what TensorBoard displays of a folder: (step, value) of each series."""
    shown = EventAccumulator(str(folder)).Reload()
    return {tag: [(event.step, event.value) for event in shown.Scalars(tag)] for tag in shown.Tags()["scalars"]}


def checksum(data: bytes) -> int:
    """CRC-32C (Castagnoli), bit by bit, masked as in TFRecord files."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def count_records(content: bytes) -> int:
    count = 0
    while content:
        length, crc = struct.unpack_from("<QI", content)
        assert crc == checksum(content[:8])
        assert struct.unpack_from("<I", content, 12 + length) == (checksum(content[12 : 12 + length]),)
        content, count = content[16 + length :], count + 1
    return count


def test_the_series_of_a_training(tmp_path) -> None:
    opened = log(tmp_path / "run", [1, 2, 3])
    wanted = {"loss": [0.5, 0.25, float(np.float32(0.5 / 3))], "accuracy": [1.0] * 3, "seconds": [0.25] * 3}
    assert read(tmp_path / "run") == {tag: list(enumerate(values, 1)) for tag, values in wanted.items()}
    assert count_records(opened.path.read_bytes()) == 4  # the first tells the format


def test_the_checksum_can_fail() -> None:
    assert checksum(b"123456789") == ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) & 0xFFFFFFFF
    with pytest.raises(AssertionError):
        count_records(struct.pack("<QI", 0, checksum(b"\x01" * 8)) + bytes(4))


@pytest.mark.parametrize("lost", [0, 1, 20])
def test_lost_epochs_are_dropped(tmp_path, lost) -> None:
    """The last record may be cut short too, as by a loss of power."""
    path = log(tmp_path, [1, 2, 3, 4]).path
    os.truncate(path, path.stat().st_size - lost)
    log(tmp_path, [3, 4, 5], loss=9.0, epoch=2)
    assert read(tmp_path)["loss"] == [(1, 0.5), (2, 0.25), (3, 3.0), (4, 2.25), (5, float(np.float32(1.8)))]
    assert count_records(path.read_bytes()) == 6


def test_going_on_twice_and_from_the_first_epoch(tmp_path) -> None:
    log(tmp_path, [1, 2])
    log(tmp_path, [1], epoch=0)
    log(tmp_path, [2], epoch=1)
    log(tmp_path, [], epoch=0)  # nothing is dropped before there is something new
    assert [step for step, _ in read(tmp_path)["loss"]] == [1, 2]


def test_another_training_in_the_same_folder(tmp_path) -> None:
    log(tmp_path, [1, 2], run={"seed": 1})
    for options in ({"run": {"seed": 2}}, {"run": {"seed": 2}, "epoch": 3}, {"run": {"seed": 1}}):
        with pytest.raises(ConfigError, match=r"holds the events of another training, .*: choose another folder"):
            log(tmp_path, [], **options)
    log(tmp_path, [1], run={"seed": 2}, loss=4.0, replace=True)
    assert read(tmp_path)["loss"] == [(1, 4.0)]
    (tmp_path / "events.out.tfevents.1.host").touch()
    with pytest.raises(ConfigError, match=r"tfevents\.1\.host: choose another folder$"):
        log(tmp_path, [], replace=True)


def test_places_that_cannot_be(tmp_path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "none" / "run", tmp_path / "file" / "run", tmp_path / "file"):
        with pytest.raises(OSError, match=str(folder.name)):
            TensorBoardLog(folder).require_writable()


def test_a_file_that_is_damaged(tmp_path) -> None:
    path = log(tmp_path, [1, 2]).path
    content = bytearray(path.read_bytes())
    content[12] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is damaged at byte 0"):
        log(tmp_path, [3], epoch=2)
    assert path.read_bytes() == content


def test_without_tensorboard(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ConfigError, match=r"not installed: type pip install 'cnnkit\[tensorboard\]'$"):
        TensorBoardLog(tmp_path)
