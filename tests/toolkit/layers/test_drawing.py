import numpy as np
import pytest

from cnnkit.errors import ConfigError
from cnnkit.layers import BatchNorm, Conv2D, Dense, Flatten, Sequential, drawing
from cnnkit.memory import MemoryBound

NET = Sequential((Conv2D(2, 3), BatchNorm(), Flatten(), Dense(1000)))
WEIGHTS = 20 + 8 + 9000
BYTES = 12  # of a weight: drawn in float64, copied as float32


def draw() -> drawing.Variables:
    return drawing.draw(NET, np.random.default_rng(0), (1, 4, 4))


def grant(monkeypatch, size: int) -> None:
    monkeypatch.setattr(drawing, "find_memory", lambda: MemoryBound(size, "this machine has"))


def test_what_fits_is_what_init_draws(monkeypatch) -> None:
    grant(monkeypatch, BYTES * WEIGHTS)
    wanted = NET.init(np.random.default_rng(0), (1, 4, 4))
    np.testing.assert_array_equal(draw().params["3"]["weight"], wanted.params["3"]["weight"])


def test_what_does_not_fit_is_refused_before_anything_is_drawn(monkeypatch) -> None:
    grant(monkeypatch, BYTES * WEIGHTS - 1)
    monkeypatch.setattr(Sequential, "init", None)
    with pytest.raises(ConfigError) as caught:
        draw()
    assert str(caught.value) == (
        "the 9,028 weights need 105.8 KiB while they are drawn, this machine has 105.8 KiB: the largest is 3.weight of "
        "shape (1000, 8): give that layer fewer features or inputs"
    )


def test_memory_that_runs_out_while_drawing(monkeypatch) -> None:
    def run_out(*_) -> None:
        raise MemoryError

    monkeypatch.setattr(Sequential, "init", run_out)
    with pytest.raises(ConfigError, match=r"the machine has less to give: the largest is 3\.weight"):
        draw()


def test_more_weights_than_any_number_of_bytes_can_hold() -> None:
    with pytest.raises(ConfigError, match=r"the 85,070,591,730,234,615,847,396,907,784,232,501,249 weights need"):
        drawing.draw(Dense(2**63 - 1, bias=False), np.random.default_rng(0), (2**63 - 1,))
