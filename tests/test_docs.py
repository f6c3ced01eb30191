"""Run the Python and TOML of README and docs as a reader would: from top to bottom, in an empty folder."""

import re
from pathlib import Path
from typing import Any

import pytest

from cnnkit import recipes

ROOT = Path(__file__).parent.parent
PAGES = {"README.md": "my-net.h5", "docs/networks.md": "my-net.h5", "docs/own-layers.md": "own-layers.h5"}
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
