# ruff: noqa: ARG002, ARG005 (formats of others need not look at every argument)
"""Recognising, choosing, reading and writing; and formats of others that do not work."""

import os
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from typing import ClassVar

import pytest

from cnnkit import exporters, plugins
from cnnkit.errors import ExportError, WeightFileError
from cnnkit.exporters import Broken, Format, WeightFile, broken, choose, formats, read, registry, write


class Shout(Format):
    """A format of somebody else: text in capitals."""

    name = "shout"
    suffixes = (".shout", ".h5.shout")
    writes = reads = True
    options: ClassVar = {"volume": "a number"}

    def recognises(self, path, head):
        return head.startswith(b"SHOUT")

    def read(self, path):
        return {}["shape"]

    def write(self, weights, path, **options):
        path.write_text("SHOUT" + "!" * options.get("volume", 1))

    def check(self, weights, path):
        if path.read_text().endswith("!!!"):
            raise ExportError("too loud")


class WriteOnly(Shout):
    name = "write-only"
    suffixes = (".out",)
    reads = False

    def recognises(self, path, head):
        if head.startswith(b"OUT"):
            return True
        raise RuntimeError("cannot say")

    read = Format.read


class NotAFormat:
    pass


class Misnamed(Shout):
    name = "else"


class Raising(Shout):
    def __init__(self):
        raise RuntimeError("no\nlicence \x1b[31m")


OURS = {
    "hdf5": "cnnkit.exporters.hdf5.format:Hdf5Format",
    "gguf": "cnnkit.exporters.gguf.format:GgufFormat",
}


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """Replace what is installed by our two formats, and return a function that adds one more."""
    entries = [EntryPoint(name, value, registry.GROUP) for name, value in OURS.items()]
    monkeypatch.setattr(plugins, "_installed", lambda path: EntryPoints(entries))

    def add(name, cls):
        monkeypatch.setattr(exporters, cls.__name__, cls, raising=False)
        entries.insert(0, EntryPoint(name, f"cnnkit.exporters:{cls.__name__}", registry.GROUP))

    return add


def test_ours_are_there_and_work():
    assert list(formats()) == ["gguf", "hdf5"]
    assert broken() == ()
    assert all(form.description and form.suffixes for form in formats().values())


def test_ours_are_registered_in_pyproject(monkeypatch):
    monkeypatch.undo()
    assert OURS.items() <= {(entry.name, entry.value) for entry in plugins.points(registry.GROUP)}


def test_a_format_of_others_is_found_by_content_and_chosen_by_suffix(installed, tmp_path):
    installed("shout", Shout)
    assert choose("a.H5.Shout").name == "shout"
    write(WeightFile(()), tmp_path / "a.shout", volume=2)
    assert (tmp_path / "a.shout").read_text() == "SHOUT!!"
    with pytest.raises(WeightFileError, match=r"a\.shout: cannot be read as shout: KeyError: 'shape'") as caught:
        read(tmp_path / "a.shout")
    assert caught.value.format == "shout"


def test_broken_formats_of_others_are_listed_and_ours_go_on(installed, monkeypatch, weights, tmp_path):
    installed("nothing", NotAFormat)
    installed("misnamed", Misnamed)
    installed("raising", Raising)
    more = [
        EntryPoint("missing", "no_such_module:Format", registry.GROUP),
        EntryPoint("hdf5", "another.package:Hdf5", registry.GROUP),
    ]
    entries = EntryPoints([*more, *plugins.points(registry.GROUP)])
    monkeypatch.setattr(plugins, "_installed", lambda path: entries)
    assert set(broken()) == {
        Broken("nothing", "cnnkit.exporters:NotAFormat", "not a cnnkit.exporters.Format"),
        Broken("misnamed", "cnnkit.exporters:Misnamed", "registered as misnamed, calls itself else"),
        Broken("raising", "cnnkit.exporters:Raising", "no"),
        Broken("missing", "no_such_module:Format", "No module named 'no_such_module'"),
        Broken("hdf5", "another.package:Hdf5", "the name is taken"),
    }
    write(weights, tmp_path / "a.h5")
    assert read(tmp_path / "a.h5").format == "hdf5"


def test_a_recogniser_that_fails_does_not_stop_the_next(installed, weights, tmp_path):
    installed("write-only", WriteOnly)
    write(weights, tmp_path / "a.h5")
    assert read(tmp_path / "a.h5").format == "hdf5"
    (tmp_path / "out").write_text("OUT")
    with pytest.raises(WeightFileError, match="write-only files can be written, not read"):
        read(tmp_path / "out")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(WeightFileError, match="plain text, begins with hello"):
        read(tmp_path / "text")


def test_what_a_format_does_by_default(weights, tmp_path):
    form = formats()["gguf"]
    assert form.losses(weights) == ()
    with pytest.raises(ExportError, match="gguf files can be read, not written"):
        form.write(weights, tmp_path / "a.json")
    Format.check(WriteOnly(), weights, tmp_path / "none")  # nothing to compare with: it cannot be read


@pytest.mark.parametrize("name", ["weights.h5", "weights.txt", "weights"])
def test_the_name_of_a_file_does_not_matter_for_reading(weights, contents, tmp_path, name):
    write(weights, tmp_path / name, format="hdf5")
    back = read(tmp_path / name)
    assert contents(back) == contents(weights)
    assert (back.file, back.format, back.edited) == (str(tmp_path / name), "hdf5", ())


def files_that_cannot_be_read(folder):
    (folder / "empty").touch()
    (folder / "lfs").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (folder / "text").write_text("hello\n")
    (folder / "bytes").write_bytes(b"\x9f\x01\xfe")
    (folder / "user").mkdir()
    os.mkfifo(folder / "pipe")
    return folder


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("none", "none: no such file", "cnnkit train"),
        ("user", "user: a folder, not a file", None),
        ("pipe", "pipe: not a file", None),
        ("empty", "empty: empty file", "download it again"),
        ("lfs", "lfs: a Git LFS pointer, not the file itself", "git lfs pull"),
        ("bytes", "bytes: unknown content, begins with 9f 01 fe", "cnnkit reads gguf, hdf5"),
        ("text/a", "text/a: cannot be opened: Not a directory", None),
        ("a\0b", r"a\\x00b: cannot be opened: embedded null byte", None),
    ],
)
def test_what_cannot_be_read_is_one_line_with_its_parts(tmp_path, name, message, hint):
    with pytest.raises(WeightFileError, match=message) as caught:
        read(files_that_cannot_be_read(tmp_path) / name)
    assert (caught.value.kind, caught.value.file) == ("unreadable", str(tmp_path / name))
    assert hint is None or hint in caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.xyz", {}, r"a\.xyz: no format has this suffix: name one of hdf5"),
        ("a.h5", {"format": "xyz"}, "format xyz is not known: choose one of hdf5"),
        ("a.json", {"format": "gguf"}, "format gguf can only be read: choose one of hdf5"),
        ("a.h5", {"precision": 3}, "format hdf5 has no option precision: it has compression"),
        ("old.h5", {}, r"old\.h5: already exists: choose another name or --overwrite"),
        ("none/a.h5", {}, r"a\.h5: cannot be written: its folder does not exist: make it first"),
        ("folder", {"format": "hdf5", "overwrite": True}, "folder: cannot be written: Is a directory"),
    ],
)
def test_what_cannot_be_written(weights, tmp_path, name, options, message):
    (tmp_path / "old.h5").write_text("old")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ExportError, match=message):
        write(weights, tmp_path / name, **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "old.h5"]
    assert (tmp_path / "old.h5").read_text() == "old"


def test_overwrite_replaces(weights, contents, tmp_path):
    (tmp_path / "a.h5").write_text("old")
    write(weights, tmp_path / "a.h5", overwrite=True)
    assert contents(read(tmp_path / "a.h5")) == contents(weights)
    write(read(tmp_path / "a.h5"), tmp_path / "a.h5", overwrite=True, compression=3)  # from and to the same file
    assert contents(read(tmp_path / "a.h5")) == contents(weights)


def test_a_failing_check_keeps_the_old_file(installed, tmp_path):
    installed("shout", Shout)
    (tmp_path / "a.shout").write_text("old")
    with pytest.raises(ExportError, match="too loud"):
        write(WeightFile(()), tmp_path / "a.shout", overwrite=True, volume=3)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.shout", "old")]


def test_a_writer_that_changes_a_value_is_caught(weights, tmp_path, monkeypatch):
    from cnnkit.exporters.hdf5 import format as hdf5

    real = hdf5.write_hdf5
    wrong = WeightFile((*weights.tensors[1:], exporters.Tensor.of("0.weight", weights["0.weight"].read() * 2)))
    for other in (wrong, WeightFile(weights.tensors[1:])):
        monkeypatch.setattr(hdf5, "write_hdf5", lambda _, path, level, other=other: real(other, path, level))
        with pytest.raises(ExportError, match=r"parameter 0\.weight: what was written reads back differently"):
            write(weights, tmp_path / "a.h5")
        assert list(tmp_path.iterdir()) == []


def test_the_room_is_light_to_import():
    code = "import sys; from cnnkit import exporters as e; e.formats(); print({'h5py', 'torch'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"
