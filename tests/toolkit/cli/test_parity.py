import numpy as np
import pytest

from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.cli.group import is_silent


def test_right_backends_pass(cnnkit, folder):
    result = cnnkit(
        "parity", "--backend", "numpy", "--backend", "torch", "--filter", "convolve*", "--report", "r.md", "-v"
    )
    assert result.status == 0
    lines = result.out.splitlines()
    heading = next(line for line in lines if line.startswith("check"))
    assert heading.split() == ["check", "kind", "dtype", "numpy", "torch", "between", "bound", "cases", "verdict"]
    assert any(line.split()[:3] == ["convolve", "forward", "float32"] and line.endswith("pass") for line in lines)
    assert lines[-1].startswith("All 18 rows pass: ")
    assert "convolve_input_gradient" in (folder / "r.md").read_text("utf-8")
    assert "wrote r.md" in result.err


def test_totals_and_failures_come_without_a_request(cnnkit, monkeypatch):
    arguments = ("parity", "--backend", "numpy", "--filter", "exp", "--quick")
    lines = cnnkit(*arguments).out.splitlines()
    assert [line.split()[0] for line in lines if line] == ["section", "primitives", "All"]
    assert lines[1].split()[1:3] == ["2", "0"]
    right = NumpyBackend.exp
    monkeypatch.setattr(NumpyBackend, "exp", lambda self, x: right(self, x) * np.asarray(1.001, x.dtype))
    result = cnnkit(*arguments)
    assert result.status == 1
    assert result.out.splitlines()[1].split() == ["primitives", "2", "2", "12", "FAIL"]
    assert result.out.count("FAIL exp (forward) of numpy in float") == 2
    assert "check" not in result.out.split()


def test_the_page_has_dark_colours(cnnkit, folder):
    assert cnnkit("parity", "--backend", "numpy", "--filter", "exp", "--quick", "--report", "r.html").status == 0
    page = (folder / "r.html").read_text("utf-8")
    assert "prefers-color-scheme: dark" in page
    style = page.partition("<style>")[2].partition("</style>")[0]
    rules = [line for line in style.splitlines() if "--ink" not in line]
    assert not any("#" in line for line in rules), "every colour is one of the page's, which the dark ones replace"


def test_json(cnnkit):
    outcome = cnnkit("parity", "--backend", "numpy", "--filter", "primitives", "--quick", "--json").json
    assert outcome["passed"] is True
    assert outcome["backends"] == ["numpy"]
    assert outcome["first_divergence"] is None
    assert {"name", "backend", "against", "max_error", "bound", "passed"} <= set(outcome["checks"][0])
    assert {check["name"] for check in outcome["checks"]} >= {"convolve", "uniform", "update"}


def test_a_training_says_what_an_ulp_does(cnnkit):
    result = cnnkit("parity", "--backend", "numpy", "--recipe", "scratch-mlp", "--filter", "training *", "-v")
    assert result.status == 0
    assert "moved by an ulp" in result.out
    outcome = cnnkit("parity", "--backend", "numpy", "--recipe", "scratch-mlp", "--filter", "training *", "--json").json
    single, double = outcome["trainings"]
    assert (single["dtype"], double["dtype"]) == ("float32", "float64")
    assert single["bound"] == 10 * single["nudged"]
    assert double["bound"] == 1e-7


def test_a_wrong_backend_is_status_1_and_named(cnnkit, monkeypatch):
    right = NumpyBackend.exp
    monkeypatch.setattr(NumpyBackend, "exp", lambda self, x: right(self, x) * np.asarray(1.001, x.dtype))
    only = ("--recipe", "scratch-mlp", "--filter", "*p", "--quick", "--dtype", "float64")  # exp, training scratch-mlp
    result = cnnkit("parity", "--backend", "numpy", *only)
    assert result.status == 1
    assert "FAIL exp (forward) of numpy in float64, against known answer" in result.out
    assert "First divergence: exp (forward)" in result.out
    assert "explained by: exp: multiplied by 1.001" in result.out
    assert "exceeded its bound at step 1 in 3.weight, layer 3 (Dense)" in result.out
    assert "in that step layer 2 (Sigmoid), y differs first" in result.out
    assert "Explained by: exp: multiplied by 1.001." in result.out
    outcome = cnnkit("parity", "--backend", "numpy", "--filter", "exp", "--json")
    assert outcome.status == 1
    assert outcome.json["first_divergence"]["name"] == "exp"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--backend", "nope"), "numpy"),
        (("--backend", "numpy", "--backend", "numpy"), "unique names"),
        (("--dtype", "int8"), "float32"),
        (("--recipe", "nope"), "lenet5"),
        (("--filter", "nope"), "no check is called"),
        (("--backend", "numpy", "--device", "nope"), "cpu"),
        (("--report", "r.pdf"), ".md or .html"),
        (("--report", "nope/r.md"), "folder"),
    ],
)
def test_wrong_options_are_refused_in_one_line(refused, options, said):
    assert said in refused("parity", *options)


def test_it_is_refused_under_a_launcher_by_one_process(cnnkit, monkeypatch):
    for name, value in (("SIZE", "2"), ("LOCAL_RANK", "0"), ("RANK", "0")):
        monkeypatch.setenv(f"OMPI_COMM_WORLD_{name}", value)
    first = cnnkit("parity", "--workers", 2)
    assert first.status == 2
    assert first.err.startswith("error: mpiexec started 2 processes: run cnnkit parity without it; --workers N")
    assert first.err.count("\n") == 1
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "1")
    assert is_silent(["parity", "--workers", "2"])
