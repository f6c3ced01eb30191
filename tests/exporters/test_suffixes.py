"""A name's suffix and the format that is asked for: they may not say two things."""

import pytest

from cnnkit.errors import ExportError
from cnnkit.exporters import choose


@pytest.mark.parametrize(
    ("name", "path", "wanted"),
    [("keras", "net.keras", ".weights.h5"), ("onnx", "net.txt", ".onnx"), ("npz", "net.json", ".npz")],
)
def test_a_suffix_that_says_another_format_is_refused(name, path, wanted):
    with pytest.raises(ExportError, match=rf"{path}: expected a name in {wanted} for format {name}"):
        choose(path, name)


@pytest.mark.parametrize(("name", "path"), [("keras", "net"), ("hdf5", "net.weights.h5"), ("txt", "net.dump")])
def test_a_suffix_that_says_nothing_else_is_as_you_like(name, path):
    assert choose(path, name).name == name
