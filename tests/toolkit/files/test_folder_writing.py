"""A folder of files appears whole or not at all."""

import os

import pytest

from cnnkit.files.writing import folder as writing
from cnnkit.files.writing.folder import write_whole_folder


def fill(folder):
    (folder / "a").write_text("1")
    (folder / "b").write_text("2")


def test_a_new_folder_has_the_rights_of_any(tmp_path):
    write_whole_folder(tmp_path / "out", fill)
    assert sorted(os.listdir(tmp_path / "out")) == ["a", "b"]
    (tmp_path / "other").mkdir()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "other").stat().st_mode
    assert sorted(os.listdir(tmp_path)) == ["other", "out"]


def test_an_empty_folder_is_replaced_and_no_other(tmp_path):
    (tmp_path / "out").mkdir()
    write_whole_folder(tmp_path / "out", fill)
    for target in ("out", "out/a", "link"):
        if target == "link":
            (tmp_path / "link").symlink_to(tmp_path / "nowhere")
        with pytest.raises(FileExistsError, match="already exists") as caught:
            write_whole_folder(tmp_path / target, fill)
        assert caught.value.filename == str(tmp_path / target)
    assert (tmp_path / "out" / "a").read_text() == "1"


@pytest.mark.parametrize("step", ["fill", "check", "flush", "flush the folder above", "rename"])
def test_a_failure_leaves_nothing(tmp_path, monkeypatch, step):
    def fail(*_):
        raise OSError(28, "No space left on device")

    def flush(path):
        if step == "flush" or path == tmp_path:
            fail()

    if step.startswith("flush"):
        monkeypatch.setattr(writing, "flush", flush)
    if step == "rename":
        monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(OSError, match="No space left") as caught:
        write_whole_folder(tmp_path / "out", fail if step == "fill" else fill, fail if step == "check" else None)
    assert caught.value.filename == str(tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_an_interrupted_call_is_made_again(tmp_path):
    attempts = []

    def interrupted(folder):
        attempts.append(folder)
        if len(attempts) < 3:
            raise InterruptedError
        fill(folder)

    write_whole_folder(tmp_path / "out", interrupted)
    assert len({*attempts}) == 3
    assert sorted(os.listdir(tmp_path)) == ["out"]


def test_the_folder_above_must_be_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="its folder does not exist"):
        write_whole_folder(tmp_path / "none" / "out", fill)
