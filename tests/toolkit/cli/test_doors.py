"""Every option and argument that takes a path is a door: listed with its command lines, and tried."""

import os
import re
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile.corpus import load_cases
from hostile.doors import DOORS, NAMES, WRITE, WRITE_INTO, Door, find_text_parameters

_CASES = load_cases()
_LARGEST = 1_000_000  # bytes of a case that is tried here; the torture tries all
_SAMPLED = 3  # cases of a door
_WRITE = [door for door in DOORS if door.kind in (WRITE, WRITE_INTO)]
_READ = [door for door in DOORS if door not in _WRITE]


@pytest.fixture(scope="module", name="good")
def _good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import cnnkit

    path = tmp_path_factory.mktemp("good") / "good.h5"
    cnnkit.Model(*cnnkit.recipes.get("bright-dark").network(), class_names=("dark", "bright")).save(path)
    return path


@pytest.fixture(autouse=True)
def _limit_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """End a test that hangs; a pipe that a text is read from may be silent for less than usual."""
    monkeypatch.setattr("cnnkit.files.bounded_text._PATIENCE", 0.1)

    def stop(*_: Any) -> None:
        raise TimeoutError("the command hangs")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_every_option_that_takes_a_path_is_a_door():
    names = {(command, option) for command, options in NAMES.items() for option in options.split()}
    doors = {(door.command, door.option) for door in DOORS}
    assert not names & doors
    assert find_text_parameters() == names | doors


def test_every_door_has_hostile_cases():
    assert len({case.name for case in _CASES}) == len(_CASES)
    for kind in ("data", "image"):
        assert sum(case.door == kind for case in _CASES) >= 60


def test_a_door_that_is_not_listed_would_be_noticed(monkeypatch):
    monkeypatch.setattr("hostile.doors.SUMMARIES", {"predict": ""})
    assert ("predict", "--image") in find_text_parameters()
    assert {command for command, _ in find_text_parameters()} == {"predict"}


def _show(door: Door) -> str:
    return f"{door.command} {door.option} {door.kind}"


@pytest.mark.parametrize("door", _READ, ids=_show)
def test_hostile_files_are_refused_in_one_line(cnnkit, folder, good, door):
    fitting = [case for case in _CASES if case.door == door.kind and 2 in case.statuses]
    fitting = [case for case in fitting if not door.suffixes or case.name.endswith(door.suffixes)]
    step = max(1, len(fitting) // _SAMPLED)
    start = _READ.index(door) % step  # other cases for each door
    for case in fitting[start::step][:_SAMPLED]:
        path = folder / case.name
        case.write(path)
        if path.is_file() and path.stat().st_size > _LARGEST:
            continue
        result = cnnkit(*door.fill(path, good, folder / "out"))
        assert result.status in (0, 1, 2), (case.name, result)  # the torture compares the first command's status
        assert result.status != 2 or re.search("^error: .*\n\\Z", result.err, re.M), (case.name, result.err)
        assert "defect" not in result.err, (case.name, result.err)


def _make_pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


_BAD_INPUTS = {
    "nothing": lambda folder: folder / "missing",
    "below a file": lambda folder: _make_file(folder / "file.h5") / "inside.h5",
    "pipe": lambda folder: _make_pipe(folder / "pipe.h5"),
    "zero": lambda _: Path("/dev/zero"),
    "null": lambda _: Path("/dev/null"),
    "folder": lambda folder: folder,
    "circle": lambda folder: _make_link(folder / "circle.h5", "circle.h5"),
    "long": lambda folder: folder / ("x" * 300),
    "escape": lambda folder: folder / "\x1b[2J\u202e\n.h5",
}


def _make_file(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def _make_link(path: Path, target: str) -> Path:
    path.symlink_to(target)
    return path


@pytest.mark.parametrize("kind", _BAD_INPUTS)
@pytest.mark.parametrize("door", _READ, ids=_show)
def test_what_is_no_file_is_refused_and_never_waited_for(cnnkit, folder, good, door, kind):
    path = _BAD_INPUTS[kind](folder)
    if door.command in ("train", "export") and door.option == "--out" and kind in ("nothing", "escape"):
        pytest.skip("a new file may be written there")
    result = cnnkit(*door.fill(path, good, folder / "out"))
    assert result.status == 2, result
    assert re.search("^error: .*\n\\Z", result.err, re.M), result.err
    assert "defect" not in result.err
    assert not {"\x1b[2J", "\u202e"} & set(re.findall("\x1b\\[2J|\u202e", result.err))


_BAD_TARGETS = ("folder", "full", "null", "pipe", "no folder", "below a file", "read-only", "input")


@pytest.mark.parametrize("kind", _BAD_TARGETS)
@pytest.mark.parametrize("door", _WRITE, ids=_show)
def test_nothing_is_written_where_it_must_not_be(cnnkit, folder, good, door, kind, monkeypatch):
    """Devices are reached by links, since most doors ask for a suffix first."""
    if kind == "input" and "{weights}" not in door.arguments:
        pytest.skip("it has no input")
    suffix = door.suffixes[0] if door.suffixes else ""
    path = folder / f"target{suffix}"
    if kind == "folder" and door.kind == WRITE_INTO:
        path.touch()  # a file where a folder must be
    elif kind == "folder":
        path.mkdir()
    elif kind in ("full", "null"):
        path.symlink_to(f"/dev/{kind}")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "no folder":
        path = folder / "missing" / path.name
    elif kind == "below a file":
        path = _make_file(folder / "file") / path.name
    elif kind == "read-only":
        _deny_creation(monkeypatch, path.parent)
    elif kind == "input":
        path = good.with_name(f"linked{suffix}")
        path.unlink(missing_ok=True)
        path.symlink_to(good)
    weights, before = good.read_bytes(), sorted(os.listdir(folder))
    mode = path.lstat().st_mode if os.path.lexists(path) else None
    result = cnnkit(*door.fill(path, good, folder / "out"))
    if kind != "input":
        assert result.status == 2, result
        assert re.search("^error: .*\n\\Z", result.err, re.M), result.err
        left = sorted(set(os.listdir(folder)) - set(before) - {"out.h5"})
        assert left == [], "something was left behind"
    assert good.read_bytes() == weights, "the input was written over"
    assert "defect" not in result.err
    if mode is not None and kind != "input":
        assert stat.S_IFMT(path.lstat().st_mode) == stat.S_IFMT(mode), "the target was replaced"


def _deny_creation(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make a folder read-only for this process, which may be root."""
    open_file, make_folder = os.open, os.mkdir

    def refuse(path: Any) -> None:
        if Path(os.path.abspath(os.fspath(path))).parent == folder:
            raise PermissionError(13, "Permission denied", os.fspath(path))

    def refuse_file(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        if flags & os.O_CREAT:
            refuse(path)
        return open_file(path, flags, *rest, **options)

    def refuse_folder(path: Any, *rest: Any, **options: Any) -> None:
        refuse(path)
        make_folder(path, *rest, **options)

    monkeypatch.setattr(os, "open", refuse_file)
    monkeypatch.setattr(os, "mkdir", refuse_folder)


@pytest.mark.parametrize(
    ("command", "option"),
    [(command, option) for command, options in NAMES.items() for option in options.split() if option[0] == "-"],
)
def test_a_name_is_never_opened_as_a_path(cnnkit, folder, good, command, option):
    path = _make_pipe(folder / "pipe")
    start = {"predict": [good], "evaluate": [good], "export": [good, "-o", folder / "o.svg"], "inspect": [good],
             "diff": [good, good], "parity": ["--quick", "--filter", "relu"]}.get(command, [])  # fmt: skip
    result = cnnkit(*command.split(), *start, option, path)
    assert result.status in (1, 2), result
    assert "defect" not in result.err
