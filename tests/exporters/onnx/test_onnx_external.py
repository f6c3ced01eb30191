"""ONNX models whose values lie in other files: listed without --external, read with it, from the same folder alone."""

import numpy as np
import pytest

from cnnkit.exporters import read
from cnnkit.exporters.onnx.wire_writer import Message

VALUES = np.arange(6, dtype="<f4")


def entry(key, value):
    return Message().content(1, key).content(2, value)


def outside(name, dims, **about):
    message = Message()
    for extent in dims:
        message.number(1, extent)
    message.number(2, 1).content(8, name)
    for key, value in about.items():
        message.message(13, entry(key, str(value)))
    return message.number(14, 1)


@pytest.fixture
def save(tmp_path):
    def save(*tensors):
        graph = Message().message(1, Message().content(1, "x").content(1, "w").content(2, "y").content(4, "MatMul"))
        for tensor in tensors:
            graph.message(5, tensor)
        folder = tmp_path / "net"
        folder.mkdir()
        (folder / "net.onnx.data").write_bytes(b"head" + VALUES.tobytes())
        (tmp_path / "secret").write_bytes(VALUES.tobytes())
        with (folder / "net.onnx").open("wb") as stream:
            Message().number(1, 8).message(7, graph).write(stream)
        return folder / "net.onnx"

    return save


def test_values_beside_the_model_are_read_when_asked_for(save):
    path = save(
        outside("w", [3, 2], location="net.onnx.data", offset=4, length=24),
        outside("rest", [2], location="net.onnx.data", offset=20),  # the length is optional
        outside("none", [0, 2], location="net.onnx.data", offset=28, length=0),
    )
    listed = read(path)
    assert len(listed) == 0
    assert {(item.what, item.reason) for item in listed.not_read} == {
        (what, "its values lie in net.onnx.data: --external reads them")
        for what in ("w (3, 2)", "rest (2,)", "none (0, 2)")
    }
    weights = read(path, external=True)
    assert weights.not_read == ()
    assert weights["w"].read().tolist() == VALUES.reshape(3, 2).tolist()
    assert (weights["w"].role, weights["w"].axes) == ("weight", ("in", "out"))
    assert weights["rest"].read().tolist() == [4, 5]
    assert weights["none"].read().shape == (0, 2)
    assert np.concatenate(list(weights["w"].stream())).tolist() == VALUES.tolist()


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"location": "../secret", "length": 24}, "../secret is not a path inside the folder: not opened"),
        ({"location": "none.data"}, "none.data is missing: put it into the same folder"),
        ({"location": "net.onnx.data", "offset": 8}, "net.onnx.data ends at byte 28, its values at 32"),
        ({"location": "net.onnx.data", "length": 20}, "20 bytes of net.onnx.data, where its shape takes 24"),
        ({"location": "net.onnx.data", "offset": 1 << 63}, "net.onnx.data ends at byte 28"),
        ({"offset": 0}, "a file without a name is not a path inside the folder"),
    ],
)
def test_what_does_not_fit_is_listed_with_the_reason(save, about, reason):
    weights = read(save(outside("w", [6], **about)), external=True)
    assert len(weights) == 0
    assert weights.not_read[0].what == "w (6,)"
    assert weights.not_read[0].reason.startswith(reason)


@pytest.mark.parametrize("text", ["-1", "1e3", "9" * 30, "٣", ""])
def test_an_offset_is_a_whole_number(save, text):
    from cnnkit.errors import WeightFileError

    with pytest.raises(WeightFileError, match=r"offset .* of external data"):
        read(save(outside("w", [6], location="net.onnx.data", offset=text)))


def test_a_file_that_changes_after_it_was_listed_is_not_trusted(save):
    from cnnkit.errors import WeightFileError

    path = save(outside("w", [6], location="net.onnx.data", offset=4))
    weights = read(path, external=True)
    path.with_name("net.onnx.data").write_bytes(bytes(99))
    with pytest.raises(WeightFileError, match="changed since it was listed"):
        weights["w"].read()
