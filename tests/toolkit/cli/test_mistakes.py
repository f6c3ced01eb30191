"""Mistakes in a command line get the suggestion that a person expects, in the text and in the hint of the JSON."""

import json
import shlex
from pathlib import Path

import pytest

from cnnkit.cli.hints import find_hint
from cnnkit.cli.mistakes import _read_number
from cnnkit.files.shell import write_command

MISTAKES = [
    (("train", "--lr", 0.1), "did you mean --learning-rate?"),
    (("train", "--optimiser", "adam"), "did you mean --optimizer?"),
    (("train", "--initialiser", "he"), "did you mean --initializer?"),
    (("train", "--batchsize", 3), "did you mean --batch-size?"),
    (("train", "--batch_size", 3), "did you mean --batch-size?"),
    (("train", "--Epochs", 3), "did you mean --epochs?"),
    (("train", "-e", 3), "did you mean --epochs?"),
    (("train", "--momentum", 0.9), "did you mean --optimizer sgd:momentum=0.9?"),
    (("train", "--gpu"), "did you mean --backend cupy?"),
    (("train", "--augmentation", "flip"), "did you mean --augment?"),
    (("train", "--exact=fine"), "did you mean --exact-fine?"),
    (("train", "--resume=weights.h5"), "did you mean --resume alone?"),
    (("train", "--epochs", "three"), "did you mean --epochs 3?"),
    (("train", "--epochs=1e1"), "did you mean --epochs 10?"),
    (("train", "--epochs", "1.5"), "expected a whole number >= 1, got '1.5'"),
    (("train", "--epochs", 0), "expected a whole number >= 1, got '0'"),
    (("show", "weights.h5", "0", "--unit", -1), "expected a whole number >= 0, got '-1'"),
    (("train", "--epochs"), "--epochs: expected"),
    (("train", "--learning-rate", "0,01"), "did you mean --learning-rate 0.01?"),
    (("train", "--loss", "mse"), "did you mean mean_squared_error?"),
    (("train", "--loss", "CrossEntropyLoss"), "did you mean softmax_cross_entropy?"),
    (("train", "--loss", "soft_max_cross_entropy"), "did you mean softmax_cross_entropy?"),
    (("train", "--optimizer", "SGD"), "did you mean sgd?"),
    (("train", "--optimizer", "momentum"), "did you mean sgd:momentum=0.9?"),
    (("train", "--optimizer", "adam:lr=0.1"), "--learning-rate on the command line"),
    (("train", "--optimizer", "adam:beta_1=0.9"), "did you mean beta1=...?"),
    (("train", "--initializer", "xavier"), "did you mean glorot?"),
    (("train", "--schedule", "CosineAnnealingLR"), "did you mean cosine?"),
    (("train", "--backend", "pytorch"), "did you mean torch?"),
    (("train", "--backend", "cuda"), "did you mean cupy?"),
    (("train", "--model", "resnet"), "did you mean --recipe mini-resnet?"),
    (("train", "--recipe", "net.toml"), "did you mean --model net.toml?"),
    (("train", "--recipe", "my net.toml"), "did you mean --model 'my net.toml'?"),
    (("train", "lenet5"), "did you mean `cnnkit train --recipe lenet5`?"),
    (("train", "net.toml"), "did you mean `cnnkit train --model net.toml`?"),
    (("train", "mnist"), "did you mean `cnnkit train --data mnist`?"),
    (("fit",), "did you mean `cnnkit train`?"),
    (("trian",), "did you mean `cnnkit train`?"),
    (("datasets",), "did you mean `cnnkit data list`?"),
    (("data", "ftech", "mnist"), "did you mean `cnnkit data fetch`?"),
    (("inspect", "--weights", "weights.h5"), "as in `cnnkit inspect weights.h5`"),
    (("evaluate", "--split", "tset"), "did you mean test?"),
    (("summary", "lenet5"), "did you mean --recipe lenet5?"),
    (("show", "weights.h5"), "`cnnkit inspect FILE` lists the layers"),
    (("evaluate", "nope.h5"), "`cnnkit train` makes weights.h5"),
]


@pytest.mark.parametrize(("arguments", "said"), MISTAKES)
def test_a_mistake_gets_a_suggestion_in_text_and_hint(cnnkit, refused, arguments, said):
    line = refused(*arguments)
    assert said in line
    assert "register(" not in line
    hint = cnnkit(*arguments, "--json").json["error"]["hint"]
    if "did you mean" in said or said.startswith("`"):
        assert said in hint
    if "train" in arguments and "`" not in said and not said.startswith("expected"):
        assert hint is not None


def test_a_layer_without_weights_is_named_as_such(refused, trained):
    assert "LAYER 1: a ReLU, which has no weights: choose one of 0, 5" in refused("show", trained, "1")
    assert "--layer 3: a Flatten, which has no weights" in refused("inspect", trained, "--layer", "3")
    assert "no layer and no tensor of that name" in refused("show", trained, "9")


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("weights.h5: holds something else (epochs: 3, now 10): --resume continues it", "--resume continues it"),
        (
            "--no-stats: --html needs statistics: leave one of them out",
            "--html needs statistics: leave one of them out",
        ),
        ("optimizer: expected one of sgd, got 'SGD' (did you mean sgd?)", "did you mean sgd?"),
        ("mnist: got neither: type `cnnkit data fetch mnist`", "type `cnnkit data fetch mnist`"),
        ("x: needs CuPy: pip install cupy", "pip install cupy"),
        ("a.h5: damaged (see cnnkit train --help)", "see cnnkit train --help"),
        ("weights.h5: No space left on device", None),
        ("dtype: expected one of float32, float64, bfloat16, float16, got 'half'", None),
        ("damaged", None),
    ],
)
def test_the_hint_is_what_the_message_says_to_type(message, hint):
    assert find_hint(message) == hint


def test_numbers_as_people_write_them():
    read = {text: _read_number(text, True) for text in ("three", "1e3", "1,000", "5k", "10.0", "1.5", "x", "inf", "")}
    assert read == {"three": 3, "1e3": 1000, "1,000": 1000, "5k": 5000, "10.0": 10, "1.5": None, "x": None, "inf": None,
                    "": None}  # fmt: skip
    assert _read_number("0,5", False) == 0.5
    assert _read_number("10%", False) == 0.1


def test_commands_are_quoted_for_the_shell():
    for name in ("my net.h5", "it's.h5", "a&b;c.h5", "$HOME.h5", "n\u00fc.h5"):
        assert shlex.split(write_command("cnnkit", "evaluate", Path(name))) == ["cnnkit", "evaluate", name]
    assert shlex.split(write_command("cnnkit", "evaluate", Path("-x.h5"))) == ["cnnkit", "evaluate", "./-x.h5"]


def test_a_training_suggests_commands_that_can_be_pasted(cnnkit, net_toml):
    result = cnnkit("train", "--model", net_toml, "--epochs", 1, "--limit", 50, "-o", "my  net's.h5")
    line = next(line for line in result.err.splitlines() if line.startswith("next: "))
    assert shlex.split(line.removeprefix("next: "))[:3] == ["cnnkit", "evaluate", "my  net's.h5"]
    shown = cnnkit("evaluate", "my  net's.h5").out.splitlines()[-1].removeprefix("to see them: ")
    assert shlex.split(shown)[:3] == ["cnnkit", "predict", "my  net's.h5"]
    assert cnnkit(*shlex.split(shown)[1:]).status == 0


@pytest.mark.parametrize(
    "words", [("--version",), ("train", "--version"), ("data", "--version"), ("data", "show", "--version")]
)
def test_the_version_is_an_answer_everywhere(cnnkit, words):
    result = cnnkit(*words, "--version")
    assert result.status == 0
    assert result.out.startswith("cnnkit ")


def test_names_keep_their_spaces_in_an_error(cnnkit):
    error = cnnkit("inspect", "two  spaces.h5", "--json").json["error"]
    assert error["file"] == "two  spaces.h5"
    assert "two  spaces.h5: no such file" in cnnkit("inspect", "two  spaces.h5").err
    assert json.dumps(error)
