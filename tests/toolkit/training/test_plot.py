import importlib.util
import struct
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cnnkit.errors import ConfigError
from cnnkit.training.figure_file import require_plottable
from cnnkit.training.plot import plot_history


def history(epochs: int, validation: bool = True) -> list[dict]:
    return [
        {
            "epoch": i + 1, "loss": 2.0 / (i + 1), "accuracy": 1 - 0.9 / (i + 1), "learning_rate": 0.1, "seconds": 1.0,
            "validation_loss": 2.2 / (i + 1) if validation else None,
            "validation_accuracy": 1 - 0.95 / (i + 1) if validation else None,
        }
        for i in range(epochs)
    ]  # fmt: skip


def colours(path: Path) -> set[str]:
    text = path.read_text().lower()
    return {name for name, code in {"training": "#0072b2", "validation": "#d55e00"}.items() if code in text}


@pytest.mark.parametrize("epochs", [1, 2, 50])
def test_svg_is_well_formed_and_shows_both_curves(tmp_path: Path, epochs: int) -> None:
    plot_history(history(epochs), tmp_path / "h.svg", "digits")
    assert ElementTree.parse(tmp_path / "h.svg").getroot().tag.endswith("svg")
    assert colours(tmp_path / "h.svg") == {"training", "validation"}


def test_no_validation_no_curve(tmp_path: Path) -> None:
    plot_history(history(3, validation=False), tmp_path / "h.svg")
    assert colours(tmp_path / "h.svg") == {"training"}


def test_no_accuracy_is_said(tmp_path: Path) -> None:
    bare = [{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": float("nan")}]
    plot_history(bare, tmp_path / "h.svg")
    assert "no values" in (tmp_path / "h.svg").read_text()


def test_the_same_history_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        plot_history(history(3), tmp_path / name, "digits")
    plot_history(history(4), tmp_path / "c.svg", "digits")
    a, b, c = ((tmp_path / name).read_bytes() for name in ("a.svg", "b.svg", "c.svg"))
    assert a == b
    assert a != c
    assert b"<dc:date>" not in a


def test_png_by_its_suffix_in_any_case(tmp_path: Path) -> None:
    plot_history(history(3), tmp_path / "h.PNG")
    data = (tmp_path / "h.PNG").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert struct.unpack(">II", data[16:24]) == (1350, 570)


@pytest.mark.parametrize("title", ["$\\frac$ <&>", "\x1b[31mred\x00", "x" * 5000, "数字"])
def test_a_title_of_a_stranger_is_only_text(tmp_path: Path, title: str) -> None:
    plot_history(history(2), tmp_path / "h.svg", title)
    ElementTree.parse(tmp_path / "h.svg")


@pytest.mark.parametrize("name", ["h.jpg", "h", ".svg"])
def test_another_suffix_is_a_config_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"\.svg, \.png or \.pdf"):
        plot_history(history(1), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_no_epoch_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least one epoch"):
        plot_history([], tmp_path / "h.svg")


def test_without_matplotlib_the_message_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    assert require_plottable(Path("h.svg")) == "svg"
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install 'cnnkit\[plot\]'"):
        require_plottable(Path("h.svg"))


def test_a_failed_drawing_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    plot_history(history(1), tmp_path / "h.svg")
    before = (tmp_path / "h.svg").read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        plot_history(history(2), tmp_path / "h.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["h.svg"]
    assert (tmp_path / "h.svg").read_bytes() == before


def test_importing_draws_in_no_matplotlib() -> None:
    code = "import sys, cnnkit.training.plot; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
