"""The suite as a pytest class: one line per backend, and failures that name what is wrong."""

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
CHOSEN = "exp or tanh or Tanh or GELU or sgd or signatures or refusals"


def test_a_wrong_backend_fails_and_the_failure_names_what_is_wrong(tmp_path, capsys) -> None:
    path = tmp_path / "test_wrong.py"
    path.write_text(textwrap.dedent(WRONG))
    options = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-c", "/dev/null", "-k", CHOSEN, str(path)]
    status = pytest.main(options)
    output = capsys.readouterr().out
    assert status == pytest.ExitCode.TESTS_FAILED
    failed = {line.split("::")[-1].split(" - ")[0] for line in output.splitlines() if line.startswith("FAILED")}
    assert failed == {
        "test_signatures_follow_the_protocol",
        "test_results_match_the_reference[float32-tanh]",
        "test_results_match_the_reference_in_hypothesis_cases[float32-tanh]",
        "test_results_match_the_reference[float32-layer Tanh]",
        "test_results_match_the_reference[float32-layer GELU]",
        "test_results_match_the_reference[float32-extremes Tanh]",
        "test_results_match_the_reference[float32-extremes GELU tanh]",
    }
    assert "tanh: multiplied by 1.001" in output


def test_without_hypothesis_its_tests_are_skipped_with_a_reason(monkeypatch) -> None:
    import importlib.util

    from cnnkit.testing import BackendSuite

    class Suite(BackendSuite):
        backend = "numpy"

    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(pytest.skip.Exception, match="pip install hypothesis"):
        Suite().test_results_match_the_reference_in_hypothesis_cases("exp", "float32")
