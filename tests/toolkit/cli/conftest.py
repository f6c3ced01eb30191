"""The program run in this process, in an empty folder; one small trained net for the whole session."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cnnkit.cli.app import run
from cnnkit.cli.signals import StopRequest

NET = """
name = "tiny"
data = "digits"
input_shape = [1, 8, 8]

[training]
epochs = 2
batch_size = 50
optimizer = "sgd:momentum=0.9"
learning_rate = 0.05

[[layers]]
type = "Conv2D"
features = 4
window = 3

[[layers]]
type = "ReLU"

[[layers]]
type = "MaxPool2D"
window = 2

[[layers]]
type = "Flatten"

[[layers]]
type = "Dropout"
rate = 0.1

[[layers]]
type = "Dense"
features = 10
"""


class Result(NamedTuple):
    """What one command line gave."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        parsed = json.loads(self.out)
        assert isinstance(parsed, dict)
        return parsed


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the program runs in, a data folder that holds nothing, no colours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


@pytest.fixture
def cnnkit(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run one command line."""

    def call(*arguments: Any) -> Result:
        capsys.readouterr()
        status = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)

    return call


@pytest.fixture
def refused(cnnkit: Callable[..., Result]) -> Callable[..., str]:
    """Run a command line that must be refused: exit status 2, one line on standard error; return the line."""

    def call(*arguments: Any) -> str:
        before = sorted(os.listdir())
        result = cnnkit(*arguments, "-q")
        assert result.status == 2, result
        assert result.out == ""
        assert result.err.startswith("error: ")
        assert result.err.count("\n") == 1
        assert "defect" not in result.err
        assert "Traceback" not in result.err
        assert sorted(os.listdir()) == before, "something was left behind"
        again = cnnkit(*arguments, "--json", "-q")
        assert again.status == 2
        error = again.json["error"]
        assert error["message"]
        assert error.keys() == {"kind", "file", "format", "offset", "message", "hint"}
        return result.err

    return call


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AbstractContextManager[None]]:
    """Return a block in which a signal comes after so many batches."""

    @contextmanager
    def block(batches: int, number: int = signal.SIGINT) -> Iterator[None]:
        asked = iter(range(10_000))

        def call(request: StopRequest) -> bool:
            if next(asked) >= batches:
                request.signal = number
            return request.signal is not None

        with monkeypatch.context() as patch:
            patch.setattr(StopRequest, "__call__", call)
            yield

    return block


@pytest.fixture(scope="session")
def net_toml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("net") / "net.toml"
    path.write_text(NET)
    return path


@pytest.fixture(scope="session")
def trained(net_toml: Path) -> Path:
    """A weights.h5 of the tiny net, trained for two epochs on digits."""
    path = net_toml.parent / "weights.h5"
    assert run(["train", "--model", str(net_toml), "-o", str(path), "-q"]) == 0
    return path


@pytest.fixture(scope="session")
def binary(net_toml: Path) -> Path:
    """A weights file of the recipe bright-dark: two classes, one output."""
    path = net_toml.parent / "binary.h5"
    assert run(["train", "--recipe", "bright-dark", "--epochs", "5", "-o", str(path), "-q"]) == 0
    return path
