"""Run the Python and TOML of README and docs as a reader would: from top to bottom, in an empty folder."""

import dataclasses
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cnnkit import losses, metrics, optimizers, recipes, schedules
from cnnkit.plugins import Registry, entries

ROOT = Path(__file__).parent.parent
PAGES = {"README.md": "my-net.h5", "docs/networks.md": "my-net.h5", "docs/own-layers.md": "own-layers.h5",
         "docs/training.md": "my-best.h5", "docs/verify.md": "mine.h5"}  # fmt: skip
ROOMS = ("toolkit", "backends", "exporters", "data", "examples", "tests")


def list_code_blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text("utf-8"), re.S)


@pytest.mark.usefixtures("nothing_registered")
@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in list_code_blocks(page, "python"):
        exec(compile(block, page, "exec", dont_inherit=True), names)
    assert (tmp_path / PAGES[page]).is_file()


WITHOUT_EXTRAS = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "cupy", "matplotlib", "PIL", "pooch", "IPython", "sklearn"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
exec(compile(sys.stdin.read(), "README.md", "exec"), {"__name__": "__main__"})
"""


def test_the_python_of_the_readme_needs_no_extra(tmp_path: Path) -> None:
    """Where only the dependencies are installed, as `pip install .` does."""
    (block,) = list_code_blocks("README.md", "python")
    command = [sys.executable, "-c", WITHOUT_EXTRAS]
    done = subprocess.run(command, input=block, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "my-net.h5").is_file()


def test_the_weight_file_page_reads_a_real_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(list_code_blocks("README.md", "python")[0], "README.md", "exec", dont_inherit=True), {})
    (tmp_path / "my-net.h5").rename("weights.h5")
    for block in list_code_blocks("docs/weight-file.md", "python"):
        exec(compile(block, "docs/weight-file.md", "exec", dont_inherit=True), {})
    assert "Conv2D [1, 8, 8] -> [16, 8, 8]" in capsys.readouterr().out


def test_the_model_file_of_the_docs_is_valid() -> None:
    (text,) = list_code_blocks("docs/networks.md", "toml")
    network, shape = recipes.parse(text, "docs").network()
    assert network.output_shape(shape) == (10,)


def test_the_examples_of_graphs_are_valid() -> None:
    for block in list_code_blocks("docs/graphs.md", "python"):
        exec(compile(block, "docs/graphs.md", "exec", dont_inherit=True), {})
    graph, blocks = list_code_blocks("docs/graphs.md", "toml")
    assert recipes.parse(graph, "docs").network()[0].output_shape((1, 28, 28)) == (10,)
    assert len(recipes.parse("input_shape = [3, 8, 8]\n" + blocks, "docs").network()[0].layers) == 4


COMMON = {"weight_decay", "decay_all", "clip_norm", "clip_value"}  # fields of optimizers that have a table of their own
IN_WORDS = {"inverse", "exponential", "warmup", "onecycle"}  # no default, another one that means the same, or rounded


@pytest.mark.parametrize("registry", [optimizers.OPTIMIZERS, schedules.SCHEDULES], ids=["optimizers", "schedules"])
def test_the_page_about_training_lists_every_optimizer_and_schedule_with_its_fields(registry: Registry[Any]) -> None:
    page = (ROOT / "docs" / "training.md").read_text("utf-8")
    rows = {text.partition(":")[0]: text for text in re.findall(r"^\| `([a-z]+[:=\w.,-]*)` \|", page, re.M)}
    own = [name for name, point in entries(registry.group).items() if point.value.startswith("cnnkit.")]
    assert len(own) >= 9
    assert set(own) <= set(rows)
    for name in own:
        described = registry.parse(rows[name])
        assert name in IN_WORDS or described == registry.parse(name), name
        fields = {field.name for field in dataclasses.fields(described)} - COMMON - {"steps"}
        assert fields <= set(re.findall(r"(\w+)=", rows[name])), name


def test_the_page_about_losses_lists_every_loss_with_its_defaults_and_every_metric() -> None:
    page = (ROOT / "docs" / "losses-and-metrics.md").read_text("utf-8")
    rows = {text.partition(":")[0]: text for text in re.findall(r"^\| `([a-z0-9_]+[:=\w.,-]*)` \|", page, re.M)}
    own = [name for name, point in entries("cnnkit.losses").items() if point.value.startswith("cnnkit.")]
    assert set(own) == {name for name in rows if name in losses.LOSSES}
    for name in own:
        fields = {field.name for field in dataclasses.fields(losses.parse(name))}
        assert fields == set(re.findall(r"(\w+)=", rows[name])), name
        assert losses.parse(rows[name]) == losses.parse(name)
    functions = [name for name in metrics.__all__ if inspect.isfunction(getattr(metrics, name))]
    parts = (
        "_per_class",
        "_report",
        "confusion",
        "macro",
        "roc_curve",
        "mistakes",
    )  # told in other words, or parts of reports
    assert not [name for name in functions if f"`{name}`" not in page and not any(part in name for part in parts)]


def test_the_pages_name_files_that_exist() -> None:
    for page in [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("*/README.md"),
        *ROOT.glob("toolkit/*/README.md"),
    ]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_the_pages_about_the_code_name_files_and_folders_that_exist() -> None:
    files = [f"/{path.relative_to(ROOT)}" for room in ROOMS for path in (ROOT / room).rglob("*")]
    for page in [ROOT / "docs" / "architecture.md", *ROOT.glob("*/README.md"), *ROOT.glob("*/*/README.md")]:
        for name in re.findall(r"`([\w./-]+(?:\.py|/))`", page.read_text("utf-8")):
            known = any(path.endswith(f"/{name}".rstrip("/")) for path in files)
            assert known or re.search("my_|darknet|group_norm|^(train|test)/", name) or (ROOT / name).exists(), (
                f"{page}: {name}"
            )
