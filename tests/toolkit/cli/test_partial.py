"""Files of which not everything can be read: export and diff say it, and stop unless told to go on."""

import json

import numpy as np
import pytest
import torch

from cnnkit import exporters


def write_safetensors(path, **tensors):
    """Write {name: float32 values, or None for two values of four bits, which no array holds}."""
    header, data = {}, b""
    for name, values in tensors.items():
        raw = b"\x21" if values is None else np.float32(values).tobytes()
        kind, shape = ("F4", [2]) if values is None else ("F32", [len(values)])
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


@pytest.fixture
def partial(folder):
    return write_safetensors(folder / "part.safetensors", small=[1, 2], big=None)


@pytest.mark.parametrize("target", ["out.npz", "out.h5", "out.txt"])
def test_a_file_read_in_part_is_exported_only_on_demand(cnnkit, partial, folder, target):
    refused = cnnkit("export", partial, "-o", target)
    assert refused.status == 1
    assert not (folder / target).exists()
    assert "not read of" in refused.err
    assert "big: element type F4" in refused.err
    assert "nothing was written: --allow-partial writes the 1 readable tensor" in refused.err
    said = cnnkit("export", partial, "-o", target, "--json")
    assert (said.status, said.json["out"], said.json["tensors"]) == (1, None, 1)
    assert "big" in said.json["left_out"][0]
    assert said.json["undefined"].keys() == {"out", "format", "size"}

    written = cnnkit("export", partial, "-o", target, "--allow-partial", "--json", "-q")
    assert written.status == 0
    assert [tensor.name for tensor in exporters.read(folder / target)] == ["small"]
    assert all(line in written.err for line in written.json["left_out"])
    assert "big: element type F4" in written.json["left_out"][0]


def test_standard_output_stays_empty_too(cnnkit, partial):
    assert cnnkit("export", partial, "-f", "txt", "-o", "-")[:2] == (1, "")


def test_a_file_of_which_nothing_was_read_makes_no_empty_file(cnnkit, folder):
    write_safetensors(folder / "none.safetensors", big=None)
    for options in ((), ("--allow-partial",)):
        result = cnnkit("export", "none.safetensors", "-o", "out.npz", *options)
        assert result.status == 1
        assert "nothing was written: no tensor could be read" in result.err
    assert not (folder / "out.npz").exists()


def test_a_file_read_in_part_is_not_called_equal_to_itself(cnnkit, partial):
    result = cnnkit("diff", partial, partial)
    assert result.status == 1
    assert result.out.endswith("1 pair: 1 equal\n")
    assert result.err.count("big: element type F4") == 2
    assert "--allow-partial judges the rest alone" in result.err
    facts = cnnkit("diff", partial, partial, "--json").json
    assert facts["equal"] is False
    assert len(facts["left_out"]) == 2
    going_on = cnnkit("diff", partial, partial, "--allow-partial", "--json")
    assert (going_on.status, going_on.json["equal"], len(going_on.json["left_out"])) == (0, True, 2)


def test_where_nothing_can_be_compared_the_reason_is_said(refused, folder):
    write_safetensors(folder / "none.safetensors", big=None)
    assert "big: element type F4" in refused("diff", "none.safetensors", "none.safetensors")


def test_what_holds_no_weights_stops_nothing(cnnkit, folder):
    checkpoint = {"state_dict": {"a.weight": torch.ones(2, 3)}, "classes": {"a"}}
    torch.save(checkpoint, folder / "net.pt")
    assert exporters.read(folder / "net.pt").not_read
    copied = cnnkit("export", "net.pt", "-o", "copy.npz", "--json")
    assert copied.status == 0
    assert any("value of type set" in line for line in copied.json["left_out"])
    assert cnnkit("diff", "net.pt", "copy.npz").status == 0


def test_everything_said_on_standard_error_is_in_json(cnnkit, trained):
    result = cnnkit("export", trained, "-o", "net.svg", "--json")
    assert [line for line in result.err.splitlines() if line] == result.json["left_out"]
    assert any("a resume needs" in line for line in result.json["left_out"])
