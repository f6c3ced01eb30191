"""A file that is read later is the one that was listed, or the error says that it is not."""

import os
import struct

import pytest

from cnnkit.files.stored_file import StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(100))
    return path


def test_a_file_that_is_cut_while_it_is_read_explains_every_error(path):
    with (  # noqa: PT012 (the block is what is tested)
        pytest.raises(UnsafeFileError, match="changed since it was listed"),
        StoredFile(path).open() as stream,
    ):
        os.truncate(path, 2)
        stream.seek(50)
        struct.unpack("<I", stream.read(4))


def test_an_error_about_a_file_that_stayed_is_itself(path):
    with pytest.raises(struct.error), StoredFile(path).open() as stream:
        struct.unpack("<I", stream.read(2))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_that_replaces_the_file_is_not_waited_for(path):
    stored = StoredFile(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UnsafeFileError, match="not a file"):
        stored.read(0, 10)
