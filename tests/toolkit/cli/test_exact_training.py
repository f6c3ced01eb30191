"""`--exact`: the same bits on another backend, and what the file keeps of it."""

from pathlib import Path

from cnnkit import exporters
from cnnkit.backends import registry

OPTIONS = ("--limit", 120, "--limit-test", 20, "--exact")


def content(path):
    """Every tensor of a file, the optimizer's too."""
    return {(t.kind, t.name): t.sha256() for t in exporters.read(Path(path))}


def test_a_training_goes_on_exactly_on_another_backend(cnnkit, net_toml):
    """Two epochs on NumPy are one on PyTorch and one more on NumPy, to the bit; --resume keeps the numerics."""
    train = ("train", "--model", net_toml, *OPTIONS)
    assert cnnkit(*train, "--epochs", 2, "-o", "whole.h5").status == 0
    assert cnnkit(*train, "--epochs", 1, "--backend", "torch", "-o", "parts.h5").status == 0
    result = cnnkit("train", "--resume", "-o", "parts.h5", "--epochs", 2, "--backend", "numpy")
    assert result.status == 0, result.err
    assert "resuming with a change: backend: torch, now numpy" in result.err
    assert exporters.read(Path("parts.h5")).metadata["run"]["numerics"] == "exact"
    assert content("parts.h5") == content("whole.h5")
    scores = [cnnkit("evaluate", "whole.h5", "--exact", "--backend", b, "--json").json for b in ("numpy", "torch")]
    assert scores[0]["loss"] == scores[1]["loss"]


def test_batches_that_are_added_up(cnnkit, net_toml):
    """Shares of an update by its labels are float32 too, so that gradients are."""
    options = (*OPTIONS, "--epochs", 1, "--batch-size", 16, "--accumulate", 2)
    for name, more in (("numpy", ()), ("torch", ()), ("leaves", ("--leaf", 4))):
        backend = "torch" if name == "torch" else "numpy"
        assert (
            cnnkit("train", "--model", net_toml, *options, *more, "--backend", backend, "-o", f"{name}.h5").status == 0
        )
    assert content("numpy.h5") == content("torch.h5") == content("leaves.h5")


def test_numerics_are_not_changed_on_the_way(cnnkit, net_toml):
    train = ("train", "--model", net_toml, "--limit", 100, "--epochs", 1, "-o", "plain.h5")
    assert cnnkit(*train).status == 0
    result = cnnkit("train", "--resume", "-o", "plain.h5", "--exact", "--epochs", 2)
    assert result.status == 2
    assert "numerics: plain, now exact" in result.err


def test_what_has_no_exact_numerics_is_refused_in_one_line(cnnkit, net_toml, monkeypatch):
    monkeypatch.delitem(registry._EXACT, "reference")
    for options, said in (
        (("--backend", "reference"), "backend reference: has no exact numerics: use one of numpy"),
        (("--dtype", "float64"), "dtype: with exact numerics expected float32, got 'float64'"),
        (("--tf32",), "numerics: TF32 rounds what exact numerics keep: leave one of them out"),
    ):
        result = cnnkit("train", "--model", net_toml, *OPTIONS, *options, "-o", "refused.h5")
        assert result.status == 2
        assert said in result.err
        assert not Path("refused.h5").exists()
