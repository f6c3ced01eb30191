"""The suite as pytest classes: one line for whoever has a backend, and a failure where the backend is wrong."""

import textwrap

import pytest

WRONG = """
    from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
    from cnnkit.testing import BackendSuite


    class Wrong(NumpyBackend):
        name = "wrong"

        def tanh(self, x):
            return super().tanh(x) * 1.001

        def exp(self, x, base=2.718):
            return super().exp(x)


    class TestWrong(BackendSuite):
        backend = Wrong(threads=1)
        dtypes = ("float32",)
        examples = 3
        recipes = ("scratch-mlp",)
"""
CHOSEN = "exp or tanh or Tanh or GELU or sgd or signatures or refuses"


def test_a_wrong_backend_fails_and_the_failure_names_what_is_wrong(tmp_path, capsys) -> None:
    path = tmp_path / "test_wrong.py"
    path.write_text(textwrap.dedent(WRONG))
    options = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-c", "/dev/null", "-k", CHOSEN, str(path)]
    status = pytest.main(options)
    told = capsys.readouterr().out
    assert status == pytest.ExitCode.TESTS_FAILED
    failed = {line.split("::")[-1].split(" - ")[0] for line in told.splitlines() if line.startswith("FAILED")}
    assert failed == {
        "test_it_has_the_signatures_of_the_protocol",
        "test_it_gives_what_the_reference_gives[float32-tanh]",
        "test_it_gives_what_the_reference_gives_in_cases_that_hypothesis_draws[float32-tanh]",
        "test_it_gives_what_the_reference_gives[float32-layer Tanh]",
        "test_it_gives_what_the_reference_gives[float32-layer GELU]",
    }
    assert "tanh: multiplied by 1.001" in told


def test_without_hypothesis_its_tests_are_skipped_with_a_reason(monkeypatch) -> None:
    import importlib.util

    from cnnkit.testing import BackendSuite

    class Suite(BackendSuite):
        backend = "numpy"

    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(pytest.skip.Exception, match="pip install hypothesis"):
        Suite().test_it_gives_what_the_reference_gives_in_cases_that_hypothesis_draws("exp", "float32")
