import numpy as np
import pytest

from cnnkit.errors import ConfigError
from cnnkit.layers import Conv2D, Dense, Flatten, Sequential, drawing

NET = Sequential((Conv2D(2, 3), Flatten(), Dense(1000)))


def draw() -> drawing.Variables:
    return drawing.draw(NET, np.random.default_rng(0), (1, 4, 4))


def test_what_fits_is_what_init_draws(monkeypatch) -> None:
    monkeypatch.setattr(drawing, "_memory_bytes", lambda: 8 * (20 + 9000))
    wanted = NET.init(np.random.default_rng(0), (1, 4, 4))
    np.testing.assert_array_equal(draw().params["2"]["weight"], wanted.params["2"]["weight"])


def test_what_does_not_fit_is_refused_before_anything_is_drawn(monkeypatch) -> None:
    monkeypatch.setattr(drawing, "_memory_bytes", lambda: 8 * (20 + 9000) - 1)
    monkeypatch.setattr(Sequential, "init", None)
    with pytest.raises(ConfigError) as caught:
        draw()
    assert str(caught.value) == (
        "the weights need 0 GiB while they are drawn, this machine has 0 GiB: the largest is 2.weight of shape "
        "(1000, 8): give that layer fewer features or inputs"
    )


def test_memory_that_runs_out_while_drawing(monkeypatch) -> None:
    def run_out(*_) -> None:
        raise MemoryError

    monkeypatch.setattr(Sequential, "init", run_out)
    with pytest.raises(ConfigError, match=r"the machine has less to give: the largest is 2\.weight"):
        draw()


def test_the_memory_of_this_machine_is_known() -> None:
    assert drawing._memory_bytes() > 1 << 28
