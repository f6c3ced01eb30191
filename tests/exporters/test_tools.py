"""Tools that nobody here wrote open what we write: h5dump, h5diff, xmllint."""

import shutil
import subprocess

import pytest
from narrow_recipes import divide_channels

from cnnkit import Model, architecture, exporters, recipes
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend

pytestmark = pytest.mark.tools


@pytest.fixture(scope="module")
def weights():
    network, shape = recipes.get("mini-resnet").network()
    return Model(network, shape, backend=NumpyBackend()).to_weights()


def run(*line) -> subprocess.CompletedProcess[str]:
    if shutil.which(line[0]) is None:
        pytest.skip(f"no {line[0]} (Debian: apt-get install hdf5-tools libxml2-utils)")
    return subprocess.run([str(word) for word in line], check=False, capture_output=True, text=True)


def test_h5dump_prints_every_value(weights, tmp_path) -> None:
    exporters.write(weights, tmp_path / "net.h5", compression=4)
    shown = run("h5dump", "-y", "-w", "0", "-m", "%.9g", "-d", "/parameters/0.weight", tmp_path / "net.h5")
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.split("DATA {")[1].split("}")[0]
    values = [float(word) for word in lines.replace(",", " ").split()]
    assert values == pytest.approx(weights["0.weight"].read().ravel().tolist(), abs=0, rel=1e-8)
    assert 'ATTRIBUTE "axes"' in shown.stdout


def test_h5diff_finds_two_saves_equal_and_a_changed_one_not(weights, tmp_path) -> None:
    other = Model(*recipes.get("mini-resnet").network(), backend=NumpyBackend(), seed=1).to_weights()
    for name, file in (("a.h5", weights), ("b.h5", weights), ("c.h5", other)):
        exporters.write(file, tmp_path / name)
    assert run("h5diff", tmp_path / "a.h5", tmp_path / "b.h5").returncode == 0
    assert run("h5diff", tmp_path / "a.h5", tmp_path / "c.h5").returncode == 1


def test_xmllint_takes_the_picture(tmp_path) -> None:
    network, shape = architecture.build(divide_channels(recipes.get("mini-resnet").architecture))
    exporters.write(Model(network, shape, backend=NumpyBackend()).to_weights(), tmp_path / "net.svg")
    checked = run("xmllint", "--noout", "--nonet", "--huge", tmp_path / "net.svg")
    assert (checked.returncode, checked.stderr) == (0, "")
