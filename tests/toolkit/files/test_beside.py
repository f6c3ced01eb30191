"""Which files beside a file are opened when it names them, and which never."""

import os

import pytest

from cnnkit.files.beside import open_beside
from cnnkit.files.unsafe_file import UnsafeFileError


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "inside"
    (inside / "deep").mkdir(parents=True)
    for path in (inside / "net.data", inside / "deep" / "net.data", tmp_path / "secret"):
        path.write_bytes(b"123")
    (inside / "link").symlink_to(inside / "net.data")
    (inside / "out").symlink_to(tmp_path / "secret")
    (inside / "up").symlink_to(tmp_path)
    (inside / "circle").symlink_to("circle")
    os.mkfifo(inside / "pipe")
    return inside


@pytest.mark.parametrize("location", ["net.data", "deep/net.data", "./net.data", "link"])
def test_files_inside_are_opened(folder, location):
    assert open_beside(folder / "net.onnx", location).size == 3


def test_the_owner_may_be_named_by_a_relative_path(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert open_beside(folder.relative_to(folder) / "net.onnx", "net.data").size == 3


@pytest.mark.parametrize(
    ("location", "kind", "reason"),
    [
        ("../secret", "refused", "not a path inside the folder"),
        ("deep/../../secret", "refused", "not a path inside the folder"),
        ("deep\\..\\..\\secret", "refused", "not a path inside the folder"),
        ("{root}/secret", "refused", "not a path inside the folder"),
        ("{root}/inside/net.data", "refused", "not a path inside the folder"),
        ("C:\\secret", "refused", "not a path inside the folder"),
        ("\\\\server\\secret", "refused", "not a path inside the folder"),
        ("", "refused", "a file without a name"),
        ("a\0b", "refused", r"a\\x00b is not a path"),
        ("out", "refused", "out is a link out of the folder, not followed: copy the file there"),
        ("up/secret", "refused", "a link out of the folder"),
        ("circle", "unreadable", "circle cannot be opened"),
        ("pipe", "refused", "pipe is not a file"),
        ("deep", "refused", "deep is not a file"),
        (".", "refused", "not a file"),
        ("none", "unreadable", "none is missing: put it into the same folder"),
        ("net.data/x", "unreadable", "net.data/x cannot be opened"),
        ("x" * 5000, "unreadable", "cannot be opened"),
    ],
)
def test_all_others_are_refused_in_one_line(folder, location, kind, reason):
    with pytest.raises(UnsafeFileError, match=reason) as caught:
        open_beside(folder / "net.onnx", location.replace("{root}", str(folder.parent)))
    assert caught.value.kind == kind
    assert "\n" not in str(caught.value)
