"""The help: options in groups, no technical types, 80 columns; what the shell completes."""

import re

import pytest

from cnnkit.cli import completion
from cnnkit.cli.app import app, run
from cnnkit.cli.commands import SUMMARIES

COMMANDS = [*((name,) for name in SUMMARIES), ("data", "list"), ("data", "fetch"), ("data", "show"), ()]


@pytest.mark.parametrize("command", COMMANDS)
def test_options_stand_in_groups(cnnkit, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    result = cnnkit(*command, "--help")
    assert result.status == 0
    assert "─ Options ─" not in result.out, "an option belongs to no group: name it in help_groups.py"
    assert not re.search(r"<(bool|int|float|str)\b", result.out)
    assert max(map(len, result.out.splitlines())) <= 80
    assert "Example: cnnkit" in result.out or "Start with: cnnkit" in result.out
    assert "--version" in result.out


def test_train_has_the_groups_of_a_training(cnnkit):
    panels = re.findall(r"╭─ (\w+)", cnnkit("train", "--help").out)
    assert panels == ["Data", "Network", "Optimisation", "Output", "Machine"]


def complete(monkeypatch, capsys, *words):
    """Return what bash would be offered for the last word."""
    monkeypatch.setenv("_CNNKIT_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", " ".join(("cnnkit", *words)))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    capsys.readouterr()
    with pytest.raises(SystemExit):
        app(args=[], prog_name="cnnkit", standalone_mode=False)
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("ev",), ["evaluate"]),
        (("train", "--recipe", "le"), ["lecture-cnn", "lenet5"]),
        (("train", "--optimizer", "ad"), ["adagrad", "adam", "adamax", "adamw"]),
        (("train", "--loss", "so"), ["softmax_cross_entropy"]),
        (("train", "--schedule", "cos"), ["cosine"]),
        (("train", "--initializer", "he"), ["he", "he_normal", "he_uniform"]),
        (("train", "--backend", "nu"), ["numpy"]),
        (("train", "--dtype", "float3"), ["float32"]),
        (("train", "--data", "mn"), ["mnist"]),
        (("export", "w.h5", "--format", "safe"), ["safetensors"]),
        (("evaluate", "--format", "la"), ["latex"]),
        (("evaluate", "--split", "te"), ["test"]),
        (("data", "fetch", "f"), ["fashion-mnist"]),
        (("train", "--learn"), ["--learning-rate"]),
        (("show", "nope.h5", "0"), []),
    ],
)
def test_values_complete(monkeypatch, capsys, words, offered):
    assert complete(monkeypatch, capsys, *words) == offered


def test_layers_of_the_file_complete(monkeypatch, capsys, trained, folder):
    assert complete(monkeypatch, capsys, "show", str(trained), "0") == ["0", "0.weight", "0.bias"]
    assert complete(monkeypatch, capsys, "inspect", str(trained), "--layer", "5") == ["5", "5.weight", "5.bias"]
    (folder / "damaged.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(50))
    assert complete(monkeypatch, capsys, "show", "damaged.h5", "") == []


def test_a_completion_that_fails_is_silent():
    def fail():
        raise RuntimeError

    assert completion._select(fail, "") == []


def test_every_recipe_completes():
    from cnnkit import recipes

    assert completion.complete_recipe("") == sorted(recipes.names())


def test_completing_names_imports_no_numpy():
    import subprocess
    import sys

    code = (
        "import sys\nfrom cnnkit.cli import completion as c\n"
        "assert c.complete_recipe('') and c.complete_loss('') and c.complete_backend('')\n"
        "assert 'numpy' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_help_is_complete_in_a_narrow_terminal(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "50")
    assert run(["train", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(option in text for option in ("--learning-rate", "--validation-split", "--checkpoint-every"))
