"""Start-up is part of the product: what a first step imports, seen in a process of its own."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "cupy", "h5py", "typer", "rich", "matplotlib", "PIL", "pooch", "sklearn")


def imported(code: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter holds after running `code`."""
    report = "import sys; sys.stderr.write(' '.join({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_the_measurement_sees_an_import() -> None:
    assert "h5py" in imported("import h5py")
    assert {"json", "decimal"} <= imported("import json\ndef f():\n    import decimal\nf()")


def test_cnnkit_alone_imports_next_to_nothing() -> None:
    assert not imported("import cnnkit") & {*HEAVY, "numpy"}


def test_asking_what_there_is_imports_nothing() -> None:
    assert not imported("import cnnkit; dir(cnnkit)") & {*HEAVY, "numpy"}


@pytest.mark.parametrize(
    "name", ["Model", "Sequential", "layers", "Training", "recipes", "metrics", "WeightFile", "Dataset"]
)
def test_rooms_import_no_library_before_its_use(name) -> None:
    found = imported(f"import cnnkit; cnnkit.{name}")
    assert "numpy" in found
    assert not found & set(HEAVY)


def test_a_net_on_numpy_needs_numpy_alone() -> None:
    code = """
import numpy, cnnkit
model = cnnkit.Model(cnnkit.Sequential((cnnkit.layers.Flatten(), cnnkit.layers.Dense(10))), (1, 8, 8))
model.fit("digits", epochs=1, limit=50)
model.evaluate("digits", limit=10)
"""
    assert not imported(code) & set(HEAVY)


def test_the_help_imports_no_array_library() -> None:
    code = """
import contextlib, io
from cnnkit.cli.app import run
with contextlib.redirect_stdout(io.StringIO()):
    assert run(["--help"]) == 0
"""
    found = imported(code)
    assert "typer" in found
    assert not found & {"torch", "cupy", "h5py", "matplotlib", "PIL", "pooch", "numpy"}


def test_names_that_are_not_there() -> None:
    import cnnkit

    with pytest.raises(AttributeError, match="module 'cnnkit' has no attribute 'Modell'"):
        cnnkit.Modell  # noqa: B018
    for name in dir(cnnkit):
        assert getattr(cnnkit, name) is not None
    assert set(cnnkit.__all__) <= set(dir(cnnkit))
