"""The hostile corpus: every case has a name of its own and can be written; what watches commands sees what it must."""

import os
import shutil
import sys

import pytest
from hostile.case import DOORS
from hostile.corpus import load_cases
from torture.audit import is_our_worker, judge
from torture.lines import choose_lines, list_lines
from torture.places import Places
from torture.system_trace import judge_call

CASES = load_cases()
WORKER = [sys.executable, "-P", "-W", "ignore", "-m", "cnnkit.files.hdf5.worker"]


def test_there_are_many_cases_each_with_a_name_and_a_reason() -> None:
    names = [case.name for case in CASES]
    assert len(names) >= 400
    assert len({name.lower() for name in names}) == len(names)
    assert {case.door for case in CASES} == set(DOORS)
    for case in CASES:
        assert case.about
        assert os.path.basename(case.name) == case.name
        assert case.statuses
        assert set(case.statuses) <= {0, 1, 2}


# Of what takes long to write, an eighth: `make torture` writes all.
LARGE = (
    "many",
    "bomb",
    "packed",
    "links",
    "aliases",
    "members",
    "longer_chunk",
    "zeros",
    "gzip",
    "columns",
    "attribut",
)


def test_each_case_can_be_written_and_is_no_other(tmp_path) -> None:
    large = [case for case in CASES if any(word in case.name for word in LARGE)]
    assert len(large) < len(CASES) / 5
    left_out = {case.name for number, case in enumerate(large) if number % 8}
    for case in CASES:
        if case.name in left_out:
            continue
        folder = tmp_path / "here"
        folder.mkdir()
        case.write(folder / case.name)
        assert os.path.lexists(folder / case.name), case.name
        shutil.rmtree(folder)


def test_a_sample_has_every_command_line() -> None:
    lines = list_lines(CASES)
    words = {line.words for line in lines}
    assert len(words) > 20
    chosen = choose_lines(lines, 90, 0)
    assert len(chosen) == 90
    assert {line.words for line in chosen} == words
    assert len({line.case.name for line in chosen}) > 60
    assert choose_lines(lines, 90, 0) == chosen != choose_lines(lines, 90, 1)


@pytest.fixture
def places(tmp_path, monkeypatch) -> Places:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "file").write_text("x")
    (tmp_path / "in" / "secret").write_text("x")
    (tmp_path / "out" / "link").symlink_to(tmp_path / "in" / "secret")
    monkeypatch.chdir(tmp_path)
    return Places(("in/file",), ("out",))


BAD = {
    "secret": ("open", ("in/secret", "r", 0), "x"),
    "system's secret": ("open", ("/etc/passwd", "rb", 0), "x"),
    "link to a secret": ("open", ("out/link", "rb", 0), "x"),
    "writes the file": ("open", ("in/file", "w", 0), "x"),
    "writes a library": ("open", (f"{sys.prefix}/x.py", "a", 0), "x"),
    "descriptor for writing": ("open", ("in/file", None, os.O_RDWR), "x"),
    "removes": ("os.remove", ("in/file", -1), "x"),
    "renames": ("os.rename", ("out/a", "in/file", -1, -1), "x"),
    "eval": ("exec", (compile("1", "<string>", "eval"),), f"{sys.base_prefix}/lib/python3.11/pickle.py"),
    "compile": ("compile", ("1", "<string>"), "in/x.py"),
    "module beside": ("import", ("numpy", "in/numpy.so", [], [], []), "x"),
    "code beside": ("exec", (compile("1", "in/numpy.py", "exec"),), "<frozen importlib._bootstrap>"),
    "marshal": ("marshal.loads", (b"",), f"{sys.base_prefix}/lib/python3.11/pickle.py"),
    "system": ("os.system", ("true",), "x"),
    "unpickled": ("pickle.find_class", ("os", "system"), "x"),
    "socket": ("socket.connect", (None, ("127.0.0.1", 9)), "x"),
    "library": ("ctypes.dlopen", ("in/payload.so",), "x"),
    "process": ("subprocess.Popen", ("/bin/sh", ["sh", "-c", "true"], None, None), "x"),
    "another module": ("subprocess.Popen", (None, [*WORKER[:-1], "http.server"], None, None), "x"),
    "lists": ("os.listdir", ("/etc",), "x"),
}


@pytest.mark.parametrize(("event", "arguments", "caller"), BAD.values(), ids=BAD)
def test_the_audit_hook_sees(places, event, arguments, caller) -> None:
    assert judge(event, arguments, caller, places)


def test_the_audit_hook_lets_pass_what_a_command_does(places) -> None:
    for event, arguments in (
        ("open", ("in/file", "rb", 0)),
        ("open", (f"{sys.prefix}/pyvenv.cfg", "r", 0)),
        ("open", ("out/new.h5", "wb", 0)),
        ("open", (3, "rb", 0)),
        ("os.listdir", ("in",)),
        ("os.rename", ("out/a", "out/b", -1, -1)),
        ("import", ("json", None, [], [], [])),
        ("subprocess.Popen", (None, WORKER, None, None)),
    ):
        assert judge(event, arguments, "x", places) is None, event


def test_the_worker_starts_without_modules_of_the_current_folder() -> None:
    assert is_our_worker(None, WORKER)
    assert not is_our_worker(None, [word for word in WORKER if word != "-P"])
    assert not is_our_worker("/bin/sh", WORKER)


def test_the_trace_of_system_calls_sees(places) -> None:
    for call in (
        'openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3',
        'openat(AT_FDCWD, "in/secret", O_RDONLY) = -1 ENOENT (No such file or directory)',
        'openat(AT_FDCWD, "in/file", O_RDWR) = 3',
        "socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3",
        'execve("/bin/sh", ["sh", "-c", "true"], 0x7ffd /* 3 vars */) = 0',
        'unlink("in/file") = 0',
        'rename("out/a", "in/file") = 0',
    ):
        assert judge_call(f"12 {call}", places), call
    for call in (
        'openat(AT_FDCWD, "in/file", O_RDONLY|O_CLOEXEC) = 3',
        'openat(AT_FDCWD, "out/new", O_RDWR|O_CREAT|O_EXCL, 0666) = 3',
        'newfstatat(AT_FDCWD, "in/secret", 0x7ffe, 0) = 0',
        'unlink("out/new") = 0',
        "exit_group(0) = ?",
    ):
        assert judge_call(f"12 {call}", places) is None, call
    words = ", ".join(f'"{word}"' for word in WORKER)
    assert judge_call(f'12 execve("{sys.executable}", [{words}], 0x7f /* 9 vars */) = 0', places) is None
