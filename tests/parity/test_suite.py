"""The suite as a library: selection of backends and checks, rows, reports and files."""

import json

import numpy as np
import pytest

from cnnkit import layers, losses, optimizers, parity, schedules
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.backends.protocol import Backend
from cnnkit.errors import BackendUnavailableError, ConfigError
from cnnkit.layers.joining import JOINING
from cnnkit.parity import layers as layer_checks
from cnnkit.parity import losses as loss_checks
from cnnkit.parity import markdown, suite, writing
from cnnkit.parity import optimizers as optimizer_checks
from cnnkit.parity.bounds import bound, compare
from cnnkit.parity.report import ParityReport
from cnnkit.parity.results import ParityRow


class Loud(NumpyBackend):
    """Sums are wrong; the name must be escaped in Markdown and HTML."""

    name = "<b>loud|wrong</b>"

    def sum(self, x, axis=None, keepdims=False):
        return super().sum(x, axis, keepdims) * 1.01


@pytest.fixture(scope="module")
def wrong() -> ParityReport:
    return parity.run([Loud(threads=1)], parity.Settings(filter="sum", quick=True))


def test_every_layer_loss_optimizer_and_schedule_has_checks() -> None:
    graphs = [layer for layer, _ in layer_checks.LAYERS["Graph"] if isinstance(layer, layers.Graph)]
    joins = {type(node.layer) for graph in graphs for node in graph.nodes} & set(JOINING)
    assert {*layer_checks.LAYERS, *(kind.__name__ for kind in joins)} == set(layers.LAYERS)
    assert set(loss_checks.LOSSES) == set(losses.LOSSES)
    assert set(optimizer_checks.OPTIMIZERS) == set(optimizers.OPTIMIZERS)
    assert set(optimizer_checks.SCHEDULES) == set(schedules.SCHEDULES)


def test_all_rows_of_numpy_pass_in_a_quick_run() -> None:
    report = parity.run(["numpy"], parity.Settings(quick=True))
    assert report.failures == []
    assert report.passed
    assert report.first_divergence is None
    assert set(report.sections()) == {
        "primitives", "layers", "losses", "extremes", "optimizers", "randomness", "matrix", "workers",
        "trainings",
    }  # fmt: skip
    assert {row.dtype for row in report.rows} == {"float32", "float64"}
    assert all(row.cases >= 1 for row in report.rows)


def test_backends_are_also_compared_with_each_other() -> None:
    report = parity.run(["numpy", "torch", "reference"], parity.Settings(filter="convolve*", quick=True))
    pairs = {(row.backend, row.against) for row in report.rows}
    assert pairs == {("numpy", "reference"), ("torch", "reference"), ("numpy", "torch")}
    assert report.passed


def test_a_wrong_backend_is_named(wrong) -> None:
    assert not wrong.passed
    first = wrong.first_divergence
    assert (first.name, first.backend, first.against) == ("sum", Loud.name, "known answer")
    assert first.explained == "sum: multiplied by 1.01"
    assert first.error > first.bound


def test_the_report_in_json_markdown_and_html(wrong, tmp_path) -> None:
    wrong.extras["launches per kernel"] = {"gemm": 3}
    facts = json.loads(json.dumps(wrong.to_json()))
    assert facts["passed"] is False
    keys = {"name", "backend", "against", "max_error", "bound", "passed", "dtype", "cases"}
    assert all(keys <= set(check) for check in facts["checks"])
    assert facts["first_divergence"]["name"] == "sum"
    text = markdown.render(wrong)
    assert "sum: multiplied by 1.01" in text
    assert "launches per kernel" in text
    assert "<b>" not in text
    lines = [line for line in text.splitlines() if line.startswith("| sum")]
    assert len({line.replace("\\|", "").count("|") for line in lines if "known answer" in line}) == 1
    for suffix in (".md", ".html"):
        writing.write(wrong, tmp_path / f"r{suffix}")
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "<b>" not in page
    assert "&lt;b&gt;loud|wrong&lt;/b&gt;" in page
    assert "class=fail" in page
    assert (tmp_path / "r.md").read_text("utf-8") == text
    with pytest.raises(ConfigError, match=r"\.md or \.html"):
        writing.write(wrong, tmp_path / "r.pdf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "r.md"]


def test_invalid_arguments_raise() -> None:
    with pytest.raises(ConfigError, match=r"dtype: expected one of float32, .*, got 'int32'"):
        parity.Settings(dtypes=("int32",))
    with pytest.raises(ConfigError, match="no check is called 'nope'"):
        parity.run(["numpy"], parity.Settings(filter="nope"))
    with pytest.raises(ConfigError, match="expected unique names"):
        parity.run(["numpy", "numpy"], parity.Settings(filter="sum"))
    with pytest.raises(BackendUnavailableError):
        parity.run(["nope"])
    with pytest.raises(ConfigError, match="lenet5"):
        parity.run(["numpy"], parity.Settings(recipes=("lenet",), filter="training *"))


def test_a_dtype_that_a_backend_does_not_support_is_skipped() -> None:
    class Single(NumpyBackend):
        name = "single"

        def zeros(self, shape, dtype):
            if dtype == "float64":
                raise BackendUnavailableError("backend single: has no float64")
            return super().zeros(shape, dtype)

    report = parity.run([Single(threads=1)], parity.Settings(filter="exp", quick=True))
    assert report.passed
    assert {row.dtype for row in report.rows} == {"float32"}
    assert report.machine["backends"] == {"single": "cpu, 1 thread, float32"}


def test_different_errors_are_detected() -> None:
    class Silent(NumpyBackend):
        name = "silent"

        def matmul(self, x, y):
            return super().matmul(x[:, : y.shape[0]], y[: x.shape[1]])

        def allow_tf32(self):
            return

    report = parity.run([Silent(threads=1)], parity.Settings(filter="matrix", dtypes=("float32",)))
    assert {row.name for row in report.failures} == {"refuses matmul: inner sizes differ", "allow_tf32"}


def test_progress_is_reported() -> None:
    calls = []
    parity.run(["numpy"], parity.Settings(filter="convolve*", quick=True), progress=lambda *facts: calls.append(facts))
    assert calls == [(0, 3, "convolve"), (1, 3, "convolve_input_gradient"), (2, 3, "convolve_weight_gradient")]


def test_one_seed_draws_the_same_cases_and_another_seed_different_ones() -> None:
    check = suite.CHECKS[20]
    labels = [[case.label for case in check.cases(5, seed)] for seed in (0, 0, 1)]
    assert labels[0] == labels[1] != labels[2]


# ---- the one comparison


@pytest.mark.parametrize(
    ("got", "wanted", "error"),
    [
        ([1.0, -3.0], [1.0, -3.0], 0.0),
        ([1.0, -3.4], [1.0, -3.0], 0.1),
        ([np.nan], [1.0], np.inf),
        ([np.nan], [np.nan], np.inf),
        ([np.inf], [np.inf], np.inf),
        ([[1.0]], [1.0], np.inf),
        ([1.0, 1.0], [1.0], np.inf),
    ],
)
def test_the_comparison(got, wanted, error) -> None:
    assert compare(np.array(got), np.array(wanted)).error == pytest.approx(error)


def test_the_comparison_of_tiny_values_and_of_each_by_its_own_size() -> None:
    assert compare(np.array([1.1e-20]), np.array([1e-20])).error < 1e-20
    assert compare(np.array([1.1e-20]), np.array([1e-20]), scale=1e-20).error == pytest.approx(0.05)
    assert compare(np.array([1e6, 1.1e-6]), np.array([1e6, 1e-6]), relative=True).error == pytest.approx(0.1)
    assert compare(np.array([0.0]), np.array([0.0]), relative=True).error == 0


def test_bounds_are_those_of_the_contract() -> None:
    assert [bound(kind, "float32") for kind in ("forward", "gradient", "exact")] == [1e-5, 1e-4, 0]
    assert [bound(kind, "float64") for kind in ("forward", "gradient", "exact")] == [1e-10, 1e-10, 0]


def test_a_row_of_nan_or_of_nothing_has_not_passed() -> None:
    facts = ("primitives", "exp", "forward", "mine", "float32", "reference")
    assert ParityRow(*facts, error=0.5e-5, bound=1e-5, cases=1).passed
    assert not ParityRow(*facts, error=np.nan, bound=1e-5, cases=1).passed
    assert not ParityRow(*facts, error=0.0, bound=1e-5, cases=0).passed
    assert not ParityReport(("numpy",), ("float32",)).passed


def test_all_backends_of_the_protocol_can_take_part() -> None:
    assert issubclass(Loud, Backend)
    assert [backend.name for backend in suite.resolve_backends(["reference", "numpy"])] == ["reference", "numpy"]


def test_a_report_is_printed_and_written(tmp_path) -> None:
    report = parity.run(["numpy"], parity.Settings(filter="sqrt", quick=True))
    assert str(report).startswith("All 2 rows pass")
    report.write(tmp_path / "page.md")
    report.write(tmp_path / "page.md")  # over an older one
    assert (tmp_path / "page.md").read_text().startswith("# Parity of numpy")
    (tmp_path / "own.md").write_text("# Mine")
    with pytest.raises(ConfigError, match=r"own\.md is there already, and is no parity report"):
        report.write(tmp_path / "own.md")
    assert (tmp_path / "own.md").read_text() == "# Mine"


@pytest.mark.parametrize(
    ("backends", "settings", "message"),
    [
        ([NumpyBackend], {}, "if it is a class, call it"),
        (["numpy", NumpyBackend()], {}, "give your class another name"),
        (["reference"], {"filter": "convolve"}, "name a second one"),
        (["numpy"], {"recipes": ("lenet6",)}, "did you mean lenet5"),
    ],
)
def test_invalid_backends_and_recipes_raise(backends, settings, message) -> None:
    with pytest.raises(ConfigError, match=message):
        parity.run(backends, parity.Settings(quick=True, **settings))
