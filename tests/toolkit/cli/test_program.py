"""The frame: help, version, exit statuses, defects, start-up; the last ones as a user starts the program."""

import json
import os
import shutil
import subprocess
import sys

import pytest

import cnnkit.recipes
from cnnkit.cli.app import run
from cnnkit.cli.commands import GROUPS, SUMMARIES, load_command

COMMANDS = sorted({*SUMMARIES} - GROUPS)


@pytest.mark.parametrize(
    "command",
    [
        *((c,) for c in COMMANDS),
        ("data", "list"),
        ("data", "fetch"),
        ("data", "show"),
        ("exercise", "list"),
        ("exercise", "start"),
        ("exercise", "check"),
    ],
)
def test_every_help_has_an_example(cnnkit, command):
    result = cnnkit(*command, "--help")
    assert result.status == 0
    assert f"Example: cnnkit {' '.join(command)}" in result.out
    for option in ("--json", "--quiet", "--verbose"):
        assert option in result.out


def test_the_help_names_every_command(cnnkit):
    text = cnnkit("-h").out
    assert all(f" {command} " in text for command in (*COMMANDS, *GROUPS))


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_help_says_of_a_command_what_it_says_itself(name):
    paragraphs = (load_command(name).help or "").split("\n\n")
    assert " ".join(paragraphs[0].split()) == SUMMARIES[name]


def test_version(cnnkit):
    result = cnnkit("--version")
    assert result.status == 0
    assert result.out.startswith("cnnkit 0.")


def test_unknown_commands_are_refused(refused):
    assert "nope" in refused("nope")
    assert "did you mean `cnnkit train`?" in refused("trian")


def test_a_command_loads_no_other():
    code = "import sys; from cnnkit.cli.app import run; run(['recipes', '--json']); print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded_names = {name.rpartition(".")[2] for name in result.stdout.splitlines()[-1].split() if "cnnkit.cli." in name}
    assert loaded_names & {*COMMANDS, *GROUPS} == {"recipes"}


def fail_with(monkeypatch, error):
    def fail():
        raise error

    monkeypatch.setattr(cnnkit.recipes, "names", fail)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyError("x"), 2, "a defect of cnnkit, please report it: KeyError"),
        (MemoryError(), 2, "--batch-size"),
        (OSError(28, "No space left on device", "weights.h5"), 2, "weights.h5: No space left on device"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_whatever_happens_is_told_in_one_line(monkeypatch, capsys, error, status, said):
    fail_with(monkeypatch, error)
    assert run(["recipes"]) == status
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") <= 1
    assert "Traceback" not in told


def test_verbose_shows_where_a_defect_is(monkeypatch):
    fail_with(monkeypatch, KeyError("x"))
    with pytest.raises(KeyError):
        run(["recipes", "-v"])
    assert run(["recipes"]) == 2, "what -v asked for ends with its run"


def test_quiet_ends_with_its_run(cnnkit):
    assert cnnkit("-q", "recipes").err == ""
    assert cnnkit("recipes").err != ""


def start(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "cnnkit.cli", *map(str, arguments)],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
        **options,
    )


def test_help_loads_neither_numpy_nor_a_backend():
    code = "import sys; from cnnkit.cli.app import run; run(['--help']); print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = result.stdout.splitlines()[-1].split()
    assert "typer" in loaded
    assert not set(loaded) & {"numpy", "torch", "cupy", "h5py", "PIL", "matplotlib", "pooch"}


def test_a_real_run_evaluates(trained):
    result = start("evaluate", trained, "--limit", 20)
    assert result.returncode == 0
    assert result.stderr == ""
    assert "accuracy" in result.stdout
    assert "\x1b" not in result.stdout


def test_a_real_refusal(folder):
    result = start("evaluate", "nope.h5")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == "error: nope.h5: no such file: `cnnkit train` makes weights.h5 in the current folder\n"
    assert not list(folder.iterdir())


def test_a_terminal_without_unicode_gets_plain_characters():
    result = start("data", "show", "digits", env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert result.returncode == 0, result.stderr
    assert "##" in result.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such file name")
def test_a_terminal_without_unicode_gets_names_that_it_can_show(trained):
    name = os.fsdecode("größe-重み-\U0001f600-".encode() + b"\xff.h5")
    shutil.copy(trained, name)
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    result = start("inspect", name, "--json", env=environment)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.isascii()
    assert json.loads(result.stdout)["file"] == "größe-重み-\U0001f600-\\xff.h5"


@pytest.mark.skipif(os.name == "nt", reason="Windows tells of a closed pipe in another way")
def test_a_reader_that_has_seen_enough():
    command = [sys.executable, "-m", "cnnkit.cli", "data", "show", "digits", "--json", *["--index=1"] * 300]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.readline()
        program.stdout.close()
        errors = program.stderr.read()
    assert errors == ""
    assert program.returncode == 141


WITH_JSON = (
    ("recipes",), ("formats",), ("backends",), ("data", "list"), ("data", "show", "digits"), ("summary", "FILE"),
    ("inspect", "FILE"), ("show", "FILE", "0", "--values"), ("diff", "FILE", "FILE"), ("evaluate", "FILE"),
    ("predict", "FILE"), ("gradcheck", "--model", "NET"), ("inspect", "nope.h5"),
    ("parity", "--backend", "numpy", "--filter", "exp", "--quick"),
)  # fmt: skip
TEXT_ALONE = (
    ("--help",), ("train", "--help"), ("--version",), ("export", "FILE", "-f", "txt", "-o", "-"),
    ("evaluate", "FILE", "--format", "csv"),
)  # fmt: skip


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("command", "form"), [*((c, ("--json",)) for c in WITH_JSON), *((c, ()) for c in (*WITH_JSON, *TEXT_ALONE))]
)
def test_a_full_disk_is_one_line_and_status_2(monkeypatch, capsys, trained, net_toml, command, form):
    places = {"FILE": str(trained), "NET": str(net_toml)}
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        status = run([*(places.get(word, word) for word in command), "-q", *form])
    assert status == 2
    told = capsys.readouterr().err
    if "nope.h5" in command:
        assert told.startswith("error: nope.h5: no such file")
    else:
        assert told == "error: standard output: No space left on device: make room, or write to another place\n"
    assert told.count("\n") == 1


def test_closed_streams_do_not_stop_the_work(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert run(["recipes", "-q"]) == 0
    monkeypatch.setattr(sys, "stderr", None)
    assert run(["inspect", "nope.h5"]) == 2
