"""`cnnkit verify` in full: exit status, lines for people, JSON, refusals in one line, another BLAS kernel."""

import os
import subprocess
import sys

import pytest

from cnnkit import read_weights, write_weights

TRAIN = ("train", "--recipe", "digits-cnn", "--limit", 64, "--epochs", 2, "-q")


@pytest.fixture(scope="module", name="exact")
def _exact(tmp_path_factory):
    from cnnkit.cli.app import run

    out = tmp_path_factory.mktemp("exact") / "weights.h5"
    words = (*TRAIN, "--exact", "--keep-every", 2, "--save-every", 1, "-o", out)
    assert run([str(word) for word in words]) == 0
    return out


def test_an_honest_file_is_told_to_be_the_same(cnnkit, exact):
    result = cnnkit("verify", exact)
    assert result.status == 0
    assert "weights.h5: the same bits: " in result.out
    assert result.err.startswith("to replay: ")
    told = cnnkit("verify", exact, "--json").json
    assert told.keys() == {
        "file", "same", "steps", "replayed", "first", "tensors", "rows", "links", "spot", "notes", "differences",
    }  # fmt: skip
    assert (told["same"], told["differences"], told["rows"]) == (True, [], 2)
    assert cnnkit("verify", exact, "--backend", "torch", "-q").status == 0


def test_parts_of_it_are_told_with_their_probability(cnnkit, exact):
    result = cnnkit("verify", exact, "--spot", 1)
    assert result.status == 0
    assert "the same bits: 1 of 2 segments" in result.out
    assert "a lie in one of the 2 segments is seen with a probability of 50.0%" in result.out
    spot = cnnkit("verify", exact, "--spot", 1, "--json").json["spot"]
    assert (spot["segments"], spot["probability"]["one"], spot["probability"]["all"]) == (2, 0.5, 1.0)
    result = cnnkit("verify", exact, "--from", exact.with_name("weights-epoch-0001.h5"))
    assert result.status == 0
    assert " from step " in result.out


def test_a_forged_file_is_told_to_differ_with_status_1(cnnkit, exact, folder):
    file = read_weights(exact)
    file.metadata["run"]["options"]["learning_rate"] *= 2
    write_weights(file, folder / "forged.h5")
    result = cnnkit("verify", "forged.h5")
    assert result.status == 1
    assert result.out.startswith("forged.h5: differs: steps 1 to 2: chain 0.weight: ")
    found = cnnkit("verify", "forged.h5", "--json")
    assert found.status == 1
    assert found.json["differences"][0] == {
        "part": "chain", "problem": "the link has the hash of other values than the replay's", "step": 2, "after": 0,
        "layer": "0", "tensor": "0.weight",
    }  # fmt: skip


def test_what_cannot_be_verified_is_refused_with_status_2(cnnkit, exact, folder):
    from cnnkit import Model, recipes

    Model(*recipes.get("bright-dark").network()).save(folder / "drawn.h5")
    for words, message in (
        (("drawn.h5",), "holds no training with options and position"),
        ((exact, "--data", "bright-dark"), "bright-dark"),
        ((exact, "--from", "drawn.h5"), "holds no state of a training"),
        ((exact, "--init-from", "drawn.h5"), "its weights were drawn from the seed: leave --init-from out"),
        ((exact, "--spot", 0), "--spot"),
        ((exact, "--spot", 1, "--from", exact), "expected a state to start from or a spot check, got both"),
        ((exact, "--device", "cuda"), "expected device cpu"),
        (("nothing.h5",), "no such file"),
    ):
        result = cnnkit("verify", *words)
        assert result.status == 2, words
        assert message in result.err.splitlines()[-1]
        assert result.err.count("error:") == 1
        assert cnnkit("verify", *words, "--json").json["error"]["message"]


def test_a_training_that_started_from_a_file_is_verified_with_that_file(cnnkit, exact, folder):
    words = ("train", "--init-from", exact, "--replace-head", 10, "--limit", 32, "--epochs", 1, "-q", "-o", "fine.h5")
    assert cnnkit(*words).status == 0
    assert cnnkit("verify", "fine.h5", "--init-from", exact).status == 0
    refused = cnnkit("verify", "fine.h5")
    assert refused.status == 2
    assert "started from the weights of another file" in refused.err
    (folder / "other.h5").write_bytes(exact.with_name("weights-epoch-0001.h5").read_bytes())
    assert "got other.h5" in cnnkit("verify", "fine.h5", "--init-from", "other.h5").err


def test_another_blas_kernel_gives_the_bits_of_exact_numerics_and_is_named_in_plain_ones(cnnkit, exact, folder):
    assert cnnkit(*TRAIN, "-o", "plain.h5").status == 0
    code = "import sys; from cnnkit.cli.app import run; print([run(['verify', path]) for path in sys.argv[1:]])"
    other = os.environ | {"OPENBLAS_CORETYPE": "Prescott"}
    done = subprocess.run(
        [sys.executable, "-c", code, exact, folder / "plain.h5"], env=other, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1] == "[0, 2]", done.stderr
    assert "trained in plain numerics, whose bits depend on blas 'openblas" in done.stderr
